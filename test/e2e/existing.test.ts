import { Database } from 'bun:sqlite';
import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run, runJson } from '../support/executable';
import { expectedOf, restricted } from '../support/expected';
import { type Home, realFixture } from '../support/home';
import { synthDatabase } from '../support/synth-db';
import { snapshot } from '../support/tree';

type Row = Record<string, unknown>;

/** Rows of somebody who has used the rewrite already, odd timestamps and a number 0 included. */
const OWN = `
  INSERT INTO projects (id, path, registered_at, config) VALUES ('mine', '/srv/mine', '2026-06-18 06:19:00.5 +0530 IST m=+1.5', '{"env":{"A":1}}');
  INSERT INTO sessions (id, project_id, num, kind, harness, activity_last_at, created_at, updated_at)
    VALUES ('mine-1', 'mine', 1, 'worker', 'codex', '2026-06-18 00:49:00 +0000 UTC', '2026-06-18 00:49:00 +0000 UTC', '2026-06-18 00:49:00 +0000 UTC');
`;

let home: Home;
afterEach(() => home.remove(), 180_000);

function lay(version: 11 | 12 | 19 | 82, options: Parameters<typeof synthDatabase>[2] = {}): string {
  home = realFixture('v2-stopped');
  const dataDir = join(home.path, '.ao', 'data');
  mkdirSync(dataDir, { recursive: true });
  const database = join(dataDir, 'ao.db');
  synthDatabase(database, version, { sql: OWN, ...options });
  return database;
}

function all(database: string, table: string): Row[] {
  using db = new Database(database, { readonly: true });
  return db.query<Row, []>(`SELECT * FROM ${table} ORDER BY rowid`).all();
}

describe('into a database that is there already', () => {
  test.each([
    [12, 'wal'],
    [12, 'delete'],
    [19, 'wal'],
    [82, 'wal'],
  ] as const)(
    'version %d, journal %s: the same rows arrive, and the rows that were there stay as they were',
    async (version, journal) => {
      const database = lay(version, { journal });
      const tables = ['projects', 'sessions', 'change_log', 'goose_db_version'] as const;
      const before = tables.map((table) => all(database, table));
      const done = await runJson(home, ['--yes']);
      expect(done.document).toMatchObject({
        status: 'migrated',
        dbCreated: false,
        schemaVersion: version,
        projects: { created: 3 },
        orchestrators: { created: 3 },
      });
      // Before anything here opens it: a reader of a WAL database leaves files behind.
      expect(Object.keys(snapshot(join(home.path, '.ao', 'data')))).toEqual(['', 'ao.db']);
      const expected = expectedOf('real', 'v2-stopped', home, join(home.path, '.ao', 'data'));
      for (const [index, table] of tables.entries())
        expect(all(database, table).slice(0, before[index]?.length)).toEqual(before[index] ?? []);
      const projects = all(database, 'projects')
        .slice(1)
        .map((row) => ({ ...row, config: JSON.parse(String(row.config)) }));
      expect(restricted(projects, expected.projects)).toEqual([...expected.projects]);
      expect(restricted(all(database, 'sessions').slice(1), expected.sessions)).toEqual([...expected.sessions]);
      expect(all(database, 'session_worktrees')).toEqual([...expected.session_worktrees]);
      expect(all(database, 'goose_db_version')).toEqual(before[3] ?? []);
      using db = new Database(database, { readonly: true });
      expect(db.query('PRAGMA journal_mode').all()).toEqual([{ journal_mode: journal }]);
      expect(db.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
      expect(db.query('PRAGMA foreign_key_check').all()).toEqual([]);
      const again = snapshot(home.path);
      expect((await runJson(home, ['--yes'])).document).toMatchObject({ status: 'already-migrated' });
      expect(snapshot(home.path)).toEqual(again);
    },
  );

  test.each([
    ['SCHEMA_TOO_OLD', 11, {}],
    ['SCHEMA_UNKNOWN', 12, { gaps: [7] }],
    ['SCHEMA_UNKNOWN', 12, { burned: [40] }],
    ['SCHEMA_UNKNOWN', 12, { sql: 'DELETE FROM goose_db_version' }],
  ] as const)('%s: version %d with %j is refused and stays as it is', async (code, version, options) => {
    lay(version, options as Parameters<typeof synthDatabase>[2]);
    const before = snapshot(home.path);
    expect((await runJson(home, ['--yes'])).document).toMatchObject({ status: 'refused', refusal: { code } });
    expect(snapshot(home.path)).toEqual(before);
  });

  test('a project with the same path under another id is a conflict, and its orchestrator waits', async () => {
    const database = lay(12, { sql: '' });
    {
      using db = new Database(database);
      db.query(
        "INSERT INTO projects (id, path, registered_at) VALUES ('other', ?, '2026-06-18 00:49:00 +0000 UTC')",
      ).run(join(home.path, 'code', 'acme'));
    }
    const done = await runJson(home, ['--yes']);
    expect(done.document).toMatchObject({
      projects: { created: 2, skipped: 1 },
      orchestrators: { created: 2, skipped: 1 },
    });
    expect(done.document.items).toContainEqual(
      expect.objectContaining({ kind: 'project', id: 'acme_00f7f1a4ad', outcome: 'conflict' }),
    );
    expect(done.document.items).toContainEqual(
      expect.objectContaining({
        kind: 'orchestrator',
        outcome: 'skipped',
        reason: expect.stringContaining('PROJECT_CONFLICT'),
      }),
    );
  });

  test('the number 0 taken under another id is a conflict of the orchestrator alone', async () => {
    const database = lay(12, { sql: '' });
    {
      using db = new Database(database);
      db.query(
        "INSERT INTO projects (id, path, registered_at) VALUES ('acme_00f7f1a4ad', ?, '2026-06-18 00:49:00 +0000 UTC')",
      ).run(join(home.path, 'code', 'acme'));
      db.run(
        "INSERT INTO sessions (id, project_id, num, kind, harness, activity_last_at, created_at, updated_at) VALUES ('taken', 'acme_00f7f1a4ad', 0, 'worker', 'codex', 't', 't', 't')",
      );
    }
    const done = await runJson(home, ['--yes']);
    expect(done.document.items).toContainEqual(
      expect.objectContaining({ kind: 'project', id: 'acme_00f7f1a4ad', outcome: 'differs' }),
    );
    expect(done.document.items).toContainEqual(
      expect.objectContaining({
        kind: 'orchestrator',
        id: 'acme-orchestrator',
        outcome: 'conflict',
        reason: expect.stringContaining('NUM_TAKEN'),
      }),
    );
  });

  test('what an older importer wrote is named, with the way to open the conversation by hand', async () => {
    const database = lay(19, { sql: '' });
    {
      using db = new Database(database);
      db.query(
        "INSERT INTO projects (id, path, registered_at) VALUES ('acme_00f7f1a4ad', ?, '2026-06-18 00:49:00 +0000 UTC')",
      ).run(join(home.path, 'code', 'acme'));
      db.query(
        "INSERT INTO sessions (id, project_id, num, kind, harness, agent_session_id, workspace_path, activity_last_at, created_at, updated_at) VALUES ('acme-orchestrator', 'acme_00f7f1a4ad', 0, 'orchestrator', 'claude-code', 'bc6650a6-a81a-492c-9142-a294d19ddbf4', ?, 't', 't', 't')",
      ).run(join(home.path, '.agent-orchestrator/projects/acme_00f7f1a4ad/worktrees/acme-orchestrator'));
    }
    const done = await runJson(home, ['--yes']);
    expect(done.document.items).toContainEqual(
      expect.objectContaining({ kind: 'orchestrator', id: 'acme-orchestrator', outcome: 'differs' }),
    );
    expect(done.document.notes).toContainEqual(
      expect.objectContaining({
        code: 'OLD_IMPORT_STUCK',
        message: expect.stringContaining('claude --resume bc6650a6-a81a-492c-9142-a294d19ddbf4'),
      }),
    );
  });

  test('of a session that is there each column is compared, also which conversation it resumes', async () => {
    home = realFixture('v2-stopped');
    expect((await runJson(home, ['--yes'])).document).toMatchObject({ status: 'migrated' });
    const database = join(home.path, '.ao', 'data', 'ao.db');
    const fields = async (assignment: string): Promise<unknown> => {
      {
        using db = new Database(database);
        db.run(`UPDATE sessions SET ${assignment} WHERE id = 'acme-orchestrator'`);
      }
      const { document } = await runJson(home, ['--yes']);
      return (document.items as { id: string; fields?: unknown }[]).find(({ id }) => id === 'acme-orchestrator')
        ?.fields;
    };
    expect(await fields('updated_at = updated_at')).toBeUndefined();
    expect(await fields("branch = 'other'")).toEqual(['branch']);
    expect(await fields("agent_session_id = '0d7a9a3e-0000-4000-8000-000000000000'")).toEqual([
      'branch',
      'agent_session_id',
    ]);
  });

  test('explain tells such a session as it is there, and which of its values the record holds', async () => {
    home = realFixture('v2-stopped');
    await run(home, ['--yes']);
    const told = async () => (await run(home, ['explain', 'acme_00f7f1a4ad'])).stdout;
    const before = await told();
    expect(before).toMatch(/agent_session_id +bc6650a6-a81a-492c-9142-a294d19ddbf4 ← \[\d+\]:\d+\n/);
    expect(before).toMatch(/is_terminated +1 ← as the rewrite has it\n/);
    expect(before).toMatch(
      /claudeSessionUuid:\d+\s+bc6650a6-a81a-492c-9142-a294d19ddbf4\s+→ session.agent_session_id\n/,
    );
    {
      using db = new Database(join(home.path, '.ao', 'data', 'ao.db'));
      db.run("UPDATE sessions SET branch = 'theirs', agent_session_id = '' WHERE id = 'acme-orchestrator'");
    }
    const after = await told();
    expect(after).toMatch(/branch +theirs ← as the rewrite has it/);
    expect(after).toMatch(/agent_session_id +\(empty\) ← as the rewrite has it\n/);
  });

  test('a folder of worktrees that lies on another disk is still the daemon’s own', async () => {
    home = realFixture('v2-stopped');
    mkdirSync(join(home.path, 'disk'));
    mkdirSync(join(home.path, '.ao', 'data'), { recursive: true });
    symlinkSync(join(home.path, 'disk'), join(home.path, '.ao', 'data', 'worktrees'));
    expect((await runJson(home, ['--yes'])).document).toMatchObject({ status: 'migrated' });
    const again = await runJson(home, ['--yes']);
    expect(again.document).toMatchObject({ status: 'already-migrated' });
    expect((again.document.items as { outcome: string }[]).map(({ outcome }) => outcome)).not.toContain('differs');
  });

  test('beside an orchestrator of the rewrite the session comes without its marker', async () => {
    const database = lay(82, { sql: '' });
    {
      using db = new Database(database);
      db.query(
        "INSERT INTO projects (id, path, registered_at) VALUES ('acme_00f7f1a4ad', ?, '2026-06-18 00:49:00 +0000 UTC')",
      ).run(join(home.path, 'code', 'acme'));
      db.run(
        "INSERT INTO sessions (id, project_id, num, kind, harness, activity_last_at, created_at, updated_at) VALUES ('acme-7', 'acme_00f7f1a4ad', 7, 'orchestrator', 'claude-code', 't', 't', 't')",
      );
    }
    const done = await runJson(home, ['--yes', '--project', 'acme_00f7f1a4ad']);
    expect(done.document.notes).toContainEqual(expect.objectContaining({ code: 'ORCHESTRATOR_EXISTS' }));
    expect(all(database, 'session_worktrees')).toEqual([]);
    expect(all(database, 'sessions').map(({ id }) => id)).toEqual(['acme-7', 'acme-orchestrator']);
  });
});

test('a session prefix of an existing project that leaves its folder is a conflict of the orchestrator', async () => {
  const database = lay(12, { sql: '' });
  {
    using db = new Database(database);
    db.query(
      "INSERT INTO projects (id, path, registered_at, config) VALUES ('acme_00f7f1a4ad', ?, '2026-06-18 00:49:00 +0000 UTC', ?)",
    ).run(join(home.path, 'code', 'acme'), JSON.stringify({ sessionPrefix: '../../../x' }));
  }
  const done = await runJson(home, ['--yes', '--project', 'acme_00f7f1a4ad']);
  expect(done.document.items).toContainEqual(
    expect.objectContaining({
      kind: 'orchestrator',
      outcome: 'conflict',
      reason: expect.stringContaining('PREFIX_UNUSABLE'),
    }),
  );
  expect(done.document.notes).toContainEqual(expect.objectContaining({ code: 'PREFIX_UNUSABLE' }));
});

test.each(['nothing', 'ao.db'])('in place of the database a link to %s is named by every command', async (target) => {
  home = realFixture('v2-stopped');
  const dataDir = join(home.path, '.ao', 'data');
  mkdirSync(dataDir, { recursive: true });
  symlinkSync(target, join(dataDir, 'ao.db'));
  const before = snapshot(home.path);
  const refusal = { code: 'SCHEMA_UNKNOWN', message: `${join(dataDir, 'ao.db')} is a link that leads nowhere.` };
  for (const args of [['--yes'], ['--dry-run'], ['explain']])
    expect(await runJson(home, args)).toMatchObject({ exitCode: 3, document: { status: 'refused', refusal } });
  expect(await runJson(home, ['status'])).toMatchObject({ exitCode: 0, document: { status: 'unreadable', refusal } });
  expect((await run(home, ['doctor'])).stdout.replaceAll(/\s+/g, ' ')).toContain('is a link that leads nowhere');
  expect(snapshot(home.path)).toEqual(before);
});
