import { accessSync, constants, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isFile, pathFrom, physical, readText } from './files';
import type { RefFile, RefFiles } from './refs';
import { isLineEnd, trimEnd } from './text';

/** Where a repository keeps its files. */
export interface Location {
  /** Of this checkout: holds HEAD. Physical, save that a `.git` which is a link is not resolved. */
  readonly gitDir: string;
  /** Shared by all worktrees: holds config, refs and `worktrees/`. */
  readonly commonDir: string;
  /** The directory that holds `.git`; null for a repository that was found as a folder of its own, as a bare one is. */
  readonly top: string | null;
  /** A worktree made by `git worktree add`. */
  readonly linked: boolean;
}

/** git reads `.git` files of up to one MiB. */
const GITFILE_LIMIT = 1024 * 1024;

/**
 * The repository at a physical directory or, unless `here`, at the nearest parent on the same file system, found in git's
 * order: `.git` file, `.git` directory, the folder itself. `broken` where a `.git` file stands in the way that leads
 * nowhere: git stops there too and does not look further up (migration.md R12).
 */
export function locate(directory: string, refs: RefFiles, here = false): Location | 'none' | 'broken' {
  const device = deviceOf(directory);
  for (let at = directory; ; ) {
    const found = locateHere(at, refs);
    if (found !== 'none' || here) return found;
    const parent = dirname(at);
    if (parent === at || deviceOf(parent) !== device) return 'none';
    at = parent;
  }
}

function deviceOf(directory: string): number | null {
  try {
    return statSync(directory).dev;
  } catch {
    return null;
  }
}

function locateHere(directory: string, refs: RefFiles): Location | 'none' | 'broken' {
  const dotGit = join(directory, '.git');
  const pointer = readText(dotGit, GITFILE_LIMIT);
  if (pointer.state === 'read') {
    const target = pointer.text.startsWith('gitdir: ') ? trimEnd(pointer.text.slice('gitdir: '.length), isLineEnd) : '';
    const gitDir = target === '' ? null : physical(pathFrom(directory, target));
    return (gitDir === null ? null : locationOf(gitDir, directory, refs)) ?? 'broken';
  }
  if (pointer.state === 'directory') {
    const location = locationOf(dotGit, directory, refs);
    if (location !== null) return location;
  }
  // Whatever else is named `.git` hides nothing, except a file that git would have to read and cannot.
  if (pointer.state === 'unreadable' && isFile(dotGit)) return 'broken';
  return locationOf(directory, null, refs) ?? 'none';
}

/** git's own test of a repository: a HEAD that looks like one, and `objects` and `refs` in the common directory. */
function locationOf(gitDir: string, top: string | null, refs: RefFiles): Location | null {
  if (!looksLikeHead(refs.read(join(gitDir, 'HEAD')))) return null;
  const pointer = readText(join(gitDir, 'commondir'));
  if (pointer.state !== 'read' && pointer.state !== 'missing') return null;
  const linked = pointer.state === 'read';
  const commonDir = linked ? physical(pathFrom(gitDir, trimEnd(pointer.text, isLineEnd))) : gitDir;
  if (commonDir === null) return null;
  if (!isEnterable(join(commonDir, 'objects')) || !isEnterable(join(commonDir, 'refs'))) return null;
  return { gitDir, commonDir, top, linked };
}

function looksLikeHead(file: RefFile): boolean {
  return file.kind === 'link' || (file.kind === 'text' && /^(?:ref:[ \t\r\n]*refs\/|[0-9a-f]{40})/i.test(file.text));
}

function isEnterable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The directory of the main checkout, which need not exist: where `core.worktree` points, else where `.git` was found, else
 * the parent of a common directory named `.git`; null where the files do not say (a separate git directory).
 */
export function mainTop(location: Location, coreWorktree: string | null): string | null {
  if (coreWorktree !== null) {
    const path = pathFrom(location.commonDir, coreWorktree);
    return physical(path) ?? resolve(path);
  }
  if (!location.linked && location.top !== null) return location.top;
  const parent = dirname(location.commonDir);
  return join(parent, '.git') === location.commonDir ? parent : null;
}
