const NEWLINE = 0x0a;

/** Longest row that is held and judged as a whole; of a longer one only this many bytes are seen. Copying has no such limit. */
export const ROW_CAP = 4 * 1024 * 1024;

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
  /** Newlines seen. */
  count = 0;
  readonly #onRow: (row: Row) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #offset = 0;

  constructor(onRow: (row: Row) => void) {
    this.#onRow = onRow;
  }

  /** The chunk may be reused by the caller afterwards. */
  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#row(chunk.subarray(from, at), this.#offset + at + 1);
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
    this.#offset += chunk.length;
  }

  #row(last: Buffer, end: number): void {
    const length = end - this.end;
    let bytes = last;
    if (this.#held.length > 0) {
      this.#hold(last);
      bytes = Buffer.concat(this.#held, this.#heldBytes);
      this.#held = [];
      this.#heldBytes = 0;
    }
    const seen = bytes.length > ROW_CAP ? bytes.subarray(0, ROW_CAP) : bytes;
    const start = this.end;
    this.end = end;
    this.count += 1;
    this.#onRow({ bytes: seen, start, length, whole: seen.length === length - 1 });
  }

  #hold(bytes: Buffer): void {
    const kept = bytes.subarray(0, ROW_CAP - this.#heldBytes);
    if (kept.length === 0) return;
    this.#held.push(Buffer.from(kept));
    this.#heldBytes += kept.length;
  }
}
