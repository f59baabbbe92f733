import { afterAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from './bench';
import { type Command, overtakeOften, pairsWith } from './overtaken';
import { scenario } from './scenarios';
import { parseStops, runStopped } from './stopping';
import { findStrace } from './strace';

const strace = findStrace();
/** Moments of each pair of commands; the long run sets it, and then has all pairs. */
const COUNT = process.env.AO_OVERTAKEN;
const SEED = Number(process.env.AO_FAULTS_SEED ?? 1);
/** Of the pairs every so many-th, if it is not the long run. */
const SOME = 5;

const BENCHES = [
  ['migrate', 'new database'],
  ['rollback', 'rollback of a new database'],
] as const;

const benches = new Map<Command, Bench>();
afterAll(() => {
  for (const bench of benches.values()) bench.remove();
});

async function benchOf(wanted: Command, name: string): Promise<Bench> {
  const bench = benches.get(wanted) ?? (await Bench.make(scenario(name), strace));
  benches.set(wanted, bench);
  return bench;
}

const PAIRS = BENCHES.flatMap(([wanted, name]) =>
  pairsWith(wanted)
    .filter((_, index) => COUNT !== undefined || index % SOME === SEED % SOME)
    .map((pair) => [pair.standing, pair.passing, { pair, wanted, name }] as const),
);

describe.skipIf(strace === null)('a command stands after one of its calls while another one runs', () => {
  let moments = 0;
  let stood = 0;

  test.each(PAIRS)(
    '%s, and %s',
    async (_standing, _passing, { pair, wanted, name }) => {
      const bench = await benchOf(wanted, name);
      const { verdicts, all } = await overtakeOften(bench, pair, wanted, { count: Number(COUNT ?? 2), seed: SEED });
      moments += verdicts.length;
      stood += verdicts.filter((each) => each.stood).length;
      const ends = Map.groupBy(verdicts, ({ ended }) => ended);
      if (COUNT !== undefined)
        process.stderr.write(
          `${pair.standing}, and ${pair.passing}: ${verdicts.length} of ${all} moments (${Array.from(ends, ([end, { length }]) => `${end}: ${length}`).join('; ')})\n`,
        );
      const lost = verdicts.filter(({ problems }) => problems.length > 0);
      expect({ seed: SEED, lost }).toEqual({ seed: SEED, lost: [] });
    },
    COUNT === undefined ? 60_000 : 3_600_000,
  );

  test('the moments came: threads take turns as they like, but mostly in the same way', () => {
    expect(stood).toBeGreaterThan(moments / 2);
  });
});

describe.skipIf(strace === null)('a stop', () => {
  test('is after the call, and lasts until what happens meanwhile has ended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ao-migrate-stopping-'));
    try {
      const [first, second, third] = ['first', 'second', 'third'].map((name) => join(folder, name));
      writeFileSync(`${first}`, 'x\n');
      const script = `read line < ${first}; cat ${second}; echo done > ${third}`;
      const options = {
        strace: strace ?? '',
        program: ['/bin/sh', '-c', script],
        cwd: folder,
        env: { PATH: process.env.PATH ?? '' },
        log: join(folder, 'log'),
      };
      // The shell opens its libraries first.
      for (let nth = 1; nth < 20; nth++) {
        rmSync(`${third}`, { force: true });
        let sawThird = false;
        const stop = { call: 'openat', nth, earlier: 0, line: '' };
        const run = await runStopped(stop, options, async () => {
          sawThird = existsSync(`${third}`);
          await Bun.sleep(20);
          sawThird ||= existsSync(`${third}`);
          writeFileSync(`${second}`, 'made meanwhile');
        });
        if (!run.stood) break;
        expect(run.timedOut).toBe(false);
        if (!sawThird) expect(run.stdout).toBe('made meanwhile');
        expect(existsSync(`${third}`)).toBe(true);
        if (sawThird) return;
        rmSync(`${second}`);
      }
      throw new Error('no call was the one that makes the third file');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('moments of a trace', () => {
  const lines = [
    '10 openat(AT_FDCWD</h>, "/lib/x", O_RDONLY) = 3</lib/x>',
    '10 openat(AT_FDCWD</h>, "/h/.ao/a", O_RDONLY) = 3</h/.ao/a>',
    '11 openat(AT_FDCWD</h>, "/lib/y", O_RDONLY) = 3</lib/y>',
    '11 openat(AT_FDCWD</h>, "/h/.claude/b", O_RDONLY) = 4</h/.claude/b>',
    '10 stat("/h/code/c", 0x7f) = 0',
    '10 stat("/h/code/d", 0x7f) = 0',
    '11 getdents64(4</h/.ao>, 0x7f /* 3 entries */, 32768) = 80',
    '10 stat("/h/code/e", 0x7f) = 0',
  ].join('\n');

  test('are counted by thread; of calls on what no run changes the first of a row stands for all', () => {
    expect(parseStops(lines, ['/h']).map(({ call, nth, earlier }) => [call, nth, earlier])).toEqual([
      ['openat', 2, 0],
      ['openat', 2, 1],
      ['stat', 1, 0],
      ['getdents64', 1, 0],
      ['stat', 3, 0],
    ]);
  });
});
