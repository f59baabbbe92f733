import { type Outcome, STEPS } from './case';
import type { Release } from './releases';

export interface Tried {
  readonly release: Release;
  readonly outcome: Outcome;
}

export interface Occasion {
  /** `2026-11-21`. */
  readonly day: string;
  readonly machine: string;
  readonly commit: string;
  readonly bun: string;
}

/** docs/agents.md. Written by a run, so that nothing stands there that did not happen. */
export function agentsPage(tried: readonly Tried[], { day, machine, commit, bun }: Occasion): string {
  return 'TBD';
}
