import { constants, Database, SQLiteError } from 'bun:sqlite';
import { Refusal } from '../contracts/refusals';

export interface OpenOptions {
  /** Make the file if it is missing. Default false. */
  readonly create?: boolean;
  /** How long a statement waits for another process, in milliseconds. Default 0. */
  readonly busyMs?: number;
}

/**
 * Opens a database file for reading and writing, foreign keys enforced. Reads nothing of the file yet, so that the first
 * read can still choose the locking mode. Close it with `closeDatabase`, on every way out. Throws the driver's SQLiteError.
 */
export function openDatabase(file: string, { create = false, busyMs = 0 }: OpenOptions = {}): Database {
  const db = new Database(file, { readwrite: true, create, strict: true });
  try {
    // Apple's SQLite keeps -wal and -shm after the last close unless told not to.
    db.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 0);
    db.run(`PRAGMA busy_timeout = ${busyMs}`);
    db.run('PRAGMA foreign_keys = ON');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Closes at once, and says so if something still holds the connection open: its locks would live on. */
export function closeDatabase(db: Database): void {
  db.close(true);
}

/** Version of the SQLite library that this process uses; on macOS that is the system's. */
export function sqliteVersion(): string {
  return inMemory((db) =>
    String(db.query<{ version: string }, []>('SELECT sqlite_version() AS version').get()?.version),
  );
}

/** Throws `Refusal('SQLITE_UNUSABLE')` if the runtime's SQLite lacks what the tool needs (migration.md 3). */
export function requireSqlite(): void {
  const problem = sqliteProblem(sqliteVersion(), inMemory(lacksJson));
  if (problem !== null) throw new Refusal('SQLITE_UNUSABLE', problem);
}

/**
 * What a library lacks, or null. 3.35 brought ALTER TABLE … DROP COLUMN, which version 2 of the schema uses; triggers and
 * checks of the schema need the JSON functions, which old builds leave out.
 */
export function sqliteProblem(version: string, jsonMissing: boolean): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (!(major > 3 || (major === 3 && minor >= 35)))
    return `SQLite ${version} is too old; 3.35 is the oldest that will do.`;
  return jsonMissing ? `SQLite ${version} was built without the JSON functions.` : null;
}

function lacksJson(db: Database): boolean {
  try {
    db.query("SELECT json_object('a', json('true')), json_valid('{}')").get();
    return false;
  } catch {
    return true;
  }
}

function inMemory<T>(use: (db: Database) => T): T {
  const db = new Database(':memory:');
  try {
    return use(db);
  } finally {
    db.close();
  }
}

/** Name of SQLite's primary result code (`SQLITE_BUSY`, …) of an error from the driver; null for any other error. */
export function sqliteCode(error: unknown): string | null {
  if (!(error instanceof SQLiteError)) return null;
  return PRIMARY_CODES.get(error.errno & 0xff) ?? 'SQLITE_ERROR';
}

const PRIMARY_CODES: ReadonlyMap<number, string> = new Map([
  [3, 'SQLITE_PERM'],
  [5, 'SQLITE_BUSY'],
  [6, 'SQLITE_LOCKED'],
  [7, 'SQLITE_NOMEM'],
  [8, 'SQLITE_READONLY'],
  [9, 'SQLITE_INTERRUPT'],
  [10, 'SQLITE_IOERR'],
  [11, 'SQLITE_CORRUPT'],
  [13, 'SQLITE_FULL'],
  [14, 'SQLITE_CANTOPEN'],
  [18, 'SQLITE_TOOBIG'],
  [19, 'SQLITE_CONSTRAINT'],
  [20, 'SQLITE_MISMATCH'],
  [26, 'SQLITE_NOTADB'],
]);

/** Another connection is in the way. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 'SQLITE_BUSY' || code === 'SQLITE_LOCKED';
}

/** The refusal that an error of the driver amounts to before anything has changed; null where it is none of them. */
export function sqliteRefusal(error: unknown, file: string): Refusal | null {
  const reason = error instanceof Error ? error.message : String(error);
  switch (sqliteCode(error)) {
    case 'SQLITE_NOTADB':
    case 'SQLITE_CORRUPT':
      return new Refusal('DB_CORRUPT', `${file} is damaged, or not a database: ${reason}.`);
    case 'SQLITE_PERM':
    case 'SQLITE_READONLY':
    case 'SQLITE_CANTOPEN':
      return new Refusal('NOT_WRITABLE', `${file} cannot be opened for writing: ${reason}.`);
    case 'SQLITE_FULL':
      return new Refusal('NO_SPACE', `There is no space left beside ${file}: ${reason}.`);
    default:
      return null;
  }
}
