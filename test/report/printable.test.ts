import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { printable, printableAscii, shortened } from '../../src/report/printable';

describe('printable', () => {
  test.each([
    ['plain', 'plain'],
    ['Ärger über 日本語 🎉', 'Ärger über 日本語 🎉'],
    ['C:\\Users\\jo', 'C:\\Users\\jo'],
    ['a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['\u001b[2J\u0007\u0000', '\\x1b[2J\\x07\\x00'],
    ['\u009b31m\u007f', '\\x9b31m\\x7f'],
    ['abc\u202edcba', 'abc\\u202edcba'],
    ['\u2066x\u2069\u200e\u061c', '\\u2066x\\u2069\\u200e\\u061c'],
    ['a\u200bb\ufeffc\u2060', 'a\\u200bb\\ufeffc\\u2060'],
    ['a\u2028b\u2029', 'a\\u2028b\\u2029'],
    ['\ud800x', '\\ud800x'],
    ['\u{e0041}', '\\u(e0041)'],
    // Joined emoji and words that need joiners stay whole.
    ['👩\u200d💻 می\u200cخواهم', '👩\u200d💻 می\u200cخواهم'],
  ])('%j', (text, shown) => expect(printable(text)).toBe(shown));

  test('nothing that a terminal obeys is left, and a second time changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = printable(text);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
        expect(printable(shown)).toBe(shown);
        expect(printableAscii(text)).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

test('printableAscii shows what a terminal without UTF-8 can', () => {
  expect(printableAscii('Ä-日-🎉-\n')).toBe('\\xc4-\\u65e5-\\u(1f389)-\\n');
});

test('shortened counts characters, not code units', () => {
  expect(shortened('x'.repeat(60))).toBe('x'.repeat(60));
  expect(shortened('x'.repeat(61))).toBe(`${'x'.repeat(57)}...`);
  expect(shortened('🎉'.repeat(61))).toBe(`${'🎉'.repeat(57)}...`);
});
