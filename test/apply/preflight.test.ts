import { afterEach, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type Need, preflight } from '../../src/apply/preflight';
import { Refusal } from '../../src/contracts/refusals';
import { emptyHome, type Home } from '../support/home';

let home: Home;
afterEach(() => home.remove());

function refusal(free: number, ...needs: readonly (readonly [number, string])[]): string {
  home = emptyHome();
  const all: Need[] = needs.map(([bytes, what]) => ({ path: join(home.path, what), bytes, what }));
  try {
    preflight(all, () => free);
    return 'none';
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `${error.code} ${error.message.replace(home.path, 'HOME')} ${error.hint}`;
  }
}

test('what is free is never told as more than it is, nor what is needed as less', () => {
  expect(refusal(3 * 1024 * 1024, [256 * 1024, 'the database'])).toBe(
    'NO_SPACE There is not enough space at HOME: 4.5 MB for the database, 3.1 MB free. Free at least 1.4 MB, then run again.',
  );
  expect(refusal(300 * 1024, [1_000_000, 'the backup'], [2_000_001, 'the database'])).toBe(
    'NO_SPACE There is not enough space at HOME: 7.2 MB for the backup, the database, 0.3 MB free. Free at least 6.9 MB, then run again.',
  );
  expect(refusal(Number.POSITIVE_INFINITY, [1, 'the database'])).toBe('none');
});
