import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyMigrations } from '../../src/rewrite/goose';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import { type SynthOptions, synthDatabase } from '../support/synth-db';
import { emptyTarget, type Target } from '../support/target';

let target: Target;
beforeEach(() => {
  target = emptyTarget();
});
afterEach(() => target.home.remove());

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

describe('refused', () => {
  test('version 11', async () => {
    synthDatabase(target.paths.database, 11);
    expect(await target.verdict()).toMatch(/^SCHEMA_TOO_OLD: .*version 11/);
  });

  test('every version of the real files below 12', async () => {
    for (let version = 1; version < 12; version += 1) {
      const db = new Database(target.paths.database, { create: true });
      applyMigrations(db, MIGRATIONS.slice(0, version));
      db.close(true);
      expect(await target.verdict()).toContain(`SCHEMA_TOO_OLD: ${target.paths.database} is at version ${version},`);
      rmSync(target.paths.database);
    }
  });

  test('only the version table, as a daemon leaves it that was killed at its first start', async () => {
    const db = new Database(target.paths.database, { create: true });
    applyMigrations(db, []);
    db.close(true);
    expect(await target.verdict()).toMatch(/^SCHEMA_TOO_OLD: /);
  });

  test.each([
    ['any other SQLite file', 'CREATE TABLE notes (a)', 'no version table'],
    [
      'a version table without rows',
      'CREATE TABLE goose_db_version (id, version_id, is_applied)',
      'empty version table',
    ],
    ['a version table of another kind', 'CREATE TABLE goose_db_version (version)', 'no version table'],
    ['versions that are no numbers', "CREATE TABLE goose_db_version AS SELECT 'one' AS version_id", 'numbers'],
    [
      'goose in another program',
      'CREATE TABLE goose_db_version AS SELECT 0 AS version_id UNION SELECT 1 UNION SELECT 2',
      'do not agree',
    ],
    [
      'dates for versions',
      'CREATE TABLE goose_db_version AS SELECT 20260101000000 AS version_id',
      'does not record version 1',
    ],
  ])('SCHEMA_UNKNOWN: %s', async (_, statement, why) => {
    made(target.paths.database, statement);
    expect(await target.verdict()).toMatch(/^SCHEMA_UNKNOWN: /);
    expect(await target.verdict()).toContain(why);
  });

  test('SCHEMA_UNKNOWN: a half-made file, with tables and without a version table', async () => {
    const db = new Database(target.paths.database, { create: true });
    applyMigrations(db, MIGRATIONS.slice(0, 5));
    db.run('DROP TABLE goose_db_version');
    db.close(true);
    expect(await target.verdict()).toMatch(/^SCHEMA_UNKNOWN: .*no version table/);
  });

  test('SCHEMA_UNKNOWN: tables that version 0 cannot have', async () => {
    made(
      target.paths.database,
      'CREATE TABLE goose_db_version AS SELECT 0 AS version_id',
      'CREATE TABLE projects (a)',
      'CREATE TABLE sessions (a)',
    );
    expect(await target.verdict()).toMatch(/^SCHEMA_UNKNOWN: /);
  });

  test('SCHEMA_UNKNOWN: an empty version table beside the right tables', async () => {
    synthDatabase(target.paths.database, 12, { sql: 'DELETE FROM goose_db_version' });
    expect(await target.verdict()).toMatch(/^SCHEMA_UNKNOWN: .*empty version table/);
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
      synthDatabase(target.paths.database, version, options);
      expect(await target.verdict()).toContain(
        `SCHEMA_UNKNOWN: ${target.paths.database} does not record version ${missing},`,
      );
    },
  );

  test.each([17, 19, 30, 33, 34, 35, 40, 42, 43, 66, 81])(
    'SCHEMA_UNKNOWN: version %d recorded, its columns missing',
    async (version) => {
      synthDatabase(target.paths.database, 12, { burned: [version] });
      expect(await target.verdict()).toContain(
        `SCHEMA_UNKNOWN: ${target.paths.database} records version ${version} but has no column`,
      );
    },
  );

  test('SCHEMA_UNKNOWN: only one of the two columns of a version is there', async () => {
    const sql = "ALTER TABLE sessions ADD COLUMN diff_base_sha TEXT NOT NULL DEFAULT ''";
    synthDatabase(target.paths.database, 12, { burned: [40], sql });
    expect(await target.verdict()).toContain('sessions.diff_base_ref');
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
      'demands a value for projects.owner',
    ],
    ['no change_log', 'DROP TABLE change_log', 'change_log'],
  ])('SCHEMA_UNKNOWN: %s', async (_, sql, named) => {
    synthDatabase(target.paths.database, 12, { sql: `PRAGMA foreign_keys = OFF; ${sql};` });
    expect(await target.verdict()).toMatch(/^SCHEMA_UNKNOWN: /);
    expect(await target.verdict()).toContain(named);
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
    synthDatabase(target.paths.database, 19, { sql });
    expect(await target.verdict()).toMatch(/^SCHEMA_UNKNOWN: .*not here/);
  });

  test('an empty file, and a link that leads nowhere', async () => {
    writeFileSync(target.paths.database, '');
    expect(await target.verdict()).toMatch(/^SCHEMA_UNKNOWN: .*empty/);
    rmSync(target.paths.database);
    symlinkSync(join(target.home.path, 'nowhere'), target.paths.database);
    expect(await target.verdict()).toMatch(/^SCHEMA_UNKNOWN: .*nowhere/);
  });

  test('DB_CORRUPT: text, a directory, a cut file, a damaged page', async () => {
    writeFileSync(target.paths.database, 'This is no database.\n'.repeat(500));
    expect(await target.verdict()).toMatch(/^DB_CORRUPT: /);
    rmSync(target.paths.database);
    mkdirSync(target.paths.database);
    expect(await target.verdict()).toMatch(/^DB_CORRUPT: /);
    rmSync(target.paths.database, { recursive: true });
    const sql = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
      INSERT INTO projects (id, path, registered_at, display_name)
      SELECT 'p' || i, '/p', '2026-01-02', hex(zeroblob(900)) FROM n;`;
    synthDatabase(target.paths.database, 12, { sql });
    const whole = readFileSync(target.paths.database);
    // Nothing but a check of the whole file looks at this table.
    const root = rootPage(target.paths.database, 'pr');
    expect(await target.verdict()).toBe('accepted at 12');
    truncateSync(target.paths.database, whole.length - 4096 * 3);
    expect(await target.verdict()).toMatch(/^DB_CORRUPT: /);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, (root - 1) * 4096, root * 4096);
    writeFileSync(target.paths.database, damaged);
    expect(await target.verdict()).toMatch(/^DB_CORRUPT: /);
  });
});
