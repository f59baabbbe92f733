import type { Stats } from 'node:fs';
import type { SessionRecord, SourceFile } from '../contracts/legacy';
import { entryAt, targetAt } from '../sessions/entry';
import type { ParsedTree } from './tree';

/**
 * What tells one state of a file from another: a write or replacement changes one of them, unless it comes within one tick
 * of the clock.
 */
export interface FileStamp {
  readonly inode: number;
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

export function stampOf({ ino, size, mtimeMs, ctimeMs }: Stats): FileStamp {
  return { inode: ino, bytes: size, mtimeMs, ctimeMs };
}

/** Clocks of file systems are coarse, the coarsest counts two seconds: two writes within that may look alike. */
const COARSE_MS = 2_000;

/** One object for each file: there are tens of thousands. */
interface Kept<T> extends FileStamp {
  readonly source: SourceFile;
  readonly value: T;
}

/**
 * What files held when they were read first, so that a second look under the lock reads only what changed meanwhile
 * (migration.md 7). A file counts as unchanged by inode, size, mtime and ctime, never by its name alone.
 */
export class FileMemory<T> {
  readonly #kept = new Map<string, Kept<T>>();

  /** @param nowMs before anything is read */
  constructor(private readonly nowMs: number) {}

  keep(source: SourceFile, stamp: FileStamp, value: T): void {
    if (Math.max(stamp.mtimeMs, stamp.ctimeMs) + COARSE_MS < this.nowMs)
      this.#kept.set(source.path, { ...stamp, source, value });
  }

  /** Null where it is not known, or not as it was. `follow`: the file may be reached by a link. */
  recall(path: string, follow: boolean): Kept<T> | null {
    const kept = this.#kept.get(path);
    if (kept === undefined) return null;
    const stat = (follow ? targetAt : entryAt)(path);
    if (stat === null || !stat.isFile()) return null;
    const { inode, bytes, mtimeMs, ctimeMs } = kept;
    const isSame = stat.ino === inode && stat.size === bytes && stat.mtimeMs === mtimeMs && stat.ctimeMs === ctimeMs;
    return isSame ? kept : null;
  }
}

/** What one run remembers of a store between its two looks at it. */
export interface StoreMemory {
  readonly records: FileMemory<SessionRecord>;
  readonly trees: FileMemory<ParsedTree>;
}

export function storeMemory(nowMs: number): StoreMemory {
  return { records: new FileMemory(nowMs), trees: new FileMemory(nowMs) };
}
