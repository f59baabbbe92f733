import { Database } from 'bun:sqlite';
import { beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Calls, callsOf, readCalls } from '../../scripts/bench/measure';
import { makeStore, USUAL } from '../../scripts/bench/store';
import { syncWhole } from '../../src/apply/whole-sync';
import { emptyDatabase, planStaging, stageDatabase } from '../../src/rewrite/create';
import { emptyHome } from '../support/home';
import { orchestratorRows, projectRow } from '../support/target-rows';

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
  }, 180_000);

  test('a dry run opens each file once and reads each byte once', () => {
    expect(dryRun.opened).toBeLessThan(45);
    expect(dryRun.read).toBeLessThan(1.5 * (CONVERSATION + 30_000));
    expect(dryRun.total).toBeLessThan(240);
    expect(dryRun.written).toBeLessThan(6_000);
    expect(dryRun.syncs).toBe(0);
  });

  test('a whole run reads records once, syncs each file and directory once, and writes each conversation once', () => {
    expect(whole.opened).toBeLessThan(65);
    expect(whole.read).toBeLessThan(5 * CONVERSATION + 60_000);
    expect(whole.total).toBeLessThan(420);
    expect(whole.written).toBeLessThan(1.5 * CONVERSATION + 30_000);
    expect(whole.syncs).toBeGreaterThanOrEqual(2);
    expect(whole.syncs).toBeLessThan(3.5);
  });

  test('a backup syncs the file system once or, where that does not do, each of its files and directories', async () => {
    const files = USUAL.recordsEach + 1;
    const more = backedUp.syncs - whole.syncs;
    if (await syncWhole(tmpdir(), process.platform === 'linux' ? 'linux' : 'darwin')) expect(more).toBeLessThan(1);
    else expect(more).toBeGreaterThanOrEqual(files);
    expect(more).toBeLessThan(1.5 * files);
    expect(backedUp.opened - whole.opened).toBeLessThan(3.2 * files);
  });
});

describe('statements', () => {
  const SAVEPOINTS = 4;
  const INSERTS = 3;
  const COMPARISONS = 3;

  test('of one more project with its orchestrator: ten, each text compiled once', async () => {
    const [few, many] = [await statementsOf(3), await statementsOf(8)];
    expect((many.run - few.run) / 5).toBe(SAVEPOINTS + INSERTS + COMPARISONS);
    expect(many.texts).toBe(few.texts);
  });
});

/** What SQLite is asked while a new database with so many projects is made. */
async function statementsOf(projects: number): Promise<{ readonly run: number; readonly texts: number }> {
  const home = emptyHome();
  const ids = Array.from({ length: projects }, (_, index) => `p${index}`);
  const dataDir = join(home.path, '.ao', 'data');
  const paths = { dataDir, physicalDataDir: dataDir, database: join(dataDir, 'ao.db') };
  const texts = new Set<string>();
  let run = 0;
  const original: unknown = Reflect.get(Database.prototype, 'query');
  if (typeof original !== 'function') throw new Error('a database has no queries');
  Reflect.set(Database.prototype, 'query', function query(this: Database, text: string) {
    texts.add(text);
    const statement: object = Reflect.apply(original, this, [text]);
    return new Proxy(statement, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          if (name === 'run' || name === 'get' || name === 'all') run += 1;
          return Reflect.apply(member, target, args);
        };
      },
    });
  });
  try {
    await stageDatabase(planStaging(paths, '20261121-120000-abcdef'), await emptyDatabase('linux'), {
      projects: ids.map((id) => projectRow(id)),
      orchestrators: ids.map((id) => orchestratorRows(id)),
    });
    return { run, texts: texts.size };
  } finally {
    Reflect.set(Database.prototype, 'query', original);
    home.remove();
  }
}

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
