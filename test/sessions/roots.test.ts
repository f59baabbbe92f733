import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Machine } from '../../src/contracts/machine';
import { sessionRoots } from '../../src/sessions/roots';

const HOME = join('/', 'home', 'ann');
const STORE = { root: join(HOME, '.agent-orchestrator'), foreign: false };

function roots(env: Record<string, string>, store = STORE) {
  const machine: Machine = {
    platform: 'linux',
    env,
    cwd: join('/', 'there'),
    home: HOME,
    legacyHome: HOME,
    uid: null,
    pid: 1,
    tempDir: '/tmp',
    now: () => new Date(0),
    randomHex: () => '',
  };
  return sessionRoots(machine, store);
}

describe('the setting without which the daemon does not look into a root', () => {
  test("is the variable's own value, whatever folder below it the agent uses", () => {
    const { claude, codex, opencode } = roots({
      CLAUDE_CONFIG_DIR: '/d/claude/',
      CODEX_HOME: 'codex',
      XDG_DATA_HOME: '/d/xdg',
    });
    expect(claude.map(({ path, setting }) => [path, setting])).toEqual([
      ['/d/claude', 'CLAUDE_CONFIG_DIR=/d/claude'],
      [join(HOME, '.claude'), null],
    ]);
    expect(codex[0]).toMatchObject({ path: '/there/codex', setting: 'CODEX_HOME=/there/codex' });
    expect(opencode.map(({ path, setting }) => [path, setting])).toEqual([
      ['/d/xdg/opencode', 'XDG_DATA_HOME=/d/xdg'],
      [join(HOME, '.local', 'share', 'opencode'), null],
    ]);
  });

  test('is none for the default root, also where the variable names that', () => {
    const { claude, opencode } = roots({
      CLAUDE_CONFIG_DIR: join(HOME, '.claude'),
      XDG_DATA_HOME: join(HOME, '.local', 'share'),
    });
    expect([...claude, ...opencode].map(({ setting }) => setting)).toEqual([null, null]);
  });

  test('is told of the destination, which for a store of another machine is here', () => {
    const copied = { root: '/copied/.agent-orchestrator', foreign: true };
    const [there, own] = roots({ XDG_DATA_HOME: '/d/xdg' }, copied).opencode;
    expect(there).toEqual({
      path: '/copied/.local/share/opencode',
      destination: '/d/xdg/opencode',
      setting: 'XDG_DATA_HOME=/d/xdg',
      local: false,
    });
    expect(own?.setting).toBe('XDG_DATA_HOME=/d/xdg');
    expect(roots({}, copied).opencode[0]?.setting).toBeNull();
  });
});
