import { closeSync, openSync, readSync } from 'node:fs';
import { entryAt } from '../sessions/entry';
import { sha256 } from '../sessions/sha256';

/** A regular file that is byte for byte what was written: nobody has used it since, so it may be removed. */
export function isStill(path: string, size: number | null, sha256: string): boolean {
  const stat = entryAt(path);
  if (stat === null || !stat.isFile() || (size !== null && stat.size !== size)) return false;
  return digestOf(path) === sha256;
}

/** sha256 of a whole file, in constant memory; of its first `limit` bytes where given. */
export function digestOf(path: string, limit = Number.POSITIVE_INFINITY): string {
  const descriptor = openSync(path, 'r');
  try {
    const hash = sha256();
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    let left = limit;
    while (left > 0) {
      const read = readSync(descriptor, buffer, 0, Math.min(buffer.length, left), null);
      if (read === 0) break;
      hash.update(buffer.subarray(0, read));
      left -= read;
    }
    return hash.digest('hex');
  } finally {
    closeSync(descriptor);
  }
}
