const NEWLINE = 0x0a;

/** Longest row that is held and judged as a whole; of a longer one only this many bytes are seen. Copying has no such limit. */
export const ROW_CAP = 1024 * 1024;

/** One row of a JSONL file. The bytes are only valid during the call. */
export interface Row {
  /** Without the newline; the first `ROW_CAP` bytes of a longer row. */
  readonly bytes: Buffer;
  /** Offset in the file. */
  readonly start: number;
  /** Bytes of the whole row with its newline. */
  readonly length: number;
  /** `bytes` holds all of it. */
  readonly whole: boolean;
}

/**
 * Cuts a stream of chunks into rows. What follows the last newline is never a row: a torn last line is not copied
 * (harness-sessions.md 1.3), so it may not count either. Holds at most `ROW_CAP` bytes.
 */
export class RowSplitter {
  /** Offset after the last newline seen. */
  end = 0;
  /** Rows handed over. */
  count = 0;
  /**
   * Once this has something in it, only rows that hold one of these are sure to be handed over; most others are passed
   * over unseen. A large file then costs little more than the search for them.
   */
  wanted: readonly Buffer[] = [];
  readonly #onRow: (row: Row) => void;
  /** Beginning of the row that the last chunk did not finish; one buffer for all rows, so that a large file leaves no garbage. */
  #held = Buffer.alloc(0);
  #heldBytes = 0;
  #offset = 0;

  constructor(onRow: (row: Row) => void) {
    this.#onRow = onRow;
  }

  /**
   * The chunk may be reused by the caller afterwards. `isEnough` is asked after each row; once it says so the splitter has
   * ended, and the answer is true.
   */
  push(chunk: Buffer, isEnough?: () => boolean): boolean {
    let from = 0;
    const hits: number[] = [];
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#row(chunk.subarray(from, at), this.#offset + at + 1);
      from = at + 1;
      if (isEnough?.()) return true;
      if (this.wanted.length === 0) continue;
      from = this.#nextWanted(chunk, from, hits);
      this.end = this.#offset + from;
    }
    this.#hold(chunk.subarray(from));
    this.#offset += chunk.length;
    return false;
  }

  /**
   * Where the next row begins that holds something wanted, else the one that the chunk does not finish. `from` is where a
   * row begins that is not the chunk's first.
   *
   * @param hits where each of `wanted` was last found in this chunk; kept, so that no part of it is searched twice
   */
  #nextWanted(chunk: Buffer, from: number, hits: number[]): number {
    let next = chunk.length;
    for (const [index, bytes] of this.wanted.entries()) {
      let hit = hits[index] ?? -1;
      if (hit < from) {
        const found = chunk.indexOf(bytes, from);
        hit = found < 0 ? chunk.length : found;
        hits[index] = hit;
      }
      next = Math.min(next, hit);
    }
    return chunk.lastIndexOf(NEWLINE, next - 1) + 1;
  }

  #row(last: Buffer, end: number): void {
    const length = end - this.end;
    let bytes = last;
    if (this.#heldBytes > 0) {
      this.#hold(last);
      bytes = this.#held.subarray(0, this.#heldBytes);
      this.#heldBytes = 0;
    }
    const seen = bytes.length > ROW_CAP ? bytes.subarray(0, ROW_CAP) : bytes;
    const start = this.end;
    this.end = end;
    this.count += 1;
    this.#onRow({ bytes: seen, start, length, whole: seen.length === length - 1 });
  }

  #hold(bytes: Buffer): void {
    const kept = Math.min(bytes.length, ROW_CAP - this.#heldBytes);
    const needed = this.#heldBytes + kept;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.min(ROW_CAP, Math.max(needed, 2 * this.#held.length)));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldBytes, 0, kept);
    this.#heldBytes = needed;
  }
}
