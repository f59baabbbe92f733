import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { cannotSync, openDirectory } from '../sessions/directories';
import { stands } from '../sessions/entry';
import { isSystemError } from '../sessions/source';
import { mayChange } from './permission';

/** Makes new and changed names in a directory survive a power cut; systems that cannot sync directories are let be. */
export function syncDirectory(path: string): void {
  const descriptor = openDirectory(path);
  if (descriptor === null) return;
  try {
    fsyncSync(descriptor);
  } catch (error) {
    if (!cannotSync(error)) throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a directory and its missing parents, 0700; returns those made, outermost first. On an error none is left. */
export function makeDirectories(path: string, mode = 0o700): string[] {
  const missing: string[] = [];
  for (let current = path; !stands(current); current = dirname(current)) {
    missing.unshift(current);
    if (dirname(current) === current) break;
  }
  const made: string[] = [];
  try {
    for (const directory of missing) {
      try {
        mkdirSync(directory, { mode });
        made.push(directory);
      } catch (error) {
        if (!isSystemError(error, 'EEXIST')) throw error;
      }
    }
    for (const directory of new Set(made.map((each) => dirname(each)))) syncDirectory(directory);
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
  return made;
}

/** A text, or its pieces where the whole of it would be too much to hold. */
export type Text = string | Iterable<string | Uint8Array>;

/**
 * Writes a whole private file so that after a power cut it is there complete, or as it was before. What an accident has
 * left under the temporary name goes first: the caller alone has that name.
 */
export function writeDurably(path: string, text: Text, temporary: string): void {
  rmSync(temporary, { force: true });
  writeSynced(temporary, text);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Writes and syncs a new private file; fails if it exists. */
export function writeSynced(path: string, text: Text): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (const piece of typeof text === 'string' ? [text] : text)
      writeAll(descriptor, typeof piece === 'string' ? Buffer.from(piece, 'utf8') : piece);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
}

/** Gives `path` this text only if nothing has the name: the file appears whole or not at all. */
export function createExclusively(path: string, text: string, temporary: string): boolean {
  writeSynced(temporary, text);
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    // File systems without hard links (FAT, shared folders): the name is taken first, the text follows.
    if (!isSystemError(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    return takeName(path, text);
  } finally {
    removeSecondName(temporary);
  }
}

/** The text is in place, or it is not: a temporary name that stays changes nothing of that, and its maker tries again. */
function removeSecondName(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Debris of a dead process is removed by the next run.
  }
}

function takeName(path: string, text: string): boolean {
  try {
    writeSynced(path, text);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Removes directories that are empty, innermost first; what holds something stays. */
export function removeEmpty(directories: readonly string[]): void {
  for (const directory of [...directories].reverse()) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (!isSystemError(error, 'ENOTEMPTY', 'ENOENT', 'EEXIST', 'ENOTDIR')) throw error;
    }
  }
}

/** The same, and it holds after a power cut. One that may not be taken out of the folder above it stays too. */
export function removeEmptyDurably(directories: readonly string[]): void {
  removeEmpty(directories.filter((each) => mayChange(dirname(each))));
  for (const parent of new Set(directories.map((each) => dirname(each)))) if (stands(parent)) syncDirectory(parent);
}
