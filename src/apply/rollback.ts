import type { Database } from 'bun:sqlite';
import { lstatSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { closeDatabase } from '../rewrite/connection';
import { openExclusive, probeWriter } from '../rewrite/lock';
import { moveWithoutOverwriting, putBackStale } from '../rewrite/promotion';
import { removeEmpty, stands, syncDirectory } from './durable';
import { isStill } from './file-state';
import { type Journal, openJournal, type Step } from './journal';
import { type Receipt, readReceipt, writeReceipt } from './receipt';
import { deleteRun, onlyHolds, type RowVerdict, rowVerdicts } from './rollback-rows';
import type { StatePaths } from './state';

/** What a rollback does, or would do, with one thing that the run made. */
export interface RollbackItem {
  readonly kind: 'project' | 'orchestrator' | 'conversation' | 'database';
  readonly id: string;
  readonly outcome: 'removed' | 'refused' | 'absent' | 'left';
  readonly reason?: string;
}

export interface RollbackResult {
  readonly items: readonly RollbackItem[];
  /** Every item is gone, or was before. */
  readonly complete: boolean;
}

export interface RollbackInput {
  readonly receipt: Receipt;
  readonly paths: StatePaths;
  readonly runId: string;
  readonly machine: Machine;
  readonly lockDirectories: readonly string[];
}

/** What a rollback of this run would do, read from an open database (null where it is gone). Changes nothing. */
export function planRollback(receipt: Receipt, db: Database | null): RollbackItem[] {
  const verdicts = db === null ? [] : rowVerdicts(db, receipt);
  return [...verdicts.map(itemOf), ...conversationItems(receipt, verdicts)];
}

/**
 * Undoes one run (migration.md 8): its rows in one transaction, its conversations as long as they are byte for byte what
 * was written, a database that it made as a file if nothing else came into it. What somebody has changed is refused,
 * item by item. Journalled: an interrupted rollback is completed or dropped by the next start.
 *
 * @throws Refusal DAEMON_RUNNING, DB_LOCKED, DB_CORRUPT
 */
export function rollback(input: RollbackInput): RollbackResult {
  const { receipt, paths, runId } = input;
  const db = stands(receipt.database) ? hold(receipt.database) : null;
  let journal: Journal | null = null;
  try {
    const verdicts = db === null ? [] : rowVerdicts(db, receipt);
    const conversations = conversationItems(receipt, verdicts);
    const removable = receipt.conversations.filter(
      ({ sessionId, placed }) => placed && !isRefused(verdicts, sessionId),
    );
    journal = openJournal(paths, runId, {
      step: 'rollback',
      runId,
      target: receipt.runId,
      physicalDataDir: receipt.physicalDataDir,
      madeDirectories: [...input.lockDirectories],
    });
    journal.note({
      step: 'remove',
      files: removable.flatMap(({ files }) => files.map(({ destination, sha256 }) => ({ path: destination, sha256 }))),
      directories: removable.flatMap(({ createdDirectories }) => createdDirectories),
    });
    if (db !== null) deleteRun(db, receipt, verdicts);
    const whole =
      db !== null && receipt.dbCreated && verdicts.every(({ outcome }) => outcome !== 'refused') && onlyHolds(db);
    if (db !== null) closeDatabase(db);
    for (const { files, createdDirectories } of removable) removeConversation(files, createdDirectories);
    const database = whole ? [removeDatabase(receipt, runId)] : [];
    const items = [...verdicts.map(itemOf), ...conversations, ...database];
    const complete = items.every(({ outcome }) => outcome === 'removed' || outcome === 'absent');
    if (items.every(({ outcome }) => outcome !== 'refused')) writeReceipt(paths, { ...receipt, status: 'undone' });
    journal.end();
    return { items, complete };
  } catch (error) {
    if (db !== null) closeQuietly(db);
    // Before the transaction nothing had changed; after it the journal stays, and the next start completes the rest.
    if (error instanceof Refusal) journal?.end();
    throw error;
  }
}

/**
 * Completes a rollback whose rows are gone, or drops one whose rows are still there (migration.md 7).
 *
 * @param holdsRows whether the database still holds the rows of the run
 */
export async function finishRollback(
  paths: StatePaths,
  first: Extract<Step, { step: 'rollback' }>,
  steps: readonly Step[],
  machine: Machine,
  holdsRows: (receipt: Receipt, machine: Machine) => Promise<boolean>,
): Promise<'finished' | 'dropped'> {
  const receipt = readReceipt(paths, first.target);
  if (receipt === null || receipt.status === 'undone') return 'finished';
  if (await holdsRows(receipt, machine)) return 'dropped';
  for (const step of steps) {
    if (step.step !== 'remove') continue;
    for (const { path, sha256 } of step.files) if (isStill(path, null, sha256)) rmSync(path);
    removeEmpty(step.directories);
  }
  restoreSetAside(receipt, first.runId);
  writeReceipt(paths, { ...receipt, status: 'undone' });
  return 'finished';
}

function hold(database: string): Database {
  probeWriter(database);
  return openExclusive(database);
}

function itemOf({ kind, id, outcome, reason }: RowVerdict): RollbackItem {
  return { kind, id, outcome, ...(reason === undefined ? {} : { reason }) };
}

function isRefused(verdicts: readonly RowVerdict[], sessionId: string): boolean {
  return verdicts.some(({ kind, id, outcome }) => kind === 'orchestrator' && id === sessionId && outcome === 'refused');
}

/** Conversations of the run: those of a refused session stay with it, grown ones stay, OpenCode's are only named. */
function conversationItems(receipt: Receipt, verdicts: readonly RowVerdict[]): RollbackItem[] {
  return receipt.conversations.flatMap(({ sessionId, resumeId, placed, harness, files }): RollbackItem[] => {
    if (!placed) return [];
    const item = { kind: 'conversation', id: resumeId } as const;
    if (isRefused(verdicts, sessionId)) return [{ ...item, outcome: 'refused', reason: 'its session stays' }];
    if (harness === 'opencode')
      return [
        {
          ...item,
          outcome: 'left',
          reason: 'OpenCode keeps the imported session; delete it there if it is not wanted',
        },
      ];
    const [main] = files;
    if (main === undefined || !stands(main.destination)) return [{ ...item, outcome: 'absent' }];
    if (!isStill(main.destination, main.size, main.sha256))
      return [{ ...item, outcome: 'refused', reason: 'it has grown since, and is never deleted' }];
    return [{ ...item, outcome: 'removed' }];
  });
}

function removeConversation(files: Receipt['conversations'][number]['files'], directories: readonly string[]): void {
  for (const { destination, size, sha256 } of files) {
    if (!isStill(destination, size, sha256)) continue;
    rmSync(destination);
    syncDirectory(dirname(destination));
  }
  removeEmpty(directories);
}

/** The name under which a database waits between its last check and its removal. */
function asideName(database: string, runId: string): string {
  return `${database}.removed-${runId}`;
}

/**
 * Removes the database that the run made. It first gets another name, so that no daemon can begin to use it while it is
 * looked at once more; if one has, it gets its name back.
 */
function removeDatabase(receipt: Receipt, runId: string): RollbackItem {
  const { database } = receipt;
  const aside = asideName(database, runId);
  const item = { kind: 'database', id: database } as const;
  if (!moveWithoutOverwriting(database, aside))
    return { ...item, outcome: 'refused', reason: `${aside} is in the way` };
  if (!isUnused(aside)) {
    moveWithoutOverwriting(aside, database);
    return { ...item, outcome: 'refused', reason: 'the new app has begun to use it' };
  }
  removeSetAside(receipt, aside);
  return { ...item, outcome: 'removed' };
}

function isUnused(aside: string): boolean {
  try {
    const db = openExclusive(aside);
    try {
      return onlyHolds(db);
    } finally {
      closeDatabase(db);
    }
  } catch {
    return false;
  }
}

/** A database file goes with its own -wal and -shm; then what lay there before the run gets its names back. */
function removeSetAside(receipt: Receipt, aside: string): void {
  for (const part of ['', '-wal', '-shm', '-journal']) rmSync(aside + part, { force: true });
  for (const part of ['-wal', '-shm']) if (!stands(receipt.database)) rmSync(receipt.database + part, { force: true });
  putBackStale(receipt.stale, receipt.database);
  if (lstatSync(dirname(receipt.database), { throwIfNoEntry: false }) !== undefined)
    syncDirectory(dirname(receipt.database));
  removeEmpty(receipt.createdDirectories);
}

/** After an accident between the two halves of `removeDatabase`. */
function restoreSetAside(receipt: Receipt, runId: string): void {
  const aside = asideName(receipt.database, runId);
  if (stands(aside)) {
    if (isUnused(aside)) removeSetAside(receipt, aside);
    else moveWithoutOverwriting(aside, receipt.database);
    return;
  }
  if (!stands(receipt.database)) {
    putBackStale(receipt.stale, receipt.database);
    removeEmpty(receipt.createdDirectories);
  }
}

function closeQuietly(db: Database): void {
  try {
    closeDatabase(db);
  } catch {
    // It was closed already.
  }
}
