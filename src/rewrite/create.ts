import type { Database } from 'bun:sqlite';
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Machine } from '../contracts/machine';
import { syncDirectories } from '../sessions/directories';
import { stands } from '../sessions/entry';
import { turn } from '../sessions/in-parallel';
import { isSystemError } from '../sessions/source';
import { closeDatabase, openDatabase } from './connection';
import { applyMigrations, migrationSteps } from './goose';
import { MIGRATIONS } from './migrations';
import type { TargetPaths } from './paths';
import { moveStale, moveWithoutOverwriting, putBackStale, type StaleFile, staleFiles } from './promotion';
import { describeDifference, type Inserted, insertRows, type RowSet, verifyRows } from './rows';
import { SCHEMA_VERSION } from './schema-guard';

/** What a run is about to make for a new database; known beforehand, so that a journal can name it before it is there. */
export interface Staging {
  readonly database: string;
  /** In the data directory, so that putting it in place is no copy. */
  readonly temporary: string;
  /** Directories to be made, outermost first. */
  readonly directories: readonly string[];
  /** Files of an earlier database that must be put aside. */
  readonly stale: readonly StaleFile[];
}

/** A new database under its temporary name: closed, synced, nothing of it visible to the daemon. */
export interface StagedDatabase {
  readonly staging: Staging;
  /** Directories that were made, outermost first; one that somebody else made meanwhile is not among them. */
  readonly directories: readonly string[];
  readonly inserted: Inserted;
  /** What is wrong with it; it may be put in place only if this is empty. */
  readonly problems: readonly string[];
}

/** Looks at what there is, changes nothing. */
export function planStaging(paths: TargetPaths, runId: string): Staging {
  return {
    database: paths.database,
    temporary: join(paths.dataDir, `.ao.db.${runId}.partial`),
    directories: missingDirectories(paths.dataDir),
    stale: staleFiles(paths.database, runId),
  };
}

/**
 * The bytes of a database of version 12 without rows. Made in memory, a version at a time: where files are being synced
 * meanwhile it costs no time, and it is a fifth of a small run. Null on macOS, whose own SQLite is used there and need not
 * have been built to give them: then it is made in its file.
 */
export async function emptyDatabase(platform: Machine['platform']): Promise<Uint8Array | null> {
  if (platform === 'darwin') return null;
  const db = openDatabase(':memory:');
  try {
    for (const _ of migrationSteps(db, MIGRATIONS)) await turn();
    return db.serialize();
  } finally {
    closeDatabase(db);
  }
}

/**
 * Writes a new database under its temporary name: all versions and rows, checked and synced (migration.md 7). Mode 0600,
 * new directories 0750. On an error all of it is gone again.
 *
 * @param empty as of `emptyDatabase`
 */
export async function stageDatabase(staging: Staging, empty: Uint8Array | null, rows: RowSet): Promise<StagedDatabase> {
  const made: string[] = [];
  try {
    for (const directory of staging.directories) if (makeDirectory(directory)) made.push(directory);
    writeFileSync(staging.temporary, empty ?? '', { flag: 'wx', mode: 0o600 });
    const built = build(staging.temporary, empty === null, rows);
    syncFile(staging.temporary);
    await syncDirectories(made.map((directory) => dirname(directory)));
    return { staging, directories: made, ...built };
  } catch (error) {
    discardDatabase(staging, made);
    throw error;
  }
}

/** `synced`: the new name survives a power cut. `aside`: left-over files that could not get their names back. */
export interface Promotion {
  readonly placed: boolean;
  readonly synced: boolean;
  readonly aside: readonly StaleFile[];
}

/**
 * The commit point: the database appears under its name, whole, or not at all. Not placed, with nothing changed, if
 * another one has appeared there (migration.md 7: run again). Files of an earlier database are put aside first. What it
 * throws was before that point; after it nothing is thrown.
 */
export async function promoteDatabase(staging: Staging): Promise<Promotion> {
  let placed = false;
  let aside: readonly StaleFile[] = [];
  try {
    placed = moveStale(staging.stale, staging.database) && moveWithoutOverwriting(staging.temporary, staging.database);
  } finally {
    if (!placed) aside = putBackStale(staging.stale, staging.database);
  }
  try {
    await syncDirectories([dirname(staging.database)]);
    return { placed, synced: true, aside };
  } catch {
    return { placed, synced: false, aside };
  }
}

/**
 * Removes what `stageDatabase` made and was not put in place; a directory only as long as it is empty. Can be repeated.
 * `directories`: those that were made, outermost first.
 */
export function discardDatabase({ temporary }: Staging, directories: readonly string[]): void {
  for (const part of ['', '-journal', '-wal', '-shm']) rmSync(temporary + part, { force: true });
  for (const directory of directories.toReversed()) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  }
}

/** False where it is there already. */
function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, 0o750);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  }
  // Whatever the umask says: the daemon's own directories are 0750.
  chmodSync(path, 0o750);
  return true;
}

function build(temporary: string, isBare: boolean, rows: RowSet): Pick<StagedDatabase, 'inserted' | 'problems'> {
  const db = openDatabase(temporary);
  try {
    // Until it is in place the file is thrown away on any accident: it needs no journal on disk, and one sync at its end.
    // Left in rollback mode, as one that was built in DELETE mode is; the daemon turns it to WAL itself.
    db.run('PRAGMA journal_mode = MEMORY');
    db.run('PRAGMA synchronous = OFF');
    db.run('PRAGMA locking_mode = EXCLUSIVE');
    db.run('PRAGMA temp_store = MEMORY');
    if (isBare) applyMigrations(db, MIGRATIONS);
    db.run('BEGIN');
    const inserted = insertRows(db, rows);
    db.run('COMMIT');
    return { inserted, problems: [...databaseProblems(db), ...verifyRows(db, inserted.rows).map(describeDifference)] };
  } finally {
    closeDatabase(db);
  }
}

/** What is wrong with a database of version 12 as a whole: version rows, foreign keys, integrity. Empty if nothing is. */
export function databaseProblems(db: Database): string[] {
  const problems: string[] = [];
  const versions = db
    .query<{ version: number }, []>('SELECT version_id AS version FROM goose_db_version ORDER BY id')
    .all();
  const expected = Array.from({ length: SCHEMA_VERSION + 1 }, (_, version) => version);
  if (
    !Bun.deepEquals(
      versions.map(({ version }) => version),
      expected,
    )
  )
    problems.push('version rows are not 0 to 12');
  if (db.query('PRAGMA foreign_key_check').all().length > 0) problems.push('a foreign key leads nowhere');
  for (const { integrity_check: found } of db.query<{ integrity_check: string }, []>('PRAGMA integrity_check').all()) {
    if (found !== 'ok') problems.push(found);
  }
  return problems;
}

function syncFile(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Outermost first. */
function missingDirectories(path: string): string[] {
  if (stands(path)) return [];
  const parent = dirname(path);
  return parent === path ? [] : [...missingDirectories(parent), path];
}
