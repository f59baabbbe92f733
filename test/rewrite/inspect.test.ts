import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TargetFacts } from '../../src/contracts/facts';
import type { Machine } from '../../src/contracts/machine';
import { Refusal } from '../../src/contracts/refusals';
import { applyMigrations } from '../../src/rewrite/goose';
import { inspectTarget, openElsewhereNote } from '../../src/rewrite/inspect';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import type { TargetPaths } from '../../src/rewrite/paths';
import { killedWriter } from '../support/database-holder';
import { fingerprint } from '../support/fingerprint';
import { emptyHome, type Home, machineAt } from '../support/home';
import { type SynthOptions, synthDatabase } from '../support/synth-db';

let home: Home;
let machine: Machine;
let paths: TargetPaths;
beforeEach(() => {
  home = emptyHome();
  const [dataDir, tempDir] = [join(home.path, 'data'), join(home.path, 'temp')];
  mkdirSync(dataDir);
  mkdirSync(tempDir);
  machine = machineAt(home.path, { tempDir });
  paths = { dataDir, physicalDataDir: dataDir, database: join(dataDir, 'ao.db') };
});
afterEach(() => home.remove());

const PROJECT = `INSERT INTO projects (id, path, registered_at) VALUES ('alpha', '/repos/alpha', '2026-01-02 03:04:05 +0000 UTC')`;
const session = (id: string, num: number, kind: string, changes = ''): string =>
  `INSERT INTO sessions (id, project_id, num, kind, activity_last_at, created_at, updated_at)
   VALUES ('${id}', 'alpha', ${num}, '${kind}', '2026-01-02', '2026-01-02', '2026-01-02'); ${changes};`;

/** Looks at the target and shows that this changed nothing beside it and left nothing behind. */
async function inspected(): Promise<TargetFacts> {
  const before = fingerprint(paths.dataDir);
  try {
    return await inspectTarget(paths, machine);
  } finally {
    expect(fingerprint(paths.dataDir)).toEqual(before);
    expect(readdirSync(machine.tempDir)).toEqual([]);
  }
}

async function refusal(): Promise<string> {
  try {
    return `accepted at ${(await inspected()).version}`;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.message).toContain(paths.database);
    expect(error.hint).not.toBe('');
    return `${error.code}: ${error.message}`;
  }
}

function rootPage(file: string, table: string): number {
  const db = new Database(file, { readwrite: true });
  const page = db.query<{ rootpage: number }, [string]>('SELECT rootpage FROM sqlite_master WHERE name = ?').get(table);
  db.close(true);
  return page?.rootpage ?? 0;
}

function made(file: string, ...statements: string[]): void {
  const db = new Database(file, { create: true });
  for (const statement of statements) db.run(statement);
  db.close(true);
}

describe('accepted', () => {
  test('no database', async () => {
    const absent = { ...paths, exists: false, version: 0, projects: [], sessions: [], notes: [] };
    expect(await inspected()).toEqual(absent);
    for (const part of ['-wal', '-shm', '-journal']) writeFileSync(paths.database + part, 'left over');
    expect(await inspected()).toEqual(absent);
    rmSync(paths.dataDir, { recursive: true });
    expect(await inspectTarget(paths, machine)).toEqual(absent);
  });

  test('one made by the migrations', async () => {
    const db = new Database(paths.database, { create: true });
    applyMigrations(db, MIGRATIONS);
    db.close(true);
    expect(await inspected()).toMatchObject({ exists: true, version: 12, projects: [], sessions: [], notes: [] });
  });

  test.each([
    [12, {}, 12],
    [19, {}, 19],
    [82, {}, 82],
    [12, { journal: 'delete' }, 12],
    [12, { gaps: [0] }, 12],
    [19, { gaps: [14] }, 19],
    [12, { burned: [45] }, 45],
    [82, { burned: [46, 50] }, 82],
  ] satisfies [12 | 19 | 82, SynthOptions, number][])('version %d with %j', async (version, options, found) => {
    synthDatabase(paths.database, version, options);
    expect(await inspected()).toMatchObject({ exists: true, version: found, notes: [] });
  });

  test('a version above the newest known one, with a note', async () => {
    synthDatabase(paths.database, 82, { burned: [83, 97] });
    const { version, notes } = await inspected();
    expect(version).toBe(97);
    expect(notes.map(({ code }) => code)).toEqual(['SCHEMA_NEWER']);
  });

  test('more columns, as long as they are nullable or have a default', async () => {
    const sql = `ALTER TABLE sessions ADD COLUMN a TEXT; ALTER TABLE projects ADD COLUMN b TEXT NOT NULL DEFAULT 'x';
      ALTER TABLE projects ADD COLUMN c TEXT GENERATED ALWAYS AS (upper(id)) VIRTUAL;`;
    synthDatabase(paths.database, 82, { burned: [90], sql });
    expect(await refusal()).toBe('accepted at 90');
  });

  test('a link to a database', async () => {
    synthDatabase(join(home.path, 'elsewhere.db'), 12);
    symlinkSync(join(home.path, 'elsewhere.db'), paths.database);
    expect(await refusal()).toBe('accepted at 12');
  });
});

describe('refused', () => {
  test('version 11', async () => {
    synthDatabase(paths.database, 11);
    expect(await refusal()).toMatch(/^SCHEMA_TOO_OLD: .*version 11/);
  });

  test('every version of the real files below 12', async () => {
    for (let version = 1; version < 12; version += 1) {
      const db = new Database(paths.database, { create: true });
      applyMigrations(db, MIGRATIONS.slice(0, version));
      db.close(true);
      expect(await refusal()).toContain(`SCHEMA_TOO_OLD: ${paths.database} is at version ${version},`);
      rmSync(paths.database);
    }
  });

  test('only the version table, as a daemon leaves it that was killed at its first start', async () => {
    const db = new Database(paths.database, { create: true });
    applyMigrations(db, []);
    db.close(true);
    expect(await refusal()).toMatch(/^SCHEMA_TOO_OLD: /);
  });

  test.each([
    ['any other SQLite file', 'CREATE TABLE notes (a)'],
    ['a version table without rows', 'CREATE TABLE goose_db_version (id, version_id, is_applied)'],
    ['a version table of another kind', 'CREATE TABLE goose_db_version (version)'],
    ['versions that are no numbers', "CREATE TABLE goose_db_version AS SELECT 'one' AS version_id"],
    [
      'goose in another program',
      'CREATE TABLE goose_db_version AS SELECT 0 AS version_id UNION SELECT 1 UNION SELECT 2',
    ],
    ['dates for versions', 'CREATE TABLE goose_db_version AS SELECT 20260101000000 AS version_id'],
  ])('SCHEMA_UNKNOWN: %s', async (_, statement) => {
    made(paths.database, statement);
    expect(await refusal()).toMatch(/^SCHEMA_UNKNOWN: /);
  });

  test('SCHEMA_UNKNOWN: a half-made file, with tables and without a version table', async () => {
    const db = new Database(paths.database, { create: true });
    applyMigrations(db, MIGRATIONS.slice(0, 5));
    db.run('DROP TABLE goose_db_version');
    db.close(true);
    expect(await refusal()).toMatch(/^SCHEMA_UNKNOWN: .*no version table/);
  });

  test('SCHEMA_UNKNOWN: tables that version 0 cannot have', async () => {
    made(
      paths.database,
      'CREATE TABLE goose_db_version AS SELECT 0 AS version_id',
      'CREATE TABLE projects (a)',
      'CREATE TABLE sessions (a)',
    );
    expect(await refusal()).toMatch(/^SCHEMA_UNKNOWN: /);
  });

  test('SCHEMA_UNKNOWN: an empty version table beside the right tables', async () => {
    synthDatabase(paths.database, 12, { sql: 'DELETE FROM goose_db_version' });
    expect(await refusal()).toMatch(/^SCHEMA_UNKNOWN: .*empty version table/);
  });

  test.each([
    [12, { gaps: [1] }, 1],
    [12, { gaps: [7] }, 7],
    [11, { gaps: [5] }, 5],
    [82, { gaps: [12] }, 12],
    [12, { gaps: [12], burned: [13] }, 12],
    [11, { burned: [40] }, 12],
  ] satisfies [11 | 12 | 82, SynthOptions, number][])(
    'SCHEMA_UNKNOWN: version %d with %j',
    async (version, options, missing) => {
      synthDatabase(paths.database, version, options);
      expect(await refusal()).toContain(`SCHEMA_UNKNOWN: ${paths.database} does not record version ${missing},`);
    },
  );

  test.each([17, 19, 30, 33, 34, 35, 40, 42, 43, 66, 81])(
    'SCHEMA_UNKNOWN: version %d recorded, its columns missing',
    async (version) => {
      synthDatabase(paths.database, 12, { burned: [version] });
      expect(await refusal()).toContain(
        `SCHEMA_UNKNOWN: ${paths.database} records version ${version} but has no column`,
      );
    },
  );

  test('SCHEMA_UNKNOWN: only one of the two columns of a version is there', async () => {
    const sql = "ALTER TABLE sessions ADD COLUMN diff_base_sha TEXT NOT NULL DEFAULT ''";
    synthDatabase(paths.database, 12, { burned: [40], sql });
    expect(await refusal()).toContain('sessions.diff_base_ref');
  });

  test.each([
    [
      'a column of version 12 that is gone',
      'ALTER TABLE projects DROP COLUMN repo_origin_url',
      'projects.repo_origin_url',
    ],
    [
      'one of the marker table',
      'ALTER TABLE session_worktrees DROP COLUMN preserved_ref',
      'session_worktrees.preserved_ref',
    ],
    ['the marker table itself', 'DROP TABLE session_worktrees', 'session_worktrees.session_id'],
    [
      'a column that demands a value',
      'ALTER TABLE workspace_repos RENAME TO x; DROP TABLE x; DROP TABLE projects;' +
        'CREATE TABLE projects (id TEXT PRIMARY KEY, path TEXT NOT NULL, repo_origin_url TEXT NOT NULL, display_name TEXT NOT NULL,' +
        'registered_at TIMESTAMP NOT NULL, archived_at TIMESTAMP, config TEXT, kind TEXT NOT NULL, owner TEXT NOT NULL)',
      'projects.owner',
    ],
    ['no change_log', 'DROP TABLE change_log', 'change_log'],
  ])('SCHEMA_UNKNOWN: %s', async (_, sql, named) => {
    synthDatabase(paths.database, 12, { sql: `PRAGMA foreign_keys = OFF; ${sql};` });
    expect(await refusal()).toMatch(/^SCHEMA_UNKNOWN: /);
    expect(await refusal()).toContain(named);
  });

  test.each([
    ['kind of a project', 'projects', "NEW.kind = 'single_repo'"],
    ['claude-code', 'sessions', "NEW.harness = 'claude-code'"],
    ['codex', 'sessions', "NEW.harness = 'codex'"],
    ['opencode', 'sessions', "NEW.harness = 'opencode'"],
    ['orchestrators', 'sessions', "NEW.kind = 'orchestrator'"],
    ['ended sessions', 'sessions', "NEW.activity_state = 'exited'"],
    ['markers', 'session_worktrees', "NEW.state = 'removed'"],
  ])('SCHEMA_UNKNOWN: values that are not accepted: %s', async (_, table, condition) => {
    const sql = `CREATE TRIGGER strict BEFORE INSERT ON ${table} WHEN ${condition}
      BEGIN SELECT RAISE(ABORT, 'not here'); END;`;
    synthDatabase(paths.database, 19, { sql });
    expect(await refusal()).toMatch(/^SCHEMA_UNKNOWN: .*not here/);
  });

  test('an empty file, and a link that leads nowhere', async () => {
    writeFileSync(paths.database, '');
    expect(await refusal()).toMatch(/^SCHEMA_UNKNOWN: .*empty/);
    rmSync(paths.database);
    symlinkSync(join(home.path, 'nowhere'), paths.database);
    expect(await refusal()).toMatch(/^SCHEMA_UNKNOWN: .*nowhere/);
  });

  test('DB_CORRUPT: text, a directory, a cut file, a damaged page', async () => {
    writeFileSync(paths.database, 'This is no database.\n'.repeat(500));
    expect(await refusal()).toMatch(/^DB_CORRUPT: /);
    rmSync(paths.database);
    mkdirSync(paths.database);
    expect(await refusal()).toMatch(/^DB_CORRUPT: /);
    rmSync(paths.database, { recursive: true });
    const fill = Array.from({ length: 60 }, (_, n) =>
      session(`s${n}`, n + 1, 'worker', `UPDATE sessions SET prompt = hex(zeroblob(900)) WHERE id = 's${n}'`),
    );
    synthDatabase(paths.database, 12, { sql: `${PROJECT}; ${fill.join('\n')}` });
    const whole = readFileSync(paths.database);
    const root = rootPage(paths.database, 'sessions');
    expect(await refusal()).toBe('accepted at 12');
    truncateSync(paths.database, whole.length - 4096 * 3);
    expect(await refusal()).toMatch(/^DB_CORRUPT: /);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, (root - 1) * 4096, root * 4096);
    writeFileSync(paths.database, damaged);
    expect(await refusal()).toMatch(/^DB_CORRUPT: /);
  });
});

describe('what is read', () => {
  test('all projects, and the sessions that an orchestrator can meet', async () => {
    const sql = `
      ${PROJECT};
      INSERT INTO projects (id, path, registered_at, archived_at, repo_origin_url, display_name, config, kind)
        VALUES ('zeta', '/repos/zeta', '2026-01-02 03:04:05 +0545 +0545', '2026-01-02 03:04:05 +0530 IST m=+1.5', 'git@x:y', 'Zeta',
                '{"sessionPrefix":1}', 'workspace');
      ${session('al-orchestrator', 3, 'orchestrator', "UPDATE sessions SET is_terminated = 1, activity_state = 'exited' WHERE id = 'al-orchestrator'")}
      ${session('alpha-1', 1, 'worker')}
      ${session('alpha-2', 2, 'orchestrator')}
      ${session('zero', 0, 'worker')}
      ${session('odd-orchestrator', 5, 'worker')}
      ${session('ORCHESTRATOR', 6, 'worker')}
      INSERT INTO session_worktrees (session_id, repo_name, branch, base_sha, worktree_path, state)
        VALUES ('al-orchestrator', '__root__', 'b', '', '/w', 'removed'), ('alpha-2', '__root__', 'b', '', '/w', 'active');`;
    synthDatabase(paths.database, 82, { sql });
    const { projects, sessions } = await inspected();
    expect(projects).toEqual([
      {
        id: 'alpha',
        path: '/repos/alpha',
        repoOriginUrl: '',
        displayName: '',
        kind: 'single_repo',
        archived: false,
        config: null,
      },
      {
        id: 'zeta',
        path: '/repos/zeta',
        repoOriginUrl: 'git@x:y',
        displayName: 'Zeta',
        kind: 'workspace',
        archived: true,
        config: '{"sessionPrefix":1}',
      },
    ]);
    expect(sessions.map(({ id, num, kind, terminated, marked }) => [id, num, kind, terminated, marked])).toEqual([
      ['al-orchestrator', 3, 'orchestrator', true, true],
      ['alpha-2', 2, 'orchestrator', false, false],
      ['odd-orchestrator', 5, 'worker', false, false],
      ['zero', 0, 'worker', false, false],
    ]);
    expect(sessions[0]?.columns).toMatchObject({
      project_id: 'alpha',
      runtime_handle_id: '',
      activity_state: 'exited',
    });
    expect(Object.keys(sessions[0]?.columns ?? {})).toHaveLength(18);
  });

  test('also what stands in a left-over -wal only', async () => {
    synthDatabase(paths.database, 19);
    await killedWriter(paths.database, [PROJECT]);
    expect(readdirSync(paths.dataDir).sort()).toEqual(['ao.db', 'ao.db-shm', 'ao.db-wal']);
    const { projects } = await inspected();
    expect(projects.map(({ id }) => id)).toEqual(['alpha']);
  });
});

test('a -wal or -shm is the sign that another process has the database open', () => {
  expect(openElsewhereNote(paths.database)).toBeNull();
  writeFileSync(`${paths.database}-journal`, '');
  expect(openElsewhereNote(paths.database)).toBeNull();
  writeFileSync(`${paths.database}-shm`, '');
  expect(openElsewhereNote(paths.database)).toMatchObject({ code: 'DATABASE_OPEN' });
  rmSync(`${paths.database}-shm`);
  writeFileSync(`${paths.database}-wal`, '');
  expect(openElsewhereNote(paths.database)).toMatchObject({ code: 'DATABASE_OPEN' });
});
