import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from './bench';
import { Disk, type Survival } from './power-cut';
import { scenario } from './scenarios';
import { differences, stateOf } from './state';
import { findStrace, SYNCS } from './strace';
import { sample } from './sweep';
import { succeededCalls, type TracedCall } from './traced-calls';

const strace = findStrace();
/** Moments of each scenario and kind; `bun run test:faults` tries more. */
const COUNT = Number(process.env.AO_POWER_CUTS ?? 4);
const SEED = Number(process.env.AO_FAULTS_SEED ?? 3);

/** The number of the last replayed call before each state of the disk that differs from the one before. */
function moments(calls: readonly TracedCall[], survival: Survival): number[] {
  return calls.flatMap(({ name, ended }, index) => (ended && (survival === 'names' || SYNCS.has(name)) ? [index] : []));
}

describe.skipIf(strace === null)('after a power cut the next run ends as an undisturbed one', () => {
  const cases = [
    'new database',
    'existing 12',
    'existing 82',
    'left-over WAL without a database',
    'rollback of a new database',
    'many files on a disk',
  ];
  test.each([
    ...cases.flatMap((name) => [[name, 'synced', 'nothing'] as const, [name, 'names', 'nothing'] as const]),
    // One sync of many files may fail, or be refused: each must then be synced by itself.
    ['many files on a disk', 'synced', 'syncfs'] as const,
  ])(
    '%s, what survives: %s, what fails: %s',
    async (name, survival, failing) => {
      const bench = await Bench.make(scenario(name), strace);
      try {
        const expected = await bench.undisturbed();
        const text = await bench.bytes(bench.scenario.args, failing === 'nothing' ? null : failing);
        bench.restore();
        const trial = new Disk(bench.home.path);
        const calls = succeededCalls(text).filter((call) => trial.replay(call));
        expect(calls.length).toBeGreaterThan(50);
        // The last one always: what the run leaves behind must be on the disk.
        const all = moments(calls, survival);
        for (const last of new Set([...all.slice(-1), ...sample(all, COUNT - 1, SEED)])) {
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
    180_000 + COUNT * 2_000,
  );
});

describe('the model of a disk', () => {
  const home = mkdtempSync(join(tmpdir(), 'ao-migrate-disk-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const folder = join(home, 'now');
  const open = (name: string): string => `7 openat(AT_FDCWD</>, "${folder}/${name}", O_WRONLY|O_CREAT, 0600) = 4`;
  const write = (name: string, text: string): string => `7 write(4<${folder}/${name}>, "${text}", 1) = 1`;

  /** What is there after a power cut at the end of this trace. */
  function survivors(...lines: string[]): Record<string, string> {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const disk = new Disk(folder);
    const calls = succeededCalls(lines.join('\n'));
    for (const call of calls) disk.replay(call);
    disk.lay('synced');
    return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  }

  test('keeps a file whose bytes and name were synced, and nothing else', () => {
    const lines = [open('a'), write('a', 'x'), open('b'), write('b', 'y'), `7 fsync(4<${folder}/a>) = 0`];
    expect(survivors(...lines)).toEqual({});
    expect(survivors(...lines, `7 fsync(5<${folder}>) = 0`)).toEqual({ a: 'x', b: '' });
  });

  test('keeps all that was there when a syncfs of another process began, and nothing later', () => {
    const sync = `9 syncfs(3<${folder}/a>) = 0`;
    expect(survivors(open('a'), write('a', 'x'), sync)).toEqual({ a: 'x' });
    expect(survivors(open('a'), sync, write('a', 'x'))).toEqual({ a: '' });
    expect(survivors(open('a'), write('a', 'x'), sync.replace('= 0', '= -1 EIO'))).toEqual({});
    expect(
      survivors(
        open('a'),
        write('a', 'x'),
        `9 syncfs(3<${folder}/a> <unfinished ...>`,
        open('b'),
        write('a', 'z'),
        '9 <... syncfs resumed>) = 0',
      ),
    ).toEqual({ a: 'x' });
  });

  test('a syncfs of another file system keeps nothing here', () => {
    expect(survivors(open('a'), write('a', 'x'), '9 syncfs(3</proc>) = 0')).toEqual({});
  });
});
