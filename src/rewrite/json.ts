/** A JSON value as its text has it: objects keep every key, also a repeated one, in the order of the text. */
export type JsonNode =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly source: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly entries: readonly JsonEntry[] };
export type JsonEntry = readonly [key: string, value: JsonNode];

/** Arrays and objects inside one another that Go's decoder takes. */
const MAX_DEPTH = 10_000;

/**
 * Reads one JSON text by the rules of Go's decoder: blanks around the value and nothing else, half a surrogate pair
 * becomes U+FFFD. Null where the text is not JSON.
 */
export function readJson(text: string): JsonNode | null {
  try {
    // The grammar is the same; what is missing in its result are the repeated keys.
    JSON.parse(text);
    return new JsonReader(text).document();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}

interface Container {
  readonly node: { kind: 'array'; items: JsonNode[] } | { kind: 'object'; entries: JsonEntry[] };
  /** Of the entry that is being read. */
  key: string;
}

/** Takes apart a text that is known to be JSON, without recursion: it may nest deeper than calls can. */
class JsonReader {
  private at = 0;
  private readonly open: Container[] = [];

  constructor(private readonly text: string) {}

  document(): JsonNode {
    for (;;) {
      const first = this.peek();
      const value = first === '{' || first === '[' ? this.enter(first) : this.scalar(first);
      const whole = value === null ? null : this.leave(value);
      if (whole !== null) return whole;
    }
  }

  /** Begins a container; returns it where it is empty, else null with its first value next. */
  private enter(bracket: '{' | '['): JsonNode | null {
    const node: Container['node'] = bracket === '{' ? { kind: 'object', entries: [] } : { kind: 'array', items: [] };
    if (this.open.length === MAX_DEPTH) throw new RangeError('nested too deep');
    this.at += 1;
    const next = this.peek();
    if (next === '}' || next === ']') {
      this.at += 1;
      return node;
    }
    this.open.push({ node, key: bracket === '{' ? this.key() : '' });
    return null;
  }

  /** Puts a finished value where it belongs. Returns the whole document where that was its end. */
  private leave(value: JsonNode): JsonNode | null {
    let done = value;
    for (let top = this.open.at(-1); top !== undefined; top = this.open.at(-1)) {
      if (top.node.kind === 'object') top.node.entries.push([top.key, done]);
      else top.node.items.push(done);
      const more = this.peek() === ',';
      this.at += 1;
      if (more) {
        if (top.node.kind === 'object') top.key = this.key();
        return null;
      }
      this.open.pop();
      done = top.node;
    }
    return done;
  }

  private scalar(first: string): JsonNode {
    if (first === '"') return { kind: 'string', value: this.string() };
    const word = this.take(/[-+.\w]+/y);
    if (word === 'null') return { kind: 'null' };
    if (word === 'true' || word === 'false') return { kind: 'boolean', value: word === 'true' };
    return { kind: 'number', source: word };
  }

  private key(): string {
    this.peek();
    const key = this.string();
    this.peek();
    this.at += 1;
    return key;
  }

  // Not one regular expression: on texts of megabytes the engine gives up and finds nothing.
  private string(): string {
    let end = this.at;
    do end = this.text.indexOf('"', end + 1);
    while (this.escaped(end));
    const token = this.text.slice(this.at, end + 1);
    this.at = end + 1;
    return String(JSON.parse(token)).toWellFormed();
  }

  private escaped(quote: number): boolean {
    let backslash = quote;
    while (this.text.charAt(backslash - 1) === '\\') backslash -= 1;
    return (quote - backslash) % 2 === 1;
  }

  /** The next character that is not a blank. */
  private peek(): string {
    this.take(/[ \t\r\n]*/y);
    return this.text.charAt(this.at);
  }

  private take(token: RegExp): string {
    token.lastIndex = this.at;
    const found = token.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }
}
