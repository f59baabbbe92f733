import type { ConversationFinding, ConversationRequest, HarnessId } from '../contracts/facts';
import type { Note } from '../contracts/notes';
import type { ConversationCopy } from '../contracts/plan';

/** The folders in which the three agents keep conversations, in the order in which they are searched (migration.md 6.5, 4.2). */
export interface SessionRoots {
  /**
   * Sources, first wins; each is an existing or missing directory. `claude` holds `projects/`, `codex` holds `sessions/`,
   * `opencode` holds `opencode.db` or `storage/`.
   */
  readonly claude: readonly SessionRoot[];
  readonly codex: readonly SessionRoot[];
  readonly opencode: readonly SessionRoot[];
  /** The default root of this home: a conversation in another one makes a note, because the daemon needs the same variable. */
  readonly home: string;
}

export interface SessionRoot {
  readonly path: string;
  /** Where a conversation found here is put: this root itself, or for a foreign store the one on this machine. */
  readonly destination: string;
  /** `VARIABLE=value` without which the daemon does not look at the destination; null where that is the default root. */
  readonly setting: string | null;
  /** False for a foreign store: processes and terminals of this machine say nothing about it. */
  readonly local: boolean;
}

export interface Progress {
  /** Bytes done since the last call. */
  advance(bytes: number): void;
}

/** One file that was written under a temporary name, synced, and not yet visible. */
export interface StagedFile {
  readonly temporary: string;
  readonly destination: string;
  /** sha256 of the whole source, of the source up to its last newline, and of what was written. */
  readonly sourceSha256: string;
  readonly trimmedSha256: string;
  readonly sha256: string;
  readonly size: number;
}

/**
 * A conversation that is written but not yet in place. `copy` has its messages too where they were counted on the way.
 * `createdDirectories`: made for it, outermost first.
 */
export interface StagedConversation {
  readonly copy: ConversationCopy;
  readonly files: readonly StagedFile[];
  /** What the agent must have in its own store afterwards, where it keeps no file of it. */
  readonly counts?: { readonly messages: number; readonly parts: number };
  readonly createdDirectories: readonly string[];
  /** What only reading all of it could tell. */
  readonly notes?: readonly Note[];
}

export interface HarnessOptions {
  /** harness-sessions.md 1.3: drop recorded role text from the copy. Claude only. */
  readonly stripRoleSnapshot: boolean;
  /** Somebody will be told how many messages a copy has: those that the plan does not know are counted on the way. */
  readonly countsCopies: boolean;
}

/**
 * What each harness must be able to do (harness-sessions.md 4). `find` and `verify` change nothing. `stage` writes only
 * temporary names beside the destination; `place` makes them visible and never overwrites, its caller syncs the folders;
 * `discard` removes what `stage` or `place` made, and only as long as it is byte for byte what was written.
 */
export interface Harness {
  readonly id: HarnessId;
  find(request: ConversationRequest): Promise<ConversationFinding>;
  stage(copy: ConversationCopy, progress: Progress): Promise<StagedConversation>;
  place(staged: StagedConversation): Promise<void>;
  discard(staged: StagedConversation): Promise<void>;
  /** Null if the conversation is in place and whole, else why not. */
  verify(copy: ConversationCopy): Promise<string | null>;
}
