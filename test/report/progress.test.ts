import { describe, expect, test } from 'bun:test';
import { stopwatch } from '../../src/migrate/phases';
import { barText, progressBar } from '../../src/report/progress-bar';
import { type ProgressEvent, progressEvents } from '../../src/report/progress-events';
import { terminal } from './samples';

/** A clock that a test moves. */
function clock() {
  let ms = 0;
  return { now: () => ms, pass: (more: number) => (ms += more) };
}

describe('the bar', () => {
  const bar = (total: number, columns = 80) => {
    const time = clock();
    const written: string[] = [];
    const made = progressBar({
      terminal: terminal(columns),
      total,
      now: time.now,
      write: (text) => void written.push(text),
    });
    return { ...made, ...time, written };
  };

  test('appears only for a copy that lasts longer than a second, and goes away', () => {
    const short = bar(1000);
    for (let step = 0; step < 9; step++) {
      short.pass(100);
      short.advance(100);
    }
    short.end();
    expect(short.written).toEqual([]);
    const long = bar(1000);
    long.pass(1500);
    long.advance(500);
    expect(long.written.join('')).toContain('50% of 1.0 KB');
    long.end();
    expect(long.written.at(-1)).toBe('\r\u001b[K');
  });

  test('is drawn ten times a second at most', () => {
    const often = bar(1_000_000);
    often.pass(2000);
    for (let step = 0; step < 1000; step++) {
      often.pass(1);
      often.advance(10);
    }
    expect(often.written.length).toBeLessThanOrEqual(11);
  });

  test('ends with the whole, however soon after the picture before', () => {
    const last = bar(1000);
    last.pass(1500);
    last.advance(900);
    last.pass(1);
    last.advance(100);
    expect(last.written.at(-1)).toContain('100% of 1.0 KB');
  });

  test('is never as wide as the terminal, and never above 100 %', () => {
    for (const columns of [80, 40, 20]) {
      for (const done of [0, 500, 999, 1000]) {
        const text = Bun.stripANSI(barText(done, 1000, terminal(columns)));
        expect(Bun.stringWidth(text)).toBeLessThan(columns);
      }
    }
    const over = bar(10);
    over.pass(2000);
    over.advance(30);
    expect(over.written.join('')).toContain('100% of 10 bytes');
    expect(barText(5, 10, terminal(80, { locale: 'C' }))).toMatch(/^[\x20-\x7e]*$/);
    expect(barText(0, 0, terminal())).toContain('100%');
  });
});

describe('NDJSON events', () => {
  test('phases, bytes with pauses between, and the end', () => {
    const time = clock();
    const events: ProgressEvent[] = [];
    const told = progressEvents(time.now, (event) => void events.push(event));
    told.phase('plan');
    time.pass(5.4);
    const copying = told.copying(100);
    for (let step = 0; step < 10; step++) {
      time.pass(30);
      copying.advance(10);
    }
    told.end('migrated', 0);
    expect(events[0]).toEqual({ event: 'phase', phase: 'plan', ms: 0 });
    const copies = events.filter(({ event }) => event === 'copy');
    expect(copies[0]).toEqual({ event: 'copy', done: 10, total: 100, ms: 35 });
    expect(copies.at(-1)).toMatchObject({ done: 100, total: 100 });
    expect(copies.length).toBeLessThan(6);
    expect(events.at(-1)).toEqual({ event: 'end', status: 'migrated', exitCode: 0, ms: 305 });
  });
});

test('the stopwatch adds up what comes twice, in the order of the phases', () => {
  const time = clock();
  const watch = stopwatch(time.now);
  for (const [phase, ms] of [
    ['recover', 1],
    ['plan', 10],
    ['lock', 2],
    ['plan', 20],
  ] as const) {
    watch.begin(phase);
    time.pass(ms);
  }
  expect(watch.read()).toEqual({ recover: 1, plan: 30, lock: 2, total: 33 });
  expect(Object.keys(watch.read())).toEqual(['recover', 'plan', 'lock', 'total']);
});
