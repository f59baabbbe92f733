import { leadingText } from './members';
import { RowSplitter } from './rows';

const NEWLINE = 0x0a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const TYPE = Buffer.from('"type":"');
const USER = Buffer.from('user"');
const ASSISTANT = Buffer.from('assistant"');

/**
 * Counts user and assistant rows of a transcript as its bytes go by. Nearly every row says what it is before the first of
 * its parts or behind the last one, and there the system's own search finds it: while files are copied, looking at each
 * byte would cost as much as the copying.
 */
export class MessageCounter {
  total = 0;
  /** For the rows that a chunk does not finish. */
  readonly #crossing = new RowSplitter((row) => {
    if (isMessage(row.bytes, row.whole)) this.total += 1;
  });
  #isCrossing = false;

  /** The chunk may be reused by the caller afterwards. */
  push(chunk: Buffer): void {
    let at = 0;
    if (this.#isCrossing) {
      at = chunk.indexOf(NEWLINE) + 1;
      this.#crossing.push(at === 0 ? chunk : chunk.subarray(0, at));
      if (at === 0) return;
    }
    for (let end = chunk.indexOf(NEWLINE, at); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      if (isMessageRow(chunk, at, end)) this.total += 1;
      at = end + 1;
    }
    this.#isCrossing = at < chunk.length;
    if (this.#isCrossing) this.#crossing.push(chunk.subarray(at));
  }
}

/** Makes nothing for a row: with a million of them the collector of garbage would come late, and memory grow. */
function isMessageRow(chunk: Buffer, start: number, end: number): boolean {
  const at = chunk[start] === OPEN && chunk[end - 1] === CLOSE ? typeIn(chunk, start, end) : -1;
  if (at < 0) return isMessage(chunk.subarray(start, end), true);
  const value = at + TYPE.length;
  return isAt(chunk[value] === USER[0] ? USER : ASSISTANT, chunk, value);
}

/** Where the row's own type stands, or -1 where it takes reading to know. */
function typeIn(chunk: Buffer, start: number, end: number): number {
  const first = chunk.indexOf(TYPE, start);
  if (first < 0 || first >= end) return -1;
  const open = chunk.indexOf(OPEN, start + 1);
  if (open < 0 || open > first) return first;
  const last = chunk.lastIndexOf(TYPE, end);
  return chunk.indexOf(CLOSE, last) === end - 1 ? last : -1;
}

function isAt(text: Buffer, bytes: Buffer, from: number): boolean {
  for (let index = 0; index < text.length; index += 1) if (bytes[from + index] !== text[index]) return false;
  return true;
}

/** The row as it is read where it is judged: what is torn off its end is no message. */
function isMessage(row: Buffer, whole: boolean): boolean {
  const type = leadingText(row, 'type');
  if (type !== 'user' && type !== 'assistant') return false;
  return !whole || row.toString('latin1').trimEnd().endsWith('}');
}
