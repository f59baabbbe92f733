import type { Tree } from '../contracts/legacy';

/**
 * A JSON text as a tree with positions, the last of equal keys winning as in `JSON.parse`. Null where the text is no JSON,
 * or nested so deeply that the stack would not hold it. A byte order mark and any white space around it are accepted.
 */
export function parseJsonTree(text: string): Tree | null {
  try {
    JSON.parse(text.replace(/^\uFEFF/, '').trim());
    return new JsonScanner(text).value();
  } catch {
    return null;
  }
}

/** Reads a text that is known to be JSON, so it checks nothing. */
class JsonScanner {
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(private readonly text: string) {}

  value(): Tree {
    this.#skip();
    const at = { line: this.#line, column: this.#at - this.#lineStart + 1 };
    const first = this.text[this.#at];
    if (first === '{') {
      const entries = new Map<string, Tree>();
      this.#members('}', () => {
        const key = this.#string();
        this.#skip();
        this.#at++;
        entries.set(key, this.value());
      });
      return { kind: 'map', entries, at };
    }
    if (first === '[') {
      const items: Tree[] = [];
      this.#members(']', () => items.push(this.value()));
      return { kind: 'list', items, at };
    }
    if (first === '"') {
      const value = this.#string();
      return { kind: 'scalar', value, source: value, at };
    }
    const source = /[^\s,\]}]+/y;
    source.lastIndex = this.#at;
    const literal = source.exec(this.text)?.[0] ?? '';
    this.#at += literal.length;
    return { kind: 'scalar', value: JSON.parse(literal), source: literal, at };
  }

  #members(end: '}' | ']', member: () => void): void {
    this.#at++;
    for (;;) {
      this.#skip();
      if (this.text[this.#at] === end) break;
      if (this.text[this.#at] === ',') this.#at++;
      this.#skip();
      member();
    }
    this.#at++;
  }

  #string(): string {
    const start = this.#at++;
    while (this.text[this.#at] !== '"') this.#at += this.text[this.#at] === '\\' ? 2 : 1;
    this.#at++;
    return JSON.parse(this.text.slice(start, this.#at));
  }

  #skip(): void {
    for (; /[\s\uFEFF]/.test(this.text[this.#at] ?? ''); this.#at++) {
      if (this.text[this.#at] !== '\n') continue;
      this.#line++;
      this.#lineStart = this.#at + 1;
    }
  }
}
