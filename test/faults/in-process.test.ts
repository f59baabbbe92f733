import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from './bench';
import { scenario } from './scenarios';
import { differences, stateOf } from './state';
import { sample } from './sweep';

const ROOT = join(import.meta.dir, '..', '..');
const FAULTS = ['SIGKILL', 'SIGKILL', 'ENOSPC', 'EIO', 'EACCES'] as const;
/** Accidents of each scenario; all of them are tried with strace, too. */
const EACH = 4;
/** Bun's own cache must not appear in the home that is looked at. */
const cache = mkdtempSync(join(tmpdir(), 'ao-migrate-cache-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

interface Hooked {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly calls: number;
}

/** A run from the sources in which one call has an accident. */
async function hooked(bench: Bench, at: number, fault: string): Promise<Hooked> {
  const child = Bun.spawn(
    [
      process.execPath,
      '--preload',
      join(import.meta.dir, 'hook.ts'),
      join(ROOT, 'src', 'main.ts'),
      ...bench.scenario.args,
    ],
    {
      cwd: bench.home.path,
      env: {
        ...bench.env,
        AO_HOOK_AT: String(at),
        AO_HOOK_FAULT: fault,
        AO_HOOK_COUNT: '2',
        BUN_RUNTIME_TRANSPILER_CACHE_PATH: cache,
      },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  );
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return {
    exitCode: child.signalCode === null ? child.exitCode : null,
    stdout,
    calls: Number(/\d+$/.exec(stderr)?.[0] ?? 0),
  };
}

describe('an accident at a call of the program itself, without any tool of the system', () => {
  test.each(['new database', 'existing 12', 'rollback of a new database'])(
    '%s',
    async (name) => {
      const bench = await Bench.make(scenario(name), null);
      try {
        const expected = await bench.undisturbed();
        const { calls } = await hooked(bench, 0, 'none');
        expect(calls).toBeGreaterThan(30);
        const numbers = sample(
          Array.from({ length: calls }, (_, index) => index + 1),
          EACH,
          calls,
        );
        for (const [index, at] of numbers.entries()) {
          const fault = FAULTS[index % FAULTS.length] ?? 'SIGKILL';
          bench.restore();
          const first = await hooked(bench, at, fault);
          if (fault === 'SIGKILL') expect(first.exitCode).toBeNull();
          else expect([0, 1, 3, 5]).toContain(first.exitCode ?? -1);
          if (first.exitCode === 5)
            expect({
              at,
              fault,
              wrong: differences(bench.before.state, stateOf(bench.home.path, { whole: true })),
            }).toEqual({
              at,
              fault,
              wrong: [],
            });
          const second = await bench.run(bench.scenario.args);
          const wrong = differences(expected, stateOf(bench.home.path, { whole: false }));
          expect({ at, fault, exitCode: second.exitCode, wrong }).toEqual({ at, fault, exitCode: 0, wrong: [] });
          expect(bench.untouchables()).toEqual({ ...bench.before.untouchables });
        }
      } finally {
        bench.remove();
      }
    },
    180_000,
  );
});
