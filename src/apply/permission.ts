import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { Refusal } from '../contracts/refusals';

/** Names can be made and removed in this directory, as far as the system says so. */
export function mayChange(directory: string): boolean {
  return allows(directory, constants.W_OK | constants.X_OK);
}

/** @throws Refusal NOT_WRITABLE: SQLite writes to the file and makes others beside it */
export function requireWritable(database: string): void {
  if (!mayChange(dirname(database)))
    throw new Refusal('NOT_WRITABLE', `${dirname(database)} cannot be written, and the database is there.`);
  if (!allows(database, constants.R_OK | constants.W_OK))
    throw new Refusal('NOT_WRITABLE', `${database} cannot be written.`);
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
