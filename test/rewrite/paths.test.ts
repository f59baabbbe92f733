import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../../src/contracts/refusals';
import {
  managedRoots,
  managedWorktree,
  runFile,
  stateDir,
  type TargetRequest,
  targetPaths,
} from '../../src/rewrite/paths';
import { emptyHome, type Home, machineAt } from '../support/home';

let home: Home;
beforeEach(() => {
  home = emptyHome();
});
afterEach(() => home.remove());

type Changes = Parameters<typeof machineAt>[1];

const paths = (changes: Changes = {}, request: Partial<TargetRequest> = {}) =>
  targetPaths(machineAt(home.path, changes), { dataDir: null, legacyRoots: [], ...request });

function refusal(changes: Changes, request: Partial<TargetRequest> = {}): string {
  try {
    return `accepted: ${paths(changes, request).dataDir}`;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.hint).not.toBe('');
    return error.code;
  }
}

describe('which directory it is', () => {
  test('the home has it, unless the environment or the flag names another', () => {
    expect(paths()).toEqual({
      dataDir: join(home.path, '.ao/data'),
      physicalDataDir: join(home.path, '.ao/data'),
      database: join(home.path, '.ao/data/ao.db'),
    });
    expect(paths({ env: { AO_DATA_DIR: '' } }).dataDir).toBe(join(home.path, '.ao/data'));
    expect(paths({ env: { AO_DATA_DIR: '/x/../y/' } }).dataDir).toBe('/y');
    expect(paths({ env: { AO_DATA_DIR: '/y' } }, { dataDir: '/z' }).dataDir).toBe('/z');
    expect(existsSync(join(home.path, '.ao'))).toBe(false);
  });

  test('a relative flag is taken from the working directory', () => {
    expect(paths({ cwd: '/somewhere' }, { dataDir: 'data' }).dataDir).toBe('/somewhere/data');
    expect(paths({ home: null, legacyHome: null }, { dataDir: '/z' }).dataDir).toBe('/z');
  });

  test('links are resolved as far as the path exists, in the physical form only', () => {
    mkdirSync(join(home.path, 'disk'));
    symlinkSync('disk', join(home.path, 'link'));
    const found = paths({}, { dataDir: join(home.path, 'link/deep/data') });
    expect(found.dataDir).toBe(join(home.path, 'link/deep/data'));
    expect(found.physicalDataDir).toBe(join(home.path, 'disk/deep/data'));
    expect(found.database).toBe(join(home.path, 'link/deep/data/ao.db'));
  });
});

describe('DATA_DIR_INVALID', () => {
  test.each([
    ['relative in the environment', { env: { AO_DATA_DIR: 'data' } }],
    ['relative in the environment, with dots', { env: { AO_DATA_DIR: './data' } }],
    ['a tilde in the environment', { env: { AO_DATA_DIR: '~/data' } }],
    ['blank in the environment', { env: { AO_DATA_DIR: '  ' } }],
    ['no home and none given', { home: null, legacyHome: null }],
    ['a question mark', { env: { AO_DATA_DIR: '/a?b/data' } }],
    ['a hash', { env: { AO_DATA_DIR: '/we#ird' } }],
    ['a percent sign', { env: { AO_DATA_DIR: '/a%20b' } }],
    ['such a character in the home', { home: '/home/100%' }],
    ['a drive without a folder', { platform: 'win32', env: { AO_DATA_DIR: '\\data' } }],
    ['a folder of the current drive', { platform: 'win32', env: { AO_DATA_DIR: 'C:data' } }],
  ] satisfies [string, Changes][])('%s', (_, changes) => {
    expect(refusal(changes)).toBe('DATA_DIR_INVALID');
  });

  test('a blank flag, and a flag with such a character', () => {
    expect(refusal({}, { dataDir: ' ' })).toBe('DATA_DIR_INVALID');
    expect(refusal({}, { dataDir: '/a?b' })).toBe('DATA_DIR_INVALID');
    expect(refusal({ cwd: '/a#b' }, { dataDir: 'data' })).toBe('DATA_DIR_INVALID');
  });

  test('E78 inside a legacy store: that of the home, and one that is named', () => {
    const store = join(home.path, '.agent-orchestrator');
    expect(refusal({}, { dataDir: store })).toBe('DATA_DIR_INVALID');
    expect(refusal({}, { dataDir: join(store, 'projects/x/sessions') })).toBe('DATA_DIR_INVALID');
    expect(refusal({ home: '/elsewhere' }, { dataDir: join(store, 'data') })).toBe('DATA_DIR_INVALID');
    expect(refusal({ legacyHome: '/elsewhere' }, { dataDir: join(store, 'data') })).toBe('DATA_DIR_INVALID');
    expect(refusal({}, { dataDir: '/copies/store/data', legacyRoots: ['/copies/store'] })).toBe('DATA_DIR_INVALID');
    expect(refusal({}, { dataDir: '/copies/store-2', legacyRoots: ['/copies/store'] })).toContain('accepted');
    expect(refusal({}, { dataDir: '/copies', legacyRoots: ['/copies/store'] })).toContain('accepted');
    expect(refusal({}, { dataDir: '/copies/store/..data', legacyRoots: ['/copies/store'] })).toBe('DATA_DIR_INVALID');
  });

  test('inside it by way of links, whichever side is the link', () => {
    mkdirSync(join(home.path, 'disk/store'), { recursive: true });
    symlinkSync(join(home.path, 'disk/store'), join(home.path, '.agent-orchestrator'));
    symlinkSync(join(home.path, 'disk'), join(home.path, 'link'));
    expect(refusal({}, { dataDir: join(home.path, 'disk/store/data') })).toBe('DATA_DIR_INVALID');
    expect(refusal({}, { dataDir: join(home.path, 'link/store') })).toBe('DATA_DIR_INVALID');
    expect(refusal({}, { dataDir: join(home.path, 'link/data') })).toContain('accepted');
  });

  test('receipts and backups inside it, wherever the data directory is', () => {
    const elsewhere = { dataDir: '/elsewhere/data', legacyRoots: [home.path] };
    expect(refusal({ home: home.path }, elsewhere)).toBe('DATA_DIR_INVALID');
    expect(refusal({ home: home.path }, { dataDir: '/elsewhere/data' })).toContain('accepted');
    mkdirSync(join(home.path, '.agent-orchestrator/state'), { recursive: true });
    symlinkSync('.agent-orchestrator/state', join(home.path, '.ao'));
    expect(refusal({ home: home.path }, { dataDir: '/elsewhere/data' })).toBe('DATA_DIR_INVALID');
  });

  test('inside it in other case, where file systems ignore case', () => {
    const other = join(home.path, '.Agent-Orchestrator/data');
    expect(refusal({ platform: 'darwin' }, { dataDir: other })).toBe('DATA_DIR_INVALID');
    expect(refusal({ platform: 'linux' }, { dataDir: other })).toContain('accepted');
  });

  test('not a directory', () => {
    writeFileSync(join(home.path, 'file'), '');
    symlinkSync(join(home.path, 'nowhere'), join(home.path, 'dangling'));
    symlinkSync(join(home.path, 'loop'), join(home.path, 'loop'));
    mkdirSync(join(home.path, 'folder'));
    symlinkSync(join(home.path, 'folder'), join(home.path, 'link'));
    for (const bad of ['file', 'file/below', 'dangling', 'dangling/below', 'loop', 'loop/below']) {
      expect([bad, refusal({}, { dataDir: join(home.path, bad) })]).toEqual([bad, 'DATA_DIR_INVALID']);
    }
    expect(refusal({}, { dataDir: join(home.path, 'link') })).toContain('accepted');
  });
});

test('state directory and run file do not follow AO_DATA_DIR', () => {
  const machine = (env: Record<string, string>) => machineAt(home.path, { env, cwd: '/there' });
  expect(stateDir(machine({ AO_DATA_DIR: '/x', AO_RUN_FILE: '/y' }))).toBe(join(home.path, '.ao'));
  expect(stateDir(machineAt(home.path, { home: null }))).toBeNull();
  expect(runFile(machine({ AO_DATA_DIR: '/x' }))).toBe(join(home.path, '.ao/running.json'));
  expect(runFile(machine({ AO_RUN_FILE: '' }))).toBe(join(home.path, '.ao/running.json'));
  expect(runFile(machine({ AO_RUN_FILE: '/y/run.json' }))).toBe('/y/run.json');
  expect(runFile(machine({ AO_RUN_FILE: 'run.json' }))).toBe('/there/run.json');
  expect(runFile(machineAt(home.path, { home: null }))).toBeNull();
});

test('the managed worktree is physical, also where a link lies below the data directory', () => {
  mkdirSync(join(home.path, 'data'));
  mkdirSync(join(home.path, 'big-disk'));
  const target = targetPaths(machineAt(home.path), { dataDir: join(home.path, 'data'), legacyRoots: [] });
  expect(managedWorktree(target, 'alpha', 'al')).toBe(
    join(home.path, 'data/worktrees/alpha/orchestrator/al-orchestrator'),
  );
  symlinkSync(join(home.path, 'big-disk'), join(home.path, 'data/worktrees'));
  expect(managedWorktree(target, 'alpha', 'al')).toBe(join(home.path, 'big-disk/alpha/orchestrator/al-orchestrator'));
});

test('the daemon’s own terminals are known by every path to their folder, also where that is a link', () => {
  for (const folder of ['data', 'big-disk']) mkdirSync(join(home.path, folder));
  symlinkSync(join(home.path, 'data'), join(home.path, 'by-link'));
  symlinkSync(join(home.path, 'big-disk'), join(home.path, 'data/worktrees'));
  const roots = managedRoots(paths({}, { dataDir: join(home.path, 'by-link') }));
  expect(roots).toEqual(['by-link/worktrees', 'data/worktrees', 'big-disk'].map((path) => join(home.path, path)));
});

test('on Windows paths keep their form', () => {
  const windows = machineAt('C:\\Users\\me', { platform: 'win32', cwd: 'C:\\there' });
  expect(stateDir(windows)).toBe('C:\\Users\\me\\.ao');
  expect(runFile(windows)).toBe('C:\\Users\\me\\.ao\\running.json');
});
