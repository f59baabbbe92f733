import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EXECUTABLE } from '../support/executable';
import { rowsOf } from '../support/expected';
import { type Home, realFixture, write } from '../support/home';
import { snapshot } from '../support/tree';
import { inFolder } from './bench';

const ACME = 'acme_00f7f1a4ad';
const UUID = 'bc6650a6-a81a-492c-9142-a294d19ddbf4';
/** Session files of the large store; the long run has 100,000. */
const MANY = Number(process.env.AO_SESSION_FILES ?? 30_000);

let home: Home;
let outside: string;
beforeEach(() => {
  home = realFixture('v2-stopped');
  outside = mkdtempSync(join(tmpdir(), 'ao-migrate-outside-'));
  writeFileSync(join(outside, 'secret.json'), '{"role":"orchestrator","userPrompt":"of somebody else"}');
});
afterEach(() => {
  home.remove();
  rmSync(outside, { recursive: true, force: true });
});

const at = (...names: string[]): string => join(home.path, ...names);
const store = (...names: string[]): string => at('.agent-orchestrator', ...names);
const sessions = (): string => store('projects', ACME, 'sessions');
const conversations = (): string => at('.claude', 'projects');
const worktree = (): string => store('projects', ACME, 'worktrees', 'acme-orchestrator');
const slug = (cwd: string): string => join(conversations(), cwd.replace(/[^A-Za-z0-9]/g, '-'));

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that is killed after minutes: what waits for a FIFO waits for ever. */
async function run(args: readonly string[], cwd = home.path): Promise<Ended> {
  const child = Bun.spawn([EXECUTABLE, ...args], {
    cwd,
    env: { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 150_000,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  const exitCode = child.signalCode === null ? child.exitCode : null;
  return { exitCode, stdout, stderr };
}

interface Document {
  readonly status: string;
  readonly refusal: { readonly code: string } | null;
  readonly projects: { readonly created: number };
}

async function migrated(...args: string[]): Promise<Ended & { document: Document }> {
  const ended = await run(['--yes', '--json', ...args]);
  return { ...ended, document: JSON.parse(ended.stdout) };
}

const fifo = (path: string): void => {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  if (Bun.spawnSync(['mkfifo', path]).exitCode !== 0) throw new Error(`mkfifo ${path}`);
};
const directory = (path: string): void => {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(join(path, 'inside'), { recursive: true });
};
const endless = (path: string): void => {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync('/dev/zero', path);
};

describe.skipIf(process.platform === 'win32')('what is no regular file', () => {
  const places: readonly (readonly [string, () => string, string])[] = [
    ['the registry', () => store('config.yaml'), 'LEGACY_UNREADABLE'],
    ['the record of an orchestrator', () => join(sessions(), 'acme-orchestrator.json'), ''],
    ['another record', () => join(sessions(), 'acme-7.json'), ''],
    ['the list of running processes', () => store('running.json'), ''],
    ['the last stop', () => store('last-stop.json'), ''],
    ['the portfolio', () => store('portfolio', 'registered.json'), ''],
    ['a V1 origin', () => store('0123456789ab-x', '.origin'), ''],
    ['a local config', () => at('code', 'acme', 'agent-orchestrator.yaml'), ''],
    ["a repository's config", () => at('code', 'acme', '.git', 'config'), ''],
    ["a repository's HEAD", () => at('code', 'acme', '.git', 'HEAD'), ''],
    ['the list of folders of Claude', () => at('.claude.json'), ''],
    ['the conversation', () => join(slug(worktree()), `${UUID}.jsonl`), ''],
    ['a folder of conversations', () => slug(worktree()), ''],
    ['the run file of the daemon', () => at('.ao', 'running.json'), ''],
    ['the database', () => at('.ao', 'data', 'ao.db'), 'any'],
    ['a left-over WAL', () => at('.ao', 'data', 'ao.db-wal'), 'any'],
    ['the place of the backups', () => at('.ao', 'backups'), 'any'],
  ];

  test.each([
    ['a FIFO', fifo],
    ['a directory', directory],
    ['a device without end', endless],
  ] as const)(
    '%s never stops a run, and only the registry and the target can refuse one',
    async (_, make) => {
      for (const [what, path, refusal] of places) {
        home.remove();
        home = realFixture('v2-stopped');
        make(path());
        const before = snapshot(store());
        const { exitCode, document, stderr } = await migrated();
        const isRefused = exitCode === 3 && (refusal === 'any' || document.refusal?.code === refusal);
        // A folder that only begins like a list of processes holds no process, and so on: the run goes its way.
        const isFine =
          exitCode === 0 && ['migrated', 'partial'].includes(document.status) && document.projects.created === 3;
        const isUndone = exitCode === 5 && refusal === 'any';
        const isPartial = exitCode === 1 && document.status === 'partial' && document.projects.created === 3;
        expect({ what, good: isRefused || isFine || isUndone || isPartial, exitCode, document, stderr }).toMatchObject({
          what,
          good: true,
        });
        expect(snapshot(store())).toEqual(before);
      }
    },
    600_000,
  );
});

describe.skipIf(process.platform === 'win32')('links out of the store', () => {
  test('nothing behind a link is read into a row, copied or changed', async () => {
    const before = snapshot(outside);
    symlinkSync(join(outside, 'secret.json'), join(sessions(), 'evil-orchestrator.json'));
    rmSync(join(sessions(), 'acme-orchestrator.json'));
    symlinkSync(join(outside, 'secret.json'), join(sessions(), 'acme-orchestrator.json'));
    const copy = join(slug(worktree()), `${UUID}.jsonl`);
    renameSync(copy, join(outside, 'conversation.jsonl'));
    symlinkSync(join(outside, 'conversation.jsonl'), copy);
    symlinkSync(outside, store('projects', 'linked'));
    const { exitCode, stdout } = await migrated();
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('of somebody else');
    expect(JSON.stringify(rowsOf(at('.ao', 'data', 'ao.db')))).not.toContain('of somebody else');
    rmSync(join(outside, 'conversation.jsonl'));
    expect(Object.keys(snapshot(outside))).toEqual(Object.keys(before));
  }, 180_000);

  test('a link in the place where a conversation must go leads nothing out of the folder of conversations', async () => {
    const target = join(at('.ao', 'data'), 'worktrees', ACME, 'orchestrator', 'acme-orchestrator');
    symlinkSync(outside, slug(target));
    const before = snapshot(outside);
    const { exitCode } = await migrated();
    expect([0, 1]).toContain(exitCode ?? -1);
    expect(snapshot(outside)).toEqual(before);
    const rows = rowsOf(at('.ao', 'data', 'ao.db'));
    expect(rows.sessions.map(({ id }) => id)).not.toContain('acme-orchestrator');
  }, 180_000);
});

describe('names', () => {
  const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
  const EVIL = '\\e[31mred\\e]0;title\\a\\r\\n\\u009b1m\\u202e';

  function plantNames(): void {
    const config = readFileSync(store('config.yaml'), 'utf8');
    writeFileSync(
      store('config.yaml'),
      config
        .replace('displayName: acme\n', `displayName: "${EVIL}"\n`)
        .replace(
          /^projects:\n/m,
          `projects:\n  "evil ${EVIL}":\n    path: "/nowhere/${EVIL}"\n    sessionPrefix: "${EVIL}"\n    "${EVIL}": 1\n`,
        ),
    );
    if (process.platform === 'win32') return;
    mkdirSync(store('projects', 'dir \u001b[31m\nname', 'sessions'), { recursive: true });
    writeFileSync(
      store('projects', 'dir \u001b[31m\nname', 'sessions', 'a\u001b[2J\n.json'),
      '{"role":"orchestrator"}',
    );
    writeFileSync(join(sessions(), 'rec\u001b[2J\nord.json'), '{broken');
  }

  test.each([[['--dry-run']], [['--yes']], [['explain']], [['status']], [['verify']], [['rollback', '--yes']]])(
    'with control characters are never printed raw by %j, as text and as JSON',
    async (args) => {
      plantNames();
      if (args[0] === 'verify' || args[0] === 'rollback') await run(['--yes']);
      for (const shown of [args, [...args, '--verbose'], [...args, '--json']]) {
        const { exitCode, stdout, stderr } = await run(shown);
        expect([0, 1, 3, 4]).toContain(exitCode ?? -1);
        expect(RAW.exec(stdout)).toBeNull();
        expect(RAW.exec(stderr)).toBeNull();
      }
    },
    180_000,
  );

  test('with dots and slashes lead nowhere: everything that is made lies where it belongs', async () => {
    const config = readFileSync(store('config.yaml'), 'utf8');
    const entry = (id: string, prefix: string): string =>
      `  "${id}":\n    path: ${at('code', 'acme')}\n    sessionPrefix: "${prefix}"\n`;
    const ids = ['../../evil', '..', 'a/b', '/etc/evil', '.', 'ok'];
    writeFileSync(
      store('config.yaml'),
      config.replace(
        /^projects:\n/m,
        `projects:\n${ids.map((id, index) => entry(id, `../${index}/x\\u0000y`)).join('')}`,
      ),
    );
    const record = readFileSync(join(sessions(), 'acme-orchestrator.json'), 'utf8');
    mkdirSync(store('projects', 'ok', 'sessions'), { recursive: true });
    write(home, {
      '.agent-orchestrator/projects/ok/sessions/ok-orchestrator.json': record
        .replace(UUID, '../../../../evil')
        .replaceAll('acme-orchestrator', 'ok-orchestrator'),
    });
    writeFileSync(join(sessions(), 'acme-orchestrator.json'), record.replace(UUID, `../../${UUID}`));
    const before = new Set(Object.keys(snapshot(home.path)));
    const { exitCode } = await migrated();
    expect([0, 1]).toContain(exitCode ?? -1);
    const made = Object.keys(snapshot(home.path)).filter((name) => !before.has(name));
    for (const name of made)
      expect(name).toMatch(
        /^\.ao(?:\/(?:backups|migrations|data)(?:\/.*)?)?$|^\.claude\/projects\/-[^/]*(?:\/[0-9a-f-]{36}(?:\.jsonl)?(?:\/.*)?)?$/,
      );
    expect(made.filter((name) => name.includes('evil'))).toEqual([]);
    expect(existsSync(join(dirname(home.path), 'evil'))).toBe(false);
    for (const { id } of rowsOf(at('.ao', 'data', 'ao.db')).sessions) expect(String(id)).toMatch(/^[A-Za-z0-9_-]+$/);
    for (const { config: text } of rowsOf(at('.ao', 'data', 'ao.db')).projects)
      expect(JSON.stringify(text)).toMatch(/"sessionPrefix":"[A-Za-z0-9_-]+"/);
  }, 180_000);
});

test('a store of very many session files is read in bounded time', async () => {
  home.remove();
  home = inFolder(existsSync('/dev/shm') ? '/dev/shm' : null, () => realFixture('v2-stopped'));
  const folder = sessions();
  const record = JSON.stringify({
    role: 'worker',
    project: ACME,
    status: 'done',
    lifecycle: { version: 2, session: { kind: 'worker', state: 'done' } },
  });
  for (let index = 0; index < MANY; index++) writeFileSync(join(folder, `acme-${index}.json`), record);
  appendFileSync(store('config.yaml'), '');
  // It is killed where it takes more than its time.
  const { exitCode, document } = await migrated('--no-backup');
  expect({ exitCode, status: document.status }).toEqual({ exitCode: 0, status: 'migrated' });
  expect(readdirSync(folder)).toHaveLength(MANY + 1);
}, 600_000);
