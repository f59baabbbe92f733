import { describe, expect, test } from 'bun:test';
import { RowSplitter } from '../../src/sessions/rows';

interface Seen {
  readonly text: string;
  readonly start: number;
  readonly length: number;
}

const WORDS = ['turn', '\\u00'].map((text) => Buffer.from(text));

/** Rows that are handed over when a text comes in chunks of one size; `after` rows before only some are wanted. */
function split(text: string, size: number, after: number | null): { rows: Seen[]; end: number } {
  const bytes = Buffer.from(text);
  const rows: Seen[] = [];
  const splitter = new RowSplitter((row) => {
    rows.push({ text: row.bytes.toString(), start: row.start, length: row.length });
    if (after !== null && rows.length >= after) splitter.wanted = WORDS;
  });
  if (after === 0) splitter.wanted = WORDS;
  for (let at = 0; at < bytes.length; at += size) splitter.push(Buffer.from(bytes.subarray(at, at + size)));
  return { rows, end: splitter.end };
}

const holdsWord = ({ text }: Seen) => WORDS.some((word) => text.includes(word.toString()));

describe('rows of which only some are wanted', () => {
  const texts = [
    'a\nturn 1\nb\nc\n\nturn 2 turn\n\\u00\nd\nturn torn',
    'turn\nturn\nturn\n',
    '\n\n\n',
    'none\nof\nthem\n',
    'a\nb\nc\nd turn\n',
    'é turn\nü\nö\n\\u00 ö\nturn',
    `${'x'.repeat(40)}\n${'y\n'.repeat(20)}turn ${'z'.repeat(30)}\n${'y\n'.repeat(20)}tur`,
  ];

  test.each(texts)('%j: the same rows in the same places, however the chunks fall', (text) => {
    for (const after of [0, 1, 3]) {
      for (let size = 1; size <= Buffer.byteLength(text) + 1; size += 1) {
        const all = split(text, size, null);
        const some = split(text, size, after);
        expect(some.rows.filter(holdsWord)).toEqual(all.rows.filter(holdsWord));
        for (const row of some.rows) expect(all.rows).toContainEqual(row);
        expect(some.rows.slice(0, after)).toEqual(all.rows.slice(0, after));
        expect(some.end).toBe(all.end);
      }
    }
  });

  test('the others are passed over', () => {
    const text = `${'none\n'.repeat(1000)}turn\n${'none\n'.repeat(1000)}`;
    expect(split(text, text.length, 0).rows.map((row) => row.text)).toEqual(['none', 'turn']);
  });
});
