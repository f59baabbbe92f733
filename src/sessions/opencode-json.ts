/**
 * Changes single values of a JSON document while its bytes stream through. Everything that is not changed stays byte for
 * byte, numbers and escapes included, and memory does not grow with the document: an export can be larger than memory.
 */

/** Longest string token that can be looked at; ids, keys and roles are far below it. */
const SHORT = 1024;
/** Containers below this depth have no path of their own; nothing that is asked for lies there. */
const NAMED_DEPTH = 9;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;

/** A place in the document: `path` is `/a/*` for an element of the array under `a`; below depth 8 it is `**`. */
export interface JsonPlace {
  readonly path: string;
  /** Nearest object key; elements of an array have the key of the array. */
  readonly key: string;
}

export interface JsonVisitor {
  /** A string value; `text` is null where it is longer than 1024 bytes. A string returned replaces it. */
  string?(place: JsonPlace, text: string | null): string | null;
  /** An object or array begins; `true` writes it empty, and nothing inside it is visited. */
  open?(place: JsonPlace): boolean;
}

interface Frame {
  readonly array: boolean;
  readonly path: string;
  readonly key: string;
  /** Key of the member that follows; unused in arrays. */
  member: string;
  /** The next string is a key. */
  keyNext: boolean;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A key as a path segment: one that would look like two segments or like an element is not a name that is asked for. */
function segment(key: string): string {
  return key.includes('/') || key.includes('*') ? '?' : key;
}

/** `push` the document in pieces, then `end`. Both throw a `SyntaxError` where the text is not one whole JSON document. */
export class JsonEditor {
  readonly #frames: Frame[] = [];
  #carry: Uint8Array | null = null;
  /** Inside a string token too long to hold: its bytes pass, or are dropped because it was replaced; only its end is sought. */
  #long: 'no' | 'passes' | 'dropped' = 'no';
  #escaped = false;
  #done = false;
  /** Number of frames at which a container that is written empty began; -1 outside one. */
  #muted = -1;

  constructor(
    readonly visitor: JsonVisitor,
    readonly write: (bytes: Uint8Array) => void = () => undefined,
  ) {}

  push(piece: Uint8Array): void {
    let bytes = piece;
    if (this.#carry !== null) {
      bytes = new Uint8Array(this.#carry.length + piece.length);
      bytes.set(this.#carry);
      bytes.set(piece, this.#carry.length);
      this.#carry = null;
    }
    let mark = 0;
    const flush = (until: number): void => {
      if (this.#muted < 0 && until > mark) this.write(bytes.subarray(mark, until));
      mark = until;
    };
    let at = 0;
    if (this.#long !== 'no') {
      at = this.#endOfString(bytes, 0);
      const end = at < 0 ? bytes.length : at;
      if (this.#long === 'passes') flush(end);
      mark = end;
      if (at < 0) return;
      this.#long = 'no';
    }
    while (at < bytes.length) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#escaped = false;
        const end = this.#endOfString(bytes, at + 1);
        if (end >= 0) {
          const replacement = this.#string(end - at - 2 > SHORT ? null : bytes.subarray(at, end));
          if (replacement !== null) {
            flush(at);
            this.write(encoder.encode(JSON.stringify(replacement)));
            mark = end;
          }
          at = end;
          continue;
        }
        if (bytes.length - at <= SHORT + 1) {
          flush(at);
          // Not `slice`, which for a Buffer is a view, and the caller may use its buffer again.
          this.#carry = Uint8Array.from(bytes.subarray(at));
          return;
        }
        const replacement = this.#string(null);
        this.#long = replacement === null ? 'passes' : 'dropped';
        flush(replacement === null ? bytes.length : at);
        if (replacement !== null) this.write(encoder.encode(JSON.stringify(replacement)));
        return;
      }
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (this.#open(byte === OPEN_ARRAY)) {
          flush(at + 1);
          this.#muted = this.#frames.length - 1;
        }
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        this.#close(byte === CLOSE_ARRAY);
        if (this.#frames.length === this.#muted) {
          mark = at;
          this.#muted = -1;
        }
      } else if (byte === COMMA || byte === COLON) {
        const top = this.#top();
        if (!top.array) top.keyNext = byte === COMMA;
      } else if (byte !== undefined && byte > SPACE) {
        this.#scalar();
      }
      at += 1;
    }
    flush(bytes.length);
  }

  end(): void {
    if (!this.#done || this.#carry !== null) throw new SyntaxError('the document ends before its end');
  }

  /** Position after the closing quote, or -1 where the piece ends first. */
  #endOfString(bytes: Uint8Array, from: number): number {
    let escaped = this.#escaped;
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) {
        this.#escaped = false;
        return at + 1;
      }
    }
    this.#escaped = escaped;
    return -1;
  }

  #top(): Frame {
    const top = this.#frames.at(-1);
    if (top === undefined) throw new SyntaxError('the document is not one JSON object');
    return top;
  }

  #scalar(): void {
    if (this.#top().keyNext) throw new SyntaxError('an object has a value without a key');
  }

  #place(top: Frame): JsonPlace {
    if (this.#frames.length >= NAMED_DEPTH) return { path: '**', key: top.array ? top.key : top.member };
    return top.array
      ? { path: `${top.path}/*`, key: top.key }
      : { path: `${top.path}/${segment(top.member)}`, key: top.member };
  }

  /** `token` with its quotes, or null where it is too long. */
  #string(token: Uint8Array | null): string | null {
    const top = this.#top();
    if (top.keyNext) {
      top.member = token === null ? '' : String(JSON.parse(decoder.decode(token)));
      return null;
    }
    if (this.#muted >= 0 || this.visitor.string === undefined) return null;
    return this.visitor.string(this.#place(top), token === null ? null : String(JSON.parse(decoder.decode(token))));
  }

  /** True where the container is to be written empty. */
  #open(array: boolean): boolean {
    if (this.#done) throw new SyntaxError('something follows the end of the document');
    const top = this.#frames.at(-1);
    if (top === undefined && array) throw new SyntaxError('the document is not one JSON object');
    if (top?.keyNext) throw new SyntaxError('an object has a value without a key');
    const place = top === undefined ? { path: '', key: '' } : this.#place(top);
    const muted = this.#muted < 0 && top !== undefined && (this.visitor.open?.(place) ?? false);
    this.#frames.push({ array, path: place.path, key: place.key, member: '', keyNext: !array });
    return muted;
  }

  #close(array: boolean): void {
    const top = this.#frames.pop();
    if (top === undefined || top.array !== array) throw new SyntaxError('brackets of the document do not match');
    if (this.#frames.length === 0) this.#done = true;
  }
}
