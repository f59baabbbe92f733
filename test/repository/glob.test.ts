import { describe, expect, test } from 'bun:test';
import { matchesGlob } from '../../src/repository/glob';
import { processorTime } from '../support/processor-time';

describe('patterns of conditional includes', () => {
  const matching: readonly (readonly [pattern: string, text: string])[] = [
    ['a', 'a'],
    ['', ''],
    ['*', ''],
    ['a*c', 'abc'],
    ['a/*/c', 'a/b/c'],
    ['a**/c', 'ab/c'],
    ['?', 'a'],
    ['??', 'é'],
    ['**', 'a/b/c'],
    ['**/c', 'c'],
    ['**/c', 'a/b/c'],
    ['a/**', 'a/'],
    ['a/**/c', 'a/c'],
    ['a/**/c', 'a/b/b/c'],
    ['**/**/c', 'c'],
    ['[a-c]x', 'bx'],
    ['[!a-c]x', 'dx'],
    ['[^a-c]x', 'dx'],
    ['[]a]', ']'],
    ['[a-]', '-'],
    ['[\\]]', ']'],
    ['[[:digit:][:upper:]]', 'X'],
    ['[[:a]', ':'],
    ['\\*', '*'],
    ['a\\/b', 'a/b'],
  ];
  for (const [pattern, text] of matching) {
    test(`${pattern} matches ${text}`, () => expect(matchesGlob(pattern, text)).toBe(true));
  }

  const others: readonly (readonly [pattern: string, text: string])[] = [
    ['a', 'A'],
    ['a', 'ab'],
    ['*', 'a/b'],
    ['?', '/'],
    ['[/]', '/'],
    ['[!a]', '/'],
    ['a**c', 'a/c'],
    ['a**/c', 'ab/d/c'],
    ['**a', 'b/a'],
    ['**/c', 'ac'],
    ['**/c', 'xc'],
    ['a/**', 'a'],
    ['a/**/c', 'a/bc'],
    ['[a', 'a'],
    ['[[:foo:]]', 'f'],
    ['[z-a]', 'm'],
    ['a\\', 'a'],
    ['?', 'é'],
  ];
  for (const [pattern, text] of others) {
    test(`${pattern} does not match ${text}`, () => expect(matchesGlob(pattern, text)).toBe(false));
  }

  test('case is folded on request, save for escaped capitals', () => {
    expect(matchesGlob('WORK/[a-c]*', 'work/Bx', true)).toBe(true);
    expect(matchesGlob('[A-C]', 'b', true)).toBe(true);
    expect(matchesGlob('[[:upper:]]', 'b', true)).toBe(true);
    expect(matchesGlob('\\W', 'w', true)).toBe(false);
  });

  test('a hostile pattern takes time of pattern times text at most', () => {
    const started = processorTime();
    expect(matchesGlob(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
    expect(matchesGlob(`${'**/'.repeat(2000)}b`, 'a/'.repeat(100))).toBe(false);
    expect(processorTime() - started).toBeLessThan(3000);
  });
});
