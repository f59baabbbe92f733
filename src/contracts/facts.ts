import type { Note } from './notes';

/** Who holds a branch: a checkout, or a worktree that the repository still registers (migration.md 6.4). */
export interface BranchHolder {
  readonly branch: string;
  /** Directory of the checkout or worktree, as the repository names it. */
  readonly by: string;
  readonly directoryExists: boolean;
}

/** What the repository's own files say, without git. */
export interface RepositoryFacts {
  readonly path: string;
  /** The project directory exists. */
  readonly exists: boolean;
  /** `none`: no repository here or above; `unreadable`: refs in a form that is not files (reftable), or an I/O error. */
  readonly git: 'none' | 'read' | 'unreadable';
  /** What `git remote get-url origin` prints with GIT_CONFIG_NOSYSTEM=1 and GIT_CONFIG_GLOBAL=/dev/null; null if it fails. */
  readonly originUrl: string | null;
  /** refs/heads/main or refs/remotes/origin/main exists. */
  readonly hasMain: boolean;
  /** Those of the branches asked for that exist as refs/heads/<name>, loose or packed. */
  readonly branches: ReadonlySet<string>;
  readonly held: readonly BranchHolder[];
}

export type HarnessId = 'claude-code' | 'codex' | 'opencode';

/** What a harness needs to know to find an orchestrator's conversation. */
export interface ConversationRequest {
  readonly harness: HarnessId;
  /** Session id of the row: `<prefix>-orchestrator`; also the `AO:<id>` title of OpenCode uses the record's id. */
  readonly recordId: string;
  /** The record's own id of the conversation, unchecked; null if it has none. */
  readonly storedId: string | null;
  /** The record's worktree as written; null if it has none. */
  readonly worktree: string | null;
  /** Other workspace paths that the record names. */
  readonly workspacePaths: readonly string[];
  readonly projectPath: string;
  /**
   * Guard of legacy-store.md 5.2: the worktree is not the project path and no other record names it. Asked where nothing
   * but the worktree says whose a conversation is.
   */
  readonly mayRecover: boolean;
  /** The worktree is the project path: take a conversation by time only (migration.md 6.5). */
  readonly byTime: boolean;
  /** The record's createdAt, epoch milliseconds, if valid. */
  readonly createdAtMs: number | null;
  /**
   * The same of other records with this worktree that could be given a conversation by time too: one that began with one
   * of these as well is nobody's for certain.
   */
  readonly rivalsMs: readonly number[];
  /**
   * Whether a directory is the worktree of another record (R24): what was begun in one that this record merely names as
   * its workspace is that record's.
   */
  readonly isOthers: (directory: string) => boolean;
  /** Whether another record names this conversation id (R24). */
  readonly isTaken: (conversationId: string) => boolean;
  /** tmux names of the record, for "in use". */
  readonly tmuxNames: readonly string[];
  /** Whether the legacy tool gives terminals this name: one of them that was opened in the worktree is in use too. */
  readonly isTerminalName: (name: string) => boolean;
  /** The directory in which the daemon will run the agent: physical, may not exist yet. */
  readonly destinationCwd: string;
}

/** One file to be put in place. */
export interface ConversationFile {
  readonly source: string;
  readonly destination: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** A conversation that was found, with what must be done to have it in the new place. */
export interface FoundConversation {
  readonly state: 'found';
  /** The id under which the daemon resumes: for Claude the same, for Codex and OpenCode a new one. */
  readonly resumeId: string;
  readonly sourceId: string;
  /**
   * By the record's own id; as the newest of the worktree; as the one that the agent's history names last for it; by the
   * title that the legacy tool gave it; by its time.
   */
  readonly how: 'stored' | 'recovered' | 'by-history' | 'by-title' | 'by-time';
  /** Main file first; for OpenCode empty. */
  readonly files: readonly ConversationFile[];
  /** Bytes of all files. */
  readonly size: number;
  /** User and assistant messages; null where they were not counted: above 64 MB, and where no plan is shown. */
  readonly messages: number | null;
  readonly destination: 'absent' | 'in-place';
  /** The import makes OpenCode take all its JSON files over into a database first, which cannot be bounded. */
  readonly takesOver?: true;
  /** Only its beginning was read: due if a recorded system prompt is met while it is copied. */
  readonly roleNote?: Note;
  readonly notes: readonly Note[];
}

export type ConversationFinding =
  | FoundConversation
  /** No conversation: the row is written without id and without marker. */
  | { readonly state: 'missing'; readonly reason: string; readonly notes: readonly Note[] }
  /** It exists but cannot be put in place now: no session row. `failed` where an error was raised. */
  | {
      readonly state: 'blocked';
      readonly code:
        | 'CONVERSATION_IN_USE'
        | 'CONVERSATION_CONFLICT'
        | 'CONVERSATION_UNREADABLE'
        | 'HARNESS_MISSING'
        | 'HARNESS_VERSION';
      readonly reason: string;
      readonly failed: boolean;
      readonly notes: readonly Note[];
    };

/** One row of `projects` as the target has it; timestamps as text. */
export interface ExistingProject {
  readonly id: string;
  readonly path: string;
  readonly repoOriginUrl: string;
  readonly displayName: string;
  readonly kind: string;
  readonly archived: boolean;
  /** JSON text or null. */
  readonly config: string | null;
}

/** One row of `sessions` as the target has it. Values are as SQLite returns them. */
export interface ExistingSession {
  readonly id: string;
  readonly projectId: string;
  readonly num: number;
  readonly kind: string;
  readonly terminated: boolean;
  /** Has a session_worktrees row in state `removed`. */
  readonly marked: boolean;
  readonly columns: Readonly<Record<string, unknown>>;
}

/** What the target holds now. `version` is 0 where there is no database. */
export interface TargetFacts {
  readonly dataDir: string;
  /** Longest existing ancestor resolved, the rest appended (rewrite-target.md 5.4). */
  readonly physicalDataDir: string;
  readonly database: string;
  readonly exists: boolean;
  readonly version: number;
  readonly projects: readonly ExistingProject[];
  readonly sessions: readonly ExistingSession[];
  readonly notes: readonly Note[];
}
