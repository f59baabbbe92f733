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
      readonly lossy: boolean;
    };

/** It went nowhere. `remedy` is what a person can do, null for nothing. */
export interface Ignored {
  readonly kind: 'ignored';
  readonly why: string;
  readonly remedy: string | null;
  readonly lossy: boolean;
}

/** Why a leaf that no row cites went nowhere. */
export type Reason = Extract<Disposition, { kind: 'derived' | 'ignored' }>;

export function ignored(why: string, remedy: string | null = null, lossy = false): Ignored {
  return { kind: 'ignored', why, remedy, lossy };
}

export function derived(why: string): Reason {
  return { kind: 'derived', why };
}

export const UNKNOWN_KEY = ignored('unknown key, the legacy tool kept it without using it');
export const EMPTY = ignored('it is empty and says nothing');
