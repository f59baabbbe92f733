import type { Disposition, Ignored } from '../contracts/ledger';

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
