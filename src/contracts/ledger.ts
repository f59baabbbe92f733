import type { Origin, Position } from './legacy';
import type { Outcome } from './plan';

/** A field of a resulting row that a legacy value went to, with the value that it became there. */
export interface Destination {
  /** `path`, `config.agentConfig.model`, `session.created_at` … */
  readonly field: string;
  /** As it may be told. */
  readonly value: string;
}

/** What became of one leaf of a legacy file: exactly one of these. */
export type Disposition =
  /** It stands in the row as it was written. */
  | { readonly kind: 'carried'; readonly to: readonly string[] }
  /** It stands there in another form. */
  | { readonly kind: 'mapped'; readonly to: readonly Destination[]; readonly lossy: boolean }
  /** It decided something, and stands nowhere. */
  | { readonly kind: 'derived'; readonly why: string }
  | Ignored
  /** Never told: name and length only, with where it went, or why it went nowhere. */
  | {
      readonly kind: 'secret';
      readonly length: number;
      readonly to: readonly string[];
      readonly why: string | null;
      /** What a person can do, null for nothing. */
      readonly remedy: string | null;
      readonly lossy: boolean;
    };

/** It went nowhere. `remedy` is what a person can do, null for nothing. */
export interface Ignored {
  readonly kind: 'ignored';
  readonly why: string;
  readonly remedy: string | null;
  readonly lossy: boolean;
}

/** One field of a resulting row: its value, where it came from, and what the target says of it. */
export interface RowField {
  /** `path`, `config.worker.agent`, `session.branch`, `marker.state` … */
  readonly field: string;
  /** As it may be told; null for a secret, of which only the length is. */
  readonly value: string | null;
  /** Characters. */
  readonly length: number;
  readonly rule: string;
  readonly from: readonly Origin[];
  /** `differs`: the target has another value there and keeps it. */
  readonly target: Outcome;
}

/** One leaf of a legacy file and what became of it. */
export interface LeafEntry {
  readonly keys: readonly (string | number)[];
  readonly at: Position;
  /** As it may be told; null where only its name may be. */
  readonly value: string | null;
  readonly disposition: Disposition;
}

export interface FileLedger {
  readonly file: string;
  readonly leaves: readonly LeafEntry[];
}

export interface ProjectLedger {
  readonly id: string;
  readonly outcome: Outcome;
  readonly reason: string | null;
  /** Empty where the project cannot be imported. */
  readonly fields: readonly RowField[];
  readonly orchestrator: {
    readonly id: string;
    readonly outcome: Outcome;
    readonly reason: string | null;
    /** File of the record that was chosen. */
    readonly record: string;
    readonly fields: readonly RowField[];
  } | null;
  readonly files: readonly FileLedger[];
}

/** An account of every value of the old store that was read: leaves in equal leaves accounted for. */
export interface Ledger {
  /** The selected projects in plan order. */
  readonly projects: readonly ProjectLedger[];
  /** What belongs to no project; empty where only some projects were selected. */
  readonly machine: readonly FileLedger[];
}
