import { afterEach, expect, test } from 'bun:test';
import { join } from 'node:path';
import { RUN_ID } from '../../src/apply/run-ids';
import { newRunId, statePaths } from '../../src/apply/state';
import { emptyHome, type Home, machineAt, write } from '../support/home';

let home: Home = emptyHome();
afterEach(() => home.remove());

const at = (random: string) =>
  machineAt(home.path, { now: () => new Date('2026-11-21T12:00:00.900Z'), randomHex: () => random });

test('a run id tells its second, and is greater than every other one of that second', () => {
  home = emptyHome();
  const folder = join(home.path, 'm');
  expect(newRunId(at('000000'), folder)).toBe('20261121-120000-000000');
  write(home, { 'm/20261121-120000-fffff0.json': '{}', 'm/20261121-115959-ffffff.json': '{}' });
  for (const random of ['000000', '800000', 'ffffff']) {
    const id = newRunId(at(random), folder);
    expect(id).toMatch(RUN_ID);
    expect(id > '20261121-120000-fffff0').toBe(true);
  }
});

test('each data directory has a lock of its own, all in the state directory', () => {
  home = emptyHome();
  const one = statePaths(at('00'), '/data/one');
  const two = statePaths(at('00'), '/data/two');
  expect(one.lock).not.toBe(two.lock);
  expect(one.lock).toMatch(/\/\.ao\/migrations\/lock-[0-9a-f]{12}$/);
  expect(one.backups).toBe(join(home.path, '.ao', 'backups'));
});
