import type { ConversationRequest, ExistingSession } from '../contracts/facts';
import type { LegacyStore, SessionRecord } from '../contracts/legacy';
import type { Note, NoteCode } from '../contracts/notes';
import type { Outcome, PlannedOrchestrator } from '../contracts/plan';
import { daemonPrefix } from '../rewrite/prefix';
import { type BranchDecision, decideBranch, isProjectFolder } from './branch';
import { looksLikeOrchestrator, withoutAlias } from './candidates';
import type { Draft, DraftOrchestrator } from './draft';
import { compareSession, existingProvenance, isDoubted, storedId } from './existing-session';
import type { DecidedProject, Facts } from './targets';
import { terminalNames } from './terminals';
import { parseInstant } from './timestamps';

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

/**
 * A row that is there with a resume id that the stored id of the record does not explain: it may have been recovered, or it is
 * another one.
 */
export interface DoubtedId {
  readonly sessionId: string;
  readonly request: ConversationRequest;
  /** @param resumeId that the row would get now; null where no conversation is found */
  decide(resumeId: string | null): Decided;
}

export type Question =
  | { readonly open: OpenQuestion }
  | { readonly doubted: DoubtedId }
  | { readonly decided: Decided };

/** Third pure step: what of the orchestrators is settled already, and which conversations must be looked for (6.3). */
export function askConversations(
  draft: Draft,
  projects: readonly DecidedProject[],
  facts: Facts,
  store: LegacyStore,
): Question[] {
  const byProject = new Map(projects.map((project) => [project.draft, project]));
  const sessions = new Map(facts.target.sessions.map((session) => [session.id, session]));
  const claims = new Claims(draft, store.v2, facts.physicalPath);
  const isTerminalName = terminalNames(draft.projects.map(({ prefix }) => prefix));
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
      // Asked only for what can be imported: another id may be no folder name.
      get managedPath() {
        return facts.managedPath(each.project.id, ownPrefix);
      },
      worktreeReal: each.record.worktree === null ? null : (store.worktrees.get(each.record.worktree) ?? null),
      isTerminalName,
    };
    const settled = settle(each, context, facts, claims);
    if (settled !== null) return [settled];
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
  readonly isTerminalName: (name: string) => boolean;
}

/** Prefixes of existing rows are joined to paths and may hold anything (harness-sessions.md 6). */
function isPathComponent(name: string): boolean {
  return name !== '.' && name !== '..' && !/[\\/\0]/.test(name);
}

/** What needs no look at conversations: not importable, a conflict, or there already. */
function settle(draft: DraftOrchestrator, context: Context, facts: Facts, claims: Claims): Question | null {
  const { planned } = context.project;
  const decided = (
    outcome: Outcome,
    reason: string | null,
    notes: readonly Note[] = [],
    fields: readonly string[] = [],
  ): Decided => ({
    draft,
    notes: [...draft.notes, ...notes],
    planned: {
      id: draft.sessionId,
      projectId: draft.project.id,
      outcome,
      ...(reason === null ? {} : { reason }),
      ...(fields.length === 0 ? {} : { fields }),
      row: null,
      marker: null,
      copy: null,
      record: draft.record.file,
      provenance: draft.provenance,
      later: false,
    },
  });
  const conflict = (code: NoteCode, message: string, reason: string): Question => ({
    decided: decided('conflict', reason, [{ code, severity: 'warn', id: draft.project.id, message }]),
  });
  if (draft.reason !== null) return { decided: decided('skipped', draft.reason) };
  if (planned.outcome === 'conflict' || planned.outcome === 'skipped')
    return { decided: decided('skipped', 'PROJECT_CONFLICT: its project is not imported') };
  if (draft.ownedBy !== null)
    return {
      decided: decided('conflict', `the session ${draft.sessionId} belongs to the project \`${draft.ownedBy}\``),
    };
  const { existing, managedPath, ownPrefix } = context;
  if (existing !== null) {
    if (existing.projectId !== draft.project.id) {
      const reason = `the rewrite has a session ${existing.id} of the project \`${existing.projectId}\``;
      return conflict('SESSION_CONFLICT', reason, reason);
    }
    const { managedRoots, resumeId: resumeIdOf } = facts;
    const wanted = { draft, managedPath, daemonPrefix: ownPrefix, managedRoots, resumeIdOf };
    const doubted = isDoubted(existing, wanted);
    const decide = (resumeId: string | null): Decided => {
      const { outcome, reason, notes, fields } = compareSession(existing, { ...wanted, resumeId });
      const told = decided(outcome, reason, notes, fields);
      const isIdOfRecord = !doubted && existing.columns.agent_session_id !== '';
      const provenance = { ...draft.provenance, ...existingProvenance(existing, draft, isIdOfRecord) };
      return { ...told, planned: { ...told.planned, provenance, existing: existing.columns } };
    };
    if (draft.harness === null || !doubted) return { decided: decide(null) };
    const asked = request(draft, draft.harness, context, claims);
    return { doubted: { sessionId: draft.sessionId, request: asked, decide } };
  }
  if (!isPathComponent(`${ownPrefix}-orchestrator`))
    return conflict(
      'PREFIX_UNUSABLE',
      'the session prefix that the rewrite has for this project is no folder name, so no session can live there',
      'PREFIX_UNUSABLE: the session prefix of the existing project is no folder name',
    );
  const numbered = context.ofProject.find(({ num }) => num === 0);
  if (numbered !== undefined)
    return conflict(
      'NUM_TAKEN',
      `the session ${numbered.id} has the number 0 already`,
      `NUM_TAKEN: the project's session ${numbered.id} has the number 0`,
    );
  return null;
}

function request(
  draft: DraftOrchestrator,
  harness: ConversationRequest['harness'],
  context: Context,
  claims: Claims,
): ConversationRequest {
  const { record, project } = draft;
  const inProject = isProjectFolder(draft, context.worktreeReal);
  return {
    harness,
    recordId: record.id,
    storedId: storedId(draft),
    worktree: record.worktree,
    workspacePaths: record.workspacePaths,
    projectPath: project.path,
    // Asked only where the stored id leads nowhere, and then every record of the store is looked through.
    get mayRecover() {
      return record.worktree !== null && !inProject && claims.othersIn(record).length === 0;
    },
    byTime: inProject,
    createdAtMs: draft.times.createdAtMs,
    // As above.
    get rivalsMs() {
      return claims.rivalsOf(record).flatMap(({ createdAt }) => parseInstant(createdAt) ?? []);
    },
    isOthers: (directory) => claims.othersIn({ id: record.id, worktree: directory }).length > 0,
    isTaken: (conversationId) => claims.taken(conversationId, record.id),
    tmuxNames: [...new Set([record.tmuxName, record.runtimeId].filter((name) => name !== null))],
    isTerminalName: context.isTerminalName,
    destinationCwd: context.managedPath,
  };
}

/** Worktrees and conversation ids by the records that name them; another record is one with another id (R24). */
class Claims {
  #byPlace: ReadonlyMap<string, readonly SessionRecord[]> | null = null;
  #conversations: Claimants | null = null;

  /** @param physicalPath two texts that records have may be one directory */
  constructor(
    private readonly draft: Pick<Draft, 'named' | 'projects'>,
    private readonly v2: LegacyStore['v2'],
    private readonly physicalPath: Facts['physicalPath'],
  ) {}

  /** Records of another id with the same worktree. */
  othersIn({ id, worktree }: Pick<SessionRecord, 'id' | 'worktree'>): readonly SessionRecord[] {
    if (worktree === null) return [];
    this.#byPlace ??= Map.groupBy(
      this.draft.named.filter((record) => record.worktree !== null),
      (record) => this.#place(record.worktree ?? ''),
    );
    return (this.#byPlace.get(this.#place(worktree)) ?? []).filter((record) => record.id !== id);
  }

  /**
   * Those of them that could be given a conversation by its time too (migration.md 6.5): orchestrators of Claude Code that
   * name none themselves. What `migrate-storage` put aside of a session is the same session.
   */
  rivalsOf(record: SessionRecord): readonly SessionRecord[] {
    return this.othersIn(record).filter(
      (other) =>
        looksLikeOrchestrator(other) &&
        other.claudeSessionUuid === null &&
        withoutAlias(other.id) !== withoutAlias(record.id) &&
        this.#agentOf(other) === 'claude-code',
    );
  }

  #agentOf({ agent, file, project }: SessionRecord): string {
    if (agent !== null) return agent;
    const isHere = (each: SessionRecord | null) => each?.file === file;
    const directory = this.v2.find(({ records, standalone }) => isHere(standalone) || records.some(isHere));
    const key = directory?.id ?? project ?? '';
    return (
      this.draft.projects.find(({ recordKeys }) => recordKeys.includes(key))?.built.orchestratorAgent ?? 'claude-code'
    );
  }

  /** However its letters are composed: the search takes conversations of either spelling for those of the directory. */
  #place(worktree: string): string {
    const path = this.physicalPath(worktree).normalize('NFC');
    return path.length > 1 ? path.replace(/[\\/]+$/, '') : path;
  }

  taken(conversationId: string, recordId: string): boolean {
    this.#conversations ??= this.#named();
    return this.#conversations.hasAnother(conversationId.toLowerCase(), recordId);
  }

  #named(): Claimants {
    const claimants = new Claimants();
    for (const { id, claudeSessionUuid, codexThreadId, opencodeSessionId } of this.draft.named) {
      for (const each of [claudeSessionUuid, codexThreadId, opencodeSessionId])
        if (each !== null) claimants.add(each.toLowerCase(), id);
    }
    return claimants;
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
