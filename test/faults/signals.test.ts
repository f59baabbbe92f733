import { afterEach, describe, expect, test } from 'bun:test';
import { closeSync, constants, existsSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomOf } from '../../scripts/random';
import { EXECUTABLE } from '../support/executable';
import { until } from '../support/waiting';
import { Bench } from './bench';
import { scenario } from './scenarios';
import { differences, stateOf } from './state';

/** Moments of each signal. */
const MOMENTS = Number(process.env.AO_SIGNALS ?? 4);
const LIMIT = 180_000 + MOMENTS * 5_000;

let bench: Bench | null = null;
afterEach(() => {
  bench?.remove();
  bench = null;
});

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;

describe.skipIf(process.platform === 'win32')('a signal at any moment', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s: the run ends with its code and has put everything back, or has done its work',
    async (signal) => {
      bench = await Bench.make(scenario('20 projects'), null);
      const expected = await bench.undisturbed();
      const random = randomOf(signal.length + CODES[signal]);
      const begun = Date.now();
      await bench.run(bench.scenario.args);
      const lasts = Date.now() - begun;
      for (let moment = 0; moment < MOMENTS; moment++) {
        bench.restore();
        const child = bench.start(['--yes']);
        await Bun.sleep(random() * lasts * 1.1);
        child.kill(signal);
        const [stdout, stderr] = await Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
        ]);
        await child.exited;
        const state = stateOf(bench.home.path, { whole: true });
        if (child.signalCode === null && child.exitCode === 0) {
          expect(stdout).not.toBe('');
          expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
        } else {
          // Before the program listens, the system itself ends it.
          if (child.signalCode !== null) expect(child.signalCode).toBe(signal);
          else {
            expect({ code: child.exitCode, stderr }).toEqual({
              code: CODES[signal],
              stderr: expect.stringMatching(/interrupted/i),
            });
            expect(stdout).toBe('');
          }
          expect(differences(bench.before.state, state)).toEqual([]);
        }
        expect(bench.leftovers()).toEqual([]);
        expect((await bench.run(bench.scenario.args)).exitCode).toBe(0);
        expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
      }
    },
    LIMIT,
  );

  test(
    'a second SIGINT ends the run at once, and the next one finishes or undoes it',
    async () => {
      bench = await Bench.make(scenario('20 projects'), null);
      const expected = await bench.undisturbed();
      const random = randomOf(2);
      for (let moment = 0; moment < MOMENTS; moment++) {
        bench.restore();
        const child = bench.start(['--yes']);
        await Bun.sleep(60 + random() * 200);
        child.kill('SIGINT');
        // One that comes sooner than after half a second is taken for the first.
        await Bun.sleep(510 + random() * 5);
        const asked = Date.now();
        child.kill('SIGINT');
        await child.exited;
        expect(Date.now() - asked).toBeLessThan(30_000);
        if (child.signalCode === null) {
          expect([0, 130]).toContain(child.exitCode ?? -1);
          expect(bench.leftovers()).toEqual([]);
        }
        expect((await bench.run(bench.scenario.args)).exitCode).toBe(0);
        expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
      }
    },
    LIMIT,
  );

  test(
    'a rollback that is asked to stop has removed nothing, or everything, and the next one finds that',
    async () => {
      bench = await Bench.make(scenario('rollback of a new database'), null);
      const expected = await bench.undisturbed();
      const random = randomOf(5);
      for (let moment = 0; moment < MOMENTS; moment++) {
        bench.restore();
        const child = bench.start(bench.scenario.args);
        await Bun.sleep(random() * 150);
        child.kill('SIGTERM');
        await child.exited;
        if (child.signalCode === null) {
          expect([0, 143]).toContain(child.exitCode ?? -1);
          const isDone = child.exitCode === 0;
          const ended = stateOf(bench.home.path, { whole: !isDone });
          expect(differences(isDone ? expected : bench.before.state, ended)).toEqual([]);
        } else {
          // Before the program listens, the system itself ends it.
          expect(child.signalCode).toBe('SIGTERM');
          expect(differences(bench.before.state, stateOf(bench.home.path, { whole: true }))).toEqual([]);
        }
        expect(bench.leftovers()).toEqual([]);
        expect((await bench.run(bench.scenario.args)).exitCode).toBe(0);
        expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
      }
    },
    LIMIT,
  );

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s after the commit, while nobody takes the result, leaves the exit code as it is',
    async (signal) => {
      bench = await Bench.make(scenario('new database'), null);
      const expected = await bench.undisturbed();
      for (const args of [['--yes'], bench.scenario.args]) {
        bench.restore();
        const full = fullPipe(join(bench.temporary, 'full'));
        const child = Bun.spawn([EXECUTABLE, ...args], {
          cwd: bench.home.path,
          env: bench.env,
          stdio: ['ignore', full.stdout, 'ignore'],
        });
        await until(() => bench !== null && isTold(bench));
        // Once for all: the process may be anywhere between its last step and the write that waits.
        child.kill(signal);
        await child.exited;
        full.close();
        expect({ args, exitCode: child.exitCode, signalCode: child.signalCode }).toEqual({
          args,
          exitCode: 0,
          signalCode: null,
        });
        expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
      }
    },
    LIMIT,
  );
});

/** The last that a run does: its lock is gone, and its receipt is there. */
function isTold({ home }: Bench): boolean {
  const folder = join(home.path, '.ao', 'migrations');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.some((name) => /^\d.*\.json$/.test(name)) && !names.some((name) => name.startsWith('lock-'));
}

/** A pipe that takes nothing more, and has a reader that never reads. */
function fullPipe(path: string): { readonly stdout: number; close(): void } {
  if (Bun.spawnSync(['mkfifo', path]).exitCode !== 0) throw new Error(`mkfifo ${path}`);
  const held = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    for (const block = Buffer.alloc(4096); ; ) writeSync(held, block);
  } catch {
    // It is full now.
  }
  const stdout = openSync(path, 'w');
  return {
    stdout,
    close: () => {
      closeSync(stdout);
      closeSync(held);
    },
  };
}
