import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Note } from '../../src/contracts/notes';
import { run, runJson } from '../support/executable';
import { emptyHome, type Home, write } from '../support/home';
import { snapshot } from '../support/tree';

/** Milliseconds; the machine may have other work. */
const LONG = 180_000;
const UUID = '0198d3a1-7f00-7abc-8def-0123456789ab';
const SES = 'ses_1f1a7e0000ffeThreeAgents01';
const AGENTS = ['claude-code', 'codex', 'opencode'] as const;
type Agent = (typeof AGENTS)[number];
/** Of each agent the key of its record, and what a person calls it. */
const KEYS: Readonly<Record<Agent, readonly [key: string, id: string, name: string, program: string]>> = {
  'claude-code': ['claudeSessionUuid', UUID, 'Claude Code', 'claude'],
  codex: ['codexThreadId', UUID, 'Codex', 'codex'],
  opencode: ['opencodeSessionId', SES, 'OpenCode', 'opencode'],
};

let home: Home;
let env: Record<string, string>;
const worktree = (agent: Agent): string => join(home.path, 'trees', agent);
const store = (): string => join(home.path, '.local', 'share', 'opencode');

/** One project for each agent, stopped, with a conversation of three messages or more. */
beforeEach(() => {
  home = emptyHome();
  env = { PATH: `${join(home.path, 'bin')}:/usr/bin:/bin` };
  const files: Record<string, string> = {};
  for (const agent of AGENTS) {
    const [key, id] = KEYS[agent];
    const session = { kind: 'orchestrator', state: 'terminated', lastTransitionAt: '2026-05-10T08:00:00.000Z' };
    files[`.agent-orchestrator/projects/${agent}/sessions/${agent}-orchestrator.json`] = JSON.stringify({
      role: 'orchestrator',
      agent,
      worktree: worktree(agent),
      createdAt: '2026-05-10T08:00:00.000Z',
      lifecycle: { version: 2, session },
      [key]: id,
    });
    files[`code/${agent}/.git/HEAD`] = 'ref: refs/heads/main\n';
    files[`code/${agent}/.git/objects/x`] = '';
    files[`code/${agent}/.git/refs/heads/main`] = `${'a'.repeat(40)}\n`;
    files[`trees/${agent}/README.md`] = 'x\n';
  }
  const entries = AGENTS.map((agent) => [
    agent,
    { projectId: agent, path: `${home.path}/code/${agent}`, sessionPrefix: agent },
  ]);
  files['.agent-orchestrator/config.yaml'] = JSON.stringify({ projects: Object.fromEntries(entries) });
  const rows = (of: readonly object[]): string => of.map((row) => `${JSON.stringify(row)}\n`).join('');
  const slug = worktree('claude-code').replace(/[^A-Za-z0-9]/g, '-');
  files[`.claude/projects/${slug}/${UUID}.jsonl`] = rows(
    ['user', 'assistant', 'user'].map((type) => ({ type, cwd: worktree('claude-code'), message: { content: 'hi' } })),
  );
  files[`.codex/sessions/2026/05/10/rollout-2026-05-10T08-00-00-${UUID}.jsonl`] = rows([
    { type: 'session_meta', payload: { id: UUID, cwd: worktree('codex') } },
    { type: 'turn_context', payload: { cwd: worktree('codex') } },
    ...['user', 'assistant', 'user', 'assistant'].map((role) => ({
      type: 'response_item',
      payload: { type: 'message', role, content: [] },
    })),
  ]);
  write(home, files);
  layOpencode();
  for (const agent of AGENTS) agentProgram(agent);
});
afterEach(() => home.remove(), 180_000);

function layOpencode(): void {
  mkdirSync(store(), { recursive: true });
  using database = new Database(join(store(), 'opencode.db'), { create: true });
  const times = 'time_created integer NOT NULL, time_updated integer NOT NULL';
  const data = `${times}, data text NOT NULL`;
  database.run(
    `CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL, parent_id text, slug text NOT NULL, directory text NOT NULL, title text NOT NULL, version text NOT NULL, share_url text, ${times}, time_archived integer)`,
  );
  database.run(`CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, ${data})`);
  database.run(`CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL, ${data})`);
  database.run('CREATE TABLE todo (session_id text NOT NULL, content text NOT NULL, position integer NOT NULL)');
  database.run('CREATE TABLE migration (id text)');
  database
    .query("INSERT INTO session VALUES (?, 'p', NULL, 's', ?, 't', '1', NULL, 1, 2, NULL)")
    .run(SES, worktree('opencode'));
  for (let index = 0; index < 5; index += 1) {
    const id = `msg_0a0e1d20000${index}ThreeAgents0${index}`;
    const message = JSON.stringify({ role: index % 2 === 0 ? 'user' : 'assistant' });
    database.query('INSERT INTO message VALUES (?, ?, 1, 1, ?)').run(id, SES, message);
    database
      .query('INSERT INTO part VALUES (?, ?, ?, 1, 1, ?)')
      .run(id.replace('msg', 'prt'), id, SES, JSON.stringify({ type: 'text', text: 'hi' }));
  }
}

/** Puts something on the PATH that says its version, and for OpenCode does its work. */
function agentProgram(agent: Agent, before = ''): void {
  const [, , , program] = KEYS[agent];
  const fake = join(import.meta.dir, '..', 'fixtures', 'opencode-fake', 'opencode.ts');
  const version = agent === 'opencode' ? '1.18.33' : agent === 'codex' ? '0.169.0' : '2.1.329';
  const rest = agent === 'opencode' ? `exec "${process.execPath}" "${fake}" ${version} /dev/null "$@"` : 'exit 1';
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; exit; fi\n${before}\n${rest}\n`;
  write(home, { [`bin/${program}`]: script });
  chmodSync(join(home.path, 'bin', program), 0o755);
}

/** Of OpenCode's store the rows of the one session, of everything else the files, without times of folders. */
function sources(): readonly unknown[] {
  const isElsewhere = (name: string) => name !== '' && !/^\.(?:claude|codex|agent-orchestrator)(?:\/|$)/.test(name);
  const files = Object.entries(snapshot(home.path, isElsewhere)).filter(([, state]) => state.startsWith('file'));
  using database = new Database(join(store(), 'opencode.db'), { readonly: true });
  const rows = ['session WHERE id', 'message WHERE session_id', 'part WHERE session_id'].flatMap((where) =>
    database.query(`SELECT * FROM ${where} = ?`).all(SES),
  );
  return [...files, ...rows];
}

interface ItemDocument {
  readonly kind: string;
  readonly id: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly conversation?: { readonly harness: string; readonly size: number; readonly messages: number | null };
}

async function orchestrators(args: readonly string[]) {
  const { document, exitCode } = await runJson(home, args, { env });
  const items = document.items as readonly ItemDocument[];
  return { document, exitCode, items: items.filter(({ kind }) => kind === 'orchestrator') };
}

function sessionIds(): unknown[] {
  using database = new Database(join(home.path, '.ao', 'data', 'ao.db'), { readonly: true });
  return database.query('SELECT id FROM sessions ORDER BY id').values().flat();
}

describe('conversations of the three agents', () => {
  test(
    'a dry run tells size and number of messages of each, in text and in the document',
    async () => {
      const { items } = await orchestrators(['--dry-run']);
      expect(items.map(({ conversation }) => [conversation?.harness, conversation?.messages])).toEqual([
        ['claude-code', 3],
        ['codex', 4],
        ['opencode', 5],
      ]);
      for (const { conversation } of items) expect(conversation?.size).toBeGreaterThan(100);
      const text = (await run(home, ['--dry-run'], { env })).stdout.replace(/\s+/g, ' ');
      for (const [agent, count] of [
        ['Claude Code', 3],
        ['Codex', 4],
        ['OpenCode', 5],
      ] as const)
        expect(text).toMatch(new RegExp(`${agent} on branch \\S+; conversation: ${count} messages, \\d+ bytes;`));
    },
    LONG,
  );

  test(
    'one too large to be counted for the plan is counted in the result',
    async () => {
      const slug = worktree('claude-code').replace(/[^A-Za-z0-9]/g, '-');
      const path = join(home.path, '.claude', 'projects', slug, `${UUID}.jsonl`);
      truncateSync(path, 64 * 1024 * 1024 + 1);
      const told = async (args: readonly string[]) => {
        const { stdout } = await run(home, [...args, '--project', 'claude-code'], { env });
        return /conversation: ([^,]*),/.exec(stdout.replace(/\s+/g, ' '))?.[1];
      };
      expect(await told(['--dry-run'])).toBe('messages not counted');
      expect(await told(['--yes'])).toBe('3 messages');
    },
    LONG,
  );

  test(
    'a recorded role is told by a dry run and by the migration alike, wherever it lies',
    async () => {
      const slug = worktree('claude-code').replace(/[^A-Za-z0-9]/g, '-');
      const cwd = worktree('claude-code');
      const rows = [
        { type: 'user', cwd, timestamp: '2026-05-10T08:00:00.000Z', message: { content: 'hi' } },
        ...Array.from({ length: 20 }, () => ({ type: 'progress', data: 'x'.repeat(10_000) })),
        { type: 'attachment', attachment: { type: 'prompt_snapshot' } },
      ];
      const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      write(home, { [`.claude/projects/${slug}/${UUID}.jsonl`]: text });
      const told = async (args: readonly string[]) => {
        const { document } = await runJson(home, [...args, '--project', 'claude-code'], { env });
        return (document.notes as readonly Note[]).filter(({ code }) => code === 'CONVERSATION_ROLE');
      };
      const planned = await told(['--dry-run']);
      expect(planned).toMatchObject([{ severity: 'warn', id: 'claude-code-orchestrator' }]);
      expect(await told(['--yes'])).toEqual(planned);
    },
    LONG,
  );

  test(
    'come over whole; no byte, mode or time of any source changes, and a second run does nothing',
    async () => {
      const before = sources();
      const { document, items } = await orchestrators(['--yes']);
      expect(document).toMatchObject({ status: 'migrated', orchestrators: { created: 3, relocatedTranscripts: 3 } });
      expect(items.map(({ conversation }) => conversation?.messages)).toEqual([3, 4, 5]);
      const original = new Set(before.map((each) => JSON.stringify(each)));
      const after = new Set(sources().map((each) => JSON.stringify(each)));
      expect([...original].filter((each) => !after.has(each))).toEqual([]);
      expect(await run(home, ['verify'], { env })).toMatchObject({ exitCode: 0 });
      const whole = snapshot(home.path);
      expect((await orchestrators(['--yes'])).document).toMatchObject({ status: 'already-migrated' });
      expect(snapshot(home.path)).toEqual(whole);
    },
    LONG,
  );

  test.skipIf(process.platform !== 'linux').each(AGENTS)(
    '%s at work in the old worktree: its pid is named, the project goes in, the row with a later run',
    async (agent) => {
      const [, , , program] = KEYS[agent];
      const busy = join(home.path, 'busy', program);
      mkdirSync(join(home.path, 'busy'));
      copyFileSync('/bin/sleep', busy);
      chmodSync(busy, 0o755);
      const child = Bun.spawn([busy, '60'], { cwd: worktree(agent) });
      try {
        const { document, items, exitCode } = await orchestrators(['--yes']);
        expect({ status: document.status, exitCode }).toEqual({ status: 'partial', exitCode: 0 });
        const mine = items.find(({ id }) => id.startsWith(agent));
        expect(mine?.outcome).toBe('skipped');
        expect(mine?.reason).toMatch(new RegExp(`^CONVERSATION_IN_USE: .*\\b${child.pid}\\b`));
        expect(sessionIds()).toHaveLength(2);
      } finally {
        child.kill();
        await child.exited;
      }
      expect((await orchestrators(['--yes'])).document).toMatchObject({ status: 'migrated' });
      expect(sessionIds()).toHaveLength(3);
    },
    LONG,
  );

  test(
    'an import that leaves a part is no conversation: no row, the reason, and a later run completes it',
    async () => {
      const half = `if [ "$1" = import ]; then exec "${process.execPath}" -e '
        const { Database } = require("bun:sqlite");
        const { info } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
        new Database(process.env.XDG_DATA_HOME + "/opencode/opencode.db").query("INSERT INTO session VALUES (?, ?, NULL, ?, ?, ?, ?, NULL, 1, 2, NULL)").run(info.id, "p", "s", process.cwd(), "t", "1");
      ' "$2"; fi`;
      agentProgram('opencode', half);
      const { document, items } = await orchestrators(['--yes']);
      expect(document.status).toBe('partial');
      expect(items.find(({ id }) => id.startsWith('opencode'))?.reason).toContain('0 of 5 messages');
      expect(sessionIds()).toEqual(['claude-code-orchestrator', 'codex-orchestrator']);
      agentProgram('opencode');
      expect((await orchestrators(['--yes'])).document).toMatchObject({ status: 'migrated' });
      expect(sessionIds()).toHaveLength(3);
    },
    LONG,
  );

  test(
    'without the program of OpenCode its orchestrator waits for a later run',
    async () => {
      const script = readFileSync(join(home.path, 'bin', 'opencode'), 'utf8');
      env = { PATH: '/usr/bin:/bin' };
      const { document, items } = await orchestrators(['--yes']);
      expect(document.status).toBe('partial');
      expect(items.find(({ id }) => id.startsWith('opencode'))?.reason).toContain('HARNESS_MISSING');
      expect(script).toContain('1.18.33');
      env = { PATH: `${join(home.path, 'bin')}:/usr/bin:/bin` };
      expect((await orchestrators(['--yes'])).document).toMatchObject({ status: 'migrated' });
    },
    LONG,
  );
});

describe('verify of a conversation that OpenCode keeps', () => {
  let id: string;
  const change = (...statements: string[]): void => {
    using database = new Database(join(store(), 'opencode.db'));
    for (const statement of statements) database.run(statement);
  };
  const verified = async (options = {}) => {
    const { exitCode, document } = await runJson(home, ['verify'], { env: { ...env, ...options } });
    const checks = document.checks as readonly { kind: string; id: string; state: string; detail?: string }[];
    return { exitCode, check: checks.find((check) => check.kind === 'conversation' && check.id === id) };
  };
  const receiptFile = (): string => join(home.path, globSync('.ao/migrations/*.json', { cwd: home.path })[0] ?? '');

  beforeEach(async () => {
    expect((await orchestrators(['--yes'])).items).toHaveLength(3);
    using database = new Database(join(home.path, '.ao', 'data', 'ao.db'), { readonly: true });
    id = String(database.query("SELECT agent_session_id FROM sessions WHERE harness = 'opencode'").values().flat()[0]);
    expect(id).toMatch(/^ses_/);
  }, LONG);

  test('is in order after the run, when it went on, and in a receipt that knows no counts; nothing is touched', async () => {
    const before = snapshot(home.path);
    // No agent answers any more: nothing of theirs is run.
    expect(await verified({ PATH: '/nowhere' })).toEqual({
      exitCode: 0,
      check: { kind: 'conversation', id, state: 'ok' },
    });
    expect(snapshot(home.path)).toEqual(before);
    change(
      `INSERT INTO message SELECT 'msg_9', session_id, 1, 1, data FROM message WHERE session_id = '${id}' LIMIT 1`,
    );
    expect(await verified()).toMatchObject({ exitCode: 0, check: { state: 'changed-since', detail: 'it has grown' } });
    change(`DELETE FROM part WHERE session_id = '${id}'`);
    const text = readFileSync(receiptFile(), 'utf8');
    expect(text).toContain('"counts":{"messages":5,"parts":5}');
    writeFileSync(receiptFile(), text.replace(/"counts":\{[^}]*\},/, ''));
    expect(await verified()).toMatchObject({ exitCode: 0, check: { state: 'ok' } });
  });

  test('of which turns were taken back since is in order', async () => {
    change(`DELETE FROM message WHERE id = (SELECT max(id) FROM message WHERE session_id = '${id}')`);
    change(`UPDATE session SET time_updated = ${Date.now()} WHERE id = '${id}'`);
    expect(await verified()).toMatchObject({
      exitCode: 0,
      check: { state: 'changed-since', detail: expect.stringContaining('4 of 5 messages') },
    });
  });

  const DAMAGES: readonly (readonly [string, string, () => void])[] = [
    ['its parts are gone', '0 of 5 message parts', () => change(`DELETE FROM part WHERE session_id = '${id}'`)],
    [
      'a message is gone',
      '4 of 5 messages',
      () => change(`DELETE FROM message WHERE id = (SELECT max(id) FROM message WHERE session_id = '${id}')`),
    ],
    ['its row is gone', "not in OpenCode's store", () => change(`DELETE FROM session WHERE id = '${id}'`)],
    [
      'it belongs elsewhere',
      'the folder /elsewhere',
      () => change(`UPDATE session SET directory = '/elsewhere' WHERE id = '${id}'`),
    ],
    ['the store is gone', "not in OpenCode's store", () => rmSync(store(), { recursive: true })],
    [
      'the store is damaged',
      'cannot be read',
      () => {
        for (const part of ['-wal', '-shm']) rmSync(join(store(), `opencode.db${part}`), { force: true });
        truncateSync(join(store(), 'opencode.db'), 9_000);
      },
    ],
  ];
  test.each(DAMAGES)('finds it where %s', async (_, detail, damage) => {
    damage();
    expect(await verified()).toMatchObject({
      exitCode: 4,
      check: { state: 'damaged', detail: expect.stringContaining(detail) },
    });
  });
});

describe('verify of conversations that were in place before the run', () => {
  let ids: readonly string[];
  const placed = (pattern: string): string => {
    const [name = ''] = globSync(pattern, { cwd: home.path });
    expect(name).not.toBe('');
    return join(home.path, name);
  };
  const claude = (): string => placed(`.claude/projects/*worktrees*/${ids[0]}.jsonl`);
  const codex = (): string => placed(`.codex/sessions/2026/05/10/*-${ids[1]}.jsonl`);
  const inOpencode = (sql: string): void => {
    using database = new Database(join(store(), 'opencode.db'));
    for (const id of ids) database.query(sql).run(id);
  };
  const verified = async () => {
    const { exitCode, document } = await runJson(home, ['verify'], { env });
    const checks = document.checks as readonly { kind: string; id: string; state: string; detail?: string }[];
    return { exitCode, checks: checks.filter(({ kind }) => kind === 'conversation') };
  };
  const rows = (sql: string): unknown[] => {
    using database = new Database(join(home.path, '.ao', 'data', 'ao.db'));
    return database.query(sql).values().flat();
  };

  beforeEach(async () => {
    await orchestrators(['--yes']);
    ids = rows('SELECT agent_session_id FROM sessions ORDER BY id').map(String);
    for (const file of [claude(), codex()]) appendFileSync(file, '{"type":"user"}\n');
    expect((await run(home, ['rollback', '--yes'], { env })).exitCode).toBe(1);
    expect(await orchestrators(['--yes'])).toMatchObject({
      exitCode: 0,
      document: { orchestrators: { created: 3, relocatedTranscripts: 0 } },
    });
    expect(rows('SELECT agent_session_id FROM sessions ORDER BY id')).toEqual([...ids]);
  }, LONG);

  test('names each, also one that has grown', async () => {
    const found = await verified();
    expect(found.exitCode).toBe(0);
    expect(found.checks.map(({ id, state }) => [id, state])).toEqual(ids.map((id) => [id, 'ok']));
    appendFileSync(claude(), '{"type":"user"}\n');
    rows("UPDATE sessions SET updated_at = 'later', is_terminated = 0");
    expect(await verified()).toMatchObject({
      exitCode: 0,
      checks: [{ id: ids[0], state: 'changed-since' }, { state: 'ok' }, { state: 'ok' }],
    });
  });

  const DAMAGES: readonly (readonly [string, Agent, () => void])[] = [
    ['that of Claude Code is gone', 'claude-code', () => rmSync(claude())],
    ['that of Claude Code is cut short', 'claude-code', () => truncateSync(claude(), 100)],
    ['that of Codex is gone', 'codex', () => rmSync(codex())],
    ['that of OpenCode is gone', 'opencode', () => inOpencode('DELETE FROM session WHERE id = ?')],
    ['that of OpenCode has no message', 'opencode', () => inOpencode('DELETE FROM message WHERE session_id = ?')],
  ];
  test.each(DAMAGES)('finds it where %s, and so does doctor', async (_, agent, damage) => {
    damage();
    const { exitCode, checks } = await verified();
    expect(exitCode).toBe(4);
    const damaged = checks.filter(({ state }) => state === 'damaged');
    expect(damaged.map(({ id }) => id)).toEqual([ids[AGENTS.indexOf(agent)] ?? '']);
    expect((await run(home, ['doctor'], { env })).exitCode).toBe(4);
  });

  test('says nothing of one to which no row of the run refers any more', async () => {
    rows("UPDATE projects SET path = '/elsewhere' WHERE id <> 'claude-code'");
    expect((await run(home, ['rollback', '--yes'], { env })).exitCode).toBe(1);
    rmSync(claude());
    expect((await verified()).checks).toEqual([]);
  });
});

test(
  "a store of OpenCode without a place for to-do lists and share links is as good as another's",
  async () => {
    {
      using database = new Database(join(store(), 'opencode.db'));
      database.run('DROP TABLE todo');
      database.run('ALTER TABLE session DROP COLUMN share_url');
    }
    const { document } = await orchestrators(['--yes']);
    expect(document).toMatchObject({ status: 'migrated', orchestrators: { created: 3, relocatedTranscripts: 3 } });
    const notes = document.notes as readonly Note[];
    const parts = notes.filter(({ code, id }) => code === 'CONVERSATION_PARTS' && id === 'opencode-orchestrator');
    expect(parts.map(({ message }) => message)).toEqual(['stay behind: its undo history']);
    expect((await run(home, ['verify'], { env })).exitCode).toBe(0);
  },
  LONG,
);

test(
  'verify looks for a conversation of OpenCode where a variable had put it',
  async () => {
    const data = join(home.path, 'elsewhere');
    mkdirSync(data);
    renameSync(store(), join(data, 'opencode'));
    const moved = { ...env, XDG_DATA_HOME: data };
    const { document } = await runJson(home, ['--yes'], { env: moved });
    expect(document).toMatchObject({ orchestrators: { created: 3 } });
    for (const each of [env, moved]) expect((await runJson(home, ['verify'], { env: each })).exitCode).toBe(0);
    const [name = ''] = globSync('.ao/migrations/*.json', { cwd: home.path });
    const receipt = readFileSync(join(home.path, name), 'utf8');
    const early = receipt.replace(/,"environment":\{[^}]*\}/, '').replace(/"counts":\{[^}]*\},/, '');
    expect(early.length).toBeLessThan(receipt.length);
    writeFileSync(join(home.path, name), early);
    expect(await run(home, ['verify'], { env })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('not found'),
    });
    writeFileSync(join(home.path, name), receipt);
    rmSync(data, { recursive: true });
    expect((await runJson(home, ['verify'], { env })).exitCode).toBe(4);
  },
  LONG,
);
