import type { Database } from 'bun:sqlite';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { Refusal } from '../contracts/refusals';
import { closeDatabase, openDatabase, sqliteRefusal } from '../rewrite/connection';
import { abandonRows, commitRows } from '../rewrite/existing';
import { databaseStands, requireKnown } from '../rewrite/inspect';
import { openExclusive, probeWriter } from '../rewrite/lock';
import { withPrivateCopy } from '../rewrite/private-copy';
import { moveWithoutOverwriting, putBackStale } from '../rewrite/promotion';
import { entryAt, stands } from '../sessions/entry';
import { removeEmptyDurably, syncDirectory } from './durable';
import { isStill } from './file-state';
import { type Journal, openJournal, type Step } from './journal';
import { requireWritable } from './permission';
import { type Receipt, remainderOf, requireReceipt, writeRolledBack } from './receipt';
import { conversationItems, itemOf, type RollbackItem, removedItems, stayingIds } from './rollback-items';
import { deleteRows, holdsAnyOf, onlyHolds, type RowVerdict } from './rollback-rows';
import type { StatePaths } from './state';
import { staleNotes } from './undo';

export interface RollbackResult {
  readonly items: readonly RollbackItem[];
  /** Every item is gone, or was before. */
  readonly complete: boolean;
  /** Left-over files of an earlier database that had to stay aside. */
  readonly notes: readonly Note[];
}

export interface RollbackInput {
  readonly receipt: Receipt;
  readonly paths: StatePaths;
  readonly runId: string;
  readonly machine: Machine;
  readonly lockDirectories: readonly string[];
}

/** A rollback could not go on: its journal stays, and the next start completes or drops it. */
export class UnfinishedRollback extends Error {
  override readonly name = 'UnfinishedRollback';
  constructor(override readonly cause: unknown) {
    super('the rollback could not go on');
  }
}

export interface PlannedRollback {
  readonly items: readonly RollbackItem[];
  /** The database would go as a file; `items` has it too. */
  readonly removesDatabase: boolean;
}

/**
 * What a rollback of this run would do: tried on a private copy of the database (null where that is gone), and taken back.
 */
export function planRollback(whole: Receipt, db: Database | null): PlannedRollback {
  const receipt = remainderOf(whole);
  const verdicts = db === null ? [] : deleteRows(db, receipt);
  const removesDatabase = db !== null && leavesNothing(db, receipt, verdicts);
  if (db !== null) abandonRows(db);
  const database = removesDatabase ? [databaseItem(receipt.database, 'removed')] : [];
  return { items: [...verdicts.map(itemOf), ...conversationItems(receipt, verdicts), ...database], removesDatabase };
}

function databaseItem(id: string, outcome: 'removed' | 'refused', reason?: string): RollbackItem {
  return { kind: 'database', id, outcome, ...(reason === undefined ? {} : { reason }) };
}

/** The run made the database, and nothing of anybody is in it any more. */
function leavesNothing(db: Database, receipt: Receipt, verdicts: readonly RowVerdict[]): boolean {
  return receipt.dbCreated && verdicts.every(({ outcome }) => outcome !== 'refused') && onlyHolds(db);
}

/**
 * Undoes one run (migration.md 8): its rows in one transaction, its conversations as long as they are byte for byte what
 * was written, a database that it made as a file if nothing else came into it. What somebody has changed is refused, and
 * what the database itself keeps, item by item, and the receipt then names what went; of a run undone in part before, only
 * the rest is looked at. Journalled: an interrupted rollback is completed or dropped by the next start.
 *
 * @throws Refusal DAEMON_RUNNING, DB_LOCKED, DB_CORRUPT, SCHEMA_UNKNOWN, SCHEMA_TOO_OLD, NOT_WRITABLE
 */
export function rollback(input: RollbackInput): RollbackResult {
  const { paths, runId } = input;
  const receipt = remainderOf(input.receipt);
  const db = databaseStands(receipt.database) ? hold(receipt.database) : null;
  let journal: Journal | null = null;
  try {
    // Only the COMMIT below makes it last: until then an accident leaves nothing of it.
    const verdicts = db === null ? [] : deleteRows(db, receipt);
    const conversations = conversationItems(receipt, verdicts);
    const staying = stayingIds(conversations);
    const removable = receipt.conversations.filter(({ resumeId, placed }) => placed && !staying.has(resumeId));
    journal = openJournal(
      paths,
      runId,
      {
        step: 'rollback',
        runId,
        target: receipt.runId,
        physicalDataDir: receipt.physicalDataDir,
        madeDirectories: [...input.lockDirectories],
      },
      input.machine.pid,
    );
    const going = (kind: RowVerdict['kind']): string[] =>
      verdicts.filter((each) => each.kind === kind && each.outcome === 'removed').map(({ id }) => id);
    const removed = removedItems(receipt, verdicts, staying);
    const isRefusing = [...verdicts, ...conversations].some(({ outcome }) => outcome === 'refused');
    journal.note({
      step: 'remove',
      files: removable.flatMap(({ files }) => removalOf(files)),
      directories: removable.flatMap(({ createdDirectories }) => createdDirectories),
      sessions: going('orchestrator'),
      projects: going('project'),
      removed,
      complete: !isRefusing,
    });
    if (db !== null) commitRows(db);
    const whole = db !== null && leavesNothing(db, receipt, verdicts);
    if (db !== null) closeDatabase(db);
    for (const { files } of removable) removeConversation(removalOf(files));
    removeEmptyDurably(removable.flatMap(({ createdDirectories }) => createdDirectories));
    const database = whole ? [removeDatabase(receipt, runId)] : [];
    const items = [...verdicts.map(itemOf), ...conversations, ...database];
    const complete = items.every(({ outcome }) => outcome === 'removed' || outcome === 'absent');
    const isUndone = items.every(({ outcome }) => outcome !== 'refused');
    writeRolledBack(paths, input.receipt, isUndone ? 'all' : removed);
    endQuietly(journal);
    return { items, complete, notes: notesOf(receipt) };
  } catch (error) {
    if (db !== null) abandonQuietly(db);
    if (error instanceof Refusal) {
      journal?.end();
      throw error;
    }
    // The journal stays: SQLite may have kept or dropped a transaction whose COMMIT failed, and the next start looks.
    if (journal !== null) throw new UnfinishedRollback(error);
    throw sqliteRefusal(error, receipt.database) ?? error;
  }
}

/**
 * Completes a rollback whose rows are gone, or drops one whose rows are still there (migration.md 7). The database is read
 * from a private copy; it is removed as a file where the run had made it and nothing else came into it.
 */
export async function finishRollback(
  paths: StatePaths,
  first: Extract<Step, { step: 'rollback' }>,
  steps: readonly Step[],
  machine: Machine,
): Promise<{ readonly outcome: 'finished' | 'dropped'; readonly notes: readonly Note[] }> {
  const receipt = requireReceipt(paths, first.target);
  const removal = steps.find((step) => step.step === 'remove');
  if (receipt === null || receipt.status === 'undone' || removal === undefined)
    return { outcome: 'finished', notes: [] };
  const isOwn = restoreName(receipt, first.runId);
  const left = isOwn ? await lookAt(receipt, removal, machine) : 'others';
  if (left === 'rows') return { outcome: 'dropped', notes: [] };
  const stayed = conversationsOf(receipt, removal.files).filter((files) => !removeConversation(files));
  removeEmptyDurably(removal.directories);
  let isRefused = !removal.complete;
  if (receipt.dbCreated && left === 'empty') isRefused ||= removeDatabase(receipt, first.runId).outcome === 'refused';
  if (receipt.dbCreated && left === 'nothing') removeSetAside(receipt, asideName(receipt.database, first.runId));
  const removed = removal.removed ?? { projects: removal.projects, sessions: removal.sessions, conversations: [] };
  writeRolledBack(paths, receipt, isRefused ? removed : 'all');
  return { outcome: 'finished', notes: [...stayed.flatMap(stayedNote), ...notesOf(receipt)] };
}

type Removal = Extract<Step, { step: 'remove' }>;

function removalOf(files: Receipt['conversations'][number]['files']): Removal['files'] {
  return files.map(({ destination, sha256 }) => ({ path: destination, sha256 }));
}

/** The files of a journal, those of one conversation together. */
function conversationsOf({ conversations }: Receipt, files: Removal['files']): Removal['files'][] {
  const owners = new Map(
    conversations.flatMap((each) => each.files.map(({ destination }) => [destination, each.sessionId] as const)),
  );
  return [...Map.groupBy(files, ({ path }) => owners.get(path) ?? path).values()];
}

function stayedNote([main]: Removal['files']): Note[] {
  if (main === undefined) return [];
  return [
    {
      code: 'CONVERSATION_CONFLICT',
      severity: 'warn',
      message: 'a conversation that the interrupted rollback was to remove has been changed since and stays',
      file: main.path,
    },
  ];
}

/** Beside a database that stays, what was put aside before the run stays aside: it would replace that one's content. */
function notesOf({ stale }: Receipt): Note[] {
  return staleNotes(stale.filter(({ aside }) => stands(aside)));
}

/**
 * The name under which the database waited may be its second one, or its only one: it is looked at again under its own.
 * False where another database has that name by now.
 */
function restoreName(receipt: Receipt, runId: string): boolean {
  const aside = asideName(receipt.database, runId);
  if (!stands(aside)) return true;
  if (!stands(receipt.database) && !moveWithoutOverwriting(aside, receipt.database)) return false;
  if (!stands(aside)) return true;
  if (areOneFile(receipt.database, aside)) {
    rmSync(aside);
    return true;
  }
  if (isUnused(aside)) removeSetAside(receipt, aside);
  return false;
}

/** What the database holds now: rows that were to go, others, none at all; or there is no file. */
async function lookAt(
  receipt: Receipt,
  removal: Removal,
  machine: Machine,
): Promise<'rows' | 'others' | 'empty' | 'nothing'> {
  if (!stands(receipt.database)) return 'nothing';
  return withPrivateCopy(receipt.database, machine, (copy) => {
    const db = openDatabase(copy);
    try {
      if (holdsAnyOf(db, receipt, removal)) return 'rows';
      return onlyHolds(db) ? 'empty' : 'others';
    } finally {
      closeDatabase(db);
    }
  });
}

/** Another file may have come in its place since the look without the lock. */
function hold(database: string): Database {
  requireWritable(database);
  probeWriter(database);
  const db = openExclusive(database);
  try {
    requireKnown(db, database);
    return db;
  } catch (error) {
    closeDatabase(db);
    throw error;
  }
}

/** Removes what is there of a conversation, whole or not at all: false where some file of it is not what was written. */
function removeConversation(files: Removal['files']): boolean {
  const standing = files.filter(({ path }) => stands(path));
  if (!standing.every(({ path, sha256 }) => isStill(path, null, sha256))) return false;
  for (const { path } of standing) {
    rmSync(path);
    syncDirectory(dirname(path));
  }
  return true;
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
  if (!moveWithoutOverwriting(database, aside)) return databaseItem(database, 'refused', `${aside} is in the way`);
  // Both names can stand where the removal of the first failed: it is not moved before that is gone.
  if (areOneFile(database, aside)) rmSync(database);
  if (!isUnused(aside)) {
    moveWithoutOverwriting(aside, database);
    return databaseItem(database, 'refused', 'the new app has begun to use it');
  }
  removeSetAside(receipt, aside);
  return databaseItem(database, 'removed');
}

function areOneFile(first: string, second: string): boolean {
  const [one, other] = [entryAt(first), entryAt(second)];
  return one !== null && other !== null && one.ino === other.ino && one.dev === other.dev;
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
  // The file itself last: as long as it is there, recovery knows what the others belong to.
  for (const part of ['-wal', '-shm', '-journal', '']) rmSync(aside + part, { force: true });
  for (const part of ['-wal', '-shm', '-journal']) {
    const name = receipt.database + part;
    // After an accident it may be the left-over one that has its name back already.
    const isPutBack = receipt.stale.some(({ original, aside: stale }) => original === name && !stands(stale));
    if (!stands(receipt.database) && !isPutBack) rmSync(name, { force: true });
  }
  putBackStale(receipt.stale, receipt.database);
  if (stands(dirname(receipt.database))) syncDirectory(dirname(receipt.database));
  removeEmptyDurably(receipt.createdDirectories);
}

/** What was to be undone is undone: a journal that stays is completed at the next start, and finds nothing to do. */
function endQuietly(journal: Journal): void {
  try {
    journal.end();
  } catch {
    // It stays.
  }
}

/** Nothing lasts that was not committed. */
function abandonQuietly(db: Database): void {
  try {
    abandonRows(db);
  } catch {
    // SQLite has taken it back itself, or the connection was closed already.
  }
  try {
    closeDatabase(db);
  } catch {
    // It was closed already.
  }
}
