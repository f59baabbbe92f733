import { describe, expect, test } from 'bun:test';
import { Bench } from './bench';
import { SCENARIOS, scenario } from './scenarios';
import { differences, stateOf } from './state';
import { findStrace, parseCalls, pointName, pointNamed, pointsOf, pointText } from './strace';
import { sample, sweep } from './sweep';

const strace = findStrace();
/** Accidents of each scenario here; `bun run test:faults` tries all. */
const COUNT = 3;
/** Chains of accidents. */
const CHAINS = Number(process.env.AO_CHAINS ?? 1);
const SEED = Number(process.env.AO_FAULTS_SEED ?? 1);

describe.skipIf(strace === null)('one accident at a system call, then an undisturbed run', () => {
  test.each(SCENARIOS.map((each) => [each.name, each] as const))(
    '%s',
    async (_, scenario) => {
      if (strace === null) return;
      const { verdicts } = await sweep(scenario, { strace, count: COUNT, seed: SEED });
      expect(verdicts).toHaveLength(COUNT);
      expect({ seed: SEED, lost: verdicts.filter(({ problems }) => problems.length > 0) }).toEqual({
        seed: SEED,
        lost: [],
      });
    },
    180_000,
  );
});

describe.skipIf(strace === null)('accidents one after another, each in the recovery from the one before', () => {
  test.each(['new database', 'existing 82', 'left-over WAL without a database', 'rollback of a new database'])(
    '%s',
    async (name) => {
      const bench = await Bench.make(scenario(name), strace);
      try {
        const expected = await bench.undisturbed();
        const points = await bench.points();
        for (let chain = 0; chain < CHAINS; chain++) {
          bench.restore();
          const accidents = sample(points, 4, SEED * 1000 + chain);
          for (const point of accidents) await bench.faulted(point, bench.scenario.args);
          const last = await bench.run(bench.scenario.args);
          const wrong = differences(expected, stateOf(bench.home.path, { whole: false }));
          const told = { exitCode: last.exitCode, wrong, at: accidents.map(pointText) };
          expect(told).toEqual({ exitCode: 0, wrong: [], at: accidents.map(pointText) });
          expect(bench.untouchables()).toEqual({ ...bench.before.untouchables });
        }
      } finally {
        bench.remove();
      }
    },
    180_000 + CHAINS * 5_000,
  );
});

describe('points of a trace', () => {
  const lines = [
    '10 openat(AT_FDCWD</h>, "/h/a", O_RDONLY) = 3</h/a>',
    '10 openat(AT_FDCWD</h>, "/h/b", O_WRONLY|O_CREAT, 0600) = 4</h/b>',
    '11 openat(AT_FDCWD</h>, "/h/c", O_WRONLY|O_CREAT, 0600 <unfinished ...>',
    '10 write(4</h/b>, "x", 1) = 1',
    '11 <... openat resumed>) = 5</h/c>',
    '10 write(1<pipe:[7]>, "x", 1) = 1',
    '10 fsync(4</h/b>) = 0',
  ].join('\n');

  test('are counted by thread and call, and only what changes something below the folder counts', () => {
    expect(parseCalls(lines, ['/h']).map(({ thread, name, nth }) => [thread, name, nth])).toEqual([
      ['10', 'openat', 2],
      ['11', 'openat', 1],
      ['10', 'write', 1],
      ['10', 'fsync', 1],
    ]);
  });

  test('are one kill and the errors that can come of each call', () => {
    const faults = (call: string): string[] =>
      pointsOf(parseCalls(lines, ['/h']))
        .filter((point) => point.call === call)
        .map(({ fault, forGood, nth }) => `${nth} ${fault}${forGood ? ' for good' : ''}`);
    expect(faults('openat').slice(0, 5)).toEqual(['2 SIGKILL', '2 ENOSPC', '2 EIO', '2 EACCES', '2 EINTR']);
    expect(faults('write')).toEqual(['1 SIGKILL', '1 ENOSPC', '1 EIO', '1 EINTR']);
    expect(faults('fsync')).toEqual(['1 SIGKILL', '1 EIO', '1 EINTR', '1 EIO for good']);
  });

  test('have a name by which one of them can be tried alone', () => {
    const points = pointsOf(parseCalls(lines, ['/h']));
    for (const { line, ...point } of points) expect(pointNamed(pointName({ line, ...point }))).toMatchObject(point);
    for (const wrong of ['', 'ENOSPC', 'ENOSPC openat', 'ENOSPC read 3', 'EPERM write 3'])
      expect(pointNamed(wrong)).toBeNull();
  });

  test('of calls that are alike the first two and the last fail, and each is killed', () => {
    const many = Array.from({ length: 6 }, (_, index) => `1 fsync(4</h/f${index}>) = 0`).join('\n');
    const points = pointsOf(parseCalls(many, ['/h']), ({ line }) => line.includes('/h/f'));
    const of = (fault: string): number[] =>
      points.filter((each) => each.fault === fault && !each.forGood).map(({ nth }) => nth);
    expect([of('SIGKILL'), of('EIO')]).toEqual([
      [1, 2, 3, 4, 5, 6],
      [1, 2, 6],
    ]);
  });

  test('a sample depends on its seed alone', () => {
    const all = Array.from({ length: 50 }, (_, index) => index);
    expect(sample(all, 5, 1)).toEqual(sample(all, 5, 1));
    expect(sample(all, 5, 1)).not.toEqual(sample(all, 5, 2));
  });
});
