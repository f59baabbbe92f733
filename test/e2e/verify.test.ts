import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { makeStore } from '../../scripts/bench/store';
import { startedOf } from '../../src/apply/run-lock';
import { statePaths } from '../../src/apply/state';
import { run, runJson } from '../support/executable';
import { claudeFile } from '../support/expected';
import { emptyHome, type Home, machineAt, realFixture, write } from '../support/home';
import { snapshot } from '../support/tree';

const ACME = 'acme_00f7f1a4ad';
const CONVERSATION = 'bc6650a6-a81a-492c-9142-a294d19ddbf4';
let home: Home;
const database = (): string => join(home.path, '.ao', 'data', 'ao.db');
const copy = (): string =>
  claudeFile(
    home,
    join(home.path, '.ao', 'data', 'worktrees', ACME, 'orchestrator', 'acme-orchestrator'),
    CONVERSATION,
  );
const sql =
  (...statements: string[]) =>
  (): void => {
    using db = new Database(database());
    db.run('PRAGMA foreign_keys = OFF');
    for (const statement of statements) db.run(statement);
  };

/** A replacement in a file that must have what is replaced. */
function alter(file: string, found: RegExp, by: string): void {
  const text = readFileSync(file, 'utf8');
  expect(text).toMatch(found);
  writeFileSync(file, text.replace(found, by));
}

beforeEach(async () => {
  home = realFixture('v2-stopped');
  await run(home, ['--yes']);
}, 180_000);
afterEach(() => home.remove(), 180_000);

test('what a run has begun to remove is no damage, and no answer to what a rollback would remove', async () => {
  const { lock } = statePaths(machineAt(home.path), join(home.path, '.ao', 'data'));
  rmSync(copy());
  const runs = [['verify'], ['rollback', '--dry-run']];
  writeFileSync(
    lock,
    JSON.stringify({ pid: process.pid, started: startedOf(process.pid), runId: 'a run of this test' }),
  );
  for (const args of runs)
    expect(await runJson(home, args)).toMatchObject({
      exitCode: 3,
      document: { status: 'refused', refusal: { code: 'RUN_IN_PROGRESS' } },
    });
  rmSync(lock);
  const statuses = await Promise.all(runs.map(async (args) => (await runJson(home, args)).document.status));
  expect(statuses).toEqual(['found', 'planned']);
});

describe('verify', () => {
  test('right after a run all is as written, and nothing is touched by looking', async () => {
    const before = snapshot(home.path);
    const done = await runJson(home, ['verify']);
    expect(done).toMatchObject({ exitCode: 0, stderr: '', document: { status: 'ok' } });
    expect(snapshot(home.path)).toEqual(before);
  });

  const DAMAGES: readonly (readonly [string, () => void, Record<string, unknown>])[] = [
    ['a project row is missing', sql(`DELETE FROM projects WHERE id = '${ACME}'`), { kind: 'project', id: ACME }],
    [
      'a project points elsewhere',
      sql(`UPDATE projects SET path = '/elsewhere' WHERE id = '${ACME}'`),
      { kind: 'project', id: ACME },
    ],
    [
      'a config no longer decodes',
      sql(`UPDATE projects SET config = '{"env":{"A":1}}' WHERE id = '${ACME}'`),
      { kind: 'project', id: ACME },
    ],
    [
      'a session row is missing',
      sql("DELETE FROM sessions WHERE id = 'acme-orchestrator'"),
      { kind: 'orchestrator', id: 'acme-orchestrator' },
    ],
    [
      'a session was changed without its time',
      sql("UPDATE sessions SET branch = 'x' WHERE id = 'acme-orchestrator'"),
      { kind: 'orchestrator', id: 'acme-orchestrator' },
    ],
    [
      'a session belongs to another project',
      sql(
        "UPDATE sessions SET project_id = 'web-app_14e80c6005', num = 9, updated_at = 'later' WHERE id = 'acme-orchestrator'",
      ),
      { kind: 'orchestrator', id: 'acme-orchestrator' },
    ],
    [
      'the resume marker is missing',
      sql("DELETE FROM session_worktrees WHERE session_id = 'acme-orchestrator'"),
      { kind: 'orchestrator', id: 'acme-orchestrator' },
    ],
    [
      'a foreign key leads nowhere',
      sql(
        "INSERT INTO workspace_repos (project_id, name, relative_path, registered_at) VALUES ('nobody', 'n', 'r', 't')",
      ),
      { kind: 'database' },
    ],
    ['a trigger is missing', sql('DROP TRIGGER sessions_cdc_update'), { kind: 'schema' }],
    ['an index is missing', sql('DROP INDEX idx_pr_session'), { kind: 'schema' }],
    ['the database is missing', () => rmSync(database()), { kind: 'database' }],
    ...['nothing', 'ao.db'].map((target): (typeof DAMAGES)[number] => [
      `the database is a link to ${target}`,
      (): void => {
        rmSync(database());
        symlinkSync(target, database());
      },
      { kind: 'database', detail: 'it is a link that leads nowhere' },
    ]),
    ['the database is empty', () => truncateSync(database()), { kind: 'schema' }],
    [
      'the database is of another program',
      (): void => {
        for (const part of ['', '-wal', '-shm']) rmSync(`${database()}${part}`, { force: true });
        using db = new Database(database(), { create: true });
        db.run('CREATE TABLE notes (id INTEGER PRIMARY KEY)');
      },
      { kind: 'schema' },
    ],
    ['a table is missing', sql('DROP TABLE session_worktrees'), { kind: 'schema' }],
    ['a column is missing', sql('ALTER TABLE session_worktrees DROP COLUMN base_sha'), { kind: 'schema' }],
    [
      'a table is no longer what others refer to',
      sql(
        'CREATE TABLE copy AS SELECT * FROM projects',
        'DROP TABLE projects',
        'CREATE TABLE projects AS SELECT * FROM copy',
      ),
      { kind: 'database', detail: expect.stringContaining('foreign_key_check') },
    ],
    ['the database is cut short', () => truncateSync(database(), 20_000), { kind: 'database' }],
    ['a conversation is missing', () => rmSync(copy()), { kind: 'conversation', id: CONVERSATION }],
    ['a conversation is cut short', () => truncateSync(copy(), 100), { kind: 'conversation', id: CONVERSATION }],
    [
      'a byte of a conversation is another',
      () => writeFileSync(copy(), readFileSync(copy(), 'utf8').replace('heron', 'heroN')),
      { kind: 'conversation', id: CONVERSATION },
    ],
  ];
  test.each(DAMAGES)('%s: found, exit code 4', async (_, damage, check) => {
    damage();
    const done = await runJson(home, ['verify']);
    expect(done.exitCode).toBe(4);
    expect(done.document).toMatchObject({ status: 'found' });
    expect(done.document.checks).toContainEqual(expect.objectContaining({ ...check, state: 'damaged' }));
  });

  const EXPECTED: readonly (readonly [string, () => void, Record<string, unknown>])[] = [
    [
      'the daemon went on with the session',
      sql("UPDATE sessions SET is_terminated = 0, branch = 'x', updated_at = 'later' WHERE id = 'acme-orchestrator'"),
      { kind: 'orchestrator', id: 'acme-orchestrator' },
    ],
    [
      'the user renamed and archived a project',
      sql(
        `UPDATE projects SET display_name = 'Mine', archived_at = '2026-11-22 00:00:00 +0000 UTC' WHERE id = '${ACME}'`,
      ),
      { kind: 'project', id: ACME },
    ],
    [
      'the user changed the settings of a project',
      sql(`UPDATE projects SET config = '{"env":{"A":"1"}}' WHERE id = '${ACME}'`),
      { kind: 'project', id: ACME },
    ],
    [
      'the conversation has grown',
      () => appendFileSync(copy(), '{"type":"user"}\n'),
      { kind: 'conversation', id: CONVERSATION },
    ],
    [
      'the legacy store was changed',
      () => write(home, { '.agent-orchestrator/config.yaml': 'projects: {}\n' }),
      { kind: 'source' },
    ],
  ];
  test.each(EXPECTED)('%s: changed since, exit code 0', async (_, change, check) => {
    change();
    const done = await runJson(home, ['verify']);
    expect(done.exitCode).toBe(0);
    expect(done.document.checks).toContainEqual(expect.objectContaining({ ...check, state: 'changed-since' }));
  });

  test('rows and receipt altered alike are found by deriving anew from the legacy store', async () => {
    sql(`UPDATE projects SET display_name = 'Other' WHERE id = '${ACME}'`)();
    const receipt = String((await runJson(home, ['verify'])).document.runId);
    const file = join(home.path, '.ao', 'migrations', `${receipt}.json`);
    alter(file, /"display_name": ?"acme"/, '"display_name":"Other"');
    const done = await runJson(home, ['verify']);
    expect(done.document.checks).toContainEqual(
      expect.objectContaining({
        kind: 'project',
        id: ACME,
        state: 'damaged',
        detail: expect.stringContaining('display_name'),
      }),
    );
  });

  test('a changed legacy store is derived from the backup, and without one compared with the receipt only', async () => {
    write(home, { '.agent-orchestrator/config.yaml': 'projects: {}\n' });
    rmSync(join(home.path, 'code', 'acme', 'agent-orchestrator.yaml'));
    const whole = await runJson(home, ['verify']);
    expect(whole.exitCode).toBe(0);
    expect(whole.document.checks).toContainEqual(
      expect.objectContaining({ kind: 'source', detail: expect.stringContaining('derived from the backup') }),
    );
    const runId = String(whole.document.runId);
    const file = join(home.path, '.ao', 'migrations', `${runId}.json`);
    alter(file, /"display_name": ?"acme"/, '"display_name":"Other"');
    sql(`UPDATE projects SET display_name = 'Other' WHERE id = '${ACME}'`)();
    expect((await runJson(home, ['verify'])).document.checks).toContainEqual(
      expect.objectContaining({ kind: 'project', id: ACME, state: 'damaged' }),
    );
    rmSync(join(home.path, '.ao', 'backups'), { recursive: true });
    const alone = await runJson(home, ['verify']);
    expect(alone.document.checks).toContainEqual(
      expect.objectContaining({ kind: 'source', detail: expect.stringContaining('receipt only') }),
    );
    expect(alone.exitCode).toBe(0);
  });
});

describe('doctor', () => {
  const lastRun = async () => {
    const { exitCode, document } = await runJson(home, ['doctor']);
    const { checks } = v.parse(v.looseObject({ checks: v.array(v.looseObject({ id: v.string() })) }), document);
    return { exitCode, check: checks.find(({ id }) => id === 'last-run') };
  };

  test('says whether what the last run wrote is still so, and changes nothing', async () => {
    const before = snapshot(home.path);
    expect(await lastRun()).toMatchObject({
      exitCode: 0,
      check: { state: 'pass', message: expect.stringContaining('what it wrote is as it should be') },
    });
    expect(snapshot(home.path)).toEqual(before);
  });

  test('exits with 4 where something of it is damaged, names it and what tells the rest', async () => {
    rmSync(copy());
    sql("DELETE FROM sessions WHERE id = 'ma-orchestrator'")();
    const { exitCode, check } = await lastRun();
    expect(exitCode).toBe(4);
    expect(check).toMatchObject({
      state: 'fail',
      message: expect.stringMatching(/damaged since: .* and 2 more things$/),
    });
    expect(JSON.stringify(check)).toContain('ao-migrate verify');
  });

  test('of large conversations it only names the command', async () => {
    const folder = join(home.path, '.ao', 'migrations');
    const [name = ''] = readdirSync(folder).filter((each) => each.endsWith('.json'));
    alter(join(folder, name), /"size": ?\d+(?=,\s*"sourceSha256")/, '"size":200000000');
    expect(await lastRun()).toMatchObject({
      exitCode: 0,
      check: { state: 'pass', message: expect.stringContaining('with 200 MB of conversations only') },
    });
  });
});

/** A file system whose times have no end; many disks hold none after the year 2446. */
const ENDLESS = '/dev/shm';

test.skipIf(!existsSync(ENDLESS))('a date that came from the clock of the run is no damage later', async () => {
  const other = emptyHome(ENDLESS);
  try {
    makeStore(other.path, { projects: 1, recordsEach: 1, conversation: 1_000, seed: 3 });
    const [sessions = ''] = globSync(join(other.path, '.agent-orchestrator/projects/*/sessions'));
    const record = join(sessions, 'r0-orchestrator.json');
    const dates = ['createdAt', 'startedAt', 'lastTransitionAt', 'lastObservedAt'];
    const undated = JSON.parse(readFileSync(record, 'utf8'), (key, value) => (dates.includes(key) ? undefined : value));
    writeFileSync(record, JSON.stringify(undated));
    utimesSync(record, 253_402_300_800, 253_402_300_800);
    expect((await runJson(other, ['--yes'])).document).toMatchObject({ orchestrators: { created: 1 } });
    await Bun.sleep(1_100);
    expect(await runJson(other, ['verify'])).toMatchObject({ exitCode: 0, document: { status: 'ok' } });
  } finally {
    other.remove();
  }
});

describe('what was left out of a run is no damage', () => {
  let other: Home;
  beforeEach(() => {
    other = emptyHome();
    makeStore(other.path, { projects: 2, recordsEach: 1, conversation: 1_000, seed: 3 });
  });
  afterEach(() => other.remove());
  const config = (): string => join(other.path, '.agent-orchestrator', 'config.yaml');

  /** Both projects have one prefix, and with it one session id; returns the record of each. */
  function onePrefix(): { first: string; second: string } {
    alter(config(), /sessionPrefix: r1/, 'sessionPrefix: r0');
    const projects = join(other.path, '.agent-orchestrator', 'projects');
    const [one = '', two = ''] = readdirSync(projects).sort();
    const first = join(projects, one, 'sessions', 'r0-orchestrator.json');
    const second = join(projects, two, 'sessions', 'r0-orchestrator.json');
    renameSync(join(dirname(second), 'r1-orchestrator.json'), second);
    return { first, second };
  }
  const isWhole = async (): Promise<void> =>
    expect(await runJson(other, ['verify'])).toMatchObject({ exitCode: 0, document: { status: 'ok' } });

  test('an orchestrator whose session id another project has', async () => {
    onePrefix();
    expect((await run(other, ['--yes'])).exitCode).toBe(0);
    await isWhole();
  });

  test('one that is not migrated for a reason of its own', async () => {
    const { second } = onePrefix();
    alter(second, /"state": "terminated"/, '"state": "done"');
    expect((await run(other, ['--yes'])).exitCode).toBe(0);
    await isWhole();
  });

  test('one that came after the run, of a project that is named before', async () => {
    const { first } = onePrefix();
    renameSync(first, join(other.path, 'aside'));
    expect((await run(other, ['--yes'])).exitCode).toBe(0);
    renameSync(join(other.path, 'aside'), first);
    await isWhole();
  });

  test('a project that two configs name, with another folder each', async () => {
    for (const name of ['a', 'b']) {
      const folder = join(other.path, 'code', name);
      mkdirSync(folder);
      writeFileSync(join(folder, 'agent-orchestrator.yaml'), `projects:\n  twice:\n    path: ${folder}\n`);
      const early = join(other.path, '.agent-orchestrator', `${name.repeat(12)}-twice`);
      mkdirSync(join(early, 'sessions'), { recursive: true });
      writeFileSync(join(early, '.origin'), join(folder, 'agent-orchestrator.yaml'));
    }
    const done = await runJson(other, ['--yes']);
    expect(done.document.items).toContainEqual(expect.objectContaining({ id: 'twice', outcome: 'conflict' }));
    await isWhole();
  });
});

describe('what the store has become since is no damage', () => {
  let other: Home;
  const at = (...names: string[]): string => join(other.path, ...names);
  const root = (...names: string[]): string => at('.agent-orchestrator', ...names);
  const otherDatabase = (): string => at('.ao', 'data', 'ao.db');
  const verified = (args: readonly string[] = [], options = {}) => runJson(other, ['verify', ...args], options);
  const is = (state: string, detail?: string) => ({
    exitCode: 0,
    document: {
      status: 'ok',
      checks: expect.arrayContaining([
        expect.objectContaining({
          kind: 'source',
          state,
          ...(detail === undefined ? {} : { detail: expect.stringContaining(detail) }),
        }),
      ]),
    },
  });
  const repository = (name: string): void => {
    write(other, { [`${name}/.git/HEAD`]: 'ref: refs/heads/main\n', [`${name}/.git/config`]: '[core]\n' });
    for (const folder of ['objects', 'refs/heads']) mkdirSync(at(name, '.git', folder), { recursive: true });
  };
  const OLD = 1_600_000_000;

  beforeEach(() => {
    other = emptyHome();
    makeStore(other.path, { projects: 1, recordsEach: 1, conversation: 1_000, seed: 3 });
    repository('web');
    const undated = `  web:\n    path: ${at('web')}\n    sessionPrefix: web\n`;
    alter(root('config.yaml'), /^projects:\n/m, `projects:\n${undated}`);
    const [record = ''] = globSync(root('projects/*/sessions/r0-orchestrator.json'));
    const dates = ['createdAt', 'startedAt', 'lastTransitionAt', 'lastObservedAt', 'terminatedAt'];
    const text = JSON.parse(readFileSync(record, 'utf8'), (key, value) => (dates.includes(key) ? undefined : value));
    writeFileSync(record, JSON.stringify(text));
    for (const file of [record, root('config.yaml')]) utimesSync(file, OLD, OLD);
  });
  afterEach(() => other.remove());

  const CHANGES: readonly (readonly [string, () => void])[] = [
    ['a config without dates is touched', () => utimesSync(root('config.yaml'), OLD + 9, OLD + 9)],
    [
      'a record without dates is touched',
      () => utimesSync(globSync(root('projects/*/sessions/r0-orchestrator.json'))[0] ?? '', OLD + 9, OLD + 9),
    ],
    [
      'a repository gets a config',
      () => write(other, { 'web/agent-orchestrator.yaml': 'agent: codex\nenv:\n  A: b\n' }),
    ],
    [
      'display names come',
      () =>
        write(other, {
          '.agent-orchestrator/portfolio/preferences.json': JSON.stringify({
            version: 1,
            projects: { web: { displayName: 'Another' } },
          }),
        }),
    ],
    [
      'a worker comes',
      () =>
        write(other, { '.agent-orchestrator/projects/web/sessions/web-1.json': '{"worktree":"/w","role":"worker"}' }),
    ],
    [
      'an orchestrator comes',
      () =>
        write(other, {
          '.agent-orchestrator/projects/web/sessions/web-orchestrator.json': '{"worktree":"/w","role":"orchestrator"}',
        }),
    ],
  ];

  test.each(CHANGES)('%s: with and without a backup, and damage is still found', async (_, change) => {
    expect((await runJson(other, ['--yes'])).document).toMatchObject({ status: 'migrated', projects: { created: 2 } });
    change();
    expect(await verified()).toMatchObject(is('ok'));
    rmSync(at('.ao', 'backups'), { recursive: true });
    expect(await verified()).toMatchObject(is('ok'));
    const [file = ''] = globSync(at('.ao/migrations/*.json'));
    for (const name of ['web', 'r0-orchestrator']) {
      const receipt = readFileSync(file, 'utf8');
      alter(file, new RegExp(`"id": ?"${name}"(.*?)"display_name": ?"[^"]*"`), `"id":"${name}"$1"display_name":"No"`);
      expect(await verified()).toMatchObject({
        exitCode: 4,
        document: {
          checks: expect.arrayContaining([
            expect.objectContaining({ id: name, state: 'damaged', detail: expect.stringContaining('yields another') }),
          ]),
        },
      });
      writeFileSync(file, receipt);
    }
    using db = new Database(otherDatabase());
    db.run("UPDATE projects SET path = '/elsewhere' WHERE id = 'web'");
    expect((await verified()).exitCode).toBe(4);
  });

  test('a file that changed beside one that came: the backup tells', async () => {
    await run(other, ['--yes']);
    appendFileSync(root('config.yaml'), '# more\n');
    utimesSync(root('config.yaml'), OLD + 9, OLD + 9);
    write(other, { 'web/agent-orchestrator.yaml': 'agent: codex\n' });
    expect(await verified()).toMatchObject(is('changed-since', 'derived from the backup'));
    rmSync(at('.ao', 'backups'), { recursive: true });
    expect(await verified()).toMatchObject(is('changed-since', 'receipt only'));
  });

  test('a config of a repository that cannot be read, then and now', async () => {
    mkdirSync(at('web', 'agent-orchestrator.yaml'));
    await run(other, ['--yes']);
    expect(await verified()).toMatchObject(is('ok'));
    appendFileSync(root('config.yaml'), '# more\n');
    expect(await verified()).toMatchObject(is('changed-since', 'derived from the backup'));
  });

  test('a store that was moved', async () => {
    await run(other, ['--yes']);
    renameSync(root(), at('moved'));
    utimesSync(at('moved', 'config.yaml'), OLD + 9, OLD + 9);
    expect(await verified(['--from', 'moved'])).toMatchObject(is('ok'));
    expect(await verified()).toMatchObject(is('changed-since', 'derived from the backup'));
  });

  test('a store that was moved with the file of --config in it', async () => {
    renameSync(root('config.yaml'), root('mine.yaml'));
    for (const args of [['--config', root('mine.yaml')], ['--config=mine.yaml']]) {
      await run(other, [...args, '--yes'], { cwd: root() });
      renameSync(root(), at('moved'));
      expect(await verified(['--from', 'moved'])).toMatchObject(is('ok'));
      renameSync(at('moved'), root());
      expect((await run(other, ['rollback', '--yes'])).exitCode).toBe(0);
    }
  });

  describe('the backup tells, and finds damage, where', () => {
    const more = (): string => `projects:\n  more:\n    path: ${at('more')}\n`;
    const rm = (path: string): void => rmSync(path, { recursive: true });
    const KINDS: readonly (readonly [string, readonly string[], () => void, () => void])[] = [
      [
        'the folder of --from is gone',
        ['--from', 'moved'],
        () => {
          renameSync(root(), at('moved'));
          appendFileSync(at('moved', 'config.yaml'), `  more:\n    path: ${at('more')}\n`);
        },
        () => rm(at('moved')),
      ],
      [
        'the folder of --from was the usual one and is gone',
        ['--from', '.agent-orchestrator'],
        () => appendFileSync(root('config.yaml'), `  more:\n    path: ${at('more')}\n`),
        () => rm(root()),
      ],
      [
        'the file of --config is gone',
        ['--config', 'mine.yaml'],
        () => {
          renameSync(root('config.yaml'), at('mine.yaml'));
          appendFileSync(at('mine.yaml'), `  more:\n    path: ${at('more')}\n`);
        },
        () => rm(at('mine.yaml')),
      ],
      [
        'a wrapped file of --config is gone, and the store with it',
        ['--config', 'wrapped.yaml'],
        () => write(other, { 'wrapped.yaml': more() }),
        () => {
          rm(at('wrapped.yaml'));
          rm(root());
        },
      ],
    ];
    test.each(KINDS)('%s', async (_, args, prepare, remove) => {
      repository('more');
      prepare();
      expect((await runJson(other, [...args, '--yes'])).document).toMatchObject({ projects: { created: 3 } });
      remove();
      expect(await verified()).toMatchObject(is('changed-since', 'derived from the backup'));
      const [file = ''] = globSync(at('.ao/migrations/*.json'));
      alter(file, /"id": ?"more"(.*?)"display_name": ?"[^"]*"/, '"id":"more"$1"display_name":"No"');
      expect((await verified()).document.checks).toContainEqual(
        expect.objectContaining({ id: 'more', detail: expect.stringContaining('yields another display_name') }),
      );
    });
  });

  test('a flag that names nothing is a usage error, with a run and without', async () => {
    const NAMES = [
      ['--from', 'none'],
      ['--config', 'none.yaml'],
    ];
    for (const before of [() => {}, () => run(other, ['--yes']), () => rmSync(root(), { recursive: true })]) {
      await before();
      for (const args of NAMES)
        expect(await verified(args)).toMatchObject({
          exitCode: 2,
          document: {
            status: 'usage',
            refusal: { message: expect.stringContaining(`${args.join(' ')}: there is no`) },
          },
        });
    }
  });

  test('a config that a variable had named', async () => {
    renameSync(root('config.yaml'), at('mine.yaml'));
    const env = { AO_GLOBAL_CONFIG: at('mine.yaml') };
    expect((await runJson(other, ['--yes'], { env })).document).toMatchObject({ projects: { created: 2 } });
    for (const options of [{}, { env }, { env: { AO_GLOBAL_CONFIG: at('none.yaml') } }])
      expect(await verified([], options)).toMatchObject(is('ok'));
    write(other, { '.agent-orchestrator/config.yaml': 'projects: {}\n' });
    expect(await verified()).toMatchObject(is('ok'));
    appendFileSync(at('mine.yaml'), '# more\n');
    expect(await verified()).toMatchObject(is('changed-since', 'derived from the backup'));
  });

  test('a config where another variable looks first, and a receipt that does not tell where it looked', async () => {
    const env = { XDG_CONFIG_HOME: at('xdg') };
    await run(other, ['--yes'], { env });
    write(other, { 'xdg/agent-orchestrator/config.yaml': 'projects: {}\n' });
    expect(await verified([], { env })).toMatchObject(is('ok'));
    rmSync(at('xdg'), { recursive: true });
    const [file = ''] = globSync(at('.ao/migrations/*.json'));
    alter(file, /,"registry":"[^"]*","environment":\{[^}]*\}/, '');
    expect(await verified()).toMatchObject(is('ok'));
  });

  describe('a wrapped config', () => {
    const wrapped = (name: string): Record<string, string> => ({
      [`${name}/agent-orchestrator.yaml`]: `projects:\n  twice:\n    path: ${at(name)}\n`,
    });
    beforeEach(async () => {
      for (const name of ['first', 'second']) repository(name);
      write(other, { ...wrapped('second'), '.claude.json': JSON.stringify({ projects: { [at('second')]: {} } }) });
      write(other, { '.agent-orchestrator/projects/twice/sessions/twice-1.json': '{"worktree":"/w"}' });
      expect((await runJson(other, ['--yes'])).document.items).toContainEqual(
        expect.objectContaining({ kind: 'project', id: 'twice', outcome: 'created' }),
      );
    });

    test('another one that would win its key', async () => {
      write(other, { ...wrapped('first'), 'aaaaaaaaaaaa-twice/unused': '' });
      write(other, {
        '.agent-orchestrator/aaaaaaaaaaaa-twice/.origin': at('first', 'agent-orchestrator.yaml'),
        '.agent-orchestrator/running.json': JSON.stringify({ configPath: at('first', 'agent-orchestrator.yaml') }),
      });
      expect(await verified()).toMatchObject(is('ok'));
    });

    test('that nothing points to any more', async () => {
      write(other, { '.claude.json': '{}' });
      expect(await verified()).toMatchObject(is('ok'));
    });

    test('that is gone', async () => {
      rmSync(at('second', 'agent-orchestrator.yaml'));
      expect(await verified()).toMatchObject(is('changed-since', 'derived from the backup'));
    });
  });
});

test('an origin with a query stands in the receipt as a digest, by which verify and rollback know it', async () => {
  const other = emptyHome();
  try {
    write(other, {
      '.agent-orchestrator/config.yaml': `projects:\n  a:\n    path: ${other.path}/a\n`,
      'a/.git/HEAD': 'ref: refs/heads/main\n',
      'a/.git/config': '[remote "origin"]\n\turl = https://example.com/a.git?token=abcdef0123456789\n',
    });
    for (const name of ['objects', 'refs/heads']) mkdirSync(join(other.path, 'a', '.git', name), { recursive: true });
    expect((await run(other, ['--yes'])).exitCode).toBe(0);
    const file = join(other.path, '.ao', 'data', 'ao.db');
    const folder = join(other.path, '.ao', 'migrations');
    const receipts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(receipts.join('')).toContain('digest:');
    expect(receipts.join('')).not.toContain('abcdef0123456789');
    expect((await runJson(other, ['verify'])).exitCode).toBe(0);
    const change = (url: string): void => {
      using db = new Database(file);
      db.run('UPDATE projects SET repo_origin_url = ?', [url]);
    };
    change('https://example.com/a.git?token=another');
    expect((await runJson(other, ['verify'])).exitCode).toBe(4);
    expect((await runJson(other, ['rollback', '--yes'])).exitCode).toBe(1);
    change('https://example.com/a.git?token=abcdef0123456789');
    expect((await runJson(other, ['rollback', '--yes'])).exitCode).toBe(0);
  } finally {
    other.remove();
  }
}, 180_000);

test('of the variables that say where things are the receipt holds paths, never an address with a password', async () => {
  const env = { OPENCODE_DB: 'postgres://bob:hunter2@h/db', XDG_CONFIG_HOME: join(home.path, 'config') };
  const other = realFixture('v2-stopped');
  try {
    expect((await run(other, ['--yes'], { env })).exitCode).toBe(0);
    const folder = join(other.path, '.ao', 'migrations');
    const receipts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(receipts.join('')).toContain(`"XDG_CONFIG_HOME":${JSON.stringify(env.XDG_CONFIG_HOME)}`);
    expect(receipts.join('')).not.toContain('hunter2');
  } finally {
    other.remove();
  }
});
