import { posix, win32 } from 'node:path';
import type { ProjectPath, Tree } from '../contracts/legacy';
import { realOrNull } from '../sessions/physical';

/** The part of the machine that decides what a path means. */
export interface PathContext {
  readonly home: string;
  readonly platform: 'linux' | 'darwin' | 'win32';
}

/**
 * legacy-store.md 2.8: `~` is this machine's home, absolute paths are normalised lexically without following links,
 * everything relative (also `~user`) and everything that leaves the home is unusable. Paths in the form of the other
 * family of systems are kept to the letter (E79).
 */
export function projectPath(field: Tree | undefined, context: PathContext): ProjectPath {
  if (field === undefined) return unusable(null, 'it has no path');
  if (field.kind !== 'scalar' || typeof field.value !== 'string') return unusable(null, 'its path is not a text');
  const raw = field.value;
  const text = raw.trim();
  const paths = context.platform === 'win32' ? win32 : posix;
  if (text === '') return unusable(raw, 'its path is empty');
  if (text.includes('\0')) return unusable(raw, 'its path holds a NUL character');
  if ((text === '~' || text.startsWith('~/')) && context.home === '')
    return unusable(raw, 'its path starts in the home directory, and none is known');
  if (text === '~') return usable(raw, stripTrailing(paths.normalize(context.home), paths.sep));
  if (text.startsWith('~/')) {
    const home = paths.resolve(context.home);
    const joined = paths.resolve(home, `.${paths.sep}${text.slice(2)}`);
    const inside = joined === home || joined.startsWith(home.endsWith(paths.sep) ? home : home + paths.sep);
    return inside ? usable(raw, joined) : unusable(raw, 'its path leaves the home directory');
  }
  if (context.platform === 'win32') {
    if (/^[A-Za-z]:[\\/]/.test(text) || text.startsWith('\\\\'))
      return usable(raw, stripTrailing(win32.normalize(text), '\\'));
    if (text.startsWith('/')) return { raw, resolved: text, problem: null, real: null, foreign: true };
  } else {
    if (text.startsWith('/')) return usable(raw, stripTrailing(posix.normalize(text), '/'));
    if (/^[A-Za-z]:[\\/]/.test(text) || text.startsWith('\\\\'))
      return { raw, resolved: text, problem: null, real: null, foreign: true };
  }
  return unusable(raw, 'its path is relative');
}

function usable(raw: string, resolved: string): ProjectPath {
  return { raw, resolved, problem: null, real: realOrNull(resolved), foreign: false };
}

function unusable(raw: string | null, problem: string): ProjectPath {
  return { raw, resolved: null, problem, real: null, foreign: false };
}

function stripTrailing(path: string, separator: string): string {
  const bare = path.length > 1 && path.endsWith(separator) ? path.slice(0, -1) : path;
  return /^[A-Za-z]:$/.test(bare) ? bare + separator : bare;
}
