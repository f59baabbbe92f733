import { afterEach, describe, expect, test } from 'bun:test';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../../src/contracts/machine';
import { type ActivityProbes, legacyActivity } from '../../src/legacy/activity';
import { machineAt } from '../support/home';
import { draftOf, type Files, NOW, oneProject, orchestrator, removeHomes, type StoreOptions } from '../support/store';

afterEach(removeHomes);

const ALIVE = 4711;

interface Situation {
  readonly tmux?: readonly { name: string; path?: string }[];
  readonly prefixes?: readonly string[];
  readonly machine?: Partial<Machine>;
  readonly ages?: Readonly<Record<string, number>>;
  readonly options?: StoreOptions;
}

async function activity(
  files: Files,
  { tmux = [], prefixes = ['app'], machine = {}, ages = {}, options = {} }: Situation = {},
) {
  const { store, home } = draftOf(files, options);
  for (const [name, ms] of Object.entries(ages))
    utimesSync(join(home, '.agent-orchestrator', name), (NOW - ms) / 1000, (NOW - ms) / 1000);
  const probes: ActivityProbes = {
    isAlive: (pid) => pid === ALIVE,
    tmuxSessions: async () => tmux.map(({ name, path = '/anywhere' }) => ({ name, path })),
  };
  return legacyActivity(
    store,
    prefixes,
    ['/data/worktrees'],
    machineAt(home, { now: () => new Date(NOW), ...machine }),
    probes,
  );
}

const idle = { 'AO/config.yaml': 'projects: {}' };
const pid = (value: unknown) => JSON.stringify({ pid: value, port: 3000 });

describe('is the legacy tool running', () => {
  test('E72 running.json with a dead pid, or none that can be read: no', async () => {
    expect(await activity(idle)).toBeNull();
    for (const text of [pid(1), pid('4711'), pid(-1), pid(0), pid(1.5), '{', '', '[]'])
      expect(await activity({ ...idle, 'AO/running.json': text })).toBeNull();
  });

  test('E73 running.json with a live pid: yes, and it is named', async () => {
    expect(await activity({ ...idle, 'AO/running.json': pid(ALIVE) })).toContain('pid 4711');
    expect(await activity({ ...idle, 'AO/running.json': `\uFEFF${pid(ALIVE)}` })).toContain('pid 4711');
  });

  test.each(['startup.lock', 'running.lock', 'last-stop.lock'])(
    'E74 %s: by its pid, else fresh for five seconds',
    async (name) => {
      const lock = (text: string, age: number) =>
        activity({ ...idle, [`AO/${name}`]: text }, { ages: { [name]: age } });
      expect(await lock(pid(ALIVE), 60_000)).toContain('4711');
      expect(await lock(pid(1), 0)).toBeNull();
      expect(await lock('', 4_000)).toContain(name);
      expect(await lock('', 6_000)).toBeNull();
      expect(await lock('{"acq', 4_000)).toContain(name);
      expect(await lock('{"pid": "x"}', 6_000)).toBeNull();
    },
  );

  test('6 any live child', async () => {
    const children = (value: unknown) => activity({ ...idle, 'AO/daemon-children.json': JSON.stringify(value) });
    expect(await children([{ pid: 1 }, null, { pid: 'x' }, { pid: ALIVE, role: 'dashboard' }])).toContain('4711');
    expect(await children([{ pid: 1 }])).toBeNull();
    expect(await children({ pid: ALIVE })).toBeNull();
  });

  test('R30 terminals of Windows count on Windows only', async () => {
    const files = { ...idle, 'AO/windows-pty-hosts.json': JSON.stringify([{ ptyHostPid: ALIVE }]) };
    expect(await activity(files)).toBeNull();
    expect(await activity(files, { machine: { platform: 'win32' } })).toContain('4711');
  });

  test('6 the worker of a V1 directory, not of a converted one', async () => {
    expect(await activity({ ...idle, 'AO/0123456789ab-x/lifecycle-worker.pid': '4711\n' })).toContain('0123456789ab-x');
    expect(await activity({ ...idle, 'AO/0123456789ab/lifecycle-worker.pid': '4711' })).toContain('4711');
    expect(await activity({ ...idle, 'AO/0123456789ab-x.migrated/lifecycle-worker.pid': '4711' })).toBeNull();
    expect(await activity({ ...idle, 'AO/0123456789ab-x/lifecycle-worker.pid': 'x' })).toBeNull();
  });

  test.each([
    ['app-orchestrator', true],
    ['app-orchestrator-2', true],
    ['app-17', true],
    ['0123456789ab-anything', true],
    ['0123456789ab', false],
    ['app', false],
    ['app-x', false],
    ['application-1', false],
    ['my-app-1', false],
    ['appp-orchestrator', false],
    ['orchestrator', false],
  ])('6 the terminal %s: %p', async (name, counts) => {
    expect((await activity(idle, { tmux: [{ name }] })) !== null).toBe(counts);
  });

  test('6 prefixes that end like names of sessions', async () => {
    const counts = async (name: string, prefix: string) =>
      (await activity(idle, { tmux: [{ name }], prefixes: [prefix] })) !== null;
    expect(await counts('app-orchestrator-1', 'app-orchestrator')).toBe(true);
    expect(await counts('app-orchestrator-orchestrator', 'app-orchestrator')).toBe(true);
    expect(await counts('x-1-2', 'x-1')).toBe(true);
    expect(await counts('x-1', 'x-1')).toBe(false);
  });

  test('6 the names that a record has, unless it has ended', async () => {
    const named = (state: string) =>
      oneProject(orchestrator({ tmuxName: 'odd', runtimeHandle: { id: 'odder' } }, state));
    expect(await activity(named('working'), { tmux: [{ name: 'odd' }] })).not.toBeNull();
    expect(await activity(named('working'), { tmux: [{ name: 'odder' }] })).not.toBeNull();
    expect(await activity(named('terminated'), { tmux: [{ name: 'odd' }] })).toBeNull();
  });

  test('3 terminals below the worktrees of the rewrite are its own', async () => {
    const tmux = (path: string) => activity(idle, { tmux: [{ name: 'app-1', path }] });
    expect(await tmux('/data/worktrees/app/x')).toBeNull();
    expect(await tmux('/data/worktrees')).toBeNull();
    expect(await tmux('/data/worktrees2/x')).not.toBeNull();
  });

  test('1.2 inside a legacy agent', async () => {
    for (const name of ['AO_CALLER_TYPE', 'AO_SESSION']) {
      expect(await activity(idle, { machine: { env: { [name]: 'agent' } } })).toContain(name);
      expect(await activity(idle, { machine: { env: { [name]: '' } } })).toBeNull();
    }
    expect(await activity(idle, { machine: { env: { AO_PORT: '1', AO_PROJECT_ID: 'x' } } })).toBeNull();
  });

  test('4.2 nothing of a foreign store', async () => {
    const files = { 'copy/config.yaml': 'projects: {}', 'copy/running.json': pid(ALIVE) };
    expect(await activity(files, { options: { from: '{{HOME}}/copy' }, tmux: [{ name: 'app-1' }] })).toBeNull();
  });
});
