import type { Database } from 'bun:sqlite';
import { sqliteCode } from './connection';

/** A statement failed in such a way that the whole transaction is gone. `message`: the database's reason. */
export class TransactionEnded extends Error {
  override readonly name = 'TransactionEnded';
}

/**
 * Does the work in a savepoint of its own, so that it is done whole or not at all. Null if it was done; else why not: what
 * the work itself says, or the database's reason where that is about this row.
 *
 * @throws TransactionEnded, or the driver's error where it is about no row
 */
export function attempt(db: Database, work: () => string | null): string | null {
  db.query('SAVEPOINT item').run();
  let reason: string | null;
  try {
    reason = work();
  } catch (error) {
    if (!blamesTheRow(error)) throw error;
    reason = error instanceof Error ? error.message : String(error);
    if (!db.inTransaction) throw new TransactionEnded(reason);
  }
  if (reason !== null) db.query('ROLLBACK TO item').run();
  db.query('RELEASE item').run();
  return reason;
}

function blamesTheRow(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== null && ['SQLITE_CONSTRAINT', 'SQLITE_MISMATCH', 'SQLITE_TOOBIG', 'SQLITE_ERROR'].includes(code);
}
