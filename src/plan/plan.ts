import type { ConversationFinding, FoundConversation } from '../contracts/facts';
import type { LegacyStore } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import type { ConversationCopy, MarkerRow, Plan, PlannedOrchestrator, SessionRow } from '../contracts/plan';
import type { Draft } from './draft';
import { idKey } from './existing-session';
import type { Decided, OpenQuestion, Question } from './questions';
import type { DecidedProject, Facts } from './targets';

/** Version that a database made by this tool has. */
const NEW_SCHEMA = 12;

export interface PlanOptions {
  /** `--resume`: whether daemons may resume by themselves (migration.md 6.3). */
  readonly resume: 'auto' | 'manual';
}

/** Last pure step: the plan, from everything that was found. `findings` are the answers to the open questions, by session id. */
export function completePlan(
  input: {
    store: LegacyStore;
    draft: Draft;
    facts: Facts;
    projects: readonly DecidedProject[];
    questions: readonly Question[];
  },
  findings: ReadonlyMap<string, ConversationFinding>,
  options: PlanOptions,
): Plan {
  const { store, draft, facts, projects } = input;
  const decided = input.questions.map((question): Decided => {
    if ('decided' in question) return question.decided;
    if ('doubted' in question) {
      const found = findings.get(question.doubted.sessionId);
      return question.doubted.decide(found?.state === 'found' ? found.resumeId : null);
    }
    const { open } = question;
    const finding = findings.get(open.draft.sessionId) ?? {
      state: 'missing',
      reason: 'it was not looked for',
      notes: [],
    };
    return orchestrator(open, finding, options);
  });
  const createsProject = projects.some(({ planned }) => planned.outcome === 'created');
  const createsSession = decided.some(({ planned }) => planned.outcome === 'created');
  const hasActions = createsProject || createsSession;
  const { target } = facts;
  return {
    legacyRoot: store.root,
    dataDir: target.dataDir,
    database: target.database,
    createsDatabase: !target.exists && hasActions,
    schemaVersion: target.exists ? target.version : hasActions ? NEW_SCHEMA : 0,
    projects: projects.map(({ planned }) => planned),
    orchestrators: decided.map(({ planned }) => planned),
    notes: [
      ...draft.notes,
      ...target.notes,
      ...projects.flatMap(({ notes }) => notes),
      ...decided.flatMap(({ notes }) => notes),
    ],
    hasActions,
  };
}

function orchestrator(open: OpenQuestion, finding: ConversationFinding, options: PlanOptions): Decided {
  const { draft, branch } = open;
  const notes: Note[] = [
    ...draft.notes,
    ...finding.notes.map((note) => ({ ...note, id: note.id ?? draft.project.id })),
  ];
  const base = { id: draft.sessionId, projectId: draft.project.id, record: draft.record.file };
  if (finding.state === 'blocked') {
    notes.push({ code: finding.code, severity: 'warn', id: draft.project.id, message: finding.reason });
    const planned: PlannedOrchestrator = {
      ...base,
      outcome: finding.failed ? 'failed' : 'skipped',
      reason: `${finding.code}: ${finding.reason}`,
      row: null,
      marker: null,
      copy: null,
      provenance: draft.provenance,
      later: true,
    };
    return { draft, notes, planned };
  }
  notes.push(...branch.notes);
  const found = finding.state === 'found' ? finding : null;
  if (finding.state === 'missing') {
    notes.push({
      code: 'CONVERSATION_MISSING',
      severity: 'warn',
      id: draft.project.id,
      message: `${draft.sessionId} has no conversation to resume: ${finding.reason}`,
    });
  }
  const row = sessionRow(open, found);
  const provenance = {
    ...draft.provenance,
    branch: { rule: branch.rule, from: branch.fromRecord ? [{ file: draft.record.file, keys: ['branch'] }] : [] },
    workspace_path: { rule: "the daemon's managed path", from: [] },
    agent_session_id: {
      rule: idRule(finding),
      from: found?.how === 'stored' ? [{ file: draft.record.file, keys: [idKey(draft)] }] : [],
    },
  };
  const planned: PlannedOrchestrator = {
    ...base,
    outcome: 'created',
    row,
    marker: found === null ? null : marker(open, row, options, notes),
    copy: found === null ? null : copyOf(open, found),
    provenance,
    later: false,
  };
  return { draft, notes, planned };
}

/** migration.md 6.3: a session in the form in which the daemon itself leaves one that it stopped. */
function sessionRow(
  { draft, branch, managedPath, request }: OpenQuestion,
  found: FoundConversation | null,
): SessionRow {
  return {
    id: draft.sessionId,
    project_id: draft.project.id,
    num: 0,
    kind: 'orchestrator',
    harness: request.harness,
    activity_state: 'exited',
    activity_last_at: draft.times.activityAt,
    is_terminated: 1,
    branch: branch.branch,
    workspace_path: managedPath,
    runtime_handle_id: '',
    agent_session_id: found?.resumeId ?? '',
    prompt: draft.record.userPrompt ?? '',
    created_at: draft.times.createdAt,
    updated_at: draft.times.updatedAt,
    display_name: draft.record.displayName ?? '',
    first_signal_at: draft.times.activityAt,
  };
}

/** The marker that makes a daemon resume the session at its first start; never beside another orchestrator. */
function marker(open: OpenQuestion, row: SessionRow, options: PlanOptions, notes: Note[]): MarkerRow | null {
  if (options.resume === 'manual' || !open.branch.mayResume) return null;
  if (open.hasOther) {
    notes.push({
      code: 'ORCHESTRATOR_EXISTS',
      severity: 'info',
      id: row.project_id,
      message: `the project has an orchestrator in the rewrite already, so ${row.id} is not resumed by itself`,
    });
    return null;
  }
  return {
    session_id: row.id,
    repo_name: '__root__',
    branch: row.branch,
    base_sha: '',
    worktree_path: row.workspace_path,
    preserved_ref: '',
    state: 'removed',
  };
}

function copyOf({ draft, request, managedPath }: OpenQuestion, found: FoundConversation): ConversationCopy {
  return {
    harness: request.harness,
    projectId: draft.project.id,
    sessionId: draft.sessionId,
    sourceId: found.sourceId,
    resumeId: found.resumeId,
    sourceCwd: request.worktree,
    destinationCwd: managedPath,
    projectPath: request.projectPath,
    files: found.files,
    size: found.size,
    messages: found.messages,
    destination: found.destination,
    ...(found.takesOver === true ? { takesOver: true } : {}),
    ...(found.roleNote === undefined ? {} : { roleNote: found.roleNote }),
  };
}

function idRule(finding: ConversationFinding): string {
  if (finding.state !== 'found') return 'no conversation';
  return {
    stored: 'as written',
    recovered: 'recovered: the newest conversation of the worktree',
    'by-history': "recovered: the last one of the worktree in the agent's history",
    'by-title': 'recovered: the conversation with the title of the session',
    'by-time': 'recovered by time',
  }[finding.how];
}
