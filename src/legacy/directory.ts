import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../sessions/system-error';

/** A name in a directory. */
export interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/**
 * Names in a directory in code unit order, never in the order of the disk (C2); nothing where it cannot be listed.
 *
 * @param unreadable told why, where the directory is there
 */
export function list(directory: string, unreadable?: (reason: string) => void): Entry[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .map((entry) => ({
        name: entry.name,
        isDirectory: entry.isDirectory() || (entry.isSymbolicLink() && isDirectory(join(directory, entry.name))),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') unreadable?.(code);
    return [];
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Hash and name of a V1 directory, or null for anything else that begins with a hash (legacy-store.md 1.4). */
export function v1Name(name: string): { hash: string; suffix: string | null } | null {
  const match = /^([0-9a-f]{12})(?:-(.+))?$/.exec(name);
  const hash = match?.[1];
  if (hash === undefined || name.endsWith('.migrated') || match?.[2] === 'observability') return null;
  return { hash, suffix: match?.[2] ?? null };
}
