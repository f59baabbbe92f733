import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { columns, hanging, table, wrapped } from '../../src/report/layout';

describe('wrapped', () => {
  test('at spaces', () => expect(wrapped('one two three', 8)).toEqual(['one two', 'three']));
  test('a long word at the edge, a path behind its separators', () => {
    expect(wrapped('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
    expect(wrapped('/home/jo/projects/api', 12)).toEqual(['/home/jo/', 'projects/api']);
  });
  test('wide characters count two', () => expect(wrapped('日本語', 4)).toEqual(['日本', '語']));
  test('nothing is one empty line', () => expect(wrapped('', 10)).toEqual(['']));

  test('no line is too wide and nothing is lost or added', () => {
    const text = fc.array(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 30 }), { maxLength: 12 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (parts, width) => {
        const words = parts.join(' ');
        const lines = wrapped(words, width);
        for (const line of lines) expect(columns(line)).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(words.replaceAll(' ', ''));
      }),
    );
  });
});

describe('hanging', () => {
  test('further lines stand below the text, or where they are told to', () => {
    expect(hanging('- ', 'one two three', 9)).toEqual(['- one two', '  three']);
    expect(hanging('- ', 'one two three', 9, 4)).toEqual(['- one two', '    three']);
  });
  test('a word that is broken is not torn again', () => {
    const lines = hanging('  ', 'see (/src/agent.yaml:12:5)', 16, 4);
    expect(lines).toEqual(['  see', '    (/src/agent.', '    yaml:12:5)']);
  });
});

describe('table', () => {
  const rows = [
    { label: 'a', text: 'one two three four' },
    { label: 'long', text: 'five' },
    { label: 'bare', text: '' },
  ];
  test('aligns the second column', () => {
    expect(table(rows, 40)).toEqual(['  a     one two three four', '  long  five', '  bare']);
  });
  test('wraps within it', () => {
    expect(table(rows, 20, 2, 2, 5)).toEqual(['  a     one two', '        three four', '  long  five', '  bare']);
  });
  test('goes below the label where too little is left', () => {
    expect(table(rows, 20)).toEqual(['  a', '    one two three', '    four', '  long', '    five', '  bare']);
  });
  test('colours do not disturb the columns', () => {
    const painted = table(
      [
        { label: '\u001b[31m+\u001b[39m a', text: 'x' },
        { label: '+ bb', text: 'y' },
      ],
      40,
    );
    expect(painted.map((line) => Bun.stripANSI(line))).toEqual(['  + a   x', '  + bb  y']);
  });
});
