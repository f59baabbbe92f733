import { beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Calls, callsOf, readCalls } from '../../scripts/bench/measure';
import { makeStore, USUAL } from '../../scripts/bench/store';

const CONVERSATION = 32 * 1024;
const MAIN = join(import.meta.dir, '..', '..', 'src', 'main.ts');

/** What a run asks of the system for one more project: the difference of two stores, so that what a start costs cancels out. */
async function costOfProject(command: readonly string[]): Promise<Calls> {
  const [few, many] = [await costOfStore(2, command), await costOfStore(6, command)];
  const each = (key: keyof Calls): number => (many[key] - few[key]) / 4;
  return {
    total: each('total'),
    opened: each('opened'),
    syncs: each('syncs'),
    read: each('read'),
    written: each('written'),
  };
}

async function costOfStore(projects: number, command: readonly string[]): Promise<Calls> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'ao-migrate-cost-')));
  try {
    makeStore(home, { ...USUAL, projects, conversation: CONVERSATION });
    // Files that were written a moment ago are read twice, because their times cannot tell two writes apart.
    await Bun.sleep(2_100);
    const env = {
      HOME: home,
      USERPROFILE: home,
      PATH: '/usr/bin:/bin',
      TMPDIR: home,
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0',
    };
    const calls = await callsOf([process.execPath, MAIN, ...command], env, join(home, 'trace'));
    if (calls === null) throw new Error('there is no strace');
    const placed = readdirSync(join(home, '.claude', 'projects')).length - projects;
    expect(placed).toBe(command.includes('--dry-run') ? 0 : projects);
    return calls;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * Counts, because times are noise on a shared machine. Each limit lies between what was measured and twice that, so that a
 * run which does its work twice fails, and one more small file does not.
 */
describe.if(Bun.which('strace') !== null)('what one more project costs', () => {
  let dryRun: Calls;
  let whole: Calls;
  let backedUp: Calls;
  beforeAll(async () => {
    [dryRun, whole, backedUp] = await Promise.all([
      costOfProject(['migrate', '--dry-run', '--json']),
      costOfProject(['migrate', '--json', '--no-backup']),
      costOfProject(['migrate', '--json']),
    ]);
  }, 60_000);

  test('a dry run opens each file once and reads each byte once', () => {
    expect(dryRun.opened).toBeLessThan(55);
    expect(dryRun.read).toBeLessThan(1.5 * (CONVERSATION + 30_000));
    expect(dryRun.total).toBeLessThan(330);
    expect(dryRun.written).toBeLessThan(6_000);
    expect(dryRun.syncs).toBe(0);
  });

  test('a whole run reads records once, syncs each file and directory once, and writes each conversation once', () => {
    expect(whole.opened).toBeLessThan(75);
    expect(whole.read).toBeLessThan(5 * CONVERSATION + 60_000);
    expect(whole.total).toBeLessThan(530);
    expect(whole.written).toBeLessThan(1.5 * CONVERSATION + 30_000);
    expect(whole.syncs).toBeGreaterThanOrEqual(3);
    expect(whole.syncs).toBeLessThan(5);
  });

  test('a backup syncs each of the files that were read, and each of its directories', () => {
    const files = USUAL.recordsEach + 1;
    expect(backedUp.syncs - whole.syncs).toBeGreaterThanOrEqual(files);
    expect(backedUp.syncs - whole.syncs).toBeLessThan(1.5 * files);
    expect(backedUp.opened - whole.opened).toBeLessThan(4.5 * files);
  });
});

describe('counting the calls of a trace', () => {
  test('failed calls open and read nothing, and a call in two lines is one', () => {
    const trace = [
      '12 openat(AT_FDCWD, "a", O_RDONLY) = 3',
      '12 openat(AT_FDCWD, "b", O_RDONLY) = -1 ENOENT (No such file or directory)',
      '12 read(3,  <unfinished ...>',
      '13 pwrite64(4, ""..., 10, 0) = 10',
      '12 <... read resumed>""..., 100) = 70',
      '13 fsync(4) = 0',
      '13 +++ exited with 0 +++',
    ].join('\n');
    expect(readCalls(trace)).toEqual({ total: 5, opened: 1, syncs: 1, read: 70, written: 10 });
  });
});
