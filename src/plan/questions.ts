import type { ConversationRequest, ExistingSession } from '../contracts/facts';
import type { LegacyStore } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import type { Outcome, PlannedOrchestrator } from '../contracts/plan';
import { daemonPrefix } from '../rewrite/prefix';
import { type BranchDecision, decideBranch, isProjectFolder } from './branch';
import type { Draft, DraftOrchestrator } from './draft';
import type { DecidedProject, Facts } from './targets';

/** An orchestrator that the target does not settle: whether it gets a row depends on its conversation. */
export interface OpenQuestion {
  readonly draft: DraftOrchestrator;
  readonly request: ConversationRequest;
  readonly branch: BranchDecision;
  readonly managedPath: string;
  /** The project has an orchestrator in the rewrite that is live or will be resumed (migration.md 6.3). */
  readonly hasOther: boolean;
}

export interface Decided {
  readonly draft: DraftOrchestrator;
  readonly planned: PlannedOrchestrator;
  readonly notes: readonly Note[];
}

export type Question = { readonly open: OpenQuestion } | { readonly decided: Decided };

/** Third pure step: what of the orchestrators is settled already, and which conversations must be looked for (6.3). */
export function askConversations(
  draft: Draft,
  projects: readonly DecidedProject[],
  facts: Facts,
  store: LegacyStore,
): Question[] {
  const byProject = new Map(projects.map((project) => [project.draft, project]));
  const sessions = new Map(facts.target.sessions.map((session) => [session.id, session]));
  const claims = new Claims(draft, store.worktrees);
  const ofProject = new Map<string, ExistingSession[]>();
  for (const session of facts.target.sessions) {
    const known = ofProject.get(session.projectId);
    if (known === undefined) ofProject.set(session.projectId, [session]);
    else known.push(session);
  }
  return draft.orchestrators.flatMap((each): Question[] => {
    const project = byProject.get(each.project);
    if (project === undefined) return [];
    const ownPrefix =
      project.existing === null ? each.project.prefix : daemonPrefix(project.existing.id, project.existing.config);
    const context: Context = {
      project,
      existing: sessions.get(each.sessionId) ?? null,
      ofProject: ofProject.get(each.project.id) ?? [],
      ownPrefix,
      managedPath: facts.managedPath(each.project.id, ownPrefix),
      worktreeReal: each.record.worktree === null ? null : (store.worktrees.get(each.record.worktree) ?? null),
    };
    const settled = settle(each, context, facts);
    if (settled !== null) return [{ decided: settled }];
    const repository = facts.repositories.get(each.project.path);
    if (repository === undefined || each.harness === null) return [];
    const { managedPath, worktreeReal } = context;
    return [
      {
        open: {
          draft: each,
          managedPath,
          branch: decideBranch({ draft: each, repository, daemonPrefix: ownPrefix, managedPath, worktreeReal }),
          hasOther: context.ofProject.some(
            ({ kind, terminated, marked }) => kind === 'orchestrator' && (!terminated || marked),
          ),
          request: request(each, each.harness, context, claims),
        },
      },
    ];
  });
}

interface Context {
  readonly project: DecidedProject;
  readonly existing: ExistingSession | null;
  readonly ofProject: readonly ExistingSession[];
  /** Under which the daemon files this project. */
  readonly ownPrefix: string;
  readonly managedPath: string;
  readonly worktreeReal: string | null;
}

/** Prefixes of existing rows are joined to paths and may hold anything (harness-sessions.md 6). */
function isPathComponent(name: string): boolean {
  return name !== '.' && name !== '..' && !/[\\/\0]/.test(name);
}

/** What needs no look at conversations: not importable, a conflict, or there already. */
function settle(draft: DraftOrchestrator, context: Context, facts: Facts): Decided | null {
  const { planned } = context.project;
  const notes: Note[] = [...draft.notes];
  const end = (outcome: Outcome, reason: string | null, fields?: readonly string[]): Decided => ({
    draft,
    notes,
    planned: {
      id: draft.sessionId,
      projectId: draft.project.id,
      outcome,
      ...(reason === null ? {} : { reason }),
      ...(fields === undefined || fields.length === 0 ? {} : { fields }),
      row: null,
      marker: null,
      copy: null,
      record: draft.record.file,
      provenance: draft.provenance,
      later: false,
    },
  });
  if (draft.reason !== null) return end('skipped', draft.reason);
  if (planned.outcome === 'conflict' || planned.outcome === 'skipped')
    return end('skipped', 'PROJECT_CONFLICT: its project is not imported');
  if (draft.ownedBy !== null)
    return end('conflict', `the session ${draft.sessionId} belongs to the project \`${draft.ownedBy}\``);
  const { existing } = context;
  if (existing !== null) {
    if (existing.projectId !== draft.project.id) {
      const reason = `the rewrite has a session ${existing.id} of the project \`${existing.projectId}\``;
      notes.push({ code: 'SESSION_CONFLICT', severity: 'warn', id: draft.project.id, message: reason });
      return end('conflict', reason);
    }
    return compareExisting(draft, existing, context, facts, notes, end);
  }
  if (!isPathComponent(`${context.ownPrefix}-orchestrator`)) {
    const reason = 'PREFIX_UNUSABLE: the session prefix of the existing project is no folder name';
    notes.push({
      code: 'PREFIX_UNUSABLE',
      severity: 'warn',
      id: draft.project.id,
      message:
        'the session prefix that the rewrite has for this project is no folder name, so no session can live there',
    });
    return end('conflict', reason);
  }
  const numbered = context.ofProject.find(({ num }) => num === 0);
  if (numbered !== undefined) {
    const reason = `NUM_TAKEN: the project's session ${numbered.id} has the number 0`;
    notes.push({
      code: 'NUM_TAKEN',
      severity: 'warn',
      id: draft.project.id,
      message: `the session ${numbered.id} has the number 0 already`,
    });
    return end('conflict', reason);
  }
  return null;
}

function compareExisting(
  draft: DraftOrchestrator,
  existing: ExistingSession,
  context: Context,
  facts: Facts,
  notes: Note[],
  end: (outcome: Outcome, reason: string | null, fields?: readonly string[]) => Decided,
): Decided {
  const { columns } = existing;
  const workspace = typeof columns.workspace_path === 'string' ? columns.workspace_path : '';
  if (isStuck(columns.runtime_handle_id, workspace, facts)) {
    const agent =
      draft.harness === 'codex'
        ? 'codex resume'
        : draft.harness === 'opencode'
          ? 'opencode --session'
          : 'claude --resume';
    const stored =
      typeof columns.agent_session_id === 'string' && columns.agent_session_id !== ''
        ? columns.agent_session_id
        : '<id>';
    const message = `an older importer wrote ${existing.id}, and no daemon can resume it; start a new orchestrator, or open the old conversation by hand with \`${agent} ${stored}\` in ${workspace}`;
    notes.push({ code: 'OLD_IMPORT_STUCK', severity: 'warn', id: draft.project.id, message });
    return end('differs', 'OLD_IMPORT_STUCK: an older importer wrote it', ['workspace_path', 'is_terminated']);
  }
  const wanted: Record<string, unknown> = {
    num: 0,
    kind: 'orchestrator',
    harness: draft.harness,
    activity_state: 'exited',
    activity_last_at: draft.times.activityAt,
    is_terminated: 1,
    workspace_path: context.managedPath,
    runtime_handle_id: '',
    prompt: draft.record.userPrompt ?? '',
    created_at: draft.times.createdAt,
    updated_at: draft.times.updatedAt,
    display_name: draft.record.displayName ?? '',
    first_signal_at: draft.times.activityAt,
  };
  const fields = Object.keys(wanted).filter((column) => columns[column] !== wanted[column]);
  if (fields.length === 0) return end('identical', null);
  notes.push({
    code: 'SESSION_DIFFERS',
    severity: 'info',
    id: draft.project.id,
    message: `the rewrite has ${existing.id} already, with another ${fields.join(', ')}`,
  });
  return end('differs', null, fields);
}

/** What the older importers wrote: no handle, and a workspace that is not the daemon's (migration.md 6.3, 6.6). */
function isStuck(handle: unknown, workspace: string, facts: Facts): boolean {
  if (handle !== '') return false;
  const { dataDir, physicalDataDir } = facts.target;
  const slashes = (path: string): string => path.replaceAll('\\', '/');
  return ![dataDir, physicalDataDir].some((dir) => slashes(workspace).startsWith(`${slashes(dir)}/worktrees/`));
}

function request(
  draft: DraftOrchestrator,
  harness: ConversationRequest['harness'],
  context: Context,
  claims: Claims,
): ConversationRequest {
  const { record, project } = draft;
  const inProject = isProjectFolder(draft, context.worktreeReal);
  const stored = {
    'claude-code': record.claudeSessionUuid,
    codex: record.codexThreadId,
    opencode: record.opencodeSessionId,
  }[harness];
  return {
    harness,
    recordId: record.id,
    storedId: stored,
    worktree: record.worktree,
    workspacePaths: record.workspacePaths,
    projectPath: project.path,
    // Asked only where the stored id leads nowhere, and then every record of the store is looked through.
    get mayRecover() {
      return record.worktree !== null && !inProject && !claims.shares(record);
    },
    byTime: inProject,
    createdAtMs: draft.times.createdAtMs,
    isTaken: (conversationId) => claims.taken(conversationId, record.id),
    tmuxNames: [...new Set([record.tmuxName, record.runtimeId].filter((name) => name !== null))],
    destinationCwd: context.managedPath,
  };
}

/** Worktrees and conversation ids by the records that name them; another record is one with another id (R24). */
class Claims {
  #known: { readonly worktrees: Claimants; readonly conversations: Claimants } | null = null;

  /** @param real real paths of worktrees, by the text that records have: two texts may be one directory */
  constructor(
    private readonly draft: Pick<Draft, 'named'>,
    private readonly real: ReadonlyMap<string, string>,
  ) {}

  #tables(): { readonly worktrees: Claimants; readonly conversations: Claimants } {
    if (this.#known !== null) return this.#known;
    const [worktrees, conversations] = [new Claimants(), new Claimants()];
    for (const { id, worktree, claudeSessionUuid, codexThreadId, opencodeSessionId } of this.draft.named) {
      if (worktree !== null) worktrees.add(this.#place(worktree), id);
      for (const each of [claudeSessionUuid, codexThreadId, opencodeSessionId])
        if (each !== null) conversations.add(each.toLowerCase(), id);
    }
    this.#known = { worktrees, conversations };
    return this.#known;
  }

  shares({ id, worktree }: { readonly id: string; readonly worktree: string | null }): boolean {
    return worktree !== null && this.#tables().worktrees.hasAnother(this.#place(worktree), id);
  }

  #place(worktree: string): string {
    return this.real.get(worktree) ?? (worktree.length > 1 ? worktree.replace(/[\\/]+$/, '') : worktree);
  }

  taken(conversationId: string, recordId: string): boolean {
    return this.#tables().conversations.hasAnother(conversationId.toLowerCase(), recordId);
  }
}

/** Who claims what. Nearly everything has one claimant, and a store has tens of thousands. */
class Claimants {
  readonly #first = new Map<string, string>();
  readonly #contested = new Set<string>();

  add(key: string, recordId: string): void {
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, recordId);
    else if (first !== recordId) this.#contested.add(key);
  }

  hasAnother(key: string, recordId: string): boolean {
    const first = this.#first.get(key);
    return first !== undefined && (first !== recordId || this.#contested.has(key));
  }
}
