import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { closest, editDistance } from '../../src/cli/suggestion';

describe('editDistance', () => {
  test.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['jsno', 'json', 1],
    ['dry-rum', 'dry-run', 1],
    ['ca', 'abc', 3],
  ] as const)('%p to %p is %d', (a, b, distance) => expect(editDistance(a, b)).toBe(distance));

  test('is symmetric, zero only for equal words, and at most the longer length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('closest', () => {
  const candidates = ['from', 'config', 'project', 'progress'].map((word) => ({ word, shown: `--${word}` }));

  test('the nearest wins, the first of equally near ones', () => {
    expect(closest('--projekt', candidates)?.shown).toBe('--project');
    expect(
      closest('aa', [
        { word: 'ab', shown: '1' },
        { word: 'ac', shown: '2' },
      ])?.shown,
    ).toBe('1');
  });
  test('a beginning is enough, one letter is not', () => {
    expect(closest('--conf', candidates)?.shown).toBe('--config');
    expect(closest('--c', candidates)).toBeNull();
  });
  test('nothing near is nothing', () => {
    expect(closest('--verify', candidates)).toBeNull();
    expect(closest('x'.repeat(10_000), candidates)).toBeNull();
  });
});
