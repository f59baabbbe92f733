import { Database } from 'bun:sqlite';
import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXECUTABLE, run, runJson } from '../support/executable';
import { rowsOf } from '../support/expected';
import { emptyHome, type Home, legacyFixture, realFixture, write } from '../support/home';
import { synthDatabase } from '../support/synth-db';
import { snapshot } from '../support/tree';

let home: Home = emptyHome();
let child: Bun.Subprocess | null = null;
afterEach(async () => {
  child?.kill('SIGKILL');
  await child?.exited;
  child = null;
  home.remove();
});

const databaseOf = (place: Home): string => join(place.path, '.ao', 'data', 'ao.db');

/** The run is refused with this code, says so in both forms, and leaves the whole home as it was. */
async function expectRefusal(code: string, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const before = snapshot(home.path);
  const json = await runJson(home, [...args, '--yes'], { env });
  expect(json.exitCode).toBe(3);
  expect(json.document).toMatchObject({
    status: 'refused',
    schemaVersion: 0,
    dbCreated: false,
    refusal: { code },
    projects: { created: 0, failed: 0 },
  });
  expect(json.stderr).not.toMatch(/[{}]/);
  const text = await run(home, [...args, '--yes'], { env });
  expect(text.exitCode).toBe(3);
  expect(text.stdout).toBe('');
  expect(text.stderr).toContain(code);
  expect(text.stderr).not.toContain('    at ');
  const dry = await runJson(home, [...args, '--dry-run'], { env });
  expect(dry.exitCode).toBe(3);
  expect(dry.document).toMatchObject({ dryRun: true, refusal: { code } });
  expect(snapshot(home.path)).toEqual(before);
}

describe('refusals of a normal day change nothing', () => {
  test('LEGACY_ACTIVE: running.json names a live process; --force-migrate goes on', async () => {
    home = legacyFixture('02-typical-three', String(process.pid));
    await expectRefusal('LEGACY_ACTIVE', []);
    expect((await run(home, ['--yes', '--force-migrate'])).exitCode).toBe(0);
  });

  test('LEGACY_ACTIVE: a start is in progress, or was begun a moment ago', async () => {
    home = realFixture('v2-stopped');
    write(home, {
      '.agent-orchestrator/startup.lock': JSON.stringify({ pid: process.pid, acquiredAt: '2026-05-11T07:00:00.000Z' }),
    });
    await expectRefusal('LEGACY_ACTIVE', []);
    write(home, { '.agent-orchestrator/startup.lock': '' });
    const soon = new Date(Date.now() + 60_000);
    utimesSync(join(home.path, '.agent-orchestrator/startup.lock'), soon, soon);
    await expectRefusal('LEGACY_ACTIVE', []);
    const old = new Date(Date.now() - 60_000);
    utimesSync(join(home.path, '.agent-orchestrator/startup.lock'), old, old);
    expect((await run(home, ['--yes'])).exitCode).toBe(0);
  });

  test('LEGACY_ACTIVE: run from inside a legacy agent terminal', async () => {
    home = realFixture('v2-stopped');
    await expectRefusal('LEGACY_ACTIVE', [], { AO_CALLER_TYPE: 'agent' });
  });

  test('DAEMON_RUNNING: the run file names a live process and nothing answers', async () => {
    home = realFixture('v2-stopped');
    write(home, {
      '.ao/running.json': JSON.stringify({ pid: process.pid, port: 1, startedAt: '2026-11-21T05:00:00Z' }),
    });
    await expectRefusal('DAEMON_RUNNING', []);
  });

  test('DATA_DIR_INVALID: inside the legacy store, relative, or with a character that the daemon misreads', async () => {
    home = realFixture('v2-stopped');
    await expectRefusal('DATA_DIR_INVALID', ['--data-dir', join(home.path, '.agent-orchestrator', 'data')]);
    await expectRefusal('DATA_DIR_INVALID', [], { AO_DATA_DIR: 'relative/data' });
    await expectRefusal('DATA_DIR_INVALID', ['--data-dir', join(home.path, 'we#ird')]);
    symlinkSync(join(home.path, '.agent-orchestrator'), join(home.path, 'elsewhere'));
    await expectRefusal('DATA_DIR_INVALID', ['--data-dir', join(home.path, 'elsewhere', 'data')]);
  });

  test('LEGACY_UNREADABLE names file, line and column', async () => {
    home = realFixture('v2-stopped');
    write(home, { '.agent-orchestrator/config.yaml': 'projects:\n  a: {path: x\n  b: 1\n' });
    await expectRefusal('LEGACY_UNREADABLE', []);
    const text = await run(home, ['--yes']);
    expect(text.stderr.replace(/\s+/g, '')).toMatch(/config\.yaml:\d+:\d+/);
  });

  test.each([
    ['SCHEMA_UNKNOWN', ''],
    ['DB_CORRUPT', 'this is text, and longer than the header of a database would be, so that it is none'],
  ])('%s: ao.db is %p', async (code, text) => {
    home = realFixture('v2-stopped');
    write(home, { '.ao/data/ao.db': text });
    await expectRefusal(code, []);
  });
});

describe('a database that another process has open, even idle', () => {
  async function holdOpen(statement: string): Promise<void> {
    const script = `
      const { Database } = require('bun:sqlite');
      const db = new Database(${JSON.stringify(databaseOf(home))});
      db.run('PRAGMA journal_mode = WAL');
      db.query('SELECT count(*) FROM projects').get();
      ${statement}
      console.log('ready');
      setInterval(() => {}, 1000);`;
    child = Bun.spawn([process.execPath, '-e', script], {
      env: { HOME: home.path, PATH: process.env.PATH ?? '' },
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const reader = (child.stdout as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    reader.releaseLock();
  }

  test('idle: DAEMON_RUNNING, and neither the database nor its WAL is touched', async () => {
    home = realFixture('v2-stopped');
    expect((await run(home, ['--yes', '--project', 'acme_00f7f1a4ad'])).exitCode).toBe(0);
    await holdOpen('');
    // The probe runs under the lock, whose file comes and goes: only the time of its folder may differ.
    const isLockFolder = (name: string): boolean => name === '.ao/migrations';
    const before = snapshot(home.path, isLockFolder);
    const done = await runJson(home, ['--yes']);
    expect(done.document).toMatchObject({ status: 'refused', refusal: { code: 'DAEMON_RUNNING' } });
    expect(snapshot(home.path, isLockFolder)).toEqual(before);
    expect(readdirSync(join(home.path, '.ao', 'migrations')).filter((name) => !name.endsWith('.json'))).toEqual([]);
    const forced = await runJson(home, ['--yes', '--force-migrate']);
    expect(forced.document).toMatchObject({ refusal: { code: 'DAEMON_RUNNING' } });
    expect(rowsOf(databaseOf(home)).projects).toHaveLength(1);
  });

  test('writing: DB_LOCKED', async () => {
    home = realFixture('v2-stopped');
    await run(home, ['--yes', '--project', 'acme_00f7f1a4ad']);
    await holdOpen("db.run('BEGIN IMMEDIATE');");
    const done = await runJson(home, ['--yes']);
    expect(done.document).toMatchObject({ status: 'refused', refusal: { code: 'DB_LOCKED' } });
  });

  test('with nothing to write nobody is refused, whoever is running', async () => {
    home = legacyFixture('01-minimal');
    await run(home, ['--yes']);
    await holdOpen('');
    const done = await runJson(home, ['--yes']);
    expect(done).toMatchObject({ exitCode: 0, document: { status: 'already-migrated' } });
  });
});

describe('the command line', () => {
  test.each([
    [['--dry-rum']],
    [['--yes', '--project']],
    [['--resume', 'later']],
    [['--from', '/a', '--from', '/b']],
    [['migrat']],
    [['migrate', 'extra']],
    [['--yes', '--project', 'nobody']],
    [['--config', '/nowhere/config.yaml']],
    [['--from', '/nowhere']],
    [['rollback']],
  ])('%j is a usage error, and nothing runs', async (args) => {
    home = realFixture('v2-stopped');
    const before = snapshot(home.path);
    const done = await run(home, args);
    expect(done.exitCode).toBe(2);
    expect(done.stdout).toBe('');
    expect(done.stderr).not.toBe('');
    const json = await runJson(home, args);
    expect(json.exitCode).toBe(2);
    expect(json.document).toMatchObject({ status: 'usage', refusal: { code: 'USAGE' } });
    expect(json.stderr).not.toMatch(/[{}]/);
    expect(snapshot(home.path)).toEqual(before);
  });

  test('without a legacy store there is nothing to migrate, and nothing is made', async () => {
    home = emptyHome();
    const done = await runJson(home, ['--yes']);
    expect(done).toMatchObject({
      exitCode: 0,
      document: { status: 'nothing-to-migrate', schemaVersion: 0, dbCreated: false },
    });
    expect(Object.keys(snapshot(home.path))).toEqual(['']);
  });

  describe.each([
    ['of version 11', 11, (database: string) => synthDatabase(database, 11)],
    ['empty', 0, (database: string) => writeFileSync(database, '')],
    ['no database', 0, (database: string) => writeFileSync(database, 'text '.repeat(1000))],
    ['of another program', 0, (database: string) => new Database(database).run('CREATE TABLE x (y)')],
  ] as const)('with nothing to migrate it does not matter that ao.db is %s', (_, schemaVersion, lay) => {
    test.each([
      ['no store', 'none', {}],
      ['a store without projects', 'empty', { '.agent-orchestrator/config.yaml': 'projects: {}\n' }],
    ])('%s', async (_, status, store: Record<string, string>) => {
      home = emptyHome();
      write(home, { ...store, '.ao/data/a': '' });
      lay(databaseOf(home));
      const before = snapshot(home.path);
      for (const args of [['--yes'], ['--dry-run']])
        expect(await runJson(home, args)).toMatchObject({
          exitCode: 0,
          document: { status: 'nothing-to-migrate', schemaVersion, dbCreated: false, refusal: null },
        });
      expect(await runJson(home, ['status', '--check'])).toMatchObject({ exitCode: 0, document: { status } });
      expect(await runJson(home, ['explain'])).toMatchObject({ exitCode: 0, document: { status: 'ok' } });
      const wrong = ['--data-dir', join(home.path, '.agent-orchestrator', 'data')];
      for (const command of ['migrate', 'explain', 'status'])
        expect(await runJson(home, [command, ...wrong])).toMatchObject({
          exitCode: 3,
          document: { refusal: { code: 'DATA_DIR_INVALID' } },
        });
      expect(snapshot(home.path)).toEqual(before);
    });
  });

  test('--project and --exclude narrow the run', async () => {
    home = realFixture('v2-stopped');
    await run(home, ['--yes', '--exclude', 'acme_00f7f1a4ad', '--data-dir', join(home.path, 'elsewhere')]);
    expect(rowsOf(join(home.path, 'elsewhere', 'ao.db')).projects.map(({ id }) => id)).toEqual([
      'my-app_dea48f1d64',
      'web-app_14e80c6005',
    ]);
  });

  test('neither a bunfig.toml nor a .env of the working directory is read', async () => {
    home = realFixture('v2-stopped');
    const hostile = join(home.path, 'hostile');
    mkdirSync(hostile);
    writeFileSync(join(hostile, 'bunfig.toml'), 'preload = ["./evil.ts"]\n');
    writeFileSync(
      join(hostile, 'evil.ts'),
      `require('node:fs').writeFileSync(${JSON.stringify(join(home.path, 'evil'))}, '');\n`,
    );
    writeFileSync(join(hostile, '.env'), `AO_DATA_DIR=${join(home.path, 'wrong')}\nHOME=${join(home.path, 'wrong')}\n`);
    const done = await run(home, ['--yes'], { cwd: hostile });
    expect(done.exitCode).toBe(0);
    expect(Object.keys(snapshot(home.path)).filter((name) => name === 'evil' || name.startsWith('wrong'))).toEqual([]);
    expect(rowsOf(databaseOf(home)).projects).toHaveLength(3);
  });

  test('the executable is the compiled one', () => {
    expect(readFileSync(EXECUTABLE).subarray(0, 4)).toEqual(Buffer.from([0x7f, 0x45, 0x4c, 0x46]));
  });
});

test('an existing WAL database keeps its mode, and nothing is left beside it', async () => {
  home = realFixture('v2-stopped');
  await run(home, ['--yes', '--project', 'acme_00f7f1a4ad']);
  {
    using db = new Database(databaseOf(home));
    db.run('PRAGMA journal_mode = WAL');
  }
  expect((await run(home, ['--yes'])).exitCode).toBe(0);
  expect(Object.keys(snapshot(join(home.path, '.ao', 'data')))).toEqual(['', 'ao.db']);
  expect(rowsOf(databaseOf(home)).projects).toHaveLength(3);
});
