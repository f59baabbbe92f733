import { closeSync, openSync, readFileSync, readSync, realpathSync, type Stats, statSync } from 'node:fs';
import { isAbsolute, sep } from 'node:path';

/** Largest config, ref or pointer file that is read, bytes. Real ones have a few hundred. */
export const TEXT_LIMIT = 4 * 1024 * 1024;
const CHUNK = 256 * 1024;
/** No ref name that a file system or git can make comes near it, bytes. */
const LINE_LIMIT = 64 * 1024;

/** What stands at a path: a text (UTF-8, invalid bytes replaced), or why there is none. */
export type TextFile =
  | { readonly state: 'read'; readonly text: string }
  | { readonly state: 'missing' | 'directory' | 'unreadable' };

/** The message code of a system error, or '' for anything else that was thrown. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  // A name that is too long for the system cannot be that of a file that exists.
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG';
}

/**
 * Reads a regular file of at most `limit` bytes. Never throws; anything that is not a regular file is not opened, because
 * opening a FIFO blocks and opening a device can do anything.
 */
export function readText(path: string, limit: number = TEXT_LIMIT): TextFile {
  try {
    // Most names that git may use are not there, and an error costs more than an answer.
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? { state: 'missing' } : readFound(path, stat, limit);
  } catch (error) {
    return { state: isAbsence(error) ? 'missing' : 'unreadable' };
  }
}

/** As `readText`, where it is known already what stands there; a link is followed. */
export function readFound(path: string, stat: Stats, limit: number = TEXT_LIMIT): TextFile {
  if (stat.isSymbolicLink()) return readText(path, limit);
  if (stat.isDirectory()) return { state: 'directory' };
  if (!stat.isFile() || stat.size > limit) return { state: 'unreadable' };
  try {
    // Files of /proc say that they are empty, and reading some of them never ends.
    return { state: 'read', text: stat.size === 0 ? '' : readFileSync(path, 'utf8') };
  } catch (error) {
    return { state: isAbsence(error) ? 'missing' : 'unreadable' };
  }
}

/** The text of a regular file, or null for whatever reason there is none. */
export function textOf(path: string): string | null {
  const file = readText(path);
  return file.state === 'read' ? file.text : null;
}

/** A directory stands there, links followed. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}

/** A regular file stands there, links followed. */
export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return false;
  }
}

/** Something stands there, links followed. */
export function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** A path that a file names, absolute or from a directory. `..` stays, because behind a link it is another place. */
export function pathFrom(directory: string, path: string): string {
  return isAbsolute(path) ? path : `${directory}${sep}${path}`;
}

/** The path without symbolic links, or null where it does not exist or cannot be entered. */
export function physical(path: string): string | null {
  try {
    // The other variant takes `..` off before it follows links.
    return realpathSync.native(path);
  } catch {
    return null;
  }
}

/**
 * Calls `visit` with every line of a regular file, as bytes in a latin1 string without its newline, in bounded memory.
 * `missing` where there is none; `broken` where it cannot be read, is above `limit` bytes, its last line has no end, or
 * `visit` answered false.
 */
export function eachLine(path: string, limit: number, visit: (line: string) => boolean): 'read' | 'missing' | 'broken' {
  let file: number | null = null;
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return 'missing';
    if (!stat.isFile() || stat.size > limit) return 'broken';
    if (stat.size === 0) return 'read';
    file = openSync(path, 'r');
    return scan(file, Buffer.allocUnsafe(Math.min(CHUNK, stat.size)), limit, visit) ? 'read' : 'broken';
  } catch (error) {
    return isAbsence(error) ? 'missing' : 'broken';
  } finally {
    if (file !== null) closeSync(file);
  }
}

function scan(file: number, chunk: Buffer, limit: number, visit: (line: string) => boolean): boolean {
  let rest = '';
  for (let total = 0; total <= limit; ) {
    const length = readSync(file, chunk, 0, chunk.length, null);
    if (length === 0) return rest === '';
    total += length;
    const text = rest + chunk.toString('latin1', 0, length);
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      if (!visit(text.slice(start, end))) return false;
      start = end + 1;
    }
    rest = text.slice(start);
    if (rest.length > LINE_LIMIT) return false;
  }
  return false;
}
