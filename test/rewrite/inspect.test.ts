import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyMigrations } from '../../src/rewrite/goose';
import { inspectTarget, openElsewhereNote } from '../../src/rewrite/inspect';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import { killedWriter } from '../support/database-holder';
import { type SynthOptions, synthDatabase } from '../support/synth-db';
import { emptyTarget, type Target } from '../support/target';

let target: Target;
beforeEach(() => {
  target = emptyTarget();
});
afterEach(() => target.home.remove());

const PROJECT = `INSERT INTO projects (id, path, registered_at) VALUES ('alpha', '/repos/alpha', '2026-01-02 03:04:05 +0000 UTC')`;
const session = (id: string, num: number, kind: string, changes = ''): string =>
  `INSERT INTO sessions (id, project_id, num, kind, activity_last_at, created_at, updated_at)
   VALUES ('${id}', 'alpha', ${num}, '${kind}', '2026-01-02', '2026-01-02', '2026-01-02'); ${changes};`;

describe('accepted', () => {
  test('no database', async () => {
    const absent = { ...target.paths, exists: false, version: 0, projects: [], sessions: [], notes: [] };
    expect(await target.inspected()).toEqual(absent);
    for (const part of ['-wal', '-shm', '-journal']) writeFileSync(target.paths.database + part, 'left over');
    expect(await target.inspected()).toEqual(absent);
    rmSync(target.paths.dataDir, { recursive: true });
    expect(await inspectTarget(target.paths, target.machine)).toEqual(absent);
  });

  test('one made by the migrations', async () => {
    const db = new Database(target.paths.database, { create: true });
    applyMigrations(db, MIGRATIONS);
    db.close(true);
    expect(await target.inspected()).toMatchObject({
      exists: true,
      version: 12,
      projects: [],
      sessions: [],
      notes: [],
    });
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
    synthDatabase(target.paths.database, version, options);
    expect(await target.inspected()).toMatchObject({ exists: true, version: found, notes: [] });
  });

  test('a version above the newest known one, with a note', async () => {
    synthDatabase(target.paths.database, 82, { burned: [83, 97] });
    const { version, notes } = await target.inspected();
    expect(version).toBe(97);
    expect(notes.map(({ code }) => code)).toEqual(['SCHEMA_NEWER']);
  });

  test('more columns, as long as they are nullable or have a default', async () => {
    const sql = `ALTER TABLE sessions ADD COLUMN a TEXT; ALTER TABLE projects ADD COLUMN b TEXT NOT NULL DEFAULT 'x';
      ALTER TABLE projects ADD COLUMN c TEXT GENERATED ALWAYS AS (upper(id)) VIRTUAL NOT NULL;`;
    synthDatabase(target.paths.database, 82, { burned: [90], sql });
    expect(await target.verdict()).toBe('accepted at 90');
  });

  test('a link to a database', async () => {
    synthDatabase(join(target.home.path, 'elsewhere.db'), 12);
    symlinkSync(join(target.home.path, 'elsewhere.db'), target.paths.database);
    expect(await target.verdict()).toBe('accepted at 12');
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
    synthDatabase(target.paths.database, 82, { sql });
    const { projects, sessions } = await target.inspected();
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
    synthDatabase(target.paths.database, 19);
    await killedWriter(target.paths.database, [PROJECT]);
    expect(readdirSync(target.paths.dataDir).sort()).toEqual(['ao.db', 'ao.db-shm', 'ao.db-wal']);
    const { projects } = await target.inspected();
    expect(projects.map(({ id }) => id)).toEqual(['alpha']);
  });
});

test('a -wal or -shm is the sign that another process has the database open', () => {
  expect(openElsewhereNote(target.paths.database)).toBeNull();
  writeFileSync(`${target.paths.database}-journal`, '');
  expect(openElsewhereNote(target.paths.database)).toBeNull();
  writeFileSync(`${target.paths.database}-shm`, '');
  expect(openElsewhereNote(target.paths.database)).toMatchObject({ code: 'DATABASE_OPEN' });
  rmSync(`${target.paths.database}-shm`);
  writeFileSync(`${target.paths.database}-wal`, '');
  expect(openElsewhereNote(target.paths.database)).toMatchObject({ code: 'DATABASE_OPEN' });
});
