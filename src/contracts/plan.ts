import type { ConversationFile, HarnessId } from './facts';
import type { Origin } from './legacy';
import type { Note } from './notes';

/** The `config` column of a project, in the daemon's own key order; only set keys (rewrite-target.md 4.2). */
export interface ProjectConfig {
  defaultBranch?: string;
  sessionPrefix: string;
  env?: Record<string, string>;
  symlinks?: string[];
  postCreate?: string[];
  agentRules?: string;
  agentRulesFile?: string;
  orchestratorRules?: string;
  agentConfig?: AgentConfig;
  worker?: RoleConfig;
  orchestrator?: RoleConfig;
}
export interface AgentConfig {
  model?: string;
  permissions?: string;
}
export interface RoleConfig {
  agent?: string;
  agentConfig?: AgentConfig;
}

/** A row of `projects`, the columns that the tool writes. Timestamps are daemon text (rewrite-target.md 3.3). */
export interface ProjectRow {
  readonly id: string;
  readonly path: string;
  readonly repo_origin_url: string;
  readonly display_name: string;
  readonly registered_at: string;
  readonly kind: 'single_repo';
  readonly config: ProjectConfig;
}

/** A row of `sessions` (migration.md 6.3). */
export interface SessionRow {
  readonly id: string;
  readonly project_id: string;
  readonly num: 0;
  readonly kind: 'orchestrator';
  readonly harness: HarnessId;
  readonly activity_state: 'exited';
  readonly activity_last_at: string;
  readonly is_terminated: 1;
  readonly branch: string;
  readonly workspace_path: string;
  readonly runtime_handle_id: '';
  readonly agent_session_id: string;
  readonly prompt: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly display_name: string;
  readonly first_signal_at: string;
}

/** The resume marker: one row of `session_worktrees`. */
export interface MarkerRow {
  readonly session_id: string;
  readonly repo_name: '__root__';
  readonly branch: string;
  readonly base_sha: '';
  readonly worktree_path: string;
  readonly preserved_ref: '';
  readonly state: 'removed';
}

export type Outcome = 'created' | 'identical' | 'differs' | 'conflict' | 'skipped' | 'failed';

/** Where one value of a row came from: places in files, or a rule where nobody wrote it. */
export interface Provenance {
  readonly rule: string;
  readonly from: readonly Origin[];
}

export interface PlannedProject {
  readonly id: string;
  readonly outcome: Outcome;
  /** Differing columns, for `differs`. */
  readonly fields?: readonly string[];
  readonly reason?: string;
  /** Null where the project cannot be imported at all. */
  readonly row: ProjectRow | null;
  /** By column, or `config.<key>` path. */
  readonly provenance: Readonly<Record<string, Provenance>>;
}

/** What apply must do for one conversation. */
export interface ConversationCopy {
  readonly harness: HarnessId;
  readonly projectId: string;
  readonly sessionId: string;
  readonly sourceId: string;
  readonly resumeId: string;
  /** Directory that the agent ran in, and the one in which it will. */
  readonly sourceCwd: string | null;
  readonly destinationCwd: string;
  /** The project's folder, to whose repository both directories belong. */
  readonly projectPath: string;
  readonly files: readonly ConversationFile[];
  readonly size: number;
  readonly messages: number | null;
  /** `in-place`: nothing is copied, what is there is only verified. */
  readonly destination: 'absent' | 'in-place';
  /** The import makes OpenCode take all its JSON files over into a database first, which cannot be bounded. */
  readonly takesOver?: true;
  /** As of the finding: due if a recorded system prompt is met on the way. */
  readonly roleNote?: Note;
}

export interface PlannedOrchestrator {
  /** `<prefix>-orchestrator`. */
  readonly id: string;
  readonly projectId: string;
  readonly outcome: Outcome;
  readonly fields?: readonly string[];
  readonly reason?: string;
  /** Set exactly when `outcome` is `created`. */
  readonly row: SessionRow | null;
  /** The columns of the session's row where the target has it already; it stays as it is. */
  readonly existing?: Readonly<Record<string, unknown>>;
  readonly marker: MarkerRow | null;
  readonly copy: ConversationCopy | null;
  /** The record's file. */
  readonly record: string;
  readonly provenance: Readonly<Record<string, Provenance>>;
  /** It exists and cannot be placed now, so a later run completes it: status `partial`. */
  readonly later: boolean;
}

/** The whole of what a run will do. `--dry-run` prints it, apply executes it, nothing else decides. */
export interface Plan {
  readonly legacyRoot: string;
  readonly dataDir: string;
  readonly database: string;
  /** The run makes ao.db. */
  readonly createsDatabase: boolean;
  /** Version after the run. */
  readonly schemaVersion: number;
  readonly projects: readonly PlannedProject[];
  readonly orchestrators: readonly PlannedOrchestrator[];
  readonly notes: readonly Note[];
  /** Something is to be written. */
  readonly hasActions: boolean;
}

/** Whether a plan leaves something of the old store for a later run: carried out in full, its status is `partial`. */
export function leavesRest({ orchestrators, notes }: Plan): boolean {
  return orchestrators.some(({ later }) => later) || notes.some(({ code }) => code === 'PROJECT_UNKNOWN');
}

/** Projects of the old store that can become no row, now or later. */
export function unusableOf({ projects }: Plan): PlannedProject[] {
  return projects.filter(({ row }) => row === null);
}

/** There are projects, and not one of them can become a row. */
export function yieldsNothing(plan: Plan): boolean {
  return plan.projects.length > 0 && unusableOf(plan).length === plan.projects.length;
}
