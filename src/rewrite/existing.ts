import type { Database } from 'bun:sqlite';
import { closeDatabase } from './connection';
import { describeDifference, type Inserted, insertRows, type RowSet, verifyRows } from './rows';

/** Rows that are in the open transaction of an existing database and visible to nobody else. */
export interface PreparedRows {
  readonly inserted: Inserted;
  /** What is wrong with them; they may be committed only if this is empty. */
  readonly problems: readonly string[];
}

/**
 * Begins the one transaction on an existing database and puts the rows in (migration.md 7). `db` is the connection of
 * `openExclusive`. What follows is `commitRows` or `abandonRows`, then `releaseDatabase`. On an error the transaction is
 * gone.
 */
export function prepareRows(db: Database, rows: RowSet): PreparedRows {
  db.run('BEGIN IMMEDIATE');
  try {
    const inserted = insertRows(db, rows);
    return { inserted, problems: verifyRows(db, inserted.rows).map(describeDifference) };
  } catch (error) {
    abandonRows(db);
    throw error;
  }
}

/** The commit point. Where it throws, nothing says whether SQLite kept the transaction: look at a private copy. */
export function commitRows(db: Database): void {
  db.run('COMMIT');
}

/** Takes the rows back, if SQLite has not done so itself after an error. */
export function abandonRows(db: Database): void {
  if (db.inTransaction) db.run('ROLLBACK');
}

/** Lets the database go: the `-wal` is moved into it and removed, others may open it again. */
export function releaseDatabase(db: Database): void {
  closeDatabase(db);
}
