import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { closeDatabase, openDatabase } from '../../src/rewrite/connection';
import {
  databaseProblems,
  discardDatabase,
  emptyDatabase,
  planStaging,
  promoteDatabase,
  type StagedDatabase,
  stageDatabase,
} from '../../src/rewrite/create';
import { inspectTarget } from '../../src/rewrite/inspect';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import type { TargetPaths } from '../../src/rewrite/paths';
import type { RowSet } from '../../src/rewrite/rows';
import { turn } from '../../src/sessions/in-parallel';
import { killedWriter } from '../support/database-holder';
import { fingerprint } from '../support/fingerprint';
import { emptyHome, type Home, machineAt } from '../support/home';
import { type SynthOptions, synthDatabase } from '../support/synth-db';
import { orchestratorRows, projectRow } from '../support/target-rows';

const RUN = '20261121-120000-abcdef';
const ROWS: RowSet = {
  projects: [projectRow('alpha'), projectRow('beta')],
  orchestrators: [orchestratorRows('alpha'), orchestratorRows('beta')],
};

let home: Home;
let paths: TargetPaths;
beforeEach(() => {
  home = emptyHome();
  const dataDir = join(home.path, '.ao/data');
  paths = { dataDir, physicalDataDir: dataDir, database: join(dataDir, 'ao.db') };
});
afterEach(() => home.remove());

const mode = (path: string): number => lstatSync(path).mode & 0o777;
const inData = (): string[] => readdirSync(paths.dataDir).sort();

async function staged(rows: RowSet = ROWS): Promise<StagedDatabase> {
  return stageDatabase(planStaging(paths, RUN), await emptyDatabase('linux'), rows);
}

function reading<T>(file: string, sql: string): T[] {
  const db = new Database(file, { readwrite: true });
  const rows = db.query<T, []>(sql).all();
  db.close(true);
  return rows;
}

describe('a new database', () => {
  test('is built under another name, whole, and only then put in place', async () => {
    const plan = planStaging(paths, RUN);
    expect(plan.directories).toEqual([join(home.path, '.ao'), paths.dataDir]);
    expect(readdirSync(home.path)).toEqual([]);
    const { staging, directories, inserted, problems } = await stageDatabase(plan, await emptyDatabase('linux'), ROWS);
    expect([problems, inserted.failures, directories]).toEqual([[], [], plan.directories]);
    expect(inData()).toEqual([`.ao.db.${RUN}.partial`]);

    expect(await promoteDatabase(staging)).toEqual({ placed: true, synced: true, aside: [] });
    expect(inData()).toEqual(['ao.db']);
    expect(
      reading(paths.database, 'SELECT version_id AS v, is_applied AS a FROM goose_db_version ORDER BY id'),
    ).toEqual(Array.from({ length: 13 }, (_, v) => ({ v, a: 1 })));
    expect(reading(paths.database, 'SELECT id FROM projects ORDER BY id')).toEqual([{ id: 'alpha' }, { id: 'beta' }]);
    expect(reading(paths.database, 'SELECT session_id AS id FROM session_worktrees ORDER BY 1')).toEqual([
      { id: 'al-orchestrator' },
      { id: 'be-orchestrator' },
    ]);
    expect(inserted.changes).toEqual([
      { seq: 1, sessionId: 'al-orchestrator' },
      { seq: 2, sessionId: 'be-orchestrator' },
    ]);
    const facts = await inspectTarget(paths, machineAt(home.path));
    expect([facts.version, facts.projects.length, facts.sessions.length]).toEqual([12, 2, 2]);
  });

  test('lets others work between its versions while it is made', async () => {
    let turns = 0;
    let isDone = false;
    const made = emptyDatabase('linux').then(() => {
      isDone = true;
    });
    while (!isDone) {
      await turn();
      turns += 1;
    }
    await made;
    expect(turns).toBeGreaterThan(MIGRATIONS.length - 2);
  });

  test('is the same on macOS, where it is made in its file', async () => {
    expect(await emptyDatabase('darwin')).toBeNull();
    const schema = 'SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master ORDER BY rowid';
    const { staging } = await staged();
    const other = { ...staging, temporary: `${staging.temporary}-2` };
    const made = await stageDatabase(other, null, ROWS);
    expect([made.problems, made.inserted.failures]).toEqual([[], []]);
    expect(reading(other.temporary, schema)).toEqual(reading(staging.temporary, schema));
    expect(reading(other.temporary, schema).length).toBeGreaterThan(30);
  });

  test('is in rollback mode, and nothing lies beside it', async () => {
    const { staging } = await staged();
    // File format: read and write version, 1 for rollback journal, 2 for WAL.
    expect([...readFileSync(staging.temporary).subarray(18, 20)]).toEqual([1, 1]);
    expect(inData()).toHaveLength(1);
  });

  test.each([0o000, 0o022, 0o077])('is 0600 in directories of 0750, with umask %o', async (umask) => {
    const before = process.umask(umask);
    try {
      const { staging } = await staged();
      await promoteDatabase(staging);
      expect([join(home.path, '.ao'), paths.dataDir, paths.database].map(mode)).toEqual([0o750, 0o750, 0o600]);
    } finally {
      process.umask(before);
    }
  });

  test('leaves a directory that is there as it is', async () => {
    mkdirSync(paths.dataDir, { recursive: true, mode: 0o700 });
    const { staging, directories } = await staged();
    expect(directories).toEqual([]);
    expect(mode(paths.dataDir)).toBe(0o700);
    discardDatabase(staging, directories);
    expect(inData()).toEqual([]);
  });

  test('a row that cannot go in does not stop the others', async () => {
    const { inserted, problems } = await staged({
      projects: [...ROWS.projects, projectRow('alpha')],
      orchestrators: [...ROWS.orchestrators, orchestratorRows('gamma')],
    });
    expect(problems).toEqual([]);
    expect(inserted.failures.map(({ kind, id }) => [kind, id])).toEqual([
      ['project', 'alpha'],
      ['orchestrator', 'ga-orchestrator'],
    ]);
  });

  test('many rows', async () => {
    const names = Array.from({ length: 2_000 }, (_, n) => `p${n}`);
    const { inserted, problems } = await staged({
      projects: names.map((name) => projectRow(name)),
      orchestrators: names.map((name) => orchestratorRows(name, { id: `${name}-orchestrator` })),
    });
    expect([problems, inserted.failures, inserted.changes.length]).toEqual([[], [], 2_000]);
  });
});

describe('what is wrong with a database as a whole', () => {
  const problems = (options: SynthOptions): string[] => {
    mkdirSync(paths.dataDir, { recursive: true });
    synthDatabase(paths.database, 12, options);
    const db = openDatabase(paths.database);
    try {
      return databaseProblems(db);
    } finally {
      closeDatabase(db);
    }
  };

  test('nothing', () => {
    expect(problems({})).toEqual([]);
  });

  test.each([
    ['a version without its row', { gaps: [7] }],
    ['no row for version 0', { gaps: [0] }],
    ['a version more', { burned: [13] }],
    ['a version twice', { burned: [12] }],
  ])('%s', (_, options) => {
    expect(problems(options)).toEqual(['version rows are not 0 to 12']);
  });

  test('a row that refers to nothing', () => {
    const sql = `PRAGMA foreign_keys = OFF; INSERT INTO workspace_repos (project_id, name, relative_path, registered_at)
      VALUES ('none', 'a', 'a', '2026-01-01');`;
    expect(problems({ sql })).toEqual(['a foreign key leads nowhere']);
  });

  test('a row that breaks a check', () => {
    const sql = `PRAGMA ignore_check_constraints = ON; INSERT INTO projects (id, path, registered_at, kind)
      VALUES ('a', '/a', '2026-01-01', 'nothing known');`;
    expect(problems({ sql })).toEqual(['CHECK constraint failed in projects']);
  });
});

describe('taken back', () => {
  test('everything that was made is gone, and it can be said twice', async () => {
    const { staging, directories } = await staged();
    discardDatabase(staging, directories);
    expect(readdirSync(home.path)).toEqual([]);
    discardDatabase(staging, directories);
  });

  test('a directory that somebody else uses meanwhile stays', async () => {
    const { staging, directories } = await staged();
    writeFileSync(join(paths.dataDir, 'hooks.log'), '');
    discardDatabase(staging, directories);
    expect(inData()).toEqual(['hooks.log']);
  });

  test('after an error on the way', async () => {
    const plan = planStaging(paths, RUN);
    const broken = { ...plan, temporary: join(paths.dataDir, 'missing/ao.db.partial') };
    await expect(stageDatabase(broken, await emptyDatabase('linux'), ROWS)).rejects.toThrow('ENOENT');
    expect(readdirSync(home.path)).toEqual([]);
  });

  test('a directory that somebody else made first is not removed', async () => {
    const plan = planStaging(paths, RUN);
    mkdirSync(paths.dataDir, { recursive: true });
    const { staging, directories } = await stageDatabase(plan, await emptyDatabase('linux'), ROWS);
    expect(directories).toEqual([]);
    discardDatabase(staging, directories);
    expect(existsSync(paths.dataDir)).toBe(true);
  });
});

describe('putting it in place', () => {
  test('never replaces a database that appeared', async () => {
    const { staging, directories } = await staged();
    synthDatabase(paths.database, 19);
    writeFileSync(`${paths.database}-wal`, '');
    const before = fingerprint(paths.dataDir)['./ao.db'];
    expect(await promoteDatabase(staging)).toMatchObject({ placed: false });
    expect(fingerprint(paths.dataDir)['./ao.db']).toBe(before);
    expect(inData()).toEqual([`.ao.db.${RUN}.partial`, 'ao.db', 'ao.db-wal']);
    discardDatabase(staging, directories);
    expect(inData()).toEqual(['ao.db', 'ao.db-wal']);
  });

  test('nor one that appears after left-over files were put aside: they get their names back', async () => {
    mkdirSync(paths.dataDir, { recursive: true });
    writeFileSync(`${paths.database}-wal`, 'left over');
    const { staging } = await staged();
    expect(staging.stale.map(({ original }) => original)).toEqual([`${paths.database}-wal`]);
    symlinkSync(join(home.path, 'elsewhere.db'), paths.database);
    expect(await promoteDatabase(staging)).toMatchObject({ placed: false });
    expect(readFileSync(`${paths.database}-wal`, 'utf8')).toBe('left over');
  });

  test('left-over files get their names back where it cannot be put in place at all', async () => {
    mkdirSync(paths.dataDir, { recursive: true });
    writeFileSync(`${paths.database}-wal`, 'left over');
    const { staging } = await staged();
    rmSync(staging.temporary);
    await expect(promoteDatabase(staging)).rejects.toThrow('ENOENT');
    expect(inData()).toEqual(['ao.db-wal']);
  });

  test('never adopts a left-over -wal', async () => {
    mkdirSync(paths.dataDir, { recursive: true });
    synthDatabase(paths.database, 12);
    await killedWriter(paths.database, [
      "INSERT INTO projects (id, path, registered_at) VALUES ('ghost', '/g', '2026-01-02 03:04:05 +0000 UTC')",
    ]);
    rmSync(paths.database);
    writeFileSync(`${paths.database}-journal`, 'left over');
    expect(inData()).toEqual(['ao.db-journal', 'ao.db-shm', 'ao.db-wal']);
    const { staging } = await staged();
    expect(await promoteDatabase(staging)).toEqual({ placed: true, synced: true, aside: [] });
    const aside = ['-journal', '-shm', '-wal'].map((part) => `ao.db${part}.stale-${RUN}`);
    expect(inData()).toEqual(['ao.db', ...aside]);
    expect(reading(paths.database, 'SELECT id FROM projects ORDER BY id')).toEqual([{ id: 'alpha' }, { id: 'beta' }]);
    expect(staging.stale.map(({ aside: name }) => name)).toEqual(
      ['-wal', '-shm', '-journal'].map((part) => `${paths.database}${part}.stale-${RUN}`),
    );
  });
});
