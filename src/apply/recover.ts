import type { Database } from 'bun:sqlite';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { Refusal } from '../contracts/refusals';
import { closeDatabase, openDatabase } from '../rewrite/connection';
import { discardDatabase } from '../rewrite/create';
import { withPrivateCopy } from '../rewrite/private-copy';
import { putBackStale } from '../rewrite/promotion';
import { removeEmpty, stands, syncDirectory } from './durable';
import { isStill } from './file-state';
import { journalFile, readJournal, type Step } from './journal';
import { configDigest, type Receipt, readReceipt, receiptFile, runIds, writeReceipt } from './receipt';
import { finishRollback } from './rollback';
import type { StatePaths } from './state';

/** What recovery found and did, in words for the report. */
export interface Recovery {
  readonly runId: string;
  readonly outcome: 'finished' | 'undone' | 'dropped';
  readonly notes: readonly Note[];
}

/** Ids of unfinished runs of this data directory, oldest first. Changes nothing. */
export function unfinishedRuns(paths: StatePaths, physicalDataDir: string): string[] {
  return runIds(paths, '.journal')
    .filter((runId) => {
      const steps = readJournal(journalFile(paths, runId));
      const first = steps?.[0];
      // A journal whose first line never reached the disk belongs to a run that did nothing yet.
      return first === undefined || !('physicalDataDir' in first) || first.physicalDataDir === physicalDataDir;
    })
    .sort();
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
      const why = error instanceof Error ? error.message : String(error);
      throw new Refusal('RECOVERY_FAILED', `The interrupted run ${runId} could not be completed or undone: ${why}`);
    }
  }
  return done;
}

async function recoverRun(paths: StatePaths, runId: string, machine: Machine): Promise<Recovery> {
  const steps = readJournal(journalFile(paths, runId)) ?? [];
  const first = steps[0];
  if (first?.step === 'rollback') {
    const outcome = await finishRollback(paths, first, steps, machine, isCommitted);
    endJournal(paths, runId);
    removeEmpty(first.madeDirectories);
    return { runId, outcome, notes: [] };
  }
  const receipt = readReceipt(paths, runId);
  const committed = receipt !== null && (receipt.status === 'done' || (await isCommitted(receipt, machine)));
  if (receipt !== null && committed) {
    removeTemporaries(steps);
    if (receipt.status === 'committing')
      writeReceipt(paths, { ...receipt, status: 'done', finishedAt: machine.now().toISOString() });
    endJournal(paths, runId);
    return { runId, outcome: 'finished', notes: [] };
  }
  const notes = undo(steps);
  removeReceipt(paths, runId);
  endJournal(paths, runId);
  if (first?.step === 'begin') removeEmpty(first.madeDirectories);
  return { runId, outcome: 'undone', notes };
}

/**
 * Whether the rows of a prepared receipt are in the database: a session row with the same id, project_id, num and
 * created_at; if the run has no session rows, a project row equal in every column.
 */
export async function isCommitted(receipt: Receipt, machine: Machine): Promise<boolean> {
  if (!stands(receipt.database)) return false;
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
  const found = db.query<Record<string, unknown>, [string]>('SELECT * FROM projects WHERE id = ?').get(project.id);
  if (found === null) return false;
  const config = found.config;
  return (
    Object.entries(project.columns).every(([column, value]) => found[column] === value) &&
    configDigest(typeof config === 'string' ? config : null, receipt.runId) === project.config
  );
}

/** Everything that the journal names goes back, as far as it is still what the run made. */
function undo(steps: readonly Step[]): Note[] {
  const notes: Note[] = [];
  for (const step of steps.toReversed()) {
    if (step.step === 'database') {
      discardDatabase(
        { database: '', temporary: step.temporary, directories: step.directories, stale: step.stale },
        [],
      );
      const database = step.stale[0]?.original.replace(/-(?:wal|shm|journal)$/, '');
      const aside = database === undefined ? [] : putBackStale(step.stale, database);
      for (const { aside: file } of aside)
        notes.push({
          code: 'STALE_FILE_MOVED',
          severity: 'warn',
          message: `the left-over database file stays under its new name`,
          file,
        });
      removeEmpty(step.directories);
    }
    if (step.step === 'place') {
      for (const { temporary, destination, sha256, size } of step.files) {
        rmSync(temporary, { force: true });
        if (!stands(destination)) continue;
        if (isStill(destination, size, sha256)) {
          rmSync(destination);
          syncDirectory(dirname(destination));
        } else {
          notes.push({
            code: 'CONVERSATION_CONFLICT',
            severity: 'warn',
            message: 'a conversation that the interrupted run had put in place has grown and stays',
            file: destination,
          });
        }
      }
    }
    if (step.step === 'stage') {
      removePrefixed(step.directories, step.prefix);
      removeEmpty(step.missing);
    }
    if (step.step === 'backup') {
      rmSync(step.partial, { recursive: true, force: true });
      rmSync(step.final, { recursive: true, force: true });
    }
  }
  return notes;
}

/** Names that a committed run no longer needs: it was killed between the two halves of a rename. */
function removeTemporaries(steps: readonly Step[]): void {
  for (const step of steps) {
    if (step.step === 'database')
      discardDatabase({ database: '', temporary: step.temporary, directories: [], stale: [] }, []);
    if (step.step === 'place') for (const { temporary } of step.files) rmSync(temporary, { force: true });
    if (step.step === 'stage') removePrefixed(step.directories, step.prefix);
    if (step.step === 'backup') rmSync(step.partial, { recursive: true, force: true });
  }
}

function removePrefixed(directories: readonly string[], prefix: string): void {
  for (const directory of directories) {
    let names: string[];
    try {
      names = readdirSync(directory);
    } catch {
      continue;
    }
    for (const name of names) if (name.startsWith(prefix)) rmSync(join(directory, name), { force: true });
  }
}

function removeReceipt(paths: StatePaths, runId: string): void {
  const file = receiptFile(paths, runId);
  rmSync(file, { force: true });
  rmSync(join(dirname(file), `.${basename(file)}.partial`), { force: true });
}

/** The journal goes last: until then recovery can be repeated. */
function endJournal(paths: StatePaths, runId: string): void {
  const file = journalFile(paths, runId);
  const aside = `${file}.done`;
  renameSync(file, aside);
  rmSync(aside, { force: true });
  syncDirectory(dirname(file));
}
