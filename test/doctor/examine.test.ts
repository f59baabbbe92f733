import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../../src/contracts/machine';
import type { Check } from '../../src/doctor/check';
import { examine } from '../../src/doctor/examine';
import { emptyHome, type Home, machineAt, realFixture } from '../support/home';
import { storedHarnesses } from '../support/surveyed';

const RUNTIME = {
  version: '1.2.3',
  sourceCommit: null,
  sqliteVersion: '3.46.0',
  bun: '1.4.5',
  arch: 'x64',
  release: '6',
};

let home: Home;
beforeEach(() => {
  home = realFixture('v2-stopped');
});
afterEach(() => home.remove());

async function checks(changes: Partial<Machine> = {}, dataDir: string | null = null): Promise<readonly Check[]> {
  const machine = machineAt(home.path, changes);
  const run = () => Promise.resolve({ exitCode: 0, timedOut: false, failure: null, stdout: '1.0.0' });
  const tools = { machine, runtime: RUNTIME, run, harnesses: storedHarnesses };
  return (await examine({ from: null, config: null, dataDir }, tools)).checks;
}
const of = (all: readonly Check[], id: string): readonly Check[] => all.filter((check) => check.id === id);
const file = (...path: string[]): string => join(home.path, '.agent-orchestrator', ...path);

describe('doctor', () => {
  test('a sound machine: nothing fails, and every part has its line', async () => {
    const all = await checks();
    expect(all.filter(({ state }) => state === 'fail')).toEqual([]);
    const parts = [
      'machine',
      'tool',
      'sqlite',
      'user',
      'old-store',
      'database',
      'legacy-running',
      'daemon',
      'last-run',
    ];
    for (const id of [...parts, 'places', 'agent-claude-code', 'agent-codex', 'agent-opencode', 'plan'])
      expect({ id, count: of(all, id).length > 0 }).toEqual({ id, count: true });
    for (const { state, next } of all) expect(next === null).toBe(state === 'pass');
  });

  test('a running legacy tool stops a migration, and is told with what to do', async () => {
    writeFileSync(file('running.json'), JSON.stringify({ pid: process.pid }));
    expect(of(await checks(), 'legacy-running')).toMatchObject([{ state: 'fail', code: 'LEGACY_ACTIVE' }]);
  });

  test('where nothing is left to migrate it is no hindrance that something runs', async () => {
    home.remove();
    home = emptyHome();
    mkdirSync(file());
    mkdirSync(join(home.path, '.ao'));
    for (const place of [file('running.json'), join(home.path, '.ao', 'running.json')])
      writeFileSync(place, JSON.stringify({ pid: process.ppid }));
    const all = await checks();
    for (const id of ['legacy-running', 'daemon']) {
      expect(of(all, id)).toMatchObject([{ state: 'pass' }]);
      expect(of(all, id)[0]?.message).toContain('does no harm');
    }
  });

  test('an unreadable config fails by its place, and the rest is looked at all the same', async () => {
    writeFileSync(file('config.yaml'), 'projects:\n  a: [\n');
    const all = await checks();
    expect(of(all, 'old-store')).toMatchObject([{ state: 'fail', code: 'LEGACY_UNREADABLE' }]);
    expect(of(all, 'database')).toMatchObject([{ state: 'pass' }]);
    expect(of(all, 'daemon')).toMatchObject([{ state: 'pass' }]);
  });

  test('a damaged database, and a data directory that cannot be one', async () => {
    mkdirSync(join(home.path, '.ao', 'data'), { recursive: true });
    writeFileSync(join(home.path, '.ao', 'data', 'ao.db'), 'x'.repeat(4096));
    const damaged = await checks();
    expect(of(damaged, 'database')).toMatchObject([{ state: 'fail', code: 'DB_CORRUPT' }]);
    expect(of(damaged, 'old-store')).toMatchObject([{ state: 'pass' }]);
    expect(of(await checks({}, file('data')), 'database')).toMatchObject([{ state: 'fail', code: 'DATA_DIR_INVALID' }]);
  });

  test('sudo and a foreign home', async () => {
    expect(of(await checks({ env: { SUDO_USER: 'jo' } }), 'user')).toMatchObject([
      { state: 'warn', code: 'NOT_OWNER' },
    ]);
    const foreign = of(await checks({ uid: (process.getuid?.() ?? 0) + 1 }), 'user');
    expect(foreign).toMatchObject([{ state: 'fail', code: 'NOT_OWNER' }]);
    expect(of(await checks({ home: null }), 'user')).toMatchObject([{ state: 'fail' }]);
  });

  test('an agent that an orchestrator needs, and one that nobody needs', async () => {
    const all = await checks({ env: { PATH: '/nowhere' } });
    expect(of(all, 'agent-claude-code')).toMatchObject([{ state: 'warn', code: 'HARNESS_MISSING' }]);
    expect(of(all, 'agent-codex')).toMatchObject([{ state: 'pass' }]);
    const bin = join(home.path, 'bin');
    mkdirSync(bin);
    symlinkSync('/bin/true', join(bin, 'claude'));
    symlinkSync('/bin/true', join(bin, 'opencode'));
    const installed = await checks({ env: { PATH: bin } });
    expect(of(installed, 'agent-claude-code')).toMatchObject([{ state: 'pass' }]);
    expect(of(installed, 'agent-opencode')).toMatchObject([{ state: 'warn', code: 'HARNESS_VERSION' }]);
  });

  test('an interrupted run, and an install that did not migrate', async () => {
    const folder = join(home.path, '.ao', 'migrations');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '20260101-000000-abcdef.journal'), '');
    writeFileSync(join(folder, 'postinstall.json'), JSON.stringify({ code: 'CI', time: '2026-01-01T00:00:00Z' }));
    const all = await checks();
    expect(of(all, 'unfinished')).toMatchObject([{ state: 'warn', code: 'RUN_UNFINISHED' }]);
    expect(of(all, 'install')[0]?.message).toContain('CI');
  });
});
