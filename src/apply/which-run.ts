import { readFileSync } from 'node:fs';
import { Refusal, UsageError } from '../contracts/refusals';
import { isSystemError } from '../sessions/system-error';
import { parsedReceipt, type Receipt, receiptFile, receiptsOf } from './receipt';
import { RUN_ID, runIds } from './run-ids';
import type { StatePaths } from './state';
import { remedyOf, unreadableReceipt, unreadableSentence } from './unreadable-receipt';

/** So many runs are named to somebody who must choose one. */
const NAMED = 3;

/**
 * The run that `rollback` and `verify` mean (migration.md 8): the newest of this data directory that is not undone, or the
 * one named. Null where there is none and none was named.
 *
 * @throws Refusal RECEIPT_UNREADABLE where a receipt that cannot be read or understood is the one named, or is newer than the run
 * that would be meant: that run may be an older one than the person has in mind
 * @throws UsageError where the name is that of no run of this data directory
 */
export function whichRun(named: string | null, paths: StatePaths, physicalDataDir: string): Receipt | null {
  return named === null ? newestRun(paths, physicalDataDir) : namedRun(named, paths, physicalDataDir);
}

function newestRun(paths: StatePaths, physicalDataDir: string): Receipt | null {
  for (const runId of runIds(paths.migrations, '.json')) {
    const receipt = receiptAt(runId, paths, physicalDataDir);
    if (receipt !== null && receipt.status !== 'undone') return receipt;
  }
  return null;
}

function namedRun(runId: string, paths: StatePaths, physicalDataDir: string): Receipt {
  const receipt = RUN_ID.test(runId) ? receiptAt(runId, paths, physicalDataDir) : null;
  if (receipt !== null) return receipt;
  const known = knownRuns(paths, physicalDataDir);
  throw new UsageError(
    `--run ${runId}: there is no such run of this data directory`,
    known === '' ? 'There is no run at all.' : `The newest are: ${known}.`,
  );
}

/** Null where there is no receipt of that run, or it is one of another data directory. */
function receiptAt(runId: string, paths: StatePaths, physicalDataDir: string): Receipt | null {
  const file = receiptFile(paths, runId);
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
  }
  const receipt = parsedReceipt(text);
  if (receipt !== null) return receipt.physicalDataDir === physicalDataDir ? receipt : null;
  const unreadable = unreadableReceipt(file, runId, text, physicalDataDir);
  if (unreadable === null) return null;
  const known = knownRuns(paths, physicalDataDir);
  const remedy = remedyOf(unreadable);
  throw new Refusal(
    'RECEIPT_UNREADABLE',
    unreadableSentence(unreadable),
    known === '' ? `${remedy}; no other run can be named.` : `${remedy}, or name another run with --run: ${known}.`,
  );
}

function knownRuns(paths: StatePaths, physicalDataDir: string): string {
  return receiptsOf(paths, physicalDataDir)
    .slice(0, NAMED)
    .map(({ runId }) => runId)
    .join(', ');
}
