import { readdirSync } from 'node:fs';
import { Refusal } from '../contracts/refusals';
import { errorCode, isSystemError } from '../sessions/system-error';

/** `YYYYMMDD-HHMMSS-<6 hex>`, UTC (migration.md 8). */
export const RUN_ID = /^\d{8}-\d{6}-[0-9a-f]{6}$/;

/**
 * Ids of the runs that have a file of this kind, newest first.
 *
 * @param migrations folder of the receipts and journals, which may not exist
 * @throws Refusal NOT_WRITABLE where it cannot be listed: it may hold an unfinished run
 */
export function runIds(migrations: string, suffix: '.json' | '.journal'): string[] {
  let names: string[];
  try {
    names = readdirSync(migrations);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw new Refusal(
      'NOT_WRITABLE',
      `${migrations} cannot be read (${errorCode(error)}), and the records of earlier runs are there.`,
    );
  }
  return names
    .filter((name) => name.endsWith(suffix) && RUN_ID.test(name.slice(0, -suffix.length)))
    .map((name) => name.slice(0, -suffix.length))
    .sort()
    .reverse();
}
