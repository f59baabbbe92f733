import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runJson } from '../support/executable';
import { claudeFile, rowsOf } from '../support/expected';
import { emptyHome, type Home, realFixture, write } from '../support/home';

const ACME = 'acme_00f7f1a4ad';
let home: Home;
const database = (): string => join(home.path, '.ao', 'data', 'ao.db');
const undo = (...args: string[]) => runJson(home, ['rollback', '--yes', ...args]);

function edit(...statements: string[]): void {
  using db = new Database(database());
  db.run('PRAGMA foreign_keys = ON');
  for (const statement of statements) db.run(statement);
}

/** The word of `status`, and whether the old store had to be read for it. */
async function standing(): Promise<{ status: unknown; read: boolean; exitCode: number; partlyUndone: unknown }> {
  const { document, exitCode } = await runJson(home, ['status', '--check']);
  const { lastRun } = document as { lastRun?: { partlyUndone: unknown } | null };
  const { pending } = document as { pending?: unknown };
  return { status: document.status, read: pending !== null, exitCode, partlyUndone: lastRun?.partlyUndone };
}

const damaged = (document: Record<string, unknown>): unknown[] =>
  (document.checks as { state: string }[]).filter(({ state }) => state === 'damaged');

/** Renames a project in the new app, so that a rollback has to leave it. */
const rename = (): void => edit(`UPDATE projects SET display_name = 'Mine' WHERE id = '${ACME}'`);

describe('status says done only where nothing is left to do', () => {
  beforeEach(() => {
    home = realFixture('v2-stopped');
  });
  afterEach(() => home.remove());

  test('after a whole run, without a look at the old store; also beside an earlier database', async () => {
    await run(home, ['--yes']);
    expect(await standing()).toMatchObject({ status: 'done', read: false, exitCode: 0 });
    const earlier = realFixture('v2-stopped');
    home.remove();
    home = earlier;
    await run(home, ['--yes', '--project', ACME]);
    edit('PRAGMA journal_mode = WAL');
    expect((await runJson(home, ['--yes'])).document).toMatchObject({ status: 'migrated' });
    expect(await standing()).toMatchObject({ status: 'done', read: false, exitCode: 0 });
  });

  test('after a whole run whose store has gone since', async () => {
    await run(home, ['--yes']);
    rmSync(join(home.path, '.agent-orchestrator'), { recursive: true });
    const { document } = await runJson(home, ['status']);
    expect(document).toMatchObject({ status: 'done', lastRun: { status: 'done', outcome: 'migrated' } });
    expect(await standing()).toMatchObject({ status: 'done', read: false, exitCode: 0 });
    await undo();
    expect(await standing()).toMatchObject({ status: 'undone', exitCode: 0 });
  });

  test.each([
    [
      'the new app has used the database',
      () => edit(`UPDATE projects SET display_name = 'Mine' WHERE id = '${ACME}'`),
      'done',
      0,
    ],
    [
      'a session of the run is gone',
      () => edit('DELETE FROM change_log', "DELETE FROM sessions WHERE id = 'acme-orchestrator'"),
      'partial',
      4,
    ],
    ['the database is gone', () => rmSync(database()), 'partial', 4],
    ['the database is damaged', () => writeFileSync(database(), 'no database'), 'unreadable', 4],
  ] as const)('after the store has gone, and %s', async (_, change, status, exitCode) => {
    await run(home, ['--yes']);
    rmSync(join(home.path, '.agent-orchestrator'), { recursive: true });
    change();
    expect(await standing()).toMatchObject({ status, exitCode });
  });

  test('not after a run of one project whose store has gone since', async () => {
    await run(home, ['--yes', '--project', ACME]);
    rmSync(join(home.path, '.agent-orchestrator'), { recursive: true });
    expect(await standing()).toMatchObject({ status: 'partial', exitCode: 4 });
  });

  test('after a run with --from, asked without it', async () => {
    const copy = join(home.path, 'copy', '.agent-orchestrator');
    mkdirSync(join(home.path, 'copy'));
    renameSync(join(home.path, '.agent-orchestrator'), copy);
    expect((await runJson(home, ['--yes', '--from', copy])).document).toMatchObject({ status: 'migrated' });
    const { document } = await runJson(home, ['status']);
    expect(document).toMatchObject({ status: 'done', legacyRoot: copy, lastRun: { status: 'done' } });
    expect(await standing()).toMatchObject({ status: 'done', exitCode: 0 });
  });

  for (const [name, args] of [
    ['--project', ['--project', ACME]],
    ['--exclude', ['--exclude', ACME]],
    ['--only-live', ['--only-live']],
  ] as const)
    test(`not after a run with ${name}`, async () => {
      await run(home, ['--yes', ...args]);
      expect(await standing()).toMatchObject({ status: 'pending', read: true, exitCode: 4 });
      await run(home, ['--yes']);
      expect(await standing()).toMatchObject({ status: 'done', read: false, exitCode: 0 });
    });

  test('not after the older of two runs was undone', async () => {
    const first = (await runJson(home, ['--yes', '--project', ACME])).document.runId;
    await run(home, ['--yes']);
    expect((await undo('--run', String(first))).document).toMatchObject({ status: 'undone' });
    expect(await standing()).toMatchObject({ status: 'pending', read: true, exitCode: 4 });
  });

  test('after the newer of two runs was undone the older one counts', async () => {
    const first = (await runJson(home, ['--yes', '--project', ACME])).document.runId;
    await run(home, ['--yes']);
    await undo();
    const { document } = await runJson(home, ['status', '--check']);
    expect(document).toMatchObject({ status: 'pending', lastRun: { runId: first } });
    expect((await undo()).document).toMatchObject({ status: 'undone', runId: first });
    expect(await standing()).toMatchObject({ status: 'undone' });
  });

  test('not after the rows were deleted by hand; again where a daemon has only used them', async () => {
    await run(home, ['--yes']);
    edit("UPDATE sessions SET activity_state = 'active', updated_at = '2026-11-22 00:00:00 +0000 UTC'");
    expect(await standing()).toMatchObject({ status: 'done', read: true, exitCode: 0 });
    edit('DELETE FROM session_worktrees', 'DELETE FROM change_log', 'DELETE FROM sessions', 'DELETE FROM projects');
    expect(await standing()).toMatchObject({ status: 'pending', read: true, exitCode: 4 });
  });

  test('a receipt of an earlier build does not answer, and can be read', async () => {
    const { document } = await runJson(home, ['--yes']);
    const file = String(document.receipt);
    const { databaseFiles, ...old } = JSON.parse(readFileSync(file, 'utf8'));
    const { projects, exclude, ...options } = old.options;
    expect([databaseFiles.length, projects, exclude]).toEqual([1, [], []]);
    writeFileSync(file, JSON.stringify({ ...old, options }));
    expect(await standing()).toMatchObject({ status: 'done', read: true, exitCode: 0 });
    expect((await runJson(home, ['verify'])).document).toMatchObject({ status: 'ok', runId: document.runId });
    expect((await undo()).document).toMatchObject({ status: 'undone' });
  });
});

describe('a run that was undone in part', () => {
  let receipt: string;
  beforeEach(async () => {
    home = realFixture('v2-stopped');
    receipt = String((await runJson(home, ['--yes'])).document.receipt);
    rename();
  });
  afterEach(() => home.remove());

  test('is pending for status, sound for verify and doctor', async () => {
    expect((await undo()).document).toMatchObject({ status: 'partly-undone' });
    expect(await standing()).toMatchObject({ status: 'pending', read: true, exitCode: 4, partlyUndone: true });
    const verified = await runJson(home, ['verify']);
    expect(verified).toMatchObject({ exitCode: 0, document: { status: 'ok' } });
    const checks = verified.document.checks as { kind: string; state: string; id: string }[];
    const undone = checks.filter(({ state }) => state === 'undone').map(({ kind }) => kind);
    expect(undone.filter((kind) => kind === 'project')).toHaveLength(2);
    expect(undone.filter((kind) => kind === 'orchestrator')).toHaveLength(3);
    expect(undone).toContain('conversation');
    expect(checks).toContainEqual(expect.objectContaining({ kind: 'project', id: ACME, state: 'changed-since' }));
    const doctor = (await run(home, ['doctor'])).stdout;
    expect(doctor).not.toContain('damaged');
    expect(doctor).toContain('undone in part');
    expect((await run(home, ['status'])).stdout).toContain('undone in part');
  });

  test('damage to what was left is still told', async () => {
    await undo();
    edit(`DELETE FROM projects WHERE id = '${ACME}'`);
    const { exitCode, document } = await runJson(home, ['verify']);
    expect(exitCode).toBe(4);
    expect(damaged(document)).toMatchObject([{ kind: 'project', id: ACME }]);
  });

  test('a second rollback goes on with the rest, and leaves alone what a later run has made', async () => {
    const runId = JSON.parse(readFileSync(receipt, 'utf8')).runId;
    await undo();
    expect((await runJson(home, ['--yes'])).document).toMatchObject({ status: 'migrated', projects: { created: 2 } });
    edit(`UPDATE projects SET display_name = (SELECT id FROM projects WHERE id = '${ACME}') WHERE id = '${ACME}'`);
    const again = (await undo('--run', runId)).document;
    expect(again.items).toEqual([
      { kind: 'project', id: ACME, outcome: 'refused', reason: expect.stringContaining('display_name') },
    ]);
    expect(rowsOf(database()).projects).toHaveLength(3);
    const written = JSON.parse(readFileSync(receipt, 'utf8')).projects as {
      id: string;
      columns: { display_name: string };
    }[];
    const name = written.find(({ id }) => id === ACME)?.columns.display_name;
    edit(
      'DELETE FROM session_worktrees',
      'DELETE FROM change_log',
      'DELETE FROM sessions',
      `UPDATE projects SET display_name = '${name}' WHERE id = '${ACME}'`,
    );
    expect((await undo('--run', runId)).document).toMatchObject({
      status: 'undone',
      items: [{ kind: 'project', id: ACME, outcome: 'removed' }],
    });
    expect(rowsOf(database()).projects.map(({ id }) => id)).not.toContain(ACME);
    expect(rowsOf(database()).projects).toHaveLength(2);
    expect((await runJson(home, ['verify', '--run', runId])).exitCode).toBe(0);
  });

  test('a conversation that has grown stays one of the run', async () => {
    const cwd = join(home.path, '.ao', 'data', 'worktrees', ACME, 'orchestrator', 'acme-orchestrator');
    const copy = claudeFile(home, cwd, 'bc6650a6-a81a-492c-9142-a294d19ddbf4');
    appendFileSync(copy, '{"type":"user"}\n');
    await undo();
    const { removed } = JSON.parse(readFileSync(receipt, 'utf8'));
    expect(removed.sessions).toContain('acme-orchestrator');
    expect(removed.conversations).not.toContain('acme-orchestrator');
    expect((await runJson(home, ['verify'])).exitCode).toBe(0);
    expect((await undo()).document.items).toContainEqual(
      expect.objectContaining({ kind: 'conversation', outcome: 'refused' }),
    );
  });

  test('a rollback that can take nothing leaves the receipt as it is', async () => {
    edit(
      "UPDATE projects SET display_name = 'Mine'",
      "UPDATE sessions SET updated_at = '2026-11-22 00:00:00 +0000 UTC'",
    );
    const before = readFileSync(receipt, 'utf8');
    expect((await undo()).document).toMatchObject({ status: 'partly-undone' });
    expect(readFileSync(receipt, 'utf8')).toBe(before);
  });
});

describe('where nothing can be migrated', () => {
  beforeEach(() => {
    home = emptyHome();
  });
  afterEach(() => home.remove());

  test('of a store whose projects are all unusable nothing is left to do, and every command says why', async () => {
    write(home, { '.agent-orchestrator/config.yaml': 'projects: {"a b": {path: "{{HOME}}/app", projectId: "a b"}}' });
    const migrated = await run(home, ['--yes']);
    expect(migrated.exitCode).toBe(0);
    expect(migrated.stdout).toContain('Nothing could be migrated');
    expect(migrated.stdout).toContain('a b');
    expect(await standing()).toMatchObject({ status: 'done', exitCode: 0 });
    const { stdout } = await run(home, ['status']);
    expect(stdout).toContain('Nothing could be migrated');
    expect(stdout).toContain('a b');
    expect(stdout).not.toContain('Done');
    expect((await run(home, ['doctor'])).stdout).toContain('Nothing can be migrated');
    expect((await run(home, ['postinstall'])).stderr).not.toContain('migrated already');
  });

  test.each([
    ['k', '{}'],
    ['k', '{path: ""}'],
    ['k', '{path: code/app}'],
    ['_a', '{path: "{{HOME}}/app"}'],
    ['d..e', '{path: "{{HOME}}/app"}'],
  ])('the orchestrator of `%s: %s` is skipped with its project', async (id, entry) => {
    const record = JSON.stringify({ role: 'orchestrator', agent: 'claude-code', worktree: '/gone' });
    write(home, {
      '.agent-orchestrator/config.yaml': `projects:\n  ${id}: ${entry}\n`,
      [`.agent-orchestrator/projects/${id}/sessions/wb-orchestrator.json`]: record,
    });
    for (const args of [['--dry-run'], ['--yes']])
      expect(await runJson(home, args)).toMatchObject({
        exitCode: 0,
        document: {
          status: 'already-migrated',
          projects: { created: 0, skipped: 1, failed: 0 },
          orchestrators: { created: 0, skipped: 1, failed: 0 },
          items: [
            { kind: 'project', id, outcome: 'skipped' },
            { kind: 'orchestrator', outcome: 'skipped', reason: expect.stringContaining('cannot be imported') },
          ],
        },
      });
    expect(await standing()).toMatchObject({ status: 'done', exitCode: 0 });
    expect(await runJson(home, ['explain'])).toMatchObject({ exitCode: 0, document: { status: 'ok' } });
  });

  test('a project that cannot be migrated is told beside those that are', async () => {
    write(home, {
      '.agent-orchestrator/config.yaml':
        'projects: {app: {path: "{{HOME}}/app", projectId: app}, "a b": {path: "{{HOME}}/ab", projectId: "a b"}}',
    });
    expect((await run(home, ['--yes'])).stdout).toContain('Migrated 1 project');
    expect((await run(home, [])).stdout).toContain('Everything that can be is there already, 1 project cannot be');
    expect(await standing()).toMatchObject({ status: 'done', exitCode: 0 });
    const { stdout } = await run(home, ['status']);
    expect(stdout).toContain('everything that can be is migrated, 1 project cannot be');
    expect(stdout).toMatch(/Project +a b: /);
    expect((await run(home, ['postinstall'])).stderr).toContain('everything that can be is migrated already');
  });

  test('filters that leave no project are named', async () => {
    write(home, { '.agent-orchestrator/config.yaml': 'projects: {app: {path: "{{HOME}}/app", projectId: app}}' });
    const { exitCode, stdout } = await run(home, ['--project', 'app', '--exclude', 'app']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('--project and --exclude leave no project');
    expect(stdout).not.toContain('there is no project');
  });
});
