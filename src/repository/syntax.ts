import { isSpace } from './text';

/**
 * One variable of a git config file. `key` is git's own flat form: section and name in lower case, the subsection as
 * written, joined by dots (`remote.Origin.url`). `value` is null where the name stands alone.
 */
export interface ConfigEntry {
  readonly key: string;
  readonly value: string | null;
}

/** A key as `section[.subsection].name`. The subsection may itself hold dots, and may be empty. */
export interface KeyParts {
  readonly subsection: string | null;
  readonly name: string;
}

/** Splits a flat key of the section given, or null for another section. */
export function splitKey(key: string, section: string): KeyParts | null {
  if (!key.startsWith(`${section}.`)) return null;
  const dot = key.lastIndexOf('.');
  return {
    subsection: dot === section.length ? null : key.slice(section.length + 1, dot),
    name: key.slice(dot + 1),
  };
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', b: '\b', n: '\n', '\\': '\\', '"': '"', '\n': '' };

/** A place in the text. The end of the text reads as an endless line end, as in git. */
class Cursor {
  at = 0;
  constructor(readonly text: string) {}

  get done(): boolean {
    return this.at >= this.text.length;
  }

  peek(): string {
    return this.text[this.at] ?? '\n';
  }

  /** Moves while `accepts` holds and returns what was passed over. */
  span(accepts: (char: string) => boolean): string {
    const start = this.at;
    while (!this.done && accepts(this.peek())) this.at += 1;
    return this.text.slice(start, this.at);
  }
}

/**
 * The variables of a config file in the order written, by the grammar of git-config(1) as git 2.39 reads it: a byte order
 * mark at the start, CRLF, comments, quotes, escapes, continued lines, names without a value. Null where git refuses the
 * file. Includes are not followed here.
 */
export function parseConfig(source: string): readonly ConfigEntry[] | null {
  const cursor = new Cursor((source.startsWith('\uFEFF') ? source.slice(1) : source).replaceAll('\r\n', '\n'));
  const entries: ConfigEntry[] = [];
  let section = '';
  for (;;) {
    cursor.span(isSpace);
    if (cursor.done) return entries;
    if (cursor.peek() === '#' || cursor.peek() === ';') {
      cursor.span((char) => char !== '\n');
    } else if (cursor.peek() === '[') {
      const header = takeSection(cursor);
      if (header === null) return null;
      section = header;
    } else {
      if (!/[A-Za-z]/.test(cursor.peek())) return null;
      const name = cursor.span((char) => /[A-Za-z0-9-]/.test(char)).toLowerCase();
      const value = takeValue(cursor);
      if (value === undefined) return null;
      entries.push({ key: terminated(section + name), value: value === null ? null : terminated(value) });
    }
  }
}

/** git keeps text as C strings, so a NUL ends it. */
function terminated(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** `section.` or `section.subsection.` with the cursor behind the header, or null where that is malformed. */
function takeSection(cursor: Cursor): string | null {
  cursor.at += 1;
  const name = cursor.span((char) => /[A-Za-z0-9.-]/.test(char)).toLowerCase();
  if (cursor.peek() === ']') {
    cursor.at += 1;
    return name === '' ? null : `${name}.`;
  }
  const blanks = cursor.span((char) => char !== '\n' && isSpace(char));
  if (blanks === '' || cursor.peek() !== '"') return null;
  cursor.at += 1;
  let subsection = '';
  while (cursor.peek() !== '"') {
    if (cursor.peek() === '\\') cursor.at += 1;
    if (cursor.peek() === '\n') return null;
    subsection += cursor.peek();
    cursor.at += 1;
  }
  cursor.at += 1;
  if (cursor.peek() !== ']') return null;
  cursor.at += 1;
  return `${name}.${subsection}.`;
}

/** The value after a name: null where the line ends at once, undefined where it is malformed. */
function takeValue(cursor: Cursor): string | null | undefined {
  cursor.span((char) => char === ' ' || char === '\t');
  if (cursor.peek() === '\n') return null;
  if (cursor.peek() !== '=') return undefined;
  let value = '';
  let quoted = false;
  // Blanks count only once something follows them; each, a tab too, then becomes a space.
  let blanks = 0;
  for (cursor.at += 1; ; cursor.at += 1) {
    const char = cursor.peek();
    if (char === '\n') return quoted ? undefined : value;
    if (!quoted && isSpace(char)) {
      if (value !== '') blanks += 1;
      continue;
    }
    if (!quoted && (char === ';' || char === '#')) {
      cursor.span((other) => other !== '\n');
      return value;
    }
    value += ' '.repeat(blanks);
    blanks = 0;
    if (char === '"') {
      quoted = !quoted;
    } else if (char === '\\') {
      cursor.at += 1;
      const escaped = ESCAPES[cursor.peek()];
      if (escaped === undefined) return undefined;
      value += escaped;
    } else {
      value += char;
    }
  }
}

/** Whether the variable is on, as git reads booleans; null where git would refuse the value. */
export function booleanOf(value: string | null): boolean | null {
  if (value === null) return true;
  const word = value.toLowerCase();
  if (word === 'true' || word === 'yes' || word === 'on') return true;
  if (word === '' || word === 'false' || word === 'no' || word === 'off') return false;
  const number = integerOf(value);
  return number === null ? null : number !== 0;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** An integer as git reads one: decimal, octal or hexadecimal, with a unit k, m or g; null where git would refuse it. */
export function integerOf(value: string | null): number | null {
  const match = /^\s*([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)([kmg]?)$/i.exec(value ?? '');
  if (match === null) return null;
  const [, sign = '', digits = '', unit = ''] = match;
  const size = Number(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits) * (UNITS[unit.toLowerCase()] ?? 1);
  if (size > 0x7fffffff) return null;
  return sign === '-' ? -size : size;
}
