import { closeSync, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { entryAt, stands } from '../sessions/entry';
import { isSystemError } from '../sessions/source';

/** A left-over file of a database that is gone, put aside so that no new database adopts it. */
export interface StaleFile {
  readonly original: string;
  readonly aside: string;
}

/**
 * Gives a file its final name, never replacing one that is there: false if something has that name. By link and unlink,
 * because rename(2) overwrites and no other call can be had everywhere; between the two both names are the same file.
 */
export function moveWithoutOverwriting(from: string, to: string): boolean {
  try {
    linkSync(from, to);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    // File systems without hard links: FAT, and folders shared with a virtual machine.
    if (isSystemError(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'))
      return moveOverPlaceholder(from, to);
    throw error;
  }
  removeSecondName(from);
  return true;
}

/** The file has its final name, which nothing may undo; a second name that stays even so does no harm. */
function removeSecondName(path: string): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      rmSync(path, { force: true });
      return;
    } catch {
      // Recovery removes it: the journal names it.
    }
  }
}

/** The next best: takes the name with an empty file, which nobody else can do at the same time, and replaces that. */
export function moveOverPlaceholder(from: string, to: string): boolean {
  try {
    closeSync(openSync(to, 'wx', 0o600));
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  }
  // Whoever wrote to it in between has opened it as its own.
  if (lstatSync(to).size > 0) return false;
  try {
    renameSync(from, to);
  } catch (error) {
    rmSync(to);
    throw error;
  }
  return true;
}

/** The files of a database that is gone: `-wal`, `-shm`, `-journal`, with the names that they would be given (migration.md 3). */
export function staleFiles(database: string, runId: string): StaleFile[] {
  return leftOverFiles(database).map((original) => ({ original, aside: `${original}.stale-${runId}` }));
}

/** Those of them that are there, under their own names. */
export function leftOverFiles(database: string): string[] {
  return ['-wal', '-shm', '-journal'].map((part) => database + part).filter(stands);
}

/**
 * Puts the left-over files aside. False if a database appears meanwhile: what was already put aside then stays there, for
 * beside that database it would replace its content. Only what turns out to be that database's own goes back at once.
 */
export function moveStale(stale: readonly StaleFile[], database: string): boolean {
  for (const file of stale) {
    const before = entryAt(file.original)?.ino;
    if (stands(database)) return false;
    renameSync(file.original, file.aside);
    if (stands(database)) {
      // An index in shared memory is made anew by whoever opens the database first; without its name two could be.
      const isTheirs = lstatSync(file.aside).ino !== before || file.original.endsWith('-shm');
      if (isTheirs) moveWithoutOverwriting(file.aside, file.original);
      return false;
    }
  }
  return true;
}

/**
 * Gives left-over files their names back, but only while no database is there: beside another one they would replace its
 * content. Returns those that stay aside.
 */
export function putBackStale(stale: readonly StaleFile[], database: string): StaleFile[] {
  return stale.filter(
    ({ original, aside }) => stands(aside) && (stands(database) || !moveWithoutOverwriting(aside, original)),
  );
}
