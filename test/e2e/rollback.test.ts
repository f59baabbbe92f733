import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run, runJson } from '../support/executable';
import { claudeFile, rowsOf } from '../support/expected';
import { type Home, realFixture } from '../support/home';
import { synthDatabase } from '../support/synth-db';
import { snapshot } from '../support/tree';

const ACME = 'acme_00f7f1a4ad';
let home: Home;
let before: Record<string, string>;
const dataDir = (): string => join(home.path, '.ao', 'data');
const database = (): string => join(dataDir(), 'ao.db');
const outsideOfState = (name: string): boolean => name === '' || name === '.ao' || name.startsWith('.ao/');
const undo = (...args: string[]) => runJson(home, ['rollback', '--yes', ...args]);

function edit(...statements: string[]): void {
  using db = new Database(database());
  db.run('PRAGMA foreign_keys = ON');
  for (const statement of statements) db.run(statement);
}

beforeEach(() => {
  home = realFixture('v2-stopped');
  before = snapshot(home.path, outsideOfState);
});
afterEach(() => home.remove(), 180_000);

/** Of all rows and conversations only those of one project are left, whole. */
function acmeStays(): void {
  expect(rowsOf(database())).toMatchObject({
    projects: [{ id: ACME }],
    sessions: [{ id: 'acme-orchestrator' }],
    session_worktrees: [{ session_id: 'acme-orchestrator' }],
  });
  const cwd = join(dataDir(), 'worktrees', ACME, 'orchestrator', 'acme-orchestrator');
  expect(existsSync(claudeFile(home, cwd, 'bc6650a6-a81a-492c-9142-a294d19ddbf4'))).toBe(true);
}

describe('rollback', () => {
  test('right after the run everything is gone, the backup and the receipt stay, and a new run migrates again', async () => {
    await run(home, ['--yes']);
    const shown = await runJson(home, ['rollback', '--dry-run']);
    expect(shown.document).toMatchObject({ status: 'planned', dryRun: true });
    expect(shown.document.items).toContainEqual({ kind: 'database', id: database(), outcome: 'removed' });
    expect((await run(home, ['rollback', '--dry-run'])).stdout).toContain('- database ~/.ao/data/ao.db');
    expect(existsSync(database())).toBe(true);
    const done = await undo();
    expect(done.exitCode).toBe(0);
    expect(done.document).toMatchObject({ status: 'undone', items: shown.document.items });
    expect(snapshot(home.path, outsideOfState)).toEqual(before);
    expect(existsSync(dataDir())).toBe(false);
    expect(readdirSync(join(home.path, '.ao', 'backups'))).toHaveLength(1);
    expect(readdirSync(join(home.path, '.ao', 'migrations')).filter((name) => !name.endsWith('.json'))).toEqual([]);
    expect((await undo()).document).toMatchObject({ status: 'nothing-to-undo' });
    expect((await runJson(home, ['--yes'])).document).toMatchObject({
      status: 'migrated',
      orchestrators: { created: 3 },
    });
  });

  test('without a terminal it needs --yes', async () => {
    await run(home, ['--yes']);
    expect((await run(home, ['rollback'])).exitCode).toBe(2);
    expect(rowsOf(database()).projects).toHaveLength(3);
  });

  test('rows that were there before the run stay, and so does the file', async () => {
    await run(home, ['--yes', '--project', ACME]);
    await run(home, ['--yes']);
    const shown = await runJson(home, ['rollback', '--dry-run']);
    expect(shown.document.items).not.toContainEqual(expect.objectContaining({ kind: 'database' }));
    expect((await undo()).document).toMatchObject({ status: 'undone' });
    const rows = rowsOf(database());
    expect(rows.projects.map(({ id }) => id)).toEqual([ACME]);
    expect(rows.sessions.map(({ id }) => id)).toEqual(['acme-orchestrator']);
    using db = new Database(database());
    expect(db.query('SELECT count(*) AS n FROM change_log').get()).toEqual({ n: 1 });
    expect(db.query('PRAGMA foreign_key_check').all()).toEqual([]);
  });

  test('a renamed project is refused by name, its session goes, the database stays', async () => {
    await run(home, ['--yes']);
    edit(`UPDATE projects SET display_name = 'Mine' WHERE id = '${ACME}'`);
    const done = await undo();
    expect(done.exitCode).toBe(1);
    expect(done.document).toMatchObject({ status: 'partly-undone' });
    expect(done.document.items).toContainEqual({
      kind: 'project',
      id: ACME,
      outcome: 'refused',
      reason: expect.stringContaining('display_name'),
    });
    expect(rowsOf(database()).projects.map(({ id }) => id)).toEqual([ACME]);
    expect(rowsOf(database()).sessions).toEqual([]);
  });

  test('a session that the daemon has used stays, with its project and its conversation', async () => {
    await run(home, ['--yes']);
    edit(
      "UPDATE sessions SET is_terminated = 0, activity_state = 'active', updated_at = '2026-11-22 00:00:00 +0000 UTC' WHERE id = 'acme-orchestrator'",
    );
    const done = await undo();
    expect(done.document).toMatchObject({ status: 'partly-undone' });
    acmeStays();
  });

  test('a row of another table that refers to the session keeps it', async () => {
    await run(home, ['--yes']);
    edit(
      `INSERT INTO notifications (id, session_id, project_id, type, title, created_at) VALUES ('n', 'acme-orchestrator', '${ACME}', 'needs_input', 't', '2026-11-22 00:00:00 +0000 UTC')`,
    );
    const done = await undo();
    expect(done.document.items).toContainEqual({
      kind: 'orchestrator',
      id: 'acme-orchestrator',
      outcome: 'refused',
      reason: expect.stringContaining('notifications'),
    });
    expect(rowsOf(database()).sessions.map(({ id }) => id)).toEqual(['acme-orchestrator']);
  });

  test('a conversation that has grown is never deleted, nor what belongs to it', async () => {
    const uuid = 'bc6650a6-a81a-492c-9142-a294d19ddbf4';
    const old = join(home.path, '.agent-orchestrator', 'projects', ACME, 'worktrees', 'acme-orchestrator');
    const beside = join(claudeFile(home, old, uuid).replace(/\.jsonl$/, ''), 'tool-results', 'one.txt');
    mkdirSync(dirname(beside), { recursive: true });
    writeFileSync(beside, 'a result');
    await run(home, ['--yes']);
    const cwd = join(dataDir(), 'worktrees', ACME, 'orchestrator', 'acme-orchestrator');
    const copy = claudeFile(home, cwd, uuid);
    appendFileSync(copy, '{"type":"user","message":{"role":"user","content":"more"}}\n');
    const done = await undo();
    expect(done.exitCode).toBe(1);
    expect(done.document.items).toContainEqual({
      kind: 'conversation',
      id: 'bc6650a6-a81a-492c-9142-a294d19ddbf4',
      outcome: 'refused',
      reason: expect.stringContaining('grown'),
    });
    expect(readFileSync(copy, 'utf8')).toContain('more');
    expect(readFileSync(join(copy.replace(/\.jsonl$/, ''), 'tool-results', 'one.txt'), 'utf8')).toBe('a result');
  });

  test('where only a conversation stays its database is gone, which is no damage', async () => {
    await run(home, ['--yes']);
    const cwd = join(dataDir(), 'worktrees', ACME, 'orchestrator', 'acme-orchestrator');
    const copy = claudeFile(home, cwd, 'bc6650a6-a81a-492c-9142-a294d19ddbf4');
    appendFileSync(copy, '{"type":"user","message":{"role":"user","content":"more"}}\n');
    expect((await undo()).exitCode).toBe(1);
    expect(existsSync(database())).toBe(false);
    const left = await runJson(home, ['verify']);
    expect(left).toMatchObject({ exitCode: 0, document: { status: 'ok' } });
    expect(left.document.checks).not.toContainEqual(expect.objectContaining({ kind: 'database' }));
    expect((await run(home, ['doctor'])).exitCode).toBe(0);
    rmSync(copy);
    expect((await runJson(home, ['verify'])).exitCode).toBe(4);
  });

  test('where a row stays its database must be there', async () => {
    await run(home, ['--yes']);
    edit(`UPDATE projects SET display_name = 'Mine' WHERE id = '${ACME}'`);
    expect((await undo()).exitCode).toBe(1);
    rmSync(database());
    const { exitCode, document } = await runJson(home, ['verify']);
    expect(exitCode).toBe(4);
    expect(document.checks).toContainEqual(expect.objectContaining({ kind: 'database', state: 'damaged' }));
  });

  describe('a conversation stays whole', () => {
    const uuid = 'bc6650a6-a81a-492c-9142-a294d19ddbf4';
    const copy = (): string =>
      claudeFile(home, join(dataDir(), 'worktrees', ACME, 'orchestrator', 'acme-orchestrator'), uuid);
    const beside = (name: string): string => join(copy().replace(/\.jsonl$/, ''), 'subagents', name);
    const GROWN = 'it has grown since, and is never deleted';
    const OTHER = 'it is not what was written, and is never deleted';
    const turned = (file: string): void => writeFileSync(file, readFileSync(file, 'utf8').replace(/[a-z]/, '#'));
    const CHANGES: readonly (readonly [string, string, () => void])[] = [
      ['a file of a sub-agent has grown', GROWN, () => appendFileSync(beside('a.jsonl'), 'more\n')],
      ['there is another sub-agent', GROWN, () => writeFileSync(beside('b.jsonl'), '{}\n')],
      [
        'only the sub-agent is left, and has grown',
        GROWN,
        () => {
          rmSync(copy());
          appendFileSync(beside('a.jsonl'), 'more\n');
        },
      ],
      ['it has other bytes', OTHER, () => turned(copy())],
      [
        'it has other bytes and more',
        OTHER,
        () => {
          turned(copy());
          appendFileSync(copy(), 'more\n');
        },
      ],
      ['a file of a sub-agent has other bytes', OTHER, () => turned(beside('a.jsonl'))],
      ['it was cut short', OTHER, () => truncateSync(copy(), 10)],
    ];

    test.each(CHANGES)('where %s', async (_, reason, change) => {
      const old = join(home.path, '.agent-orchestrator', 'projects', ACME, 'worktrees', 'acme-orchestrator');
      const source = join(claudeFile(home, old, uuid).replace(/\.jsonl$/, ''), 'subagents', 'a.jsonl');
      mkdirSync(dirname(source), { recursive: true });
      writeFileSync(source, '{"type":"user"}\n');
      await run(home, ['--yes']);
      change();
      const found = snapshot(dirname(copy()));
      const done = await undo();
      expect(done).toMatchObject({ exitCode: 1, document: { status: 'partly-undone' } });
      expect(done.document.items).toContainEqual({ kind: 'conversation', id: uuid, outcome: 'refused', reason });
      expect(snapshot(dirname(copy()))).toEqual(found);
    });
  });

  test('a project that the user removed counts as gone', async () => {
    await run(home, ['--yes']);
    edit(
      "DELETE FROM change_log WHERE session_id = 'wa-orchestrator'",
      "DELETE FROM sessions WHERE id = 'wa-orchestrator'",
      "DELETE FROM projects WHERE id = 'web-app_14e80c6005'",
    );
    const done = await undo();
    expect(done.document).toMatchObject({ status: 'undone' });
    expect(done.document.items).toContainEqual({ kind: 'project', id: 'web-app_14e80c6005', outcome: 'absent' });
    expect(existsSync(dataDir())).toBe(false);
  });

  test('a database that a newer daemon has upgraded keeps its file', async () => {
    await run(home, ['--yes']);
    edit('INSERT INTO goose_db_version (version_id, is_applied) VALUES (13, 1)');
    expect((await undo()).document).toMatchObject({ status: 'undone' });
    expect(rowsOf(database())).toEqual({ projects: [], sessions: [], session_worktrees: [] });
  });

  test('--run names an older run; one of nobody is a usage error', async () => {
    const first = await runJson(home, ['--yes', '--project', ACME]);
    await run(home, ['--yes']);
    expect((await undo('--run', '20200101-000000-abcdef')).exitCode).toBe(2);
    expect((await undo('--run', String(first.document.runId))).document).toMatchObject({
      status: 'undone',
      runId: first.document.runId,
    });
    expect(rowsOf(database()).projects.map(({ id }) => id)).toEqual(['my-app_dea48f1d64', 'web-app_14e80c6005']);
  });
});

describe('a row of somebody else keeps what it refers to', () => {
  const TO_SESSION = 'CREATE UNIQUE INDEX by_num ON sessions (project_id, num)';
  const NOTE = 'CREATE TABLE foo (p TEXT, n INTEGER, note TEXT, FOREIGN KEY (p, n) REFERENCES';
  const KEYS: readonly (readonly [string, 'project' | 'orchestrator', readonly string[]])[] = [
    [
      'by two columns that cascade',
      'orchestrator',
      [TO_SESSION, `${NOTE} sessions (project_id, num) ON DELETE CASCADE)`],
    ],
    [
      'by two columns that are emptied',
      'orchestrator',
      [TO_SESSION, `${NOTE} Sessions (Project_Id, num) ON DELETE SET NULL)`],
    ],
    [
      'by the marker of the session',
      'orchestrator',
      [
        "CREATE TABLE foo (p TEXT, n TEXT DEFAULT '__workspace__', note TEXT, FOREIGN KEY (p, n) REFERENCES session_worktrees ON DELETE CASCADE)",
      ],
    ],
    [
      'by the path',
      'project',
      [
        'CREATE UNIQUE INDEX by_path ON projects (path)',
        'CREATE TABLE foo (p TEXT REFERENCES projects (path) ON DELETE CASCADE, n, note TEXT)',
      ],
    ],
    [
      'by the primary key, unnamed',
      'project',
      ['CREATE TABLE foo (p TEXT REFERENCES projects ON DELETE CASCADE, n, note TEXT)'],
    ],
  ];

  test.each(KEYS)('%s', async (name, kind, tables) => {
    await run(home, ['--yes']);
    using db = new Database(database());
    const row = db
      .query<{ path: string; session: string; repo: string }, [string]>(
        'SELECT path, sessions.id AS session, repo_name AS repo FROM projects JOIN sessions ON project_id = projects.id JOIN session_worktrees ON session_id = sessions.id WHERE projects.id = ?',
      )
      .get(ACME);
    db.close();
    const values: Record<string, unknown[]> = {
      'by the path': [row?.path, null],
      'by the marker of the session': [row?.session, row?.repo],
    };
    edit(...tables);
    const [p, n] = values[name] ?? [ACME, 0];
    using written = new Database(database());
    written
      .query('INSERT INTO foo (p, n, note) VALUES (?, ?, ?)')
      .run(String(p), n === null ? null : String(n), 'mine');
    const before = written.query('SELECT * FROM foo').all();
    written.close();
    const shown = await runJson(home, ['rollback', '--dry-run']);
    const done = await undo();
    expect(done).toMatchObject({ exitCode: 1, document: { status: 'partly-undone', items: shown.document.items } });
    expect(done.document.items).toContainEqual({
      kind,
      id: kind === 'project' ? ACME : 'acme-orchestrator',
      outcome: 'refused',
      reason: '1 other row(s) of foo belong to it',
    });
    expect(rowsOf(database()).projects.map(({ id }) => id)).toEqual([ACME]);
    using left = new Database(database());
    expect(left.query('SELECT * FROM foo').all()).toEqual(before);
  });

  test('and of one that SQLite cannot follow, it keeps all', async () => {
    await run(home, ['--yes']);
    edit('CREATE TABLE foo (p TEXT REFERENCES projects (nowhere) ON DELETE CASCADE)');
    const done = await undo();
    expect(done).toMatchObject({ exitCode: 1, document: { status: 'partly-undone' } });
    expect(done.document.items).toContainEqual({
      kind: 'project',
      id: ACME,
      outcome: 'refused',
      reason: expect.stringContaining('foreign key mismatch'),
    });
  });
});

describe('columns of a newer database', () => {
  const CONSTANT: readonly (readonly [string, string])[] = [
    ["INTEGER NOT NULL DEFAULT '7'", '8'],
    ['TEXT DEFAULT 1', "'01'"],
    ["BLOB DEFAULT x''", "x'00'"],
    ['REAL DEFAULT -1', '1'],
    ["NUMERIC DEFAULT '1.0'", '1.5'],
    ['INTEGER DEFAULT TRUE', '0'],
    ['INTEGER NOT NULL DEFAULT True', '7'],
    ['TEXT DEFAULT false', "'a note'"],
    ["TEXT COLLATE NOCASE DEFAULT 'it''s'", "'IT''S'"],
    ['TEXT DEFAULT "a ""word"', "'a'"],
    ['TEXT DEFAULT active', "'x'"],
    ['TEXT DEFAULT (0x1F)', 'NULL'],
    ['DEFAULT null', "''"],
    ['DEFAULT 1.5e3', "'1500'"],
  ];
  const UNKNOWN: readonly (readonly [string, string])[] = [
    ['TEXT DEFAULT CURRENT_TIMESTAMP', "'2020-01-01 00:00:00'"],
    ["TEXT DEFAULT (datetime('now'))", "'2020-01-01 00:00:00'"],
    ['TEXT NOT NULL DEFAULT (hex(randomblob(4)))', "'ABCD'"],
  ];
  const TABLES = ['projects', 'sessions'] as const;
  const added = [...CONSTANT, ...UNKNOWN].flatMap(([type], index) =>
    TABLES.map((table) => `ALTER TABLE ${table} ADD COLUMN z${index} ${type}`),
  );
  const stays = { kind: 'orchestrator', id: 'acme-orchestrator', outcome: 'refused' };

  beforeEach(async () => {
    mkdirSync(dataDir(), { recursive: true });
    synthDatabase(database(), 82, { burned: [90], sql: added.join(';') });
    expect((await run(home, ['--yes'])).exitCode).toBe(0);
  });

  test('are no change where the database itself has filled them', async () => {
    expect((await run(home, ['verify'])).exitCode).toBe(0);
    edit(
      ...TABLES.flatMap((table) =>
        UNKNOWN.map(([, other], index) => `UPDATE ${table} SET z${CONSTANT.length + index} = ${other}`),
      ),
    );
    expect(await undo()).toMatchObject({ exitCode: 0, document: { status: 'undone' } });
    expect(rowsOf(database())).toMatchObject({ projects: [], sessions: [] });
  });

  test('are one where they no longer hold a default that is a constant', async () => {
    const all = CONSTANT.map((_, index) => `z${index}`);
    edit(
      ...TABLES.flatMap((table) => CONSTANT.map(([, other], index) => `UPDATE ${table} SET z${index} = ${other}`)),
      "UPDATE sessions SET issue_id = 'mine'",
    );
    const { document } = await undo();
    expect(document.items).toContainEqual({ ...stays, reason: `it was changed since: issue_id, ${all.join(', ')}` });
    expect(document.items).toContainEqual({
      ...stays,
      kind: 'project',
      id: ACME,
      reason: `it was changed since: ${all.join(', ')}`,
    });
    expect(rowsOf(database())).toMatchObject({ projects: { length: 3 }, sessions: { length: 3 } });
  });
});

describe('a left-over file of an earlier database', () => {
  const leftOver = (): string => `${database()}-wal`;
  const asideOf = (runId: unknown): string => `${leftOver()}.stale-${runId}`;
  const noteOf = (runId: unknown) => ({
    code: 'STALE_FILE_MOVED',
    severity: 'warn',
    message: expect.any(String),
    file: asideOf(runId),
  });
  beforeEach(() => {
    mkdirSync(dataDir(), { recursive: true });
    writeFileSync(leftOver(), 'of another time');
  });

  test('is what the dry run and the run say is put aside, and no sign of a daemon', async () => {
    writeFileSync(`${database()}-shm`, '');
    const told = async (args: readonly string[]) =>
      ((await runJson(home, args)).document.notes as { code: string }[]).filter(({ code }) =>
        /DATABASE_OPEN|STALE/.test(code),
      );
    const both = [leftOver(), `${database()}-shm`].map((file) => ({ ...noteOf(''), severity: 'info', file }));
    expect(await told(['--dry-run'])).toEqual(both);
    expect(await told(['--yes', '--project', ACME])).toEqual(both);
    const again = (await runJson(home, ['--dry-run'])).document;
    expect(again.notes).not.toContainEqual(expect.objectContaining({ code: 'STALE_FILE_MOVED' }));
    writeFileSync(`${database()}-shm`, '');
    expect((await runJson(home, ['--dry-run'])).document.notes).toContainEqual(
      expect.objectContaining({ code: 'DATABASE_OPEN', severity: 'warn' }),
    );
  });

  test('gets its name back where the database goes', async () => {
    await run(home, ['--yes']);
    expect(await undo()).toMatchObject({ exitCode: 0, document: { status: 'undone', notes: [] } });
    expect(readdirSync(dataDir())).toEqual(['ao.db-wal']);
    expect(readFileSync(leftOver(), 'utf8')).toBe('of another time');
  });

  test('is named where a row of somebody else keeps the database', async () => {
    const { runId } = (await runJson(home, ['--yes'])).document;
    edit(
      "INSERT INTO projects (id, path, repo_origin_url, display_name, registered_at, kind) VALUES ('mine', '/mine', '', 'Mine', '2026-11-22 00:00:00 +0000 UTC', 'single_repo')",
    );
    const done = await undo();
    expect(done).toMatchObject({ exitCode: 0, document: { status: 'undone', notes: [noteOf(runId)] } });
    expect(readFileSync(asideOf(runId), 'utf8')).toBe('of another time');
  });

  test('is named in the words for people too, and where the database is gone altogether', async () => {
    const { runId } = (await runJson(home, ['--yes'])).document;
    rmSync(database());
    const done = await run(home, ['rollback', '--yes']);
    expect(done.stdout.replaceAll(/\s+/g, '')).toContain(`ao.db-wal.stale-${runId}`);
  });
});

describe('a row that the database itself keeps', () => {
  const TRIGGERS = [
    ["SELECT RAISE(ABORT, 'kept by somebody')", 'the database keeps it: kept by somebody'],
    ["SELECT RAISE(ROLLBACK, 'kept by somebody')", 'the database keeps it: kept by somebody'],
    ['SELECT RAISE(IGNORE)', 'the database keeps it: a trigger ignores its removal'],
  ] as const;

  test.each(TRIGGERS)('stays with all that belongs to it, and the others go: %s', async (statement, reason) => {
    await run(home, ['--yes']);
    edit(`CREATE TRIGGER keeps BEFORE DELETE ON sessions WHEN old.id = 'acme-orchestrator' BEGIN ${statement}; END`);
    const shown = await runJson(home, ['rollback', '--dry-run']);
    expect(shown).toMatchObject({ exitCode: 0, document: { status: 'planned' } });
    const done = await undo();
    expect(done).toMatchObject({ exitCode: 1, document: { status: 'partly-undone', items: shown.document.items } });
    expect(done.document.items).toContainEqual({
      kind: 'orchestrator',
      id: 'acme-orchestrator',
      outcome: 'refused',
      reason,
    });
    acmeStays();
    expect(readdirSync(join(home.path, '.ao', 'migrations')).filter((name) => !name.endsWith('.json'))).toEqual([]);
    edit('DROP TRIGGER keeps');
    expect(await undo()).toMatchObject({ exitCode: 0, document: { status: 'undone' } });
    expect(existsSync(dataDir())).toBe(false);
  });

  test('is every session where the trigger cannot even run', async () => {
    await run(home, ['--yes']);
    edit('CREATE TRIGGER keeps BEFORE DELETE ON sessions BEGIN SELECT * FROM nowhere; END');
    expect((await undo()).document).toMatchObject({ status: 'partly-undone' });
    expect(rowsOf(database())).toMatchObject({ projects: { length: 3 }, sessions: { length: 3 } });
    edit('DROP TRIGGER keeps');
    expect(await undo()).toMatchObject({ exitCode: 0, document: { status: 'undone' } });
  });

  test('may be a project', async () => {
    await run(home, ['--yes']);
    edit(
      `CREATE TRIGGER keeps BEFORE DELETE ON projects WHEN old.id = '${ACME}' BEGIN SELECT RAISE(FAIL, 'mine'); END`,
    );
    expect((await undo()).document).toMatchObject({ status: 'partly-undone' });
    expect(rowsOf(database())).toMatchObject({ projects: [{ id: ACME }], sessions: [] });
  });
});

describe('a database that cannot be used', () => {
  const replace = (put: () => void) => (): void => {
    rmSync(database());
    put();
  };
  const foreign = (): void => {
    using db = new Database(database(), { create: true });
    db.run('CREATE TABLE notes (a)');
  };
  const KINDS: readonly (readonly [string, string, () => void])[] = [
    [
      'is no database',
      'DB_CORRUPT',
      replace(() => writeFileSync(database(), 'text, and more of it than a header '.repeat(9))),
    ],
    ['is cut short', 'DB_CORRUPT', () => truncateSync(database(), 20_000)],
    ['is empty', 'SCHEMA_UNKNOWN', () => truncateSync(database())],
    ['is of another program', 'SCHEMA_UNKNOWN', replace(foreign)],
    ['is a link to nothing', 'SCHEMA_UNKNOWN', replace(() => symlinkSync(join(home.path, 'nothing'), database()))],
    ['is a link to itself', 'SCHEMA_UNKNOWN', replace(() => symlinkSync('ao.db', database()))],
    ['lost its version table', 'SCHEMA_UNKNOWN', () => edit('DROP TABLE goose_db_version')],
    ['is of an old version', 'SCHEMA_TOO_OLD', () => edit('DELETE FROM goose_db_version WHERE version_id = 12')],
  ];

  test.each(KINDS)('that %s is refused with %s, and nothing is changed', async (_, code, damage) => {
    await run(home, ['--yes']);
    damage();
    const found = snapshot(home.path);
    for (const args of [
      ['rollback', '--dry-run'],
      ['rollback', '--yes'],
    ]) {
      const done = await runJson(home, args);
      expect(done).toMatchObject({ exitCode: 3, document: { status: 'refused', refusal: { code } } });
      expect((await runJson(home, ['--dry-run'])).document).toMatchObject({ refusal: { code } });
    }
    expect(snapshot(home.path)).toEqual(found);
  });

  test('that is gone refuses nothing: the conversations go', async () => {
    await run(home, ['--yes']);
    rmSync(database());
    expect(await undo()).toMatchObject({ exitCode: 0, document: { status: 'undone' } });
  });

  test('that demands a value nobody knows of takes no rows, but gives them up', async () => {
    await run(home, ['--yes']);
    edit(
      'ALTER TABLE session_worktrees RENAME TO before',
      'CREATE TABLE session_worktrees (session_id, repo_name, branch, base_sha, worktree_path, preserved_ref, state, later TEXT NOT NULL)',
      "INSERT INTO session_worktrees SELECT session_id, repo_name, branch, base_sha, worktree_path, preserved_ref, state, 'x' FROM before",
      'DROP TABLE before',
    );
    expect((await runJson(home, ['--dry-run'])).document).toMatchObject({ refusal: { code: 'SCHEMA_UNKNOWN' } });
    expect(await undo()).toMatchObject({ exitCode: 0, document: { status: 'undone' } });
  });
});
