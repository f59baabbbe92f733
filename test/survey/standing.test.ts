import { afterEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { databaseFiles } from '../../src/apply/database-files';
import { status } from '../../src/cli/status';
import { DOCUMENT_SCHEMAS, type MigrateDocument } from '../../src/report/schema';
import { terminalOf } from '../../src/report/terminal';
import { absentTarget } from '../../src/rewrite/inspect';
import type { Look } from '../../src/survey/standing';
import { survey } from '../../src/survey/survey';
import { emptyHome, type Home, legacyFixture, machineAt, write } from '../support/home';
import { surveyTools } from '../support/surveyed';

const homes: Home[] = [];
afterEach(() => {
  for (const home of homes.splice(0)) home.remove();
});
const kept = (home: Home): Home => {
  homes.push(home);
  return home;
};

interface Asked {
  readonly check?: boolean;
  readonly json?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  readonly config?: string;
  readonly columns?: number;
}

/** What the command says, and how often both sides had to be read. */
async function asked(
  home: Home,
  how: Asked = {},
): Promise<{ exitCode: number; stdout: string; stderr: string; looks: number }> {
  let looks = 0;
  const machine = machineAt(home.path, { env: how.env ?? {} });
  const look: Look = (location, target) => {
    looks++;
    const options = { projects: [], exclude: [], onlyLive: false, resume: 'auto' as const };
    return survey(location, { paths: target, ask: () => absentTarget(target) }, options, surveyTools(machine));
  };
  const terminal = terminalOf({ env: {}, platform: 'linux', isTTY: false, columns: how.columns ?? 80, color: 'never' });
  const flags = {
    json: how.json ?? false,
    verbose: false,
    check: how.check ?? false,
    from: undefined,
    config: how.config,
    'data-dir': how.dataDir,
  };
  const tool = async () => ({ version: '0.0.0', sourceCommit: null, sqliteVersion: null });
  const answer = await status(flags, { machine, tool, terminal, errorTerminal: terminal, survey: look });
  return { ...answer, looks };
}

async function document(
  home: Home,
  how: Asked = {},
): Promise<v.InferOutput<typeof DOCUMENT_SCHEMAS.status> & { looks: number }> {
  const { stdout, looks } = await asked(home, { ...how, json: true });
  return { ...v.parse(DOCUMENT_SCHEMAS.status, JSON.parse(stdout)), looks };
}

const RUN = '20261120-101010-abcdef';

/** What a run that left nothing out was asked for. */
const WHOLE = { onlyLive: false, projects: [], exclude: [] };

/** The receipt of a run over the store as it is now, with a database that stands. */
function receipt(home: Home, changes: Record<string, unknown> = {}, runId = RUN): void {
  const root = join(home.path, '.agent-orchestrator');
  const files = [...new Bun.Glob('**/*').scanSync({ cwd: root, dot: true })]
    .filter((name) => /config\.yaml$|portfolio|sessions\/[A-Za-z0-9_-]+(\.json)?$/.test(name))
    .map((name) => join(root, name));
  const dataDir = join(home.path, '.ao', 'data');
  mkdirSync(dataDir, { recursive: true });
  const database = join(dataDir, 'ao.db');
  if (!existsSync(database)) {
    writeFileSync(database, 'stands');
    // A whole second: what a test sets back is then what it was.
    utimesSync(database, 1_700_000_000, 1_700_000_000);
  }
  const sources = files.map((path) => {
    const { size, mtimeMs } = statSync(path);
    return { path, sha256: '', size, mtimeMs: Math.floor(mtimeMs) };
  });
  write(home, {
    [`.ao/migrations/${runId}.json`]: JSON.stringify({
      formatVersion: 1,
      runId,
      status: 'done',
      physicalDataDir: dataDir,
      dataDir,
      legacyRoot: root,
      database,
      options: WHOLE,
      databaseFiles: databaseFiles(database),
      startedAt: '2026-11-20T10:10:10.000Z',
      outcome: { status: 'migrated' },
      sessions: [{ id: 'ha-orchestrator' }],
      sources,
      somethingNew: true,
      ...changes,
    }),
  });
}

describe('status', () => {
  test('none: nothing else is looked at', async () => {
    const home = kept(emptyHome());
    expect(await document(home)).toMatchObject({ status: 'none', looks: 0, lastRun: null, dataDir: null });
    expect((await asked(home, { check: true })).exitCode).toBe(0);
    expect((await document(home, { dataDir: '/dev/null/x' })).refusal?.code).toBe('DATA_DIR_INVALID');
  });

  for (const [changes, status, exitCode] of [
    [{}, 'done', 0],
    [{ outcome: { status: 'partial' } }, 'partial', 4],
    [{ removed: { projects: ['quill'], sessions: [], conversations: [] } }, 'partial', 4],
    [{ status: 'undone' }, 'undone', 0],
  ] as const)
    test(`where the old store is gone its run tells: ${JSON.stringify(changes)} is ${status}`, async () => {
      const home = kept(legacyFixture('02-typical-three'));
      receipt(home, changes);
      rmSync(join(home.path, '.agent-orchestrator'), { recursive: true });
      expect(await document(home)).toMatchObject({
        status,
        looks: 0,
        legacyRoot: join(home.path, '.agent-orchestrator'),
        dataDir: join(home.path, '.ao', 'data'),
        lastRun: { runId: RUN },
        notes: [{ code: 'STORE_ABSENT', message: expect.stringContaining('is gone') }],
      });
      const checked = await asked(home, { check: true });
      expect(checked.exitCode).toBe(exitCode);
      expect(checked.stdout).toContain('there is no old store here now');
      expect(checked.stdout).toContain(RUN);
    });

  test('without a store here the run of a store elsewhere tells, and one that was interrupted', async () => {
    const home = kept(legacyFixture('02-typical-three'));
    receipt(home, { legacyRoot: join(home.path, 'copy') });
    renameSync(join(home.path, '.agent-orchestrator'), join(home.path, 'copy'));
    expect(await document(home)).toMatchObject({
      status: 'done',
      lastRun: { runId: RUN },
      legacyRoot: join(home.path, 'copy'),
      notes: [{ code: 'STORE_ABSENT', message: expect.stringContaining('--from') }],
    });
    const other = kept(emptyHome());
    write(other, { [`.ao/migrations/${RUN}.journal`]: '' });
    expect(await document(other)).toMatchObject({ status: 'none', unfinished: [RUN], lastRun: null });
  });

  test('a config elsewhere is a store', async () => {
    const home = kept(emptyHome());
    write(home, { 'elsewhere.yaml': 'projects: {app: {path: "{{HOME}}/app", projectId: app}}' });
    const env = { AO_GLOBAL_CONFIG: join(home.path, 'elsewhere.yaml') };
    expect(await document(home, { env })).toMatchObject({
      status: 'pending',
      pending: { projects: 1, orchestrators: 0 },
    });
  });

  test('empty: a store without projects', async () => {
    const home = kept(emptyHome());
    write(home, { '.agent-orchestrator/config.yaml': 'port: 3000\n' });
    expect(await document(home)).toMatchObject({ status: 'empty', looks: 1 });
    expect((await asked(home, { check: true })).exitCode).toBe(0);
  });

  test('partial: of records without a project, and of the config that could name it', async () => {
    const home = kept(emptyHome());
    write(home, {
      '.agent-orchestrator/projects/app/sessions/app-orchestrator.json': '{"role": "orchestrator"}',
      'agent-orchestrator.yaml': 'projects: [',
    });
    const { status, notes } = await document(home);
    expect(status).toBe('partial');
    expect(notes).toMatchObject([{ code: 'PROJECT_UNKNOWN' }, { code: 'CONFIG_INVALID', line: 1 }]);
  });

  test('pending, with what is to be done', async () => {
    const home = kept(legacyFixture('02-typical-three'));
    expect(await document(home)).toMatchObject({ status: 'pending', pending: { projects: 3, orchestrators: 3 } });
    expect((await asked(home)).exitCode).toBe(0);
    const checked = await asked(home, { check: true });
    expect(checked.exitCode).toBe(4);
    expect(checked.stdout).toContain('Pending: 3 projects and 3 orchestrators');
  });

  test('unreadable: file and place, exit 4 only with --check', async () => {
    const home = kept(emptyHome());
    write(home, { '.agent-orchestrator/config.yaml': 'projects: [' });
    const found = await document(home);
    expect(found).toMatchObject({ status: 'unreadable', refusal: { code: 'LEGACY_UNREADABLE' } });
    expect(found.refusal?.message).toContain('config.yaml:1');
    expect((await asked(home)).exitCode).toBe(0);
    expect((await asked(home, { check: true })).exitCode).toBe(4);
  });

  test('what is in the way of the folder of receipts, or of the run file, hides nothing', async () => {
    const home = kept(legacyFixture('01-minimal'));
    write(home, { '.ao': 'a file', file: 'a file' });
    const env = { AO_RUN_FILE: join(home.path, 'file', 'running.json') };
    const found = await document(home, { dataDir: join(home.path, 'elsewhere'), env });
    expect(found).toMatchObject({ status: 'pending', lastRun: null, refusal: null });
  });

  test('a data directory that cannot be used is a refusal', async () => {
    const home = kept(legacyFixture('01-minimal'));
    const dataDir = join(home.path, '.agent-orchestrator', 'x');
    expect((await asked(home, { dataDir })).exitCode).toBe(3);
    expect((await asked(home, { dataDir })).stderr).toContain('[DATA_DIR_INVALID]');
    expect((await document(home, { dataDir })).status).toBe('refused');
    const usage = await asked(home, { config: 'no such file' });
    expect([usage.exitCode, usage.stdout]).toEqual([2, '']);
  });

  for (const [outcome, expected] of [
    ['migrated', 'done'],
    ['already-migrated', 'done'],
    ['partial', 'partial'],
  ] satisfies [MigrateDocument['status'], string][]) {
    test(`a receipt answers by itself: ${outcome}`, async () => {
      const home = kept(legacyFixture('02-typical-three'));
      receipt(home, { outcome: { status: outcome } });
      const found = await document(home);
      expect(found).toMatchObject({
        status: expected,
        looks: 0,
        pending: null,
        lastRun: { runId: RUN, status: 'done', outcome },
      });
      expect((await asked(home, { check: true })).exitCode).toBe(expected === 'partial' ? 4 : 0);
    });
  }

  test('undone, also where the store has changed since', async () => {
    const home = kept(legacyFixture('02-typical-three'));
    receipt(home, { status: 'undone' });
    expect(await document(home)).toMatchObject({ status: 'undone', looks: 0 });
    expect((await asked(home, { check: true })).exitCode).toBe(0);
    write(home, { '.agent-orchestrator/projects/quill/sessions/new-one.json': '{}' });
    expect(await document(home)).toMatchObject({ status: 'undone', looks: 1 });
  });

  const CHANGES: Record<string, (home: Home) => void> = {
    'another size': (home) => write(home, { '.agent-orchestrator/config.yaml': 'projects: {}\n' }),
    'another size at the same time': (home) => {
      const file = join(home.path, '.agent-orchestrator/config.yaml');
      const { atime, mtime } = statSync(file);
      writeFileSync(file, `${readFileSync(file, 'utf8')}# more\n`);
      utimesSync(file, atime, mtime);
    },
    'the same size at another time': (home) =>
      utimesSync(join(home.path, '.agent-orchestrator/config.yaml'), new Date(0), new Date(0)),
    'a record that is gone': (home) =>
      rmSync(join(home.path, '.agent-orchestrator/projects/quill/sessions/qu-orchestrator.json')),
    'a folder of records that is a file now': (home) => {
      rmSync(join(home.path, '.agent-orchestrator/projects/quill'), { recursive: true });
      write(home, { '.agent-orchestrator/projects/quill': 'no folder' });
    },
    'a folder of records that is a link to itself now': (home) => {
      const folder = join(home.path, '.agent-orchestrator/projects/quill');
      rmSync(folder, { recursive: true });
      symlinkSync(folder, folder);
    },
    'a new record': (home) => write(home, { '.agent-orchestrator/projects/quill/sessions/qu-2.json': '{}' }),
    'a new record of an early release': (home) =>
      write(home, { '.agent-orchestrator/0123456789ab-quill/sessions/qu-2': 'role=orchestrator' }),
    'a database that is gone': (home) => rmSync(join(home.path, '.ao/data/ao.db')),
    'a database that was written to': (home) => appendFileSync(join(home.path, '.ao/data/ao.db'), ' since'),
    'a database written to in place, with its old mtime': (home) => {
      const file = join(home.path, '.ao/data/ao.db');
      const { atime, mtime } = statSync(file);
      writeFileSync(file, 'Stands');
      utimesSync(file, atime, mtime);
    },
    'a database that is open, or was left so': (home) => write(home, { '.ao/data/ao.db-wal': '' }),
    'a run that does not know how it left the database': (home) => receipt(home, { databaseFiles: undefined }),
    'a run that does not know what was asked for': (home) => receipt(home, { options: { onlyLive: false } }),
    'a run of some projects': (home) => receipt(home, { options: { ...WHOLE, projects: ['quill'] } }),
    'a run without some projects': (home) => receipt(home, { options: { ...WHOLE, exclude: ['quill'] } }),
    'a run to which a project was no use': (home) => receipt(home, { outcome: { status: 'migrated', unusable: 1 } }),
    'a run of what was live': (home) => receipt(home, { options: { ...WHOLE, onlyLive: true } }),
    'a run that was undone in part': (home) =>
      receipt(home, { removed: { projects: ['quill'], sessions: [], conversations: [] } }),
    'another run that was undone': (home) =>
      receipt(home, { runId: '20261119-000000-000000', status: 'undone' }, '20261119-000000-000000'),
    'another run that was undone in part': (home) =>
      receipt(
        home,
        { runId: '20261119-000000-000000', removed: { projects: ['quill'], sessions: [], conversations: [] } },
        '20261119-000000-000000',
      ),
    'another store': (home) => receipt(home, { legacyRoot: '/elsewhere' }),
    'a run that is not finished': (home) => receipt(home, { status: 'committing' }),
    'a journal': (home) => write(home, { '.ao/migrations/20261120-111111-abcdef.journal': '{"step":"begin"}\n' }),
    'a receipt that is no receipt': (home) => write(home, { [`.ao/migrations/${RUN}.json`]: '{"status": "done"}' }),
    'a run of another data directory': (home) => receipt(home, { physicalDataDir: '/elsewhere' }),
  };
  for (const [name, change] of Object.entries(CHANGES)) {
    test(`a receipt does not answer: ${name}`, async () => {
      const home = kept(legacyFixture('02-typical-three'));
      receipt(home);
      expect((await document(home)).looks).toBe(0);
      change(home);
      expect((await document(home)).looks).toBe(1);
    });
  }

  test('the newest run counts', async () => {
    const home = kept(legacyFixture('02-typical-three'));
    receipt(home);
    receipt(home, { runId: '20261121-000000-000000', outcome: { status: 'partial' } }, '20261121-000000-000000');
    expect(await document(home)).toMatchObject({ status: 'partial', lastRun: { runId: '20261121-000000-000000' } });
  });

  test('a newer run that is undone does not count', async () => {
    const home = kept(legacyFixture('02-typical-three'));
    receipt(home);
    receipt(home, { runId: '20261121-000000-000000', status: 'undone' }, '20261121-000000-000000');
    expect(await document(home)).toMatchObject({ status: 'pending', looks: 1, lastRun: { runId: RUN } });
  });

  test('an interrupted run is told', async () => {
    const home = kept(legacyFixture('01-minimal'));
    const begin = { step: 'begin', physicalDataDir: join(home.path, '.ao/data') };
    write(home, {
      '.ao/migrations/20261120-111111-abcdef.journal': `${JSON.stringify(begin)}\n`,
      '.ao/migrations/20261120-222222-abcdef.journal': '{"step":"begin","physicalDataDir":"/elsewhere"}\n',
    });
    const found = await document(home);
    expect(found.unfinished).toEqual(['20261120-111111-abcdef']);
    expect(found.notes.map(({ code }) => code)).toContain('RUN_UNFINISHED');
    expect((await asked(home)).stdout).toContain('Interrupted');
  });

  test('who is running is told, with and without a receipt', async () => {
    const home = kept(legacyFixture('02-typical-three', String(process.pid)));
    write(home, { '.ao/running.json': JSON.stringify({ pid: process.ppid, port: 0 }) });
    for (const withReceipt of [false, true]) {
      if (withReceipt) receipt(home);
      const { running, looks } = await document(home);
      expect(looks).toBe(withReceipt ? 0 : 1);
      expect(running.legacy).toContain(`pid ${process.pid}`);
      expect(running.daemon).toContain(`pid ${process.ppid}`);
    }
  });

  test('what the last install did not do is repeated', async () => {
    const home = kept(legacyFixture('01-minimal'));
    write(home, {
      '.ao/migrations/postinstall.json': '{"time": "2026-11-20T00:00:00Z", "version": "1", "code": "LEGACY_ACTIVE"}',
    });
    expect((await document(home)).postinstall).toEqual({ code: 'LEGACY_ACTIVE', time: '2026-11-20T00:00:00Z' });
    expect((await asked(home)).stdout).toContain('LEGACY_ACTIVE');
    receipt(home, { startedAt: '2026-11-19T23:00:00Z' });
    expect((await document(home)).postinstall).toMatchObject({ code: 'LEGACY_ACTIVE' });
    // A later run has done what the install did not.
    receipt(home, { startedAt: '2026-11-20T01:00:00Z' });
    expect((await document(home)).postinstall).toBeNull();
  });

  test('fits 80 and 40 columns', async () => {
    const home = kept(legacyFixture('02-typical-three'));
    receipt(home, { outcome: { status: 'partial' } });
    for (const columns of [80, 40]) {
      const { stdout } = await asked(home, { columns });
      expect(stdout.split('\n').filter((line) => line.length > columns)).toEqual([]);
    }
  });

  test('nothing is written', async () => {
    const home = kept(legacyFixture('02-typical-three'));
    const names = (): string[] => [...new Bun.Glob('**/*').scanSync({ cwd: home.path, dot: true })].sort();
    const before = names();
    await asked(home);
    expect(names()).toEqual(before);
  });
});

test('neither YAML, valibot nor SQLite is loaded before it is needed', () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, clause = '', from = ''] of text.matchAll(/^import ([^;]*?) from '([^']+)';/gms)) {
      const typesOnly = clause.startsWith('type ') || /^\{(?:\s*type [^,}]+,?)+\s*\}$/s.test(clause);
      if (typesOnly) continue;
      if (from.startsWith('.')) visit(`${resolve(dirname(file), from)}.ts`);
      else packages.add(from);
    }
  };
  visit(resolve(import.meta.dir, '../../src/cli/status.ts'));
  expect([...packages].filter((name) => !name.startsWith('node:'))).toEqual([]);
});
