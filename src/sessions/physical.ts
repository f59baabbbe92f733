import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';

/**
 * The path as the system sees it: absolute, cleaned, links resolved; of a path that does not exist the longest existing
 * ancestor is resolved and the rest appended (rewrite-target.md 5.4). On Windows the true case and long form. A path
 * that is not absolute here, such as one of another operating system, is returned as it is.
 */
export function physical(path: string): string {
  if (!isAbsolute(path)) return path;
  const missing: string[] = [];
  let head = resolve(path);
  for (;;) {
    const real = resolved(head, realpath);
    if (real !== null) return join(real, ...missing);
    const parent = dirname(head);
    if (parent === head) return join(head, ...missing);
    missing.unshift(basename(head));
    head = parent;
  }
}

/**
 * `physical` for many paths of one look, in which nothing is moved: each folder on the way is looked at once. What is
 * below a folder that is not there costs nothing.
 */
export class PhysicalPaths {
  readonly #known = new Map<string, { readonly path: string; readonly exists: boolean }>();

  of(path: string): string {
    // Elsewhere the case of a name may be another than the one asked for, which only the system tells.
    if (process.platform !== 'linux' || !isAbsolute(path)) return physical(path);
    return this.#find(resolve(path)).path;
  }

  #find(path: string): { readonly path: string; readonly exists: boolean } {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const parent = dirname(path);
    const found = parent === path ? { path, exists: true } : this.#child(this.#find(parent), basename(path));
    this.#known.set(path, found);
    return found;
  }

  #child(parent: { readonly path: string; readonly exists: boolean }, name: string) {
    const path = join(parent.path, name);
    if (!parent.exists) return { path, exists: false };
    const isPlain = isPlainEntry(path);
    if (isPlain !== null) return { path, exists: isPlain };
    const real = realOrNull(path);
    return real === null ? { path, exists: false } : { path: real, exists: true };
  }
}

/** True for what is there and no link, false for what is not there, null where links must be followed to know. */
function isPlainEntry(path: string): boolean | null {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat === undefined ? false : stat.isSymbolicLink() ? null : true;
  } catch {
    return false;
  }
}

/**
 * The path with every link resolved, or null where it does not exist. On Windows letters and short names stay as they are
 * written: the hash in the names of early stores was made of such paths.
 */
export function realOrNull(path: string): string | null {
  return resolved(path, realpathSync);
}

function resolved(path: string, resolve: (path: string) => string): string | null {
  // Resolving what is not there costs many times as much as this question, and it often is not there.
  if (!existsSync(path)) return null;
  try {
    return resolve(path);
  } catch {
    return null;
  }
}

const realpath = process.platform === 'win32' ? realpathSync.native : realpathSync;

/**
 * Tells whether a directory is one of those named: literally, or by its physical path. `\` counts as `/`, the case of a
 * drive letter and a slash at the end do not count (legacy-store.md 5.2), nor does how a letter with an accent is composed:
 * Claude Code of 2.1.50 to 2.1.112 writes the composed form of a path in its rows (harness-sessions.md 1.1).
 */
export function directoryMatcher(directories: readonly string[]): (directory: string) => boolean {
  // Most matchers are never asked.
  let known: Set<string> | null = null;
  return (directory) => {
    known ??= new Set(directories.flatMap((each) => [composed(each), composed(physical(each))]));
    return known.has(composed(directory)) || known.has(composed(physical(directory)));
  };
}

/** One spelling for comparison, however letters with accents are composed. */
export function composed(path: string): string {
  return spelling(path).normalize('NFC');
}

/** One spelling of a path for comparison. */
export function spelling(path: string): string {
  const slashes = path.replaceAll('\\', '/');
  const drive = /^[A-Za-z]:/.test(slashes) ? slashes.charAt(0).toLowerCase() + slashes.slice(1) : slashes;
  return drive.length > 1 ? drive.replace(/(?<=.)\/+$/, '') : drive;
}
