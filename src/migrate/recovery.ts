import { interruptedRuns, recoverRuns, unfinishedRuns } from '../apply/recover';
import { clearDebris, type RunLock, takeLock } from '../apply/run-lock';
import type { StatePaths } from '../apply/state';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';

/** One data directory in which an earlier run may have been interrupted. */
export interface RecoverySetting {
  readonly paths: StatePaths;
  readonly physicalDataDir: string;
  readonly machine: Machine;
  /** Names the owner of the lock. */
  readonly runId: string;
  readonly debug: (message: string) => void;
}

/**
 * An interrupted earlier run is finished or undone first, under the lock; a dry run only says so (migration.md 7).
 *
 * @throws Refusal RUN_IN_PROGRESS, RECOVERY_FAILED, NOT_WRITABLE, NO_SPACE
 */
export async function recoverFirst(setting: RecoverySetting, dryRun: boolean): Promise<Note[]> {
  const { paths, physicalDataDir, runId, machine } = setting;
  if (dryRun)
    return interruptedRuns(paths, physicalDataDir).map((id) => ({
      code: 'RUN_UNFINISHED',
      severity: 'warn',
      id,
      message: `the run ${id} was interrupted; a real run finishes or undoes it first`,
    }));
  if (unfinishedRuns(paths, physicalDataDir).length === 0) {
    clearDebris(paths, runId, machine);
    return [];
  }
  const lock = takeLock(paths, runId, machine);
  try {
    return await recoverUnder(lock, setting);
  } finally {
    lock.release();
  }
}

/**
 * The same for who holds the lock already: another run may have died since the look without it.
 *
 * @throws Refusal RECOVERY_FAILED
 */
export async function recoverUnder(
  lock: RunLock,
  { paths, physicalDataDir, machine, debug }: RecoverySetting,
): Promise<Note[]> {
  const notes: Note[] = [];
  for (const each of await recoverRuns(paths, physicalDataDir, machine)) {
    debug(`the run ${each.runId} was ${each.outcome}`);
    notes.push(...each.notes);
    lock.adopt(each.madeDirectories);
  }
  return notes;
}
