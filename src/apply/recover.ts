import type { Database } from 'bun:sqlite';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { Refusal } from '../contracts/refusals';
import { closeDatabase, openDatabase } from '../rewrite/connection';
import { withPrivateCopy } from '../rewrite/private-copy';
import { targetAt } from '../sessions/entry';
import { syncDirectory } from './durable';
import { journalFile, readJournal, requireJournal } from './journal';
import { configDigest, likeReceipt, type Receipt, removeReceipt, requireReceipt, writeReceipt } from './receipt';
import { finishRollback } from './rollback';
import { runIds } from './run-ids';
import { runningOwner } from './run-lock';
import type { StatePaths } from './state';
import { removeTemporaries, undoSteps } from './undo';

/** What recovery found and did, in words for the report. */
export interface Recovery {
  readonly runId: string;
  readonly outcome: 'finished' | 'undone' | 'dropped';
  readonly notes: readonly Note[];
  /** Directories that the run had made for its lock and journal. */
  readonly madeDirectories: readonly string[];
}

/** Ids of unfinished runs of this data directory, oldest first. Changes nothing. */
export function unfinishedRuns(paths: StatePaths, physicalDataDir: string): string[] {
  return runIds(paths.migrations, '.journal')
    .filter((runId) => {
      const first = readJournal(journalFile(paths, runId))?.[0];
      // A journal that cannot be read may be of this data directory: recovery says so.
      return first === undefined || !('physicalDataDir' in first) || first.physicalDataDir === physicalDataDir;
    })
    .sort();
}

/** The same for a command that recovers nothing and only tells of them: a run that goes on now is not one. */
export function interruptedRuns(paths: StatePaths, physicalDataDir: string): string[] {
  return runningOwner(paths) === null ? unfinishedRuns(paths, physicalDataDir) : [];
}

/**
 * Finishes or undoes every interrupted run of this data directory, from what is on the disk and never from hope
 * (migration.md 7). The lock is held. The database is only read, from a private copy; SQLite has kept or dropped the
 * transaction itself.
 *
 * @throws Refusal RECOVERY_FAILED with all left as found as far as possible
 */
export async function recoverRuns(paths: StatePaths, physicalDataDir: string, machine: Machine): Promise<Recovery[]> {
  const done: Recovery[] = [];
  for (const runId of unfinishedRuns(paths, physicalDataDir)) {
    try {
      done.push(await recoverRun(paths, runId, machine));
    } catch (error) {
      const why = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
      throw new Refusal('RECOVERY_FAILED', `The interrupted run ${runId} could not be completed or undone: ${why}.`);
    }
  }
  return done;
}

async function recoverRun(paths: StatePaths, runId: string, machine: Machine): Promise<Recovery> {
  const steps = requireJournal(journalFile(paths, runId)) ?? [];
  const first = steps[0];
  const madeDirectories = first !== undefined && 'madeDirectories' in first ? first.madeDirectories : [];
  if (first?.step === 'rollback') {
    const ended = await finishRollback(paths, first, steps, machine);
    endJournal(paths, runId);
    return { runId, ...ended, madeDirectories };
  }
  const receipt = requireReceipt(paths, runId);
  const committed = receipt !== null && (receipt.status !== 'committing' || (await isCommitted(receipt, machine)));
  if (receipt !== null && committed) {
    removeTemporaries(steps);
    if (receipt.status === 'committing')
      writeReceipt(paths, { ...receipt, status: 'done', finishedAt: machine.now().toISOString() });
    endJournal(paths, runId);
    return { runId, outcome: 'finished', notes: [], madeDirectories };
  }
  const notes = undoSteps(steps);
  removeReceipt(paths, runId);
  endJournal(paths, runId);
  return { runId, outcome: 'undone', notes, madeDirectories };
}

/**
 * Whether the rows of a prepared receipt are in the database: a session row with the same id, project_id, num and
 * created_at; if the run has no session rows, a project row equal in every column.
 */
export async function isCommitted(receipt: Receipt, machine: Machine): Promise<boolean> {
  // An empty file is a name that was taken where there are no hard links, or a daemon's first moment.
  if ((targetAt(receipt.database)?.size ?? 0) === 0) return false;
  return withPrivateCopy(receipt.database, machine, (copy) => {
    const db = openDatabase(copy);
    try {
      return holdsRows(db, receipt);
    } finally {
      closeDatabase(db);
    }
  });
}

function holdsRows(db: Database, receipt: Receipt): boolean {
  const [session] = receipt.sessions;
  if (session !== undefined) {
    const { columns } = session;
    const found = db
      .query<Record<string, unknown>, [string]>('SELECT id, project_id, num, created_at FROM sessions WHERE id = ?')
      .get(session.id);
    return found !== null && ['project_id', 'num', 'created_at'].every((column) => found[column] === columns[column]);
  }
  const [project] = receipt.projects;
  if (project === undefined) return false;
  const row = db.query<Record<string, unknown>, [string]>('SELECT * FROM projects WHERE id = ?').get(project.id);
  if (row === null) return false;
  const found = likeReceipt(row, project, receipt.runId);
  const config = found.config;
  return (
    Object.entries(project.columns).every(([column, value]) => found[column] === value) &&
    configDigest(typeof config === 'string' ? config : null, receipt.runId) === project.config
  );
}

/** The journal goes last: until then recovery can be repeated. */
function endJournal(paths: StatePaths, runId: string): void {
  const file = journalFile(paths, runId);
  rmSync(file, { force: true });
  syncDirectory(dirname(file));
}
