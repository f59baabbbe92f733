import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startedOf } from '../../src/apply/run-lock';
import { statePaths } from '../../src/apply/state';
import { type Holder, holdDatabase } from '../support/database-holder';
import { type RunOptions, run, runJson } from '../support/executable';
import { type Home, machineAt, realFixture, write } from '../support/home';
import { synthDatabase } from '../support/synth-db';
import { snapshot } from '../support/tree';

// Those of a normal day are in guards.test.ts, those of disks, mounts and users in test/faults/odd-places.test.ts.

let home: Home;
let holder: Holder | null = null;
beforeEach(() => {
  home = realFixture('v2-stopped');
});
afterEach(async () => {
  await holder?.end();
  holder = null;
  home.remove();
});

const at = (...names: string[]): string => join(home.path, ...names);
const paths = () => statePaths(machineAt(home.path), at('.ao', 'data'));

/** Folders in which a lock came and went have another time; nothing else may differ. */
function everything(ours: readonly string[] = []): Record<string, string> {
  const all = snapshot(home.path);
  for (const name of ours) if (name in all) all[name] = (all[name] ?? '').replace(/ \d+$/, '');
  return all;
}

/** Refused in both forms, without a change. */
async function expectRefusal(
  code: string,
  { args = [], ours = [], ...options }: { args?: readonly string[]; ours?: readonly string[] } & RunOptions = {},
): Promise<void> {
  const before = everything(ours);
  const json = await runJson(home, ['--yes', ...args], options);
  expect({ exitCode: json.exitCode, document: json.document }).toMatchObject({
    exitCode: 3,
    document: { status: 'refused', schemaVersion: 0, refusal: { code } },
  });
  expect(json.document.refusal).toMatchObject({
    message: expect.stringMatching(/\.$/),
    hint: expect.stringMatching(/\.$/),
  });
  expect(everything(ours)).toEqual(before);
  const text = await run(home, ['--yes', ...args], options);
  expect(text).toMatchObject({ exitCode: 3, stdout: '' });
  expect(text.stderr).toContain(code);
  expect(everything(ours)).toEqual(before);
}

/** A dry run is refused for the same, and shows its plan. */
async function expectDryRefusal(code: string, options: { args?: readonly string[] } & RunOptions = {}): Promise<void> {
  const before = snapshot(home.path);
  const { args = [], ...rest } = options;
  const dry = await runJson(home, ['--dry-run', ...args], rest);
  expect(dry).toMatchObject({ exitCode: 3, document: { dryRun: true, refusal: { code } } });
  expect(snapshot(home.path)).toEqual(before);
}

describe('each refusal leaves everything as it was', () => {
  test('RUN_IN_PROGRESS, also for a dry run', async () => {
    mkdirSync(paths().migrations, { recursive: true });
    writeFileSync(paths().lock, JSON.stringify({ pid: process.pid, started: startedOf(process.pid), runId: 'x' }));
    await expectRefusal('RUN_IN_PROGRESS', { ours: ['.ao/migrations'] });
    await expectDryRefusal('RUN_IN_PROGRESS');
    expect(readFileSync(paths().lock, 'utf8')).toContain(`${process.pid}`);
  });

  test('RUN_IN_PROGRESS before the recovery of a run that goes on', async () => {
    mkdirSync(paths().migrations, { recursive: true });
    writeFileSync(paths().lock, JSON.stringify({ pid: process.pid, started: startedOf(process.pid), runId: 'x' }));
    const step = { step: 'begin', runId: '20261121-120000-abcdef', physicalDataDir: at('.ao', 'data') };
    const begin = { ...step, database: at('.ao/data/ao.db'), createsDatabase: true, madeDirectories: [] };
    write(home, { '.ao/migrations/20261121-120000-abcdef.journal': `${JSON.stringify(begin)}\n` });
    await expectRefusal('RUN_IN_PROGRESS', { ours: ['.ao/migrations'] });
    // Only of a dead one it is true that it was interrupted.
    const commands = [['--dry-run'], ['status'], ['verify'], ['rollback', '--dry-run'], ['doctor']];
    const told = () => Promise.all(commands.map(async (args) => (await run(home, [...args, '--json'])).stdout));
    expect((await told()).filter((text) => text.includes('RUN_UNFINISHED'))).toEqual([]);
    writeFileSync(paths().lock, JSON.stringify({ pid: 999_999_999, started: 'x', runId: 'x' }));
    expect((await told()).filter((text) => text.includes('RUN_UNFINISHED'))).toHaveLength(commands.length);
  });

  test.each(['idle', 'reading', 'writing'] as const)('a database that is %s elsewhere', async (holding) => {
    mkdirSync(at('.ao', 'data'), { recursive: true });
    synthDatabase(at('.ao', 'data', 'ao.db'), 82);
    holder = await holdDatabase(at('.ao', 'data', 'ao.db'), holding);
    await expectRefusal(holding === 'writing' ? 'DB_LOCKED' : 'DAEMON_RUNNING', { ours: ['.ao'] });
    expect(existsSync(paths().migrations)).toBe(false);
  });

  test('LOSSY, for both', async () => {
    write(home, { 'code/acme/agent-orchestrator.yaml': 'env: {LIST: [1, 2]}\n' });
    await expectRefusal('LOSSY', { args: ['--strict'] });
    await expectDryRefusal('LOSSY', { args: ['--strict'] });
  });

  test('NOT_WRITABLE: a file where a folder must go, also for a dry run', async () => {
    write(home, { '.ao/data': 'a file', '.ao/migrations': 'a file' });
    await expectRefusal('DATA_DIR_INVALID');
    write(home, { '.ao/backups': 'a file' });
    await expectRefusal('NOT_WRITABLE', { args: ['--data-dir', at('elsewhere')] });
    home.remove();
    home = realFixture('v2-stopped');
    write(home, { '.ao/backups': 'a file' });
    await expectRefusal('NOT_WRITABLE', { ours: ['.ao'] });
    await expectDryRefusal('NOT_WRITABLE');
    expect(readdirSync(at('.ao'))).toEqual(['backups']);
  });

  test('NOT_WRITABLE: the records of earlier runs cannot be listed, for every command that needs them', async () => {
    mkdirSync(at('.ao'));
    symlinkSync('migrations', at('.ao', 'migrations'));
    await expectRefusal('NOT_WRITABLE');
    await expectDryRefusal('NOT_WRITABLE');
    for (const args of [['verify'], ['rollback', '--yes']])
      expect(await runJson(home, args)).toMatchObject({ exitCode: 3, document: { refusal: { code: 'NOT_WRITABLE' } } });
    expect(await runJson(home, ['status'])).toMatchObject({ exitCode: 0, document: { status: 'pending' } });
    const { exitCode, document } = await runJson(home, ['doctor', '--bundle', at('b.tgz')]);
    expect({ exitCode, text: JSON.stringify(document) }).toEqual({
      exitCode: 4,
      text: expect.stringContaining('migrations cannot be read (ELOOP)'),
    });
    expect(existsSync(at('b.tgz'))).toBe(true);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'NOT_OWNER: of the data directory, before all else, for both and rollback',
    async () => {
      expect((await run(home, ['--yes'])).exitCode).toBe(0);
      chownSync(at('.ao', 'data'), 1234, 1234);
      await expectRefusal('NOT_OWNER');
      await expectDryRefusal('NOT_OWNER');
      const before = snapshot(home.path);
      const back = await runJson(home, ['rollback', '--yes']);
      expect(back).toMatchObject({ exitCode: 3, document: { status: 'refused', refusal: { code: 'NOT_OWNER' } } });
      expect(snapshot(home.path)).toEqual(before);
    },
  );

  test('RECOVERY_FAILED: a journal that is there and cannot be read', async () => {
    mkdirSync(join(paths().migrations, '20261121-120000-abcdef.journal'), { recursive: true });
    await expectRefusal('RECOVERY_FAILED', { ours: ['.ao/migrations'] });
  });

  test('PLAN_CHANGED: the store changes whenever it is looked at', async () => {
    // What asks tmux changes the config, so every plan differs from the one before.
    const config = at('.agent-orchestrator', 'config.yaml');
    const script = `#!/bin/sh\necho "    displayName: acme $$" > '${at('name')}'\nsed -i "/sessionPrefix: acme\\$/{n;s/.*/    displayName: acme $$/}" '${config}'\n`;
    write(home, { 'bin/tmux': script });
    chmodSync(at('bin', 'tmux'), 0o755);
    const text = readFileSync(config, 'utf8').replace(/^ {4}displayName: acme\n/m, '');
    writeFileSync(config, text.replace(/(\n {4}sessionPrefix: acme\n)/, '$1    displayName: acme\n'));
    const folder = at(`tmux-${process.getuid?.()}`);
    mkdirSync(folder, { mode: 0o700 });
    const socket = createServer().listen(join(folder, 'default'));
    try {
      const isTheirs = (name: string): boolean =>
        /^(?:name$|\.agent-orchestrator(?:$|\/config\.yaml$))/.test(name) || name === '';
      const before = snapshot(home.path, (name) => name !== '' && isTheirs(name));
      const env = { PATH: `${at('bin')}:${process.env.PATH}` };
      const done = await runJson(home, ['--yes'], { env });
      expect(done).toMatchObject({ exitCode: 3, document: { refusal: { code: 'PLAN_CHANGED' } } });
      expect({ ...snapshot(home.path, (name) => name !== '' && isTheirs(name)), '': '' }).toEqual({
        ...before,
        '': '',
      });
    } finally {
      socket.close();
    }
  });
});

describe('of several refusals the one with the store is named', () => {
  const databases: readonly (readonly [what: string, lay: (database: string) => void])[] = [
    ['is empty', (database) => writeFileSync(database, '')],
    ['is no database', (database) => writeFileSync(database, 'text '.repeat(1000))],
    ['is too old', (database) => synthDatabase(database, 11)],
  ];
  const commands = [['--yes'], ['--dry-run'], ['explain'], ['status']];

  describe.each(databases)('where the database %s', (_, lay) => {
    beforeEach(() => {
      mkdirSync(at('.ao', 'data'), { recursive: true });
      lay(at('.ao', 'data', 'ao.db'));
    });

    test('LEGACY_UNREADABLE', async () => {
      write(home, { '.agent-orchestrator/config.yaml': 'projects: [a]\n' });
      const before = snapshot(home.path);
      for (const args of commands)
        expect((await runJson(home, args)).document).toMatchObject({ refusal: { code: 'LEGACY_UNREADABLE' } });
      expect(snapshot(home.path)).toEqual(before);
    });

    test.skipIf(process.getuid?.() !== 0)('NOT_OWNER', async () => {
      chownSync(at('.agent-orchestrator'), 1234, 1234);
      for (const args of commands)
        expect((await runJson(home, args)).document).toMatchObject({ refusal: { code: 'NOT_OWNER' } });
    });
  });
});

describe('a run that was killed leaves nothing behind a refusal', () => {
  test('its lock and the folders of it go', async () => {
    const before = snapshot(home.path);
    delete before[''];
    mkdirSync(paths().migrations, { recursive: true });
    const made = [at('.ao'), paths().migrations];
    writeFileSync(paths().lock, JSON.stringify({ pid: 999_999_999, started: 'x', runId: 'y', made }));
    const done = await runJson(home, ['--yes'], { env: { AO_CALLER_TYPE: 'agent' } });
    expect(done.document).toMatchObject({ refusal: { code: 'LEGACY_ACTIVE' } });
    const after = snapshot(home.path);
    delete after[''];
    expect(after).toEqual(before);
  });

  test('what its journal names goes, the folders for backups and journal too', async () => {
    const names = readdirSync(home.path);
    const begin = {
      step: 'begin',
      runId: '20261121-120000-abcdef',
      physicalDataDir: at('.ao', 'data'),
      database: at('.ao', 'data', 'ao.db'),
      createsDatabase: true,
      madeDirectories: [at('.ao'), paths().migrations],
    };
    const partial = at('.ao', 'backups', 'legacy-20261121-120000.partial');
    const backup = { step: 'backup', partial, final: partial.replace('.partial', ''), directories: [paths().backups] };
    write(home, {
      '.ao/migrations/20261121-120000-abcdef.journal': `${JSON.stringify(begin)}\n${JSON.stringify(backup)}\n`,
      '.ao/backups/legacy-20261121-120000.partial/root/config.yaml': 'half of it',
    });
    const done = await runJson(home, ['--yes'], { env: { AO_CALLER_TYPE: 'agent' } });
    expect(done.document).toMatchObject({ refusal: { code: 'LEGACY_ACTIVE' } });
    expect(readdirSync(home.path)).toEqual(names);
  });
});
