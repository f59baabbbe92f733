import { describe, expect, test } from 'bun:test';
import { daemonTime } from '../../src/rewrite/time';
import { readDaemonTime } from '../support/daemon-time';

const at = (iso: string): number => Date.parse(iso);

describe('text that is written', () => {
  test.each([
    ['2026-06-18T00:49:00.000Z', '2026-06-18 00:49:00 +0000 UTC'],
    ['2026-06-18T00:49:00.120Z', '2026-06-18 00:49:00.12 +0000 UTC'],
    ['2026-06-18T00:49:00.100Z', '2026-06-18 00:49:00.1 +0000 UTC'],
    ['2026-06-18T00:49:00.003Z', '2026-06-18 00:49:00.003 +0000 UTC'],
    ['2026-06-18T00:49:10.000Z', '2026-06-18 00:49:10 +0000 UTC'],
    ['2026-06-18T05:30:00.000+05:30', '2026-06-18 00:00:00 +0000 UTC'],
    ['0001-01-01T00:00:00.000Z', '0001-01-01 00:00:00 +0000 UTC'],
    ['1969-12-31T23:59:59.999Z', '1969-12-31 23:59:59.999 +0000 UTC'],
  ])('%s', (iso, text) => {
    expect(daemonTime(at(iso))).toBe(text);
    expect(readDaemonTime(text)).toBe(at(iso));
  });

  test('of a year that has not four digits there is none', () => {
    expect(() => daemonTime(Date.UTC(10000, 0, 1))).toThrow(RangeError);
    expect(() => daemonTime(Date.parse('0000-01-01T00:00:00Z') - 1)).toThrow(RangeError);
    expect(() => daemonTime(Number.NaN)).toThrow(RangeError);
    expect(daemonTime(Date.parse('9999-12-31T23:59:59.999Z'))).toBe('9999-12-31 23:59:59.999 +0000 UTC');
  });

  test('sorts as time does', () => {
    const times = [0, 1, 10, 999, 1000, 86_400_000].map((ms) => at('2026-06-18T00:00:00Z') + ms);
    expect(times.map(daemonTime).toSorted()).toEqual(times.map(daemonTime));
  });
});

describe('text that the daemon reads', () => {
  const READ: readonly (readonly [string, string])[] = [
    ['2026-06-18 00:49:00.123456789 +0000 UTC', '2026-06-18T00:49:00.123Z'],
    ['2026-06-18 06:19:00 +0530 IST', '2026-06-18T00:49:00Z'],
    ['2026-06-18 06:19:00 +0530 IST m=+12.345', '2026-06-18T00:49:00Z'],
    ['2026-06-18 03:49:00 -0300 -03', '2026-06-18T06:49:00Z'],
    ['2026-06-18 06:19:00 +0530 UTC', '2026-06-18T06:19:00Z'],
    ['2026-06-18 08:49:00 +0800 WITA', '2026-06-18T00:49:00Z'],
    ['2026-06-18T00:49:00Z', '2026-06-18T00:49:00Z'],
    ['2026-06-18T00:49:00.000Z', '2026-06-18T00:49:00Z'],
    ['2026-06-18T06:19:00+05:30', '2026-06-18T00:49:00Z'],
    ['2026-06-18 00:49:00', '2026-06-18T00:49:00Z'],
    ['2026-06-18 00:49:00Z', '2026-06-18T00:49:00Z'],
    ['2026-06-18 00:49:00+00:00', '2026-06-18T00:49:00Z'],
    ['2026-06-18', '2026-06-18T00:00:00Z'],
    ['2026-06-18T00:49', '2026-06-18T00:49:00Z'],
    ['2024-02-29 1:02:03', '2024-02-29T01:02:03Z'],
  ];
  test.each(READ)('%s', (text, iso) => {
    expect(readDaemonTime(text)).toBe(at(iso));
  });

  test.each([
    '2026-06-18 06:34:00 +0545 +0545',
    '2026-06-18 06:19:00 +0530 +0530',
    '2026-06-18T06:19:00+0530',
    '2026-06-18t00:49:00z',
    '2026-06-18 00:49:00 ',
    '2026/06/18',
    '2026-06-18 24:00:00',
    '2026-06-18 00:00:60',
    '2025-02-29 00:00:00',
    '2026-04-31',
    '2026-13-01',
    '+002026-06-18T00:49:00Z',
    'Thu Jun 18 2026 00:49:00 GMT+0000 (Coordinated Universal Time)',
    '2026-06-18 00:49:00 +0000 utc',
    '2026-06-18 00:49:00 +0100 ABCD',
    '2026-06-18 00:49:00 +2500 CEST',
    '1750207740',
    '',
  ])('and not %p', (text) => {
    expect(readDaemonTime(text)).toBeNull();
  });
});
