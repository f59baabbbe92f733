import { describe, expect, test } from 'bun:test';
import { type TerminalFacts, terminalOf } from '../../src/report/terminal';

const of = (difference: Partial<TerminalFacts> = {}) =>
  terminalOf({
    env: { TERM: 'xterm', LANG: 'de_DE.UTF-8' },
    platform: 'linux',
    isTTY: true,
    columns: 80,
    color: 'auto',
    ...difference,
  });

describe('colour', () => {
  test.each([
    [true, {}],
    [false, { isTTY: false }],
    [false, { env: { TERM: 'xterm', NO_COLOR: '1' } }],
    [false, { env: { TERM: 'xterm', NO_COLOR: 'false' } }],
    [true, { env: { TERM: 'xterm', NO_COLOR: '' } }],
    [false, { env: { TERM: 'dumb' } }],
    [false, { env: {} }],
    [true, { env: {}, platform: 'win32' }],
    [true, { color: 'always', isTTY: false, env: { NO_COLOR: '1', TERM: 'dumb' } }],
    [false, { color: 'never' }],
  ] as const)('%p for %j', (color, difference) => {
    const terminal = of(difference);
    expect(terminal.color).toBe(color);
    expect(terminal.paint('red', 'x')).toBe(color ? '\u001b[31mx\u001b[39m' : 'x');
  });

  test('an empty text gets no codes', () => expect(of().paint('bold', '')).toBe(''));
});

describe('glyphs and names', () => {
  test.each([
    [true, { LANG: 'C.utf8' }],
    [true, { LANG: 'C', LC_ALL: 'en_US.UTF-8' }],
    [false, { LANG: 'en_US.UTF-8', LC_ALL: 'C' }],
    [false, { LANG: 'en_US.UTF-8', LC_CTYPE: 'de_DE.ISO-8859-1' }],
    [true, { LANG: 'C', LC_CTYPE: 'UTF-8', LC_ALL: '' }],
    [false, {}],
  ] as const)('%p for %j', (unicode, env) => {
    const terminal = of({ env });
    expect(terminal.unicode).toBe(unicode);
    expect(terminal.show('é\u001b')).toBe(unicode ? 'é\\x1b' : '\\xe9\\x1b');
  });

  test('Windows Terminal names itself; the old console has no glyphs', () => {
    expect(of({ platform: 'win32', env: { WT_SESSION: '1' } }).unicode).toBe(true);
    expect(of({ platform: 'win32', env: {} }).unicode).toBe(false);
  });
});

describe('width', () => {
  test.each([
    [72, { columns: 72 }],
    [40, { columns: 40 }],
    [80, { columns: undefined }],
    [80, { columns: 0 }],
    [50, { columns: undefined, env: { COLUMNS: '50' } }],
    [72, { columns: 72, env: { COLUMNS: '50' } }],
    [80, { columns: undefined, env: { COLUMNS: 'wide' } }],
    [80, { columns: undefined, env: { COLUMNS: '-5' } }],
    [20, { columns: 3 }],
    [100, { columns: 250 }],
  ] as const)('%d for %j', (width, difference) => expect(of(difference).width).toBe(width));
});

test('only a terminal that obeys is live, and only a terminal is interactive', () => {
  expect(of()).toMatchObject({ live: true, interactive: true });
  expect(of({ env: { TERM: 'dumb' } })).toMatchObject({ live: false, interactive: true });
  expect(of({ isTTY: false, color: 'always' })).toMatchObject({ live: false, interactive: false });
});
