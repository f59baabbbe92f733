import { afterEach, describe, expect, test } from 'bun:test';
import { type Interruption, listenForSignals } from '../../src/apply/interruption';

let listening: Interruption | null = null;
afterEach(() => listening?.stop());

const NEVER = (): never => {
  throw new Error('not over yet');
};

/** Hears SIGINT at these milliseconds, and tells at which it would have ended the process. */
function endsAt(times: readonly number[]): number | null {
  let clock = 0;
  let ended: number | null = null;
  const first: number[] = [];
  const onSecond = (): never => {
    ended ??= clock;
    throw new Error('ended');
  };
  listening = listenForSignals({ now: () => clock, onFirst: () => first.push(clock), onSecond, onLate: NEVER });
  for (const time of times) {
    clock = time;
    try {
      // As the system would call it; an emit would not hand on what it throws.
      process.listeners('SIGINT').at(-1)?.('SIGINT');
    } catch {
      break;
    }
  }
  listening.stop();
  expect(first).toEqual(times.slice(0, 1));
  expect(listening.check).toThrow('SIGINT');
  return ended;
}

describe('a second SIGINT', () => {
  test('within half a second is the first one, delivered twice', () => {
    expect(endsAt([1000, 1000])).toBeNull();
    expect(endsAt([1000, 1499])).toBeNull();
  });

  test('later ends the process at once, also after one that was delivered twice', () => {
    expect(endsAt([1000, 1500])).toBe(1500);
    expect(endsAt([1000, 1001, 9000])).toBe(9000);
    expect(endsAt([1000, 1300, 1600])).toBe(1600);
  });
});

test('a signal after the end of the work is only told of: it neither interrupts nor ends anything', () => {
  let late = 0;
  const onLate = (): void => void late++;
  const heard = listenForSignals({ now: () => 0, onFirst: NEVER, onSecond: NEVER, onLate });
  listening = heard;
  heard.over();
  for (const signal of ['SIGINT', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.listeners(signal).at(-1)?.(signal);
  expect(late).toBe(4);
  expect(heard.check).not.toThrow();
  expect(heard.signal.aborted).toBe(false);
});
