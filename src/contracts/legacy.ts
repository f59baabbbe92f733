import type { Note } from './notes';

/** 1-based place in a text file. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * A YAML or JSON document as it was written. Maps keep document order and have no prototype; scalars keep their source
 * text, because an env value that is not a string is carried as the text that stood in the file (migration.md 5).
 */
export type Tree = TreeMap | TreeList | TreeScalar;
export interface TreeMap {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Tree>;
  readonly at: Position;
}
export interface TreeList {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly at: Position;
}
export interface TreeScalar {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly source: string;
  readonly at: Position;
}

/** Where a value stands: a file and the keys from its root. */
export interface Origin {
  readonly file: string;
  readonly keys: readonly (string | number)[];
  readonly at?: Position;
}

/** One flat file that was read, for the plan's hash and the backup. Conversations are not among them. */
export interface SourceFile {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
}

/** legacy-store.md 2.8. `resolved` is null where the path cannot be used; `problem` then says why. */
export interface ProjectPath {
  readonly raw: string | null;
  readonly resolved: string | null;
  readonly problem: string | null;
  /** Realpath of `resolved`, or null where it does not exist. */
  readonly real: string | null;
  /** Has the form of another operating system (E79): kept as it is. */
  readonly foreign: boolean;
}

/** One entry of a `projects:` map, of the registry or of a wrapped config. */
export interface ProjectEntry {
  readonly id: string;
  readonly origin: Origin;
  readonly path: ProjectPath;
  /** Null where the entry is not a mapping. */
  readonly fields: TreeMap | null;
}

/** The global registry (legacy-store.md 2). */
export interface Registry {
  readonly file: string;
  readonly mtimeMs: number;
  readonly defaults: TreeMap | null;
  /** Document order. */
  readonly entries: readonly ProjectEntry[];
  /** Every top-level key, for `explain`. */
  readonly tree: TreeMap;
}

/** legacy-store.md 2.5. */
export type LocalConfig =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'malformed' | 'invalid';
      readonly file: string;
      readonly problem: string;
      readonly at?: Position;
      readonly tree: Tree | null;
    }
  | {
      readonly kind: 'wrapped';
      readonly file: string;
      readonly tree: TreeMap;
      readonly defaults: TreeMap | null;
      readonly entries: readonly ProjectEntry[];
    }
  | { readonly kind: 'loaded'; readonly file: string; readonly tree: TreeMap };

/** How a wrapped config came to be looked at, in the order of migration.md 4.1. */
export type Hint = 'config-flag' | 'running' | 'origin' | 'checkout' | 'cwd' | 'home' | 'claude-json';

/** A config with a top-level `projects` key found without the registry (legacy-store.md 2.13, migration.md 4.1). */
export interface WrappedConfig {
  readonly file: string;
  readonly realFile: string;
  /** Realpath of the folder that holds it. */
  readonly folder: string;
  readonly hint: Hint;
  /** Named by --config, running.json or .origin, or its folder's hash begins a directory of the store. */
  readonly whole: boolean;
  /** Named by the `.origin` of a V1 directory. */
  readonly namedByOrigin: boolean;
  readonly mtimeMs: number;
  /** YAML documents that the file holds, of which the first was read. */
  readonly documents: number;
  readonly defaults: TreeMap | null;
  readonly entries: readonly ProjectEntry[];
  readonly tree: TreeMap;
}

export type SessionState =
  | 'not_started'
  | 'working'
  | 'idle'
  | 'needs_input'
  | 'stuck'
  | 'detecting'
  | 'done'
  | 'terminated';

/** What a record says of its session, after legacy-store.md 3.6 to 3.8 (field by field, E44 to E52). Dates are raw text. */
export interface Lifecycle {
  readonly kind: 'worker' | 'orchestrator' | null;
  readonly state: SessionState;
  readonly startedAt: string | null;
  readonly lastTransitionAt: string | null;
  readonly lastObservedAt: string | null;
}

/** One session record of any generation, decoded. Strings are as written; empty ones are null. */
export interface SessionRecord {
  /** File stem; the session id. */
  readonly id: string;
  readonly file: string;
  readonly generation: 'v1' | 'v2';
  /** Sortable UTC stamp of a V1 archive name, else null. */
  readonly archivedAt: string | null;
  readonly mtimeMs: number;
  readonly lifecycle: Lifecycle;
  readonly role: string | null;
  readonly agent: string | null;
  readonly project: string | null;
  readonly worktree: string | null;
  readonly branch: string | null;
  readonly displayName: string | null;
  readonly userPrompt: string | null;
  readonly createdAt: string | null;
  readonly restoredAt: string | null;
  readonly tmuxName: string | null;
  /** `runtimeHandle.id`. */
  readonly runtimeId: string | null;
  readonly claudeSessionUuid: string | null;
  readonly codexThreadId: string | null;
  readonly opencodeSessionId: string | null;
  readonly restoreFallbackReason: string | null;
  /** Workspace paths named in runtimeHandle and lifecycle.runtime.handle (migration.md 6.5), without `worktree`. */
  readonly workspacePaths: readonly string[];
  /** The decoded document, for `explain`; key=value records are flat. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** One directory below `projects/`. */
export interface V2Directory {
  readonly id: string;
  readonly path: string;
  /** Sorted by id, code unit order. */
  readonly records: readonly SessionRecord[];
  /** `projects/<id>/orchestrator.json` (legacy-store.md 1.4). */
  readonly standalone: SessionRecord | null;
}

/** One `<12hex>` or `<12hex>-<name>` directory that is neither `.migrated` nor `-observability`. */
export interface V1Directory {
  /** The directory's own name, which is also its storageKey. */
  readonly name: string;
  readonly path: string;
  readonly hash: string;
  /** The part after `<hash>-`, or null for a bare hash. */
  readonly suffix: string | null;
  /** Trimmed text of `.origin`. */
  readonly origin: string | null;
  /** Sorted by file name; two may have one id, with and without `.json`. */
  readonly records: readonly SessionRecord[];
  readonly archives: readonly SessionRecord[];
}

/** `portfolio/registered.json`, valid as a whole or absent. */
export interface RegisteredProject {
  readonly path: string;
  readonly addedAt: string;
  readonly configProjectKey: string | null;
  readonly origin: Origin;
}

/** Everything that was read of the old store: immutable, complete, and the only thing that the plan knows of it. */
export interface LegacyStore {
  readonly root: string;
  /** False where no directory is there. */
  readonly exists: boolean;
  /** Copied from another machine (migration.md 4.2). */
  readonly foreign: boolean;
  readonly registry: Registry | null;
  readonly wrapped: readonly WrappedConfig[];
  /** By resolved project path. */
  readonly locals: ReadonlyMap<string, LocalConfig>;
  readonly preferences: {
    readonly file: string;
    readonly displayNames: ReadonlyMap<string, string>;
    readonly raw: unknown;
  } | null;
  readonly registered: readonly RegisteredProject[];
  /** Project id → storageKey, from the backup that `migrate-storage` took of the registry. */
  readonly storageKeys: ReadonlyMap<string, string>;
  /** Sorted by id. */
  readonly v2: readonly V2Directory[];
  /** Sorted by name. */
  readonly v1: readonly V1Directory[];
  /** Main checkout of a recorded worktree, by worktree path as recorded. */
  readonly checkouts: ReadonlyMap<string, string>;
  /** Real path of the worktree of a possible orchestrator, by worktree path as recorded; absent where it does not exist. */
  readonly worktrees: ReadonlyMap<string, string>;
  /**
   * Physical paths of what the `.origin`s of V1 directories name and of all project folders, by path as recorded or
   * resolved; of what is gone the longest existing ancestor is resolved. Empty where there is no `.origin`.
   */
  readonly physical: ReadonlyMap<string, string>;
  readonly files: readonly SourceFile[];
  readonly notes: readonly Note[];
  /** Remarks on configs that nothing of the store names and that cannot be used: due where records have no project. */
  readonly unusable: readonly Note[];
}
