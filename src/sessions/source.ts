import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { readAt } from './descriptor';
import { entryAt, stands, targetAt } from './entry';
import { isSystemError } from './system-error';
import { hasWholeFrames } from './zstd';

export { isSystemError };

/**
 * A conversation that must not or cannot be used as it is: a link or device in its place, a damaged first row, a
 * destination that is taken. System errors stay what they are. Messages name paths, never content.
 */
export class ConversationFault extends Error {
  override readonly name = 'ConversationFault';
  constructor(
    readonly code: 'CONVERSATION_CONFLICT' | 'CONVERSATION_UNREADABLE',
    message: string,
  ) {
    super(message);
  }
}

/** A regular file opened for reading, with what it was at that moment. */
export interface OpenFile {
  readonly path: string;
  readonly descriptor: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
}

/** First chunk small, because most files are judged by their beginning; then large, because the rest is copied. */
const FIRST_CHUNK = 64 * 1024;
export const CHUNK = 512 * 1024;
const LAST_CHUNK = 512;

/** Most bytes that a compressed rollout may become: a limit for bombs, not for conversations. */
export const DECODED_LIMIT = 8 * 1024 ** 3;

/**
 * Opens a file without following a link at its end and without waiting for a FIFO. Throws a fault where it is anything
 * but a regular file, else the system's error (ENOENT, EACCES …).
 */
export function openRegular(path: string): OpenFile {
  // Windows has no O_NOFOLLOW; there the look beforehand is all there is.
  if (constants.O_NOFOLLOW === undefined && lstatSync(path).isSymbolicLink()) throw notRegular(path, 'a link');
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  const flags = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0) | (O_NOCTTY ?? 0);
  let descriptor: number;
  try {
    descriptor = openSync(path, flags);
  } catch (error) {
    if (isSystemError(error, 'ELOOP', 'EMLINK')) throw notRegular(path, 'a link');
    if (isSystemError(error, 'ENXIO', 'EOPNOTSUPP')) throw notRegular(path, 'no regular file');
    throw error;
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw notRegular(path, 'no regular file');
    return { path, descriptor, size: stats.size, mtimeMs: stats.mtimeMs, inode: stats.ino };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Opens, hands over, closes in every case. */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const file = openRegular(path);
  try {
    return await use(file);
  } finally {
    closeSync(file.descriptor);
  }
}

/** Whether the path still names the same file, unchanged in size and mtime since it was opened. */
export function isUnchanged(file: OpenFile): boolean {
  const now = lstatSync(file.path);
  return now.ino === file.inode && now.size === file.size && now.mtimeMs === file.mtimeMs;
}

/** Buffers between two uses: a fresh one of this size costs more than reading into it. */
const spare: Buffer[] = [];
const SPARE = 16;

/** Lends a buffer of `CHUNK` bytes; nothing of it may be used once it has been given back. */
export function borrowBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
}

export function giveBack(buffer: Buffer): void {
  if (spare.length < SPARE) spare.push(buffer);
}

/**
 * Bytes of a file as they are on disk, from one offset to another. The chunk is reused: valid until the next one is asked
 * for.
 */
export async function* bytesOf(
  file: OpenFile,
  from: number,
  to: number,
  first: number = FIRST_CHUNK,
): AsyncGenerator<Buffer> {
  if (from >= to) return;
  const buffer = borrowBuffer();
  try {
    let most = first;
    for (let at = from; at < to; ) {
      const bytesRead = await readAt(file.descriptor, buffer, Math.min(most, to - at), at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
      most = CHUNK;
    }
  } finally {
    giveBack(buffer);
  }
}

/**
 * Content of a conversation file: its bytes, or for `.zst` the decoded ones, of which more than `limit` are a fault.
 * Chunks are valid until the next one is asked for.
 */
export function contentOf(file: OpenFile, limit = DECODED_LIMIT): AsyncGenerator<Buffer> {
  return isCompressed(file.path) ? decoded(file, limit) : bytesOf(file, 0, file.size, CHUNK);
}

export function isCompressed(path: string): boolean {
  return path.endsWith('.zst');
}

async function* decoded(file: OpenFile, limit: number): AsyncGenerator<Buffer> {
  if (!(await hasWholeFrames(file.descriptor, file.size))) {
    throw new ConversationFault('CONVERSATION_UNREADABLE', `cut or not compressed: ${file.path}`);
  }
  // Loaded only here: hardly anybody has compressed ones, and all of these cost a run of ten projects a tenth of its time.
  const { createZstdDecompress } = await import('node:zlib');
  const { Readable } = await import('node:stream');
  const { pipeline } = await import('node:stream/promises');
  const stream = createZstdDecompress();
  const fed = pipeline(Readable.from(copiesOf(file)), stream);
  // Awaited below once all is read; until then a failure shows as an error of the iteration.
  fed.catch(() => {});
  let total = 0;
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk);
      total += bytes.length;
      if (total > limit)
        throw new ConversationFault('CONVERSATION_UNREADABLE', `${file.path} decodes to too many bytes`);
      yield bytes;
    }
    await fed;
  } finally {
    stream.destroy();
  }
}

/** A stream reads ahead, so it may not be given a reused buffer. */
async function* copiesOf(file: OpenFile): AsyncGenerator<Buffer> {
  for await (const chunk of bytesOf(file, 0, file.size)) yield Buffer.from(chunk);
}

/** Offset after the last newline of an uncompressed file; 0 where it has none. */
export async function endOfRows(file: OpenFile): Promise<number> {
  // Nearly every file ends with one.
  let buffer = Buffer.allocUnsafe(Math.min(LAST_CHUNK, file.size));
  for (let end = file.size; end > 0; ) {
    const start = Math.max(0, end - buffer.length);
    const bytesRead = await readAt(file.descriptor, buffer, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
    if (at >= 0) return start + at + 1;
    end = start;
    if (buffer.length < FIRST_CHUNK && end > 0) buffer = Buffer.allocUnsafe(Math.min(FIRST_CHUNK, end));
  }
  return 0;
}

/**
 * The first component between a root and a path below it that is a link or no directory, or null. Components that do not
 * exist end the search. The root itself may be reached by links: it is resolved once, and from there nothing is followed
 * (harness-sessions.md 6). One that leads nowhere, to a disk that is not mounted, is an obstacle too.
 */
export function obstacleBelow(root: string, directory: string): string | null {
  const top = targetAt(root);
  if (top === null ? stands(root) : !top.isDirectory()) return root;
  let path = root;
  for (const name of relative(root, directory).split(sep)) {
    if (name === '') continue;
    if (name === '..') return directory;
    path = join(path, name);
    const stats = entryAt(path);
    if (stats === null) return null;
    if (!stats.isDirectory()) return path;
  }
  return null;
}

function notRegular(path: string, what: string): ConversationFault {
  return new ConversationFault('CONVERSATION_UNREADABLE', `${path} is ${what}`);
}
