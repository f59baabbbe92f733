import { chmodSync, closeSync, lstatSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDescriptor } from './descriptor';
import { inParallel } from './in-parallel';
import { isSystemError } from './source';

/**
 * Makes a directory and its missing parents, each 0700 whatever the umask says. Those made are added to `created` as they
 * come, outermost first, so that they are known even when a later one fails.
 */
export async function createPrivateDirectory(path: string, created: string[]): Promise<void> {
  try {
    // Not in place: where others are being synced, a new name waits for the journal of the file system.
    await mkdir(path, 0o700);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return;
    if (!isSystemError(error, 'ENOENT')) throw error;
    await createPrivateDirectory(dirname(path), created);
    await createPrivateDirectory(path, created);
    return;
  }
  created.push(path);
  if ((lstatSync(path).mode & 0o777) !== 0o700) chmodSync(path, 0o700);
}

/** Directories synced at a time: the file system settles several with one write of its journal. */
const PARALLEL = 16;

/** Makes new names in these directories survive a power cut. Not on Windows, which syncs no directories. */
export async function syncDirectories(paths: readonly string[]): Promise<void> {
  await inParallel([...new Set(paths)], PARALLEL, syncDirectory);
}

async function syncDirectory(path: string): Promise<void> {
  const descriptor = openDirectory(path);
  if (descriptor === null) return;
  try {
    await syncDescriptor(descriptor);
  } catch (error) {
    if (!cannotSync(error)) throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** A directory to be synced, which the caller closes; null where it cannot be. */
export function openDirectory(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    // One that may be written but not read cannot be synced: the files in it are, and one folder must not stop a run.
    if (isSystemError(error, 'EACCES', 'EPERM', 'EISDIR')) return null;
    throw error;
  }
}

/** Some network file systems cannot sync a directory; the files themselves are synced. */
export function cannotSync(error: unknown): boolean {
  return isSystemError(error, 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EISDIR');
}
