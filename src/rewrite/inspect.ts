import type { Database } from 'bun:sqlite';
import type { Stats } from 'node:fs';
import type { TargetFacts } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { Refusal } from '../contracts/refusals';
import { entryAt, stands, targetAt } from '../sessions/entry';
import { errorCode, isSystemError } from '../sessions/system-error';
import { closeDatabase, openDatabase, requireSqlite, sqliteRefusal } from './connection';
import type { TargetPaths } from './paths';
import { withPrivateCopy } from './private-copy';
import { leftOverFiles } from './promotion';
import { judgeSchema, knownVersion, NEWEST_KNOWN_VERSION, probeRows, readSchema, SchemaTooOld } from './schema-guard';
import { readProjects, readSessions } from './target-facts';

/**
 * What the target holds now, read from a private copy so that nothing beside the database changes. Throws a Refusal:
 * SQLITE_UNUSABLE, SCHEMA_TOO_OLD, SCHEMA_UNKNOWN, DB_CORRUPT or DB_LOCKED (migration.md 3). Without `ao.db` the target is
 * absent, also where a `-wal`, `-shm` or `-journal` was left behind.
 */
export async function inspectTarget(paths: TargetPaths, machine: Machine): Promise<TargetFacts> {
  requireSqlite();
  if (!databaseStands(paths.database)) return absentTarget(paths);
  return withPrivateCopy(paths.database, machine, (copy) =>
    reading(copy, paths.database, (db) => {
      const facts = readTarget(db, paths);
      probeRows(db, paths.database, `ao-migrate-${machine.randomHex(8)}`);
      requireSound(db, paths.database);
      return facts;
    }),
  );
}

/**
 * The same facts from a connection that is open already, without the checks that write or last: for the look at the rows
 * after the exclusive probe (migration.md 7). Throws SCHEMA_TOO_OLD or SCHEMA_UNKNOWN.
 */
export function readTarget(db: Database, paths: TargetPaths): TargetFacts {
  const version = judgeSchema(readSchema(db), paths.database);
  return {
    ...paths,
    exists: true,
    version,
    projects: readProjects(db),
    sessions: readSessions(db),
    notes: version > NEWEST_KNOWN_VERSION ? [newerNote(version)] : [],
  };
}

/**
 * Calls `use` with a private copy of a database that somebody is to delete rows of: it must be sound, and one of the
 * rewrite. Throws as `inspectTarget`.
 */
export async function withSoundCopy<T>(database: string, machine: Machine, use: (db: Database) => T): Promise<T> {
  requireSqlite();
  return withPrivateCopy(database, machine, (copy) =>
    reading(copy, database, (db) => {
      requireKnown(db, database);
      requireSound(db, database);
      return use(db);
    }),
  );
}

/** The part of it that does not last, for an open connection. Throws SCHEMA_TOO_OLD, SCHEMA_UNKNOWN or DB_CORRUPT. */
export function requireKnown(db: Database, database: string): void {
  try {
    knownVersion(readSchema(db), database);
  } catch (error) {
    throw sqliteRefusal(error, database) ?? error;
  }
}

/** Facts of a target without a database. */
export function absentTarget(paths: TargetPaths): TargetFacts {
  return { ...paths, exists: false, version: 0, projects: [], sessions: [], notes: [] };
}

/** Facts of a target that was refused, for a run that has nothing to write to it: its version, where that is known, and no row. */
export function unusableTarget(paths: TargetPaths, refusal: Refusal): TargetFacts {
  return { ...absentTarget(paths), exists: true, version: refusal instanceof SchemaTooOld ? refusal.version : 0 };
}

/**
 * For commands that write nothing: the note that another process seems to have the database open, judged by its `-wal` or
 * `-shm` (migration.md 2); null where neither is there.
 */
export function openElsewhereNote(database: string): Note | null {
  const sign = ['-wal', '-shm'].find((part) => stands(database + part));
  if (sign === undefined) return null;
  return {
    code: 'DATABASE_OPEN',
    severity: 'warn',
    message: `${database}${sign} is there: a daemon has the database open, or ended without closing it.`,
  };
}

/** What a run does with each file that an earlier database has left where there is none now. */
export function leftOverNotes(database: string): Note[] {
  return leftOverFiles(database).map((file) => ({
    code: 'STALE_FILE_MOVED',
    severity: 'info',
    message: 'this file of a database that is gone is put aside, under another name',
    file,
  }));
}

/**
 * What has the name of the database; null where nothing has.
 *
 * @throws Refusal NOT_WRITABLE where the system does not tell, so that what is there is not taken for absent
 */
export function databaseEntry(database: string): Stats | null {
  return lookedAt(database, entryAt);
}

/**
 * The file that the name of the database leads to; null where a link of that name leads nowhere, or in a circle.
 *
 * @throws Refusal NOT_WRITABLE as `databaseEntry`
 */
export function databaseTarget(database: string): Stats | null {
  return lookedAt(database, (path) => {
    try {
      return targetAt(path);
    } catch (error) {
      if (isSystemError(error, 'ELOOP')) return null;
      throw error;
    }
  });
}

function lookedAt(database: string, look: (path: string) => Stats | null): Stats | null {
  try {
    return look(database);
  } catch (error) {
    throw new Refusal('NOT_WRITABLE', `${database} cannot be looked at (${errorCode(error)}).`);
  }
}

/**
 * False where there is no `ao.db`.
 *
 * @throws Refusal SCHEMA_UNKNOWN where something is that can be no database of the rewrite, NOT_WRITABLE as `databaseEntry`
 */
export function databaseStands(database: string): boolean {
  const entry = databaseEntry(database);
  if (entry === null) return false;
  const file = entry.isSymbolicLink() ? databaseTarget(database) : entry;
  const aside = 'Move it aside, then run again.';
  if (file === null) throw new Refusal('SCHEMA_UNKNOWN', `${database} is a link that leads nowhere.`, aside);
  if (file.size === 0) throw new Refusal('SCHEMA_UNKNOWN', `${database} is an empty file.`, aside);
  return true;
}

/** Throws `Refusal('DB_CORRUPT')` with the first thing that SQLite finds wrong. */
function requireSound(db: Database, database: string): void {
  const [first] = db.query<{ quick_check: string }, []>('PRAGMA quick_check(1)').all();
  if (first?.quick_check !== 'ok') {
    throw new Refusal('DB_CORRUPT', `${database} is damaged: ${first?.quick_check ?? 'no answer to quick_check'}.`);
  }
}

function reading<T>(copy: string, database: string, use: (db: Database) => T): T {
  let db: Database | null = null;
  try {
    db = openDatabase(copy);
    return use(db);
  } catch (error) {
    throw sqliteRefusal(error, database) ?? error;
  } finally {
    if (db !== null) closeDatabase(db);
  }
}

function newerNote(version: number): Note {
  return {
    code: 'SCHEMA_NEWER',
    severity: 'warn',
    message: `The database is at version ${version}; the newest that was tested is ${NEWEST_KNOWN_VERSION}.`,
  };
}
