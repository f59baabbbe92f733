import { fsync, open, read, readSync, write } from 'node:fs';

/**
 * Reads at a position without holding up the process; the number of bytes read, 0 at the end.
 *
 * A descriptor costs less than a `FileHandle`, which counts with thousands of conversations.
 */
export function readAt(descriptor: number, buffer: Buffer, length: number, position: number): Promise<number> {
  // What is small is there sooner than another thread could be asked for it.
  if (length <= SMALL) return Promise.resolve(readSync(descriptor, buffer, 0, length, position));
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, length, position, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
}

/** Makes a file that may not exist yet, 0600 where the umask allows. */
export function openNew(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, 'wx', 0o600, (error, descriptor) => (error === null ? resolve(descriptor) : reject(error)));
  });
}

/** Writes all of a piece where the descriptor stands. */
export async function writeWhole(descriptor: number, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) done += await writeSome(descriptor, piece, done);
}

function writeSome(descriptor: number, piece: Uint8Array, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, piece, from, piece.length - from, null, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });
}

/** What was written survives a power cut. */
export function syncDescriptor(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(descriptor, (error) => (error === null ? resolve() : reject(error)));
  });
}

const SMALL = 64 * 1024;
