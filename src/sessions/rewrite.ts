import type { Note } from '../contracts/notes';
import { readAt } from './descriptor';
import { borrowBuffer, contentOf, giveBack, type OpenFile } from './source';

/** A replacement in the source's own bytes. Edits are ascending and do not overlap. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** What a copy is made of: the source up to `end`, with edits, and something after it (migration.md 6.5). */
export interface Rewrite {
  /** How much of the source's content is carried: up to its last newline, or all of it. */
  readonly end: number;
  readonly edits: readonly Edit[];
  /** Sees the carried content before `tail` is asked for. */
  readonly see?: (chunk: Buffer) => void;
  /** Messages in the carried content, once all of it was seen; absent where nobody counts. */
  readonly messages?: () => number;
  /** What people must hear of the carried content and the plan could not say, once all of it was seen. */
  readonly notes?: () => readonly Note[];
  /** Bytes after the carried content. */
  readonly tail?: () => Uint8Array;
}

/** Sees content as it is read: what is carried, and what lies behind. */
export interface Tap {
  readonly carried?: (chunk: Buffer) => void;
  readonly rest?: (chunk: Buffer) => void;
}

/** The bytes of the copy. A piece is valid until the next one is asked for. Without `tap.rest` nothing behind `end` is read. */
export async function* rewritten(file: OpenFile, rewrite: Rewrite, tap: Tap = {}): AsyncGenerator<Uint8Array> {
  const splice = splicer(rewrite.edits);
  let offset = 0;
  for await (const chunk of contentOf(file)) {
    const carried = chunk.subarray(0, Math.max(0, rewrite.end - offset));
    offset += chunk.length;
    tap.carried?.(carried);
    rewrite.see?.(carried);
    yield* splice(carried);
    if (carried.length < chunk.length) tap.rest?.(chunk.subarray(carried.length));
    if (offset >= rewrite.end && tap.rest === undefined) break;
  }
  const tail = rewrite.tail?.();
  if (tail !== undefined && tail.length > 0) yield tail;
}

/** Applies edits to consecutive chunks; an edit may span several of them. */
export function splicer(edits: readonly Edit[]): (chunk: Buffer) => Generator<Uint8Array> {
  let offset = 0;
  let next = 0;
  let skipTo = 0;
  return function* splice(chunk) {
    const end = offset + chunk.length;
    let at = Math.max(offset, Math.min(skipTo, end));
    for (let edit = edits[next]; edit !== undefined && edit.start < end; edit = edits[next]) {
      if (edit.start > at) yield chunk.subarray(at - offset, edit.start - offset);
      if (edit.bytes.length > 0) yield edit.bytes;
      skipTo = edit.end;
      at = Math.min(skipTo, end);
      next += 1;
    }
    if (at < end) yield chunk.subarray(at - offset);
    offset = end;
  };
}

/** `grown`: it begins with all of the copy. `different`: anything else, an older shorter copy included (migration.md 6.5). */
export type Comparison = 'equal' | 'grown' | 'different';

/** How a file compares with what a copy would be, byte for byte. Streams both. */
export async function compare(existing: OpenFile, pieces: AsyncIterable<Uint8Array>): Promise<Comparison> {
  const buffer = borrowBuffer();
  let at = 0;
  try {
    for await (const piece of pieces) {
      for (let done = 0; done < piece.length; ) {
        const most = Math.min(buffer.length, piece.length - done);
        const bytesRead = await readAt(existing.descriptor, buffer, most, at);
        if (bytesRead === 0) return 'different';
        if (!buffer.subarray(0, bytesRead).equals(piece.subarray(done, done + bytesRead))) return 'different';
        done += bytesRead;
        at += bytesRead;
      }
    }
    return at === existing.size ? 'equal' : 'grown';
  } finally {
    giveBack(buffer);
  }
}
