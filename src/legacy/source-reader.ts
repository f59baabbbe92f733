import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { SourceFile } from '../contracts/legacy';
import { sha256Hex } from '../sessions/sha256';
import { errorCode } from '../sessions/system-error';
import { type FileStamp, stampOf } from './file-memory';

/**
 * What reading one flat file gave. `absent`, `unreadable` and text are three different answers (migration.md 3).
 * `changed`: it was written while it was read.
 */
export type ReadResult =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly source: SourceFile;
      readonly changed: boolean;
      /** As it was opened. */
      readonly stamp: FileStamp;
    };

export interface ReadOptions {
  /** Bytes above which a file is `unreadable`; a config of hundreds of megabytes is not a config. */
  readonly cap: number;
  /** Refuse a link in the last component: records are never links, configs may be (E81). */
  readonly noFollow?: boolean;
  /** Refuse what is not UTF-8, instead of putting U+FFFD where the bytes make no sense. */
  readonly utf8?: boolean;
  /** Keep it out of the hashed sources, and so out of the backup (`.claude.json`, migration.md 4.1). */
  readonly untracked?: boolean;
  /** Who asks does not mind that it is written meanwhile: `changed` then says only that its length was another. */
  readonly unwatched?: boolean;
}

/** Where a file of the store is now, and the modification time that it had (epoch milliseconds). */
export type Overlay = ReadonlyMap<string, { readonly path: string; readonly mtimeMs: number }>;

/** Reads flat files, each once and in one go, and remembers what was read (migration.md 4). Never writes, never locks. */
export class SourceReader {
  /** @param overlay the files of a store as it was, by the path that they are asked for; then no other of it exists */
  constructor(private readonly overlay: Overlay | null = null) {}

  readonly #files = new Map<string, SourceFile>();

  /** Every tracked file that was read, by path. */
  get files(): readonly SourceFile[] {
    return [...this.#files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** What the overlay says of a path; undefined where the disk must be asked. */
  hasInOverlay(path: string): boolean | undefined {
    return this.overlay?.has(path);
  }

  /** Paths that the overlay has; none without one. */
  get overlaid(): readonly string[] {
    return [...(this.overlay?.keys() ?? [])];
  }

  read(path: string, options: ReadOptions): ReadResult {
    const copy = options.untracked ? undefined : this.overlay?.get(path);
    if (copy !== undefined && copy.path !== path) {
      const result = this.read(copy.path, { ...options, untracked: true });
      if (result.kind !== 'text') return result;
      return { ...result, source: this.#took({ ...result.source, path, mtimeMs: copy.mtimeMs }) };
    }
    const result = this.#readDisk(path, options);
    if (result.kind !== 'text' || options.untracked || this.overlay === null) return result;
    if (copy !== undefined) return { ...result, source: this.#took({ ...result.source, mtimeMs: copy.mtimeMs }) };
    // It came later, or can be read only now. What cannot be read is as it was then.
    this.forget(path);
    return { kind: 'absent' };
  }

  #took(source: SourceFile): SourceFile {
    this.take(source);
    return source;
  }

  #readDisk(path: string, options: ReadOptions): ReadResult {
    let descriptor: number;
    try {
      // Without O_NONBLOCK a FIFO in place of a file would stop the run for ever.
      const flags =
        constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (options.noFollow ? (constants.O_NOFOLLOW ?? 0) : 0);
      descriptor = openSync(path, flags);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
      return { kind: 'unreadable', reason: code === 'ELOOP' ? 'a link' : code };
    }
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) return { kind: 'unreadable', reason: 'not a regular file' };
      if (stat.size > options.cap) return { kind: 'unreadable', reason: `larger than ${options.cap} bytes` };
      const bytes = readWhole(descriptor, stat.size, options.cap);
      if (bytes === null) return { kind: 'unreadable', reason: `larger than ${options.cap} bytes` };
      if (options.utf8 && !isUtf8(bytes)) return { kind: 'unreadable', reason: 'it is not UTF-8 text' };
      const after = options.unwatched ? stat : fstatSync(descriptor);
      const source: SourceFile = {
        path,
        sha256: options.untracked ? '' : sha256Hex(bytes),
        size: bytes.length,
        mtimeMs: Math.floor(stat.mtimeMs),
        mode: stat.mode & 0o7777,
      };
      // The legacy CLI overwrites its config in place (legacy-store.md 7): half of one may be a valid text.
      const changed = after.size !== bytes.length || after.mtimeMs !== stat.mtimeMs;
      if (!options.untracked) this.#files.set(path, source);
      return { kind: 'text', text: bytes.toString('utf8'), source, changed, stamp: stampOf(stat) };
    } catch (error) {
      return { kind: 'unreadable', reason: errorCode(error) };
    } finally {
      closeSync(descriptor);
    }
  }

  /** Counts a file as read that is still as it was when it was read before. */
  take(source: SourceFile): void {
    this.#files.set(source.path, source);
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** Takes a file out of the remembered ones: it turned out not to be part of the store. */
  forget(path: string): void {
    this.#files.delete(path);
  }
}

/** Serves nearly every file; a buffer of its own for each of thousands costs more than reading them. */
const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);

/** All bytes of a file that may still grow or shrink, valid until the next call; null above `cap`. */
function readWhole(descriptor: number, expected: number, cap: number): Buffer | null {
  let buffer = expected < SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(expected + 1);
  let length = 0;
  for (;;) {
    const read = readSync(descriptor, buffer, length, buffer.length - length, null);
    length += read;
    // A file that had one byte more would have filled the buffer.
    if (read === 0 || length === expected) return buffer.subarray(0, length);
    if (length > cap) return null;
    if (length === buffer.length)
      buffer = Buffer.concat([buffer, Buffer.allocUnsafe(Math.max(65_536, length))], length * 2 + 65_536);
  }
}
