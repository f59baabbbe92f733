import type { RunRecord } from '../apply/receipt-reader';
import type { TargetFacts } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import type { RefusalReport } from '../contracts/outcome';
import { Refusal } from '../contracts/refusals';
import type { StandingStatus } from '../contracts/standing';
import type { TargetPaths } from '../rewrite/paths';

/** How a run stands whose store is gone. */
export interface Left {
  readonly status: StandingStatus;
  /** Of the database; 0 where it is not known. */
  readonly schemaVersion: number;
  readonly refusal: RefusalReport | null;
}

/**
 * Nothing more can be migrated where no store is there. `done` is said only of a run that took all, and whose rows are still
 * in the database: somebody may throw a copy of the store away on that word.
 *
 * @param isUntouched nobody has written to the database since the run
 */
export async function leftBy(
  run: RunRecord,
  isUntouched: boolean,
  target: TargetPaths,
  machine: Machine,
): Promise<Left> {
  if (run.status === 'undone') return { status: 'undone', schemaVersion: 0, refusal: null };
  const tookAll = run.status === 'done' && run.outcome !== 'partial' && run.isWhole && !run.partlyUndone;
  const known = isUntouched ? run.schemaVersion : 0;
  if (!tookAll) return { status: 'partial', schemaVersion: known, refusal: null };
  if (isUntouched) return { status: 'done', schemaVersion: known, refusal: null };
  try {
    const { inspectTarget } = await import('../rewrite/inspect');
    const facts = await inspectTarget(target, machine);
    const status = holdsRows(facts, run) ? 'done' : 'partial';
    return { status, schemaVersion: facts.version, refusal: null };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: 'unreadable', schemaVersion: 0, refusal: error.report };
  }
}

function holdsRows(facts: TargetFacts, run: RunRecord): boolean {
  const ids = new Set([...facts.projects, ...facts.sessions].map(({ id }) => id));
  return [...run.projects, ...run.sessions].every((id) => ids.has(id));
}
