import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { childEnvironment, isolatedEnvironment } from '../../scripts/environment';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'environment-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('childEnvironment', () => {
  test('puts this very Bun in front, under its own name', () => {
    const bin = join(folder, 'bin');
    const env = childEnvironment({ PATH: '/usr/bin' }, process.execPath, bin);
    expect(env.PATH).toEndWith(`${delimiter}/usr/bin`);
    const child = Bun.spawnSync(['bun', '--version'], { env: { ...env, HOME: folder } });
    expect(child.stdout.toString().trim()).toBe(Bun.version);
    expect(Bun.which('bun', { PATH: env.PATH ?? '' })).toStartWith(folder);
  });
  test('keeps what changes the runtime out, and the rest in', () => {
    const given = { BUN_OPTIONS: 'x', BUN_BE_BUN: '1', NODE_OPTIONS: 'x', LANG: 'C', AO_DATA_DIR: '/x' };
    const env = childEnvironment(given, process.execPath, join(folder, 'other'));
    expect(Object.keys(env).sort()).toEqual(['AO_DATA_DIR', 'LANG', 'PATH']);
  });
});

test('tests get a home of their own and none of the settings of the person', () => {
  const home = join(folder, 'home');
  const given = {
    ...{ HOME: '/home/jo', AO_DATA_DIR: '/x', CLAUDE_CONFIG_DIR: '/x', CODEX_HOME: '/x', XDG_DATA_HOME: '/x' },
    ...{ PATH: '/bin', GOPROXY: 'p', TMPDIR: '/tmp/x' },
  };
  const kept = { PATH: '/bin', GOPROXY: 'p', TMPDIR: '/tmp/x' };
  expect(isolatedEnvironment(given, home)).toEqual({ ...kept, HOME: home, USERPROFILE: home });
  expect(existsSync(home)).toBe(true);
});
