import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import { fromEpochSeconds, fromFileTime, parseInstant } from '../../src/plan/timestamps';
import { daemonTime } from '../../src/rewrite/time';
import { readDaemonTime } from '../support/daemon-time';
import { runs } from '../support/property';

const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');

describe('dates of the legacy store', () => {
  test('what a Date writes is read as that instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: FIRST, max: LAST }), (ms) => {
        const iso = new Date(ms).toISOString();
        expect(parseInstant(iso)).toBe(ms);
        expect(parseInstant(iso.slice(0, -1))).toBe(ms);
        expect(parseInstant(`  ${iso.replace('T', ' ')} `)).toBe(ms);
      }),
      runs(),
    );
  });

  test('with an offset it is the instant that Date reads', () => {
    const zone = fc.tuple(
      fc.constantFrom('+', '-'),
      fc.integer({ min: 0, max: 23 }),
      fc.integer({ min: 0, max: 59 }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.integer({ min: FIRST + 9e7, max: LAST - 9e7 }), zone, (ms, [sign, hours, minutes, colon]) => {
        const two = (value: number): string => String(value).padStart(2, '0');
        const wall = new Date(ms).toISOString().slice(0, -1);
        const read = parseInstant(`${wall}${sign}${two(hours)}${colon ? ':' : ''}${two(minutes)}`);
        expect(read).toBe(Date.parse(`${wall}${sign}${two(hours)}:${two(minutes)}`));
      }),
      runs(),
    );
  });

  test('any text gives null or a time that the daemon can read back', () => {
    const digits = fc.stringMatching(/^[0-9TZ:+. -]{0,32}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), digits), (text) => {
        const ms = parseInstant(text);
        if (ms !== null) expect(readDaemonTime(daemonTime(ms))).toBe(ms);
      }),
      runs(1_000),
    );
  });

  test.each([
    ['2026-06-18', '2026-06-18T00:00:00Z'],
    ['2026-06-18T10:20', '2026-06-18T10:20:00Z'],
    ['2026-06-18T10:20Z', '2026-06-18T10:20:00Z'],
    ['2026-06-18T10:20:30', '2026-06-18T10:20:30Z'],
    ['2026-06-18t10:20:30z', '2026-06-18T10:20:30Z'],
    ['2026-06-18T10:20:30.5Z', '2026-06-18T10:20:30.500Z'],
    ['2026-06-18T10:20:30.123456789Z', '2026-06-18T10:20:30.123Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
  ])('R18 %s is %s', (text, iso) => {
    expect(parseInstant(text)).toBe(Date.parse(iso));
  });

  test.each([
    null,
    '',
    ' ',
    'soon',
    '1777000000',
    '+002026-01-01T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    '0000-01-01',
    '10000-01-01',
    '26-01-01',
    '2026-13-01',
    '2026-00-01',
    '2026-02-30',
    '2025-02-29',
    '2026-01-00',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+00:60',
    '2026/01/01',
    'Sat Nov 21 2026',
    '2026-01-01T00:00:00Z x',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
  ])('R18 %p is no date', (text) => {
    expect(parseInstant(text)).toBeNull();
  });

  test('epochs and times of files outside the daemon’s years are none', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        for (const ms of [fromEpochSeconds(value), fromFileTime(value)])
          if (ms !== null) expect(readDaemonTime(daemonTime(ms))).toBe(ms);
      }),
      runs(),
    );
    expect(fromEpochSeconds(1777000000)).toBe(1777000000000);
    expect(fromEpochSeconds(1777000000000)).toBeNull();
    expect([fromFileTime(Number.NaN), fromFileTime(1e18), fromFileTime(-1e18), fromFileTime(0)]).toEqual([
      null,
      null,
      null,
      0,
    ]);
  });
});
