import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clearDebris, type ProcessProbe, runningOwner, startedOf, takeLock } from '../../src/apply/run-lock';
import { type StatePaths, statePaths } from '../../src/apply/state';
import type { Machine } from '../../src/contracts/machine';
import { emptyHome, type Home, machineAt } from '../support/home';

const STALE_PID = 999_999_999;
const [A, B] = ['20261121-120000-aaaaaa', '20261121-120000-bbbbbb'];

let home: Home;
let paths: StatePaths;
beforeEach(() => {
  home = emptyHome();
  paths = statePaths(machineAt(home.path), join(home.path, '.ao', 'data'));
});
afterEach(() => home.remove());

const machine = (pid: number): Machine => machineAt(home.path, { pid });
/** Only these pids live. */
const living = (...pids: number[]): ProcessProbe => ({
  isAlive: (pid) => pids.includes(pid),
  started: (pid) => `${pid}`,
});
const names = (): string[] => readdirSync(paths.migrations).sort();

function writeLock(text: string): void {
  mkdirSync(paths.migrations, { recursive: true });
  writeFileSync(paths.lock, text);
}
const stale = (): void => writeLock(JSON.stringify({ pid: STALE_PID, started: 'x', runId: '20261121-110000-000000' }));

test('a lock is given back with every directory that was made for it', () => {
  const lock = takeLock(paths, A, machine(1), living(1));
  expect(runningOwner(paths, living(1))).toBe(1);
  expect(lock.madeDirectories).toEqual([join(home.path, '.ao'), paths.migrations]);
  lock.release();
  expect(readdirSync(home.path)).toEqual([]);
});

test('a second run is refused and names the first, whose lock stays', () => {
  const lock = takeLock(paths, A, machine(1), living(1, 2));
  expect(() => takeLock(paths, B, machine(2), living(1, 2))).toThrow('pid 1');
  expect(runningOwner(paths, living(1, 2))).toBe(1);
  lock.release();
});

test('a run that ends beside it with nothing done takes the folder with it: it is made again', () => {
  const first = takeLock(paths, A, machine(1), living(1));
  const whenAsked = (which: keyof ProcessProbe): ProcessProbe => ({
    isAlive: (pid) => {
      if (which === 'isAlive') first.release();
      return pid === 2;
    },
    started: (pid) => {
      if (which === 'started') first.release();
      return `${pid}`;
    },
  });
  for (const which of ['started', 'isAlive'] as const) {
    const lock = takeLock(paths, B, machine(2), whenAsked(which));
    expect(runningOwner(paths, living(2))).toBe(2);
    expect(lock.madeDirectories).toEqual([join(home.path, '.ao'), paths.migrations]);
    lock.release();
    expect(readdirSync(home.path)).toEqual([]);
    takeLock(paths, A, machine(1), living(1));
  }
});

test('directories that a dead run had made for its lock go with it, unless something is in them', () => {
  const dead = (): void => {
    takeLock(paths, B, machine(2), living(2));
  };
  dead();
  const lock = takeLock(paths, A, machine(1), living(1));
  expect(lock.madeDirectories).toEqual([join(home.path, '.ao'), paths.migrations]);
  lock.release();
  expect(readdirSync(home.path)).toEqual([]);
  dead();
  clearDebris(paths, A, machine(1), living(1));
  expect(readdirSync(home.path)).toEqual([]);
  dead();
  writeFileSync(join(home.path, '.ao', 'mine'), '');
  clearDebris(paths, A, machine(1), living(1));
  expect(readdirSync(join(home.path, '.ao'))).toEqual(['mine']);
});

test('directories that a journal names go with the lock if they lie above it', () => {
  mkdirSync(paths.migrations, { recursive: true });
  mkdirSync(join(home.path, 'other'));
  const lock = takeLock(paths, A, machine(1), living(1));
  lock.adopt([join(home.path, 'other'), join(home.path, '.ao'), paths.migrations]);
  lock.release();
  expect(readdirSync(home.path)).toEqual(['other']);
});

describe('a stale lock', () => {
  test('is taken over, and nothing of the take-over stays', () => {
    stale();
    takeLock(paths, A, machine(1), living(1)).release();
    expect(names()).toEqual([]);
  });

  test('whose pid another process has by now is stale', () => {
    writeLock(JSON.stringify({ pid: 7, started: 'before', runId: B }));
    takeLock(paths, A, machine(1), { isAlive: () => true, started: () => 'now' }).release();
    expect(names()).toEqual([]);
  });

  test('that another process takes over meanwhile is not taken from it, not even for a moment', () => {
    stale();
    let inode = 0n;
    const probe: ProcessProbe = {
      isAlive: (pid) => {
        if (pid === STALE_PID && inode === 0n) {
          takeLock(paths, A, machine(1), living(1, 2));
          inode = statSync(paths.lock, { bigint: true }).ino;
        }
        return pid !== STALE_PID;
      },
      started: (pid) => `${pid}`,
    };
    expect(() => takeLock(paths, B, machine(2), probe)).toThrow('pid 1');
    expect(statSync(paths.lock, { bigint: true }).ino).toBe(inode);
    expect(runningOwner(paths, living(1, 2))).toBe(1);
  });

  test('whose take-over was interrupted is taken over all the same', () => {
    stale();
    const claim = (subject: string): string =>
      join(paths.migrations, `.stale-${paths.lock.split('/').at(-1)}-${subject}`);
    writeFileSync(claim('20261121-110000-000000'), JSON.stringify({ pid: STALE_PID, started: null, runId: B }));
    takeLock(paths, A, machine(1), living(1)).release();
    expect(names()).toEqual([]);
  });

  test('that somebody else is about to remove is left to it', () => {
    stale();
    const claim = join(paths.migrations, `.stale-${paths.lock.split('/').at(-1)}-20261121-110000-000000`);
    writeFileSync(claim, JSON.stringify({ pid: 2, started: '2', runId: B }));
    expect(() => takeLock(paths, A, machine(1), living(1, 2))).toThrow('Another ao-migrate');
    expect(names()).toHaveLength(2);
  });

  test('without a readable owner counts after ten seconds', () => {
    writeLock('');
    const now = machineAt(home.path).now().getTime() / 1000;
    utimesSync(paths.lock, now - 5, now - 5);
    expect(() => takeLock(paths, A, machine(1), living(1))).toThrow('Another ao-migrate');
    utimesSync(paths.lock, now - 11, now - 11);
    takeLock(paths, A, machine(1), living(1)).release();
    expect(names()).toEqual([]);
  });
});

test('what killed runs were writing is removed by the next one; what a living one writes is not', () => {
  mkdirSync(paths.migrations, { recursive: true });
  for (const pid of [STALE_PID, 2]) writeFileSync(join(paths.migrations, `.writing-${pid}-lock-x`), '');
  clearDebris(paths, A, machine(1), living(1, 2));
  expect(names()).toEqual(['.writing-2-lock-x']);
});

test('a lock that a killed run left is cleared even where there is nothing else to do', () => {
  stale();
  clearDebris(paths, A, machine(1), living(1));
  expect(existsSync(paths.lock)).toBe(false);
  writeLock(JSON.stringify({ pid: 2, started: '2', runId: B }));
  clearDebris(paths, A, machine(1), living(1, 2));
  expect(existsSync(paths.lock)).toBe(true);
});

test('a place where no lock can be made is a refusal, and nothing is left', () => {
  writeFileSync(join(home.path, '.ao'), 'a file');
  expect(() => takeLock(paths, A, machine(1), living(1))).toThrow('cannot be written');
  expect(readdirSync(home.path)).toEqual(['.ao']);
});

test.skipIf(process.platform !== 'linux')('two processes with one pid differ by when they began', async () => {
  expect(startedOf(process.pid)).toMatch(/^[0-9a-f-]{36}:\d+$/);
  // Its clock ticks a hundred times a second.
  await Bun.sleep(30);
  const later = Bun.spawn(['sleep', '600']);
  expect(startedOf(process.pid)).not.toBe(startedOf(later.pid));
  later.kill();
  // As macOS is asked.
  if (!existsSync('/bin/ps')) return;
  expect(startedOf(process.pid, 'darwin')).toMatch(/^\w{3} \w{3} +\d+ [\d:]{8} \d{4}$/);
  expect(startedOf(STALE_PID, 'darwin')).toBeNull();
  expect(startedOf(STALE_PID)).toBeNull();
});
