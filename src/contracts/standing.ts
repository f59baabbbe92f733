import type { Note } from './notes';
import type { RefusalReport } from './outcome';

/** `status` of `ao-migrate status` (migration.md 10). */
export type StandingStatus = 'none' | 'pending' | 'done' | 'partial' | 'undone' | 'empty' | 'unreadable';

/** One run as its receipt tells it. */
export interface RunSummary {
  readonly runId: string;
  readonly status: 'committing' | 'done' | 'undone';
  /** Status of the run itself: `migrated`, `partial` …; null where the receipt does not say. */
  readonly outcome: string | null;
  readonly startedAt: string | null;
  /** A rollback has taken something of it, and something had to stay. */
  readonly partlyUndone: boolean;
  /** File of the receipt. */
  readonly receipt: string;
}

/** Whether a migration is pending, done or undone, and who is running: what `status` tells. */
export interface Standing {
  readonly status: StandingStatus | 'refused' | 'usage' | 'failed';
  /** The old store; where none is there, the one that the newest run took. */
  readonly legacyRoot: string | null;
  /** There is an old store, or a config that could name one. */
  readonly hasStore: boolean;
  readonly dataDir: string | null;
  /** Of the database; 0 where it is not known. */
  readonly schemaVersion: number;
  /** In words; null where nothing of it runs. */
  readonly running: { readonly legacy: string | null; readonly daemon: string | null };
  /** The newest run of this data directory that is not undone; where all are, the newest; null also where that cannot be told. */
  readonly lastRun: RunSummary | null;
  /** Ids of interrupted runs. */
  readonly unfinished: readonly string[];
  /** Why the last install did not migrate. */
  readonly postinstall: { readonly code: string | null; readonly time: string | null } | null;
  /** What a run would insert; null where the store did not have to be read. */
  readonly pending: { readonly projects: number; readonly orchestrators: number } | null;
  /** Projects of the store that cannot be migrated, with why; none where the store did not have to be read. */
  readonly unusable: readonly { readonly id: string; readonly reason: string }[];
  /** There are projects, and not one of them can be migrated. */
  readonly yieldsNothing: boolean;
  readonly notes: readonly Note[];
  readonly refusal: RefusalReport | null;
}

/** Before anything was looked at. */
export const NOTHING_KNOWN = {
  legacyRoot: null,
  hasStore: false,
  dataDir: null,
  schemaVersion: 0,
  running: { legacy: null, daemon: null },
  lastRun: null,
  unfinished: [],
  postinstall: null,
  pending: null,
  unusable: [],
  yieldsNothing: false,
  notes: [],
  refusal: null,
} as const satisfies Omit<Standing, 'status'>;
