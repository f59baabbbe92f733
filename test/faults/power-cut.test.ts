import { describe, expect, test } from 'bun:test';
import { Bench } from './bench';
import { Disk, type Survival, succeededCalls, type TracedCall } from './power-cut';
import { scenario } from './scenarios';
import { differences, stateOf } from './state';
import { findStrace } from './strace';
import { sample } from './sweep';

const strace = findStrace();
/** Moments of each scenario and kind; `bun run test:faults` tries more. */
const COUNT = Number(process.env.AO_POWER_CUTS ?? 4);
const SEED = Number(process.env.AO_FAULTS_SEED ?? 3);

/** The number of the last replayed call before each state of the disk that differs from the one before. */
function moments(calls: readonly TracedCall[], survival: Survival): number[] {
  return calls.flatMap(({ name }, index) =>
    survival === 'names' || name === 'fsync' || name === 'fdatasync' ? [index] : [],
  );
}

describe.skipIf(strace === null)('after a power cut the next run ends as an undisturbed one', () => {
  const cases = [
    'new database',
    'existing 12',
    'existing 82',
    'left-over WAL without a database',
    'rollback of a new database',
  ];
  test.each(cases.flatMap((name) => [[name, 'synced'] as const, [name, 'names'] as const]))(
    '%s, what survives: %s',
    async (name, survival) => {
      const bench = await Bench.make(scenario(name), strace);
      try {
        const expected = await bench.undisturbed();
        const text = await bench.bytes(bench.scenario.args);
        bench.restore();
        const trial = new Disk(bench.home.path);
        const calls = succeededCalls(text).filter((call) => trial.replay(call));
        expect(calls.length).toBeGreaterThan(50);
        for (const last of sample(moments(calls, survival), COUNT, SEED)) {
          bench.restore();
          const disk = new Disk(bench.home.path);
          for (const call of calls.slice(0, last + 1)) disk.replay(call);
          disk.lay(survival);
          const run = await bench.run(bench.scenario.args);
          const wrong = differences(expected, stateOf(bench.home.path, { whole: false }));
          const at = `${calls[last]?.name}(${calls[last]?.args.slice(0, 200)}`;
          const said = run.exitCode === 0 ? '' : run.stdout;
          expect({ last, at, said, wrong }).toEqual({ last, at, said: '', wrong: [] });
          expect(bench.untouchables()).toEqual({ ...bench.before.untouchables });
        }
      } finally {
        bench.remove();
      }
    },
    60_000 + COUNT * 2_000,
  );
});
