import { describe, expect, test } from 'bun:test';
import { agentName, counted, listed, pathText, sizeText } from '../../src/report/words';
import { context } from './samples';

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1000, '1.0 KB'],
  [9949, '9.9 KB'],
  [9960, '10 KB'],
  [999_499, '999 KB'],
  [999_500, '1.0 MB'],
  [1_234_567, '1.2 MB'],
  [2_147_483_648, '2.1 GB'],
  [5e15, '5000 TB'],
])('sizeText %d is %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));

test('counted', () => {
  expect([0, 1, 2].map((count) => counted(count, 'project'))).toEqual(['0 projects', '1 project', '2 projects']);
});

test('listed', () => {
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed)).toEqual(['', 'a', 'a and b', 'a, b and c']);
});

test('agents have their own names', () => {
  expect([agentName('claude-code'), agentName('codex'), agentName('opencode')]).toEqual([
    'Claude Code',
    'Codex',
    'OpenCode',
  ]);
});

describe('pathText', () => {
  test.each([
    ['/home/jo', '~'],
    ['/home/jo/src', '~/src'],
    ['/home/joanna/src', '/home/joanna/src'],
    ['/srv/a\u001b', '/srv/a\\x1b'],
  ])('%s', (path, shown) => expect(pathText(path, context())).toBe(shown));
  test('without a home', () => {
    expect(pathText('/home/jo', context({ home: null }))).toBe('/home/jo');
    expect(pathText('C:\\Users\\jo\\a', context({ home: 'C:\\Users\\jo' }))).toBe('~\\a');
  });
});
