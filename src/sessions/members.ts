import type { Row } from './rows';

/** One member of a JSON object: its decoded key and where its value stands, as byte offsets. */
export interface Member {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The members of one JSON object in document order, repeated keys included. `cut`: the bytes end before the object does;
 * `broken`: this is no JSON object. What was found until then is listed in both cases.
 */
export interface Members {
  readonly list: readonly Member[];
  readonly state: 'whole' | 'cut' | 'broken';
  /** Offset after the closing brace, where whole. */
  readonly end: number;
}

/**
 * Reads the outline of the object that begins at `from` without decoding its values, so that a value can be replaced in
 * the text itself and every other byte stays (harness-sessions.md 2.5), and so that a row of megabytes costs little.
 * With `only`, members of other keys are not listed: a large file is then read without a string for each of its keys.
 */
export function membersOf(json: Buffer, from = 0, only: readonly string[] | null = null): Members {
  const list: Member[] = [];
  const stop = (state: Members['state'], end: number): Members => ({ list, state, end });
  let at = skipBlank(json, from);
  if (json[at] !== OPEN) return stop(at >= json.length ? 'cut' : 'broken', at);
  at = skipBlank(json, at + 1);
  if (json[at] === CLOSE) return stop('whole', at + 1);
  for (;;) {
    if (at >= json.length) return stop('cut', at);
    if (json[at] !== QUOTE) return stop('broken', at);
    const keyEnd = skipString(json, at);
    if (keyEnd < 0) return stop('cut', json.length);
    const key = only === null ? decodeString(json, at, keyEnd) : oneOf(only, json, at, keyEnd);
    at = skipBlank(json, keyEnd);
    if (at >= json.length) return stop('cut', at);
    if (key === null || json[at] !== COLON) return stop('broken', at);
    const start = skipBlank(json, at + 1);
    const end = skipValue(json, start);
    if (end === CUT) {
      if (key !== OTHER) list.push({ key, start, end: json.length });
      return stop('cut', json.length);
    }
    if (end === BROKEN) return stop('broken', start);
    if (key !== OTHER) list.push({ key, start, end });
    at = skipBlank(json, end);
    if (json[at] === CLOSE) return stop('whole', at + 1);
    if (at >= json.length) return stop('cut', at);
    if (json[at] !== COMMA) return stop('broken', at);
    at = skipBlank(json, at + 1);
  }
}

/**
 * The text that is the value of the first member with this plain key; null where the object has none or another kind of
 * value. What follows that member is not looked at, so this says nothing of whether the object is whole.
 */
export function leadingText(json: Buffer, key: string): string | null {
  let at = skipBlank(json, 0);
  if (json[at] !== OPEN) return null;
  do {
    const start = skipBlank(json, at + 1);
    const end = json[start] === QUOTE ? skipString(json, start) : CUT;
    const colon = end === CUT ? end : skipBlank(json, end);
    if (colon === CUT || json[colon] !== COLON) return null;
    const value = skipBlank(json, colon + 1);
    if (end - start - 2 === key.length && isAt(key, json, start + 1)) {
      const close = json[value] === QUOTE ? skipString(json, value) : CUT;
      return close === CUT ? null : decodeString(json, value, close);
    }
    at = skipValue(json, value);
    if (at < 0) return null;
    at = skipBlank(json, at);
  } while (json[at] === COMMA);
  return null;
}

/** The members of a row, or null where the row is damaged. Of a row above the cap, those that its beginning shows. */
export function membersOfRow(
  row: Pick<Row, 'bytes' | 'whole'>,
  only: readonly string[] | null = null,
): readonly Member[] | null {
  const { list, state, end } = membersOf(row.bytes, 0, only);
  if (!row.whole) return state === 'broken' ? null : list;
  return state === 'whole' && skipBlank(row.bytes, end) === row.bytes.length ? list : null;
}

/** Value of the last member with that key, as parsers take it; null where there is none or it is no string. */
export function textOf(json: Buffer, members: readonly Member[], key: string): string | null {
  const member = memberOf(members, key);
  return member === undefined ? null : decodeString(json, member.start, member.end);
}

/** The last member with that key. */
export function memberOf(members: readonly Member[], key: string): Member | undefined {
  return members.findLast((member) => member.key === key);
}

/** The members of the object that is the value of the last member with that key; empty where it is no object. */
export function objectOf(json: Buffer, members: readonly Member[], key: string): readonly Member[] {
  const member = memberOf(members, key);
  return member === undefined || json[member.start] !== OPEN ? [] : membersOf(json, member.start).list;
}

/** Whether the value of the last member with that key is exactly this literal. */
export function isLiteral(json: Buffer, members: readonly Member[], key: string, literal: string): boolean {
  const member = memberOf(members, key);
  return member !== undefined && json.toString('latin1', member.start, member.end) === literal;
}

/** Whether the value of the last member with that key is an object. */
export function isObject(json: Buffer, members: readonly Member[], key: string): boolean {
  const member = memberOf(members, key);
  return member !== undefined && json[member.start] === OPEN;
}

/** Stands for every key that was not asked for. */
const OTHER = Symbol('other');
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const CUT = -1;
const BROKEN = -2;

/** Bytes of numbers and literals, and with them the bytes that may stand between strings inside a nested value. */
const SCALAR = bytesOf('0123456789+-.eEtrufalsn');
const NESTED = bytesOf('0123456789+-.eEtrufalsn{}[],: \t\r\n');

function bytesOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

function skipBlank(json: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = json[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== 0x0a) return at;
    at += 1;
  }
}

/**
 * Bytes of a string that are walked before the native search: it costs as much as some dozens of them, and stops at every
 * escaped quote.
 */
const WALK = 64;

/** Offset after the closing quote, or `CUT`. */
function skipString(json: Buffer, quote: number): number {
  const { length } = json;
  let at = quote + 1;
  for (;;) {
    const stop = Math.min(length, at + WALK);
    while (at < stop) {
      const byte = json[at];
      if (byte === QUOTE) return at + 1;
      at += byte === BACKSLASH ? 2 : 1;
    }
    const found = at < length ? json.indexOf(QUOTE, at) : -1;
    if (found < 0) return CUT;
    let before = found;
    while (before > at && json[before - 1] === BACKSLASH) before -= 1;
    at = found + 1;
    if ((found - before) % 2 === 0) return at;
  }
}

/** Offset after the value, `CUT` or `BROKEN`. Inside a nested value only strings and brackets are followed. */
function skipValue(json: Buffer, start: number): number {
  const { length } = json;
  const first = json[start];
  if (first === undefined) return CUT;
  if (first === QUOTE) return skipString(json, start);
  let at = start;
  if (first !== OPEN && first !== 0x5b) {
    while (at < length && SCALAR[json[at] ?? 0] === 1) at += 1;
    if (at === start) return BROKEN;
    return at === length ? CUT : at;
  }
  let depth = 0;
  while (at < length) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) {
      at = skipString(json, at);
      if (at === CUT) return CUT;
      continue;
    }
    if (NESTED[byte] !== 1) return BROKEN;
    at += 1;
    if (byte === OPEN || byte === 0x5b) depth += 1;
    else if ((byte === CLOSE || byte === 0x5d) && --depth === 0) return at;
  }
  return CUT;
}

/** The string between two quotes, or null where the bytes are no string. */
function decodeString(json: Buffer, start: number, end: number): string | null {
  if (json[start] !== QUOTE || end - start < 2 || json[end - 1] !== QUOTE) return null;
  if (isPlain(json, start + 1, end - 1)) return json.toString('latin1', start + 1, end - 1);
  try {
    const value: unknown = JSON.parse(json.toString('utf8', start, end));
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** The one of these plain keys that stands between two quotes, `OTHER` for none of them, null where it is no string. */
function oneOf(keys: readonly string[], json: Buffer, start: number, end: number): string | typeof OTHER | null {
  if (!isPlain(json, start + 1, end - 1)) {
    const key = decodeString(json, start, end);
    return key === null || keys.includes(key) ? key : OTHER;
  }
  return keys.find((key) => key.length === end - start - 2 && isAt(key, json, start + 1)) ?? OTHER;
}

function isAt(text: string, json: Buffer, start: number): boolean {
  for (let at = 0; at < text.length; at += 1) if (json[start + at] !== text.charCodeAt(at)) return false;
  return true;
}

/** Printable ASCII without escapes: nearly every key, and not worth a parser. */
function isPlain(json: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = json[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return false;
  }
  return true;
}
