import type { Database } from 'bun:sqlite';
import { Refusal } from '../contracts/refusals';
import { closeDatabase, isBusy, openDatabase, sqliteRefusal } from './connection';

const PATIENCE_MS = 2_000;

/**
 * First guard of an existing database: an ordinary connection must get the write lock within 2 s, else
 * `Refusal('DB_LOCKED')` (migration.md 3). Rolled back and closed; if nobody else has the database open, closing it moves
 * a left-over `-wal` into it. Never finds a holder that is idle.
 */
export function probeWriter(database: string, patienceMs: number = PATIENCE_MS): void {
  guarded(database, patienceMs, 'DB_LOCKED', `Another process is writing ${database}.`, (db) => {
    db.run('BEGIN IMMEDIATE');
    db.run('ROLLBACK');
    closeDatabase(db);
  });
}

/**
 * Second guard: the connection that keeps everybody else out until it is closed, or `Refusal('DAEMON_RUNNING')` where
 * another process has the database open, be it idle. In WAL mode every open connection holds a shared lock, which the
 * exclusive locking mode, set before the first read, runs into. In DELETE mode an idle connection holds no lock and cannot
 * be found, but it can no longer read or write.
 *
 * While the connection is open nothing in this process may open, read or copy the database, its `-wal` or its `-shm` by
 * file calls: closing any descriptor of the file drops SQLite's locks (migration.md 7, POSIX locks).
 */
export function openExclusive(database: string): Database {
  const refused = `Another process has ${database} open.`;
  return guarded(database, 0, 'DAEMON_RUNNING', refused, (db) => {
    db.run('PRAGMA locking_mode = EXCLUSIVE');
    // What is committed is on the disk before the receipt says so, on macOS too.
    db.run('PRAGMA synchronous = FULL');
    db.run('PRAGMA fullfsync = ON');
    db.run('PRAGMA checkpoint_fullfsync = ON');
    // A read would do in WAL mode; a rollback journal takes the lock only for a write transaction, and then keeps it.
    db.run('BEGIN EXCLUSIVE');
    db.run('COMMIT');
    return db;
  });
}

/** Opens the database for `use`; closes it where that fails, and names the failure as a refusal where it is one. */
function guarded<T>(
  database: string,
  busyMs: number,
  busyCode: 'DB_LOCKED' | 'DAEMON_RUNNING',
  busyMessage: string,
  use: (db: Database) => T,
): T {
  let db: Database | null = null;
  try {
    db = openDatabase(database, { busyMs });
    return use(db);
  } catch (error) {
    if (db !== null) closeDatabase(db);
    if (isBusy(error)) throw new Refusal(busyCode, busyMessage);
    throw sqliteRefusal(error, database) ?? error;
  }
}
