import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { Refusal } from '../contracts/refusals';
import { isSystemError } from '../sessions/system-error';

const CHANGE = constants.W_OK | constants.X_OK;

/** Names can be made and removed in this directory, as far as the system says so. */
export function mayChange(directory: string): boolean {
  return reasonAgainst(directory, CHANGE) === null;
}

/**
 * For a database that is there: SQLite writes to the file and makes others beside it. One that goes away meanwhile, because
 * another run removes it, is not what this is about.
 *
 * @throws Refusal NOT_WRITABLE
 */
export function requireWritable(database: string): void {
  const isDenied = (path: string, mode: number): boolean => {
    const reason = reasonAgainst(path, mode);
    return reason !== null && !isSystemError(reason, 'ENOENT', 'ENOTDIR');
  };
  if (isDenied(dirname(database), CHANGE))
    throw new Refusal('NOT_WRITABLE', `${dirname(database)} cannot be written, and the database is there.`);
  for (const [mode, what] of [
    [constants.R_OK, 'read'],
    [constants.W_OK, 'written'],
  ] as const) {
    if (isDenied(database, mode))
      throw new Refusal(
        'NOT_WRITABLE',
        `${database} cannot be ${what}.`,
        'Give yourself permission to read and write it, then run again.',
      );
  }
}

/** What the system says against it, or null. */
function reasonAgainst(path: string, mode: number): unknown {
  try {
    accessSync(path, mode);
    return null;
  } catch (error) {
    return error;
  }
}
