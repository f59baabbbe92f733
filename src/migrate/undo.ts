import { Interrupted } from '../apply/interruption';
import { requireWritable } from '../apply/permission';
import { refuseOtherOwner } from '../apply/preflight';
import { reasonOf } from '../apply/put-back';
import type { Receipt } from '../apply/receipt';
import { type PlannedRollback, planRollback, rollback, UnfinishedRollback } from '../apply/rollback';
import type { RollbackItem } from '../apply/rollback-items';
import { refuseRunInProgress, takeLock } from '../apply/run-lock';
import { newRunId, statePaths } from '../apply/state';
import { steadily } from '../apply/steady';
import { whichRun } from '../apply/which-run';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { EXIT, type ExitCode, type RefusalReport } from '../contracts/outcome';
import { Refusal } from '../contracts/refusals';
import { findDaemon } from '../rewrite/daemon';
import { databaseStands, withSoundCopy } from '../rewrite/inspect';
import { runFile, targetPaths } from '../rewrite/paths';
import { recordedVersion } from '../rewrite/schema-guard';
import { turn } from '../sessions/in-parallel';
import { recoverFirst, recoverUnder } from './recovery';

export interface UndoFlags {
  readonly run: string | null;
  readonly dryRun: boolean;
  readonly dataDir: string | null;
}

export type UndoStatus =
  | 'undone'
  | 'partly-undone'
  | 'nothing-to-undo'
  | 'planned'
  | 'declined'
  | 'refused'
  | 'usage'
  | 'interrupted'
  | 'failed';

/** How a rollback ended. */
export interface UndoOutcome {
  readonly status: UndoStatus;
  readonly exitCode: ExitCode;
  readonly dryRun: boolean;
  /** The run that is undone. */
  readonly runId: string | null;
  /** Of the database after the rollback; 0 where there is none, or it is not known. */
  readonly schemaVersion: number;
  readonly items: readonly RollbackItem[];
  readonly notes: readonly Note[];
  readonly backup: string | null;
  readonly receipt: string | null;
  readonly refusal: RefusalReport | null;
}

export interface UndoSetting {
  readonly machine: Machine;
  /** Shows what would go and asks; null where nobody is asked. */
  readonly confirm: ((receipt: Receipt, items: readonly RollbackItem[]) => Promise<boolean>) | null;
  /** Throws Interrupted at a safe point if a signal has come: none of the run has gone yet. */
  readonly interrupted: () => void;
}

/**
 * Undoes one run (migration.md 8): the newest of this data directory that is not undone, or the one named. The legacy tool
 * may run, the daemon may not.
 *
 * @throws UsageError where --run names no run of this data directory
 */
export async function undo(flags: UndoFlags, setting: UndoSetting): Promise<UndoOutcome> {
  const { machine } = setting;
  const notes: Note[] = [];
  const empty = {
    dryRun: flags.dryRun,
    runId: null,
    schemaVersion: 0,
    items: [],
    notes,
    backup: null,
    receipt: null,
    refusal: null,
  } as const;
  try {
    const target = targetPaths(machine, { dataDir: flags.dataDir, legacyRoots: [] });
    refuseOtherOwner(target.physicalDataDir, machine.uid);
    const paths = statePaths(machine, target.physicalDataDir);
    const { physicalDataDir } = target;
    const recovery = { paths, physicalDataDir, machine, runId: newRunId(machine, paths.migrations), debug: () => {} };
    if (!flags.dryRun) notes.push(...(await recoverFirst(recovery, false)));
    const look = async (): Promise<Seen> => {
      const unfinished = flags.dryRun ? await recoverFirst(recovery, true) : [];
      const receipt = whichRun(flags.run, paths, physicalDataDir);
      if (receipt === null || receipt.status === 'undone') return { unfinished, receipt, planned: null };
      return { unfinished, receipt, planned: await plannedItems(receipt, machine) };
    };
    const seen = await steadily(paths.migrations, look, () => refuseRunInProgress(paths));
    const { receipt } = seen;
    notes.push(...seen.unfinished);
    // What a run that goes on has begun to add or to remove is no answer.
    if (flags.dryRun) refuseRunInProgress(paths);
    if (receipt === null || seen.planned === null)
      return { ...empty, status: 'nothing-to-undo', exitCode: EXIT.done, runId: receipt?.runId ?? null };
    const { items: planned, schemaVersion, removesDatabase } = seen.planned;
    const about = { ...empty, runId: receipt.runId, schemaVersion, backup: receipt.backup };
    if (!flags.dryRun || planned.some(({ outcome }) => outcome === 'removed')) {
      const daemon = await findDaemon(runFile(machine), machine);
      notes.push(...daemon.notes);
      if (daemon.refusal !== null) throw daemon.refusal;
    }
    if (flags.dryRun) {
      const after = removesDatabase ? 0 : schemaVersion;
      return { ...about, schemaVersion: after, status: 'planned', exitCode: EXIT.done, items: planned };
    }
    setting.interrupted();
    if (setting.confirm !== null && !(await setting.confirm(receipt, planned)))
      return { ...about, status: 'declined', exitCode: EXIT.usage, items: planned };
    const runId = newRunId(machine, paths.migrations);
    const lock = takeLock(paths, runId, machine);
    try {
      // Another process may have ended, or died, since the look without the lock.
      notes.push(...(await recoverUnder(lock, recovery)));
      const current = whichRun(receipt.runId, paths, physicalDataDir);
      if (current === null || current.status === 'undone')
        return { ...about, status: 'nothing-to-undo', exitCode: EXIT.done };
      // From here on it goes through: it is one piece of work that waits for nothing.
      await turn();
      setting.interrupted();
      const done = rollback({ receipt: current, paths, runId, machine, lockDirectories: lock.madeDirectories });
      const { items } = done;
      notes.push(...done.notes);
      const refused = items.some(({ outcome }) => outcome === 'refused');
      return {
        ...about,
        items,
        schemaVersion: databaseStands(current.database) ? schemaVersion : 0,
        status: refused ? 'partly-undone' : 'undone',
        exitCode: refused ? EXIT.failed : EXIT.done,
      };
    } catch (error) {
      if (!(error instanceof UnfinishedRollback)) throw error;
      return { ...about, status: 'failed', exitCode: EXIT.failed, refusal: unfinishedReport(error) };
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof Interrupted)
      return {
        ...empty,
        status: 'interrupted',
        exitCode: error.signal === 'SIGINT' ? EXIT.sigint : EXIT.sigterm,
      };
    if (!(error instanceof Refusal)) throw error;
    return {
      ...empty,
      status: 'refused',
      exitCode: EXIT.refused,
      refusal: error.report,
    };
  }
}

/** What is seen of the past without the lock. */
interface Seen {
  readonly unfinished: readonly Note[];
  /** The run that would be undone. */
  readonly receipt: Receipt | null;
  /** What would become of it; null where there is nothing to undo. */
  readonly planned: (PlannedRollback & Pick<UndoOutcome, 'schemaVersion'>) | null;
}

function unfinishedReport({ cause }: UnfinishedRollback): RefusalReport {
  return {
    code: 'UNEXPECTED',
    message: `${reasonOf(cause)}. The rollback was not finished.`,
    hint: 'Run `ao-migrate rollback` again: it finishes what is left.',
  };
}

async function plannedItems(receipt: Receipt, machine: Machine): Promise<NonNullable<Seen['planned']>> {
  if (!databaseStands(receipt.database)) return { ...planRollback(receipt, null), schemaVersion: 0 };
  requireWritable(receipt.database);
  return withSoundCopy(receipt.database, machine, (db) => ({
    ...planRollback(receipt, db),
    schemaVersion: recordedVersion(db),
  }));
}
