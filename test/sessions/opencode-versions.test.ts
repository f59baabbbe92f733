import { expect, test } from 'bun:test';
import {
  compareVersions,
  emptiesDiffs,
  opencodeResumeProblem,
  parseVersion,
  storeProblem,
  type Version,
} from '../../src/sessions/opencode-versions';

const version = (text: string): Version => parseVersion(text) ?? [0, 0, 0];

test('the first dotted triple is the version', () => {
  expect(parseVersion('1.18.33\n')).toEqual([1, 18, 33]);
  expect(parseVersion('opencode v1.2.27-beta.3 (2026)')).toEqual([1, 2, 27]);
  expect(parseVersion('0.115.0-linux-x64')).toEqual([0, 115, 0]);
  for (const text of ['', 'unknown', '1.2', 'v1', '1.2.3.4.5 is none'.slice(9)]) expect(parseVersion(text)).toBeNull();
});

test('versions are compared by number', () => {
  expect(compareVersions([1, 9, 0], [1, 10, 0])).toBeLessThan(0);
  expect(compareVersions([1, 18, 33], [1, 18, 4])).toBeGreaterThan(0);
  expect(compareVersions([2, 0, 0], [1, 99, 99])).toBeGreaterThan(0);
  expect(compareVersions([1, 2, 3], [1, 2, 3])).toBe(0);
});

// Each row is a release that was run with a store of each kind.
test.each([
  ['1.0.97', false, false, false],
  ['1.0.98', true, false, false],
  ['1.1.65', true, false, false],
  ['1.2.27', true, true, false],
  ['1.3.2', true, true, false],
  ['1.14.34', true, true, false],
  ['1.15.4', true, true, false],
  ['1.15.13', true, true, false],
  ['1.17.0', true, true, true],
  ['1.18.33', true, true, true],
  ['2.0.0', true, true, true],
] as const)('%s can use JSON: %p, a database up to 1.15: %p, one from 1.17 on: %p', (text, json, drizzle, native) => {
  expect(storeProblem(version(text), 'json') === null).toBe(json);
  expect(storeProblem(version(text), 'drizzle') === null).toBe(drizzle);
  expect(storeProblem(version(text), 'native') === null).toBe(native);
});

test.each([
  ['1.2.27', false, true],
  ['1.3.2', false, true],
  // Not known which of the two, so neither is trusted.
  ['1.4.0', true, true],
  ['1.14.33', true, true],
  ['1.14.34', true, false],
  ['1.14.41', true, false],
  ['1.15.0', false, false],
  ['1.15.13', false, false],
  ['1.18.33', false, false],
] as const)('%s needs empty diffs instead of before/after: %p, of patches: %p', (text, beforeAfter, patch) => {
  expect(emptiesDiffs(version(text), 'before-after')).toBe(beforeAfter);
  expect(emptiesDiffs(version(text), 'patch')).toBe(patch);
  expect(emptiesDiffs(version(text), 'mixed')).toBe(beforeAfter || patch);
  expect(emptiesDiffs(version(text), 'none')).toBe(false);
});

test('a resume is known to fail with the flag of bypass-permissions before 1.18', () => {
  expect(opencodeResumeProblem([1, 17, 11])).toContain('--dangerously-skip-permissions');
  expect(opencodeResumeProblem([1, 18, 3])).toBeNull();
});
