import { describe, expect, test } from 'bun:test';
import { SCENARIOS } from './scenarios';
import { findStrace, parseCalls, pointsOf } from './strace';
import { sample, sweep } from './sweep';

const strace = findStrace();
/** Accidents of each scenario here; `bun run test:faults` tries all. */
const COUNT = 3;
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
    60_000,
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

  test('a sample depends on its seed alone', () => {
    const all = Array.from({ length: 50 }, (_, index) => index);
    expect(sample(all, 5, 1)).toEqual(sample(all, 5, 1));
    expect(sample(all, 5, 1)).not.toEqual(sample(all, 5, 2));
  });
});
