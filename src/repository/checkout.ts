import { isAbsolute } from 'node:path';
import { ConfigFiles } from './config';
import { isDirectory, physical } from './files';
import { readFormat } from './format';
import { registeredWorktrees } from './holders';
import { type Location, locate, mainTop } from './location';
import { RefFiles } from './refs';

/**
 * The main checkout to which a worktree belongs (migration.md 4.1), by its `.git` file, or the path itself where that is
 * one. Only the directory itself is looked at, no parent. Null where it is neither, where the repository is bare, and where
 * the main checkout is no longer there or its files do not say where it is.
 */
export function mainCheckoutOf(worktree: string): string | null {
  const location = locationAt(worktree);
  if (location === null || location.top === null) return null;
  const { commonDir } = location;
  const format = readFormat({ gitDir: commonDir, commonDir }, new ConfigFiles());
  if (format === null || format.bare === true) return null;
  if (format.worktree === null && !location.linked) return worktree;
  const top = mainTop(location, format.worktree);
  return top !== null && isDirectory(top) ? top : null;
}

/**
 * The directories of all worktrees that the repository of a checkout registers, also of those that are gone, sorted by
 * registration: how a recorded worktree that no longer exists finds its repository (migration.md 4.1).
 */
export function worktreesOf(checkout: string): readonly string[] {
  const location = locationAt(checkout);
  const worktrees = location === null ? null : registeredWorktrees(location.commonDir);
  return (worktrees ?? []).map(({ path }) => path);
}

function locationAt(directory: string): Location | null {
  const real = isAbsolute(directory) && isDirectory(directory) ? physical(directory) : null;
  const location = real === null ? 'none' : locate(real, new RefFiles(), true);
  return typeof location === 'string' ? null : location;
}
