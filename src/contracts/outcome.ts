import type { HarnessId } from './facts';
import type { Note } from './notes';
import type { Outcome, Plan } from './plan';
import type { RefusalCode } from './refusals';

/** `status` of migration.md 10 for `migrate`. */
export type MigrateStatus =
  | 'migrated'
  | 'partial'
  | 'already-migrated'
  | 'nothing-to-migrate'
  | 'planned'
  | 'declined'
  | 'refused'
  | 'usage'
  | 'failed'
  | 'put-back'
  | 'interrupted';

/** Exit codes, closed list (migration.md 2). */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  found: 4,
  putBack: 5,
  sigint: 130,
  sigterm: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What became of one thing: `items[]` of the JSON document. */
export interface Item {
  readonly kind: 'project' | 'orchestrator' | 'conversation';
  readonly id: string;
  readonly outcome: Outcome;
  readonly reason?: string;
  readonly fields?: readonly string[];
  /** Of an orchestrator whose conversation is put in place. */
  readonly conversation?: {
    readonly harness: HarnessId;
    /** Bytes. */
    readonly size: number;
    /** Null where they were not counted. */
    readonly messages: number | null;
  };
}

export interface RefusalReport {
  readonly code: RefusalCode | 'USAGE' | 'UNEXPECTED';
  readonly message: string;
  readonly hint: string;
}

/** How a `migrate` ended, in every case: the one value that both the terminal text and the JSON document are made from. */
export interface MigrateOutcome {
  readonly status: MigrateStatus;
  readonly exitCode: ExitCode;
  readonly dryRun: boolean;
  readonly plan: Plan | null;
  readonly planHash: string | null;
  readonly runId: string | null;
  /** This run made ao.db (dry run: would). */
  readonly dbCreated: boolean;
  readonly schemaVersion: number;
  readonly items: readonly Item[];
  /** Conversations put in place by this run. */
  readonly relocated: number;
  readonly notes: readonly Note[];
  readonly refusal: RefusalReport | null;
  readonly backup: string | null;
  readonly receipt: string | null;
  /** Milliseconds by phase, only with --timing. */
  readonly timing: Readonly<Record<string, number>> | null;
}
