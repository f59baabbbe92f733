import { afterEach, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { explain } from '../../src/cli/explain';
import { DOCUMENT_SCHEMAS } from '../../src/report/schema';
import { terminalOf } from '../../src/report/terminal';
import { emptyHome, type Home, legacyFixture, machineAt, realFixture, write } from '../support/home';
import { storedHarnesses } from '../support/surveyed';

const FIXTURES = join(import.meta.dir, '..', 'fixtures');
const MADE_UP = readdirSync(join(FIXTURES, 'legacy'))
  .filter((name) => existsSync(join(FIXTURES, 'legacy', name, 'fixture.json')))
  .sort();
const REAL = readdirSync(join(FIXTURES, 'real'))
  .filter((name) => /^[^.]+\.json$/.test(name))
  .map((name) => name.slice(0, -5))
  .sort();

const homes: Home[] = [];
afterEach(() => {
  for (const home of homes.splice(0)) home.remove();
});
const kept = (home: Home): Home => {
  homes.push(home);
  return home;
};

interface Asked {
  readonly operand?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly columns?: number;
  readonly unicode?: boolean;
  readonly project?: readonly string[];
  readonly exclude?: readonly string[];
}

/** What the command says, with the home in place of its random path, which would also wrap differently. */
async function said(home: Home, asked: Asked = {}): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = asked.unicode === false ? {} : { LANG: 'C.UTF-8' };
  const width = asked.columns ?? 80;
  const terminal = { ...terminalOf({ env, platform: 'linux', isTTY: false, columns: width, color: 'never' }), width };
  const flags = {
    json: asked.json ?? false,
    verbose: asked.verbose ?? false,
    from: undefined,
    config: undefined,
    'data-dir': undefined,
    project: asked.project ?? [],
    exclude: asked.exclude ?? [],
    'only-live': false,
    resume: 'auto' as const,
  };
  const tool = { version: '0.0.0', sourceCommit: null, sqliteVersion: null };
  return explain(asked.operand ?? null, flags, {
    machine: machineAt(home.path),
    tool,
    terminal,
    errorTerminal: terminal,
    harnesses: () => storedHarnesses(),
  });
}

/** Random parts of a home's path, its hashes and today's files, made the same for every run. */
function steady(text: string, home: Home): string {
  return text
    .replaceAll(home.path, '/home/me')
    .replace(/\b[0-9a-f]{12}-(?=[a-z])/g, 'HASH-')
    .replace(/("field": "registered_at",\s+"value": ")2026-11-2\d[^"]*/g, '$1TODAY')
    .replace(/(registered_at +)2026-11-2\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC/g, '$1TODAY');
}

/** The files of the machine by their steady names: hashes of random paths order them otherwise. */
function ordered(text: string): string {
  const [projects = '', machine = ''] = text.split(/^(?=What belongs to no project\n)/m);
  const [files = '', ...rest] = machine.split('\n\n');
  const [title = '', ...blocks] = files.split(/\n(?= {2}\S)/);
  return projects + [[title, ...blocks.sort()].join('\n'), ...rest].join('\n\n');
}

describe('explain', () => {
  for (const [kind, name] of [...MADE_UP.map((each) => ['legacy', each]), ...REAL.map((each) => ['real', each])]) {
    test(`${kind} ${name}`, async () => {
      const home = kept(kind === 'legacy' ? legacyFixture(name ?? '') : realFixture(name ?? ''));
      const json = await said(home, { json: true });
      expect(json.exitCode).toBe(0);
      const document: unknown = JSON.parse(json.stdout);
      expect(v.safeParse(DOCUMENT_SCHEMAS.explain, document).issues).toBeUndefined();
      if (name === '02-typical-three') expect(steady(json.stdout, home)).toMatchSnapshot();
      // Lines break where paths end, and every home has another length.
      const wide = await said(home, { columns: 10_000 });
      expect(wide.exitCode).toBe(0);
      expect(ordered(steady(wide.stdout, home))).toMatchSnapshot();
    });
  }

  test('fits 80 and 40 columns, also without UTF-8', async () => {
    const home = kept(legacyFixture('09-unicode'));
    for (const columns of [80, 40]) {
      for (const unicode of [true, false]) {
        for (const verbose of [true, false]) {
          const { stdout } = await said(home, { columns, unicode, verbose });
          const tooLong = stdout.split('\n').filter((line) => Bun.stringWidth(line) > columns);
          expect(tooLong).toEqual([]);
          if (!unicode) expect(/^[\x20-\x7e\n]*$/.test(stdout)).toBe(true);
        }
      }
    }
  });

  test('names are never printed raw', async () => {
    const home = kept(emptyHome());
    write(home, {
      '.agent-orchestrator/config.yaml':
        'projects: {app: {path: "{{HOME}}/app", displayName: "\\e[31mred\\u202e", "\\e]0;x": 1}}\n',
    });
    for (const verbose of [true, false]) {
      const { stdout } = await said(home, { verbose });
      expect(stdout).toContain('\\x1b[31mred\\u202e');
      expect(/[\x00-\x09\x0b-\x1f\u202e]/.test(stdout)).toBe(false);
    }
  });

  test('one project, and none that is unknown', async () => {
    const home = kept(legacyFixture('02-typical-three'));
    const one = JSON.parse((await said(home, { operand: 'quill', json: true })).stdout);
    expect(one.projectLedgers.map(({ id }: { id: string }) => id)).toEqual(['quill']);
    expect(one.machine).toEqual([]);
    expect(one.notes.every(({ id }: { id?: string }) => id === 'quill')).toBe(true);
    const unknown = await said(home, { operand: 'nobody' });
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toContain('nobody: the store has no such project');
    const rest = JSON.parse((await said(home, { exclude: ['quill'], json: true })).stdout);
    expect(rest.projectLedgers).toHaveLength(2);
  });

  test('a store that cannot be read is a refusal in words and in JSON', async () => {
    const home = kept(emptyHome());
    write(home, { '.agent-orchestrator/config.yaml': 'projects: [' });
    const text = await said(home);
    expect([text.exitCode, text.stdout]).toEqual([3, '']);
    expect(text.stderr).toContain('[LEGACY_UNREADABLE]');
    const document: unknown = JSON.parse((await said(home, { json: true })).stdout);
    expect(v.safeParse(DOCUMENT_SCHEMAS.explain, document).success).toBe(true);
  });

  test('no store at all', async () => {
    const { exitCode, stdout } = await said(kept(emptyHome()));
    expect(exitCode).toBe(0);
    expect(stdout).toContain('no project to explain');
  });
});

describe('secrets', () => {
  /** Planted one by one, so that a leak names its place. */
  const secrets: string[] = [];
  const plant = (kind: string): string => {
    const secret = `${kind}-S3cret${secrets.length}Zq`;
    secrets.push(secret);
    return secret;
  };

  function planted(): Record<string, string> {
    const settings = (): string =>
      JSON.stringify({
        env: { API_KEY: plant('env'), PLAIN: plant('env'), LIST: [plant('env')], MAP: { inner: plant('env') } },
        postCreate: [`curl -H "${plant('post')}"`],
        agentRules: plant('rules'),
        orchestratorRules: plant('rules'),
        tracker: { plugin: 'linear', apiKey: plant('key'), options: { anything: plant('free') } },
        scm: { plugin: 'github', token: plant('token') },
        reactions: { 'ci-failed': { message: plant('free') } },
        decomposer: { note: plant('free') },
        agentConfig: { model: 'm', subagent: plant('free') },
        mystery: plant('free'),
      });
    const record = (more: object): string =>
      JSON.stringify({
        role: 'orchestrator',
        agent: 'claude-code',
        userPrompt: plant('prompt'),
        summary: plant('free'),
        pinnedSummary: plant('free'),
        issueTitle: plant('free'),
        agentReportedNote: plant('free'),
        pr: `https://me:${plant('url')}@github.com/a/b/pull/1`,
        runtimeHandle: { id: 'x', data: { environment: { TOKEN: plant('env') }, token: plant('token') } },
        lifecycle: {
          version: 2,
          session: { state: 'idle' },
          pr: { url: `https://h/?token=${plant('url')}` },
          secret: plant('free'),
        },
        unknown: plant('free'),
        ...more,
      });
    return {
      '.agent-orchestrator/config.yaml': `notifiers: {slack: {plugin: slack, webhookUrl: "https://hooks.example/${plant('url')}"}, x: {plugin: p, room: ${plant('free')}}}
notificationRouting: {urgent: [${plant('free')}]}
defaults: {agent: claude-code, env: {D: ${plant('env')}}, password: ${plant('token')}}
extra: ${plant('free')}
projects:
  app:
    path: "{{HOME}}/app"
    sessionPrefix: ap
    repo: {originUrl: "https://user:${plant('url')}@github.com/a/b"}
    originUrl: "https://${plant('url')}@github.com/a/b.git"
    token: ${plant('token')}
  left: {path: "{{HOME}}/left", repo: "https://u:${plant('url')}@gitlab.com/a/b", settings: ${settings()}}
  scalar: ${plant('free')}
  bad: {path: "{{HOME}}/bad"}
`,
      'app/agent-orchestrator.yaml': settings(),
      'bad/agent-orchestrator.yaml': `env: {A: "${plant('env')}"}\nagent: {{ ${plant('free')}\n: "${plant('env')}\n`,
      '.agent-orchestrator/portfolio/preferences.json': JSON.stringify({
        version: 1,
        projects: { app: { displayName: 'App', x: plant('free') } },
        y: plant('free'),
      }),
      '.agent-orchestrator/portfolio/registered.json': JSON.stringify({ version: 1, projects: [], z: plant('free') }),
      '.agent-orchestrator/running.json': JSON.stringify({ pid: 999999999, token: plant('token'), odd: plant('free') }),
      '.agent-orchestrator/projects/app/sessions/ap-orchestrator.json': record({}),
      '.agent-orchestrator/projects/app/sessions/ap-orchestrator-2.json': record({}),
      '.agent-orchestrator/projects/app/sessions/ap-1.json': record({ role: 'worker' }),
      '.agent-orchestrator/projects/app/sessions/ap-2.json': `{"userPrompt": "${plant('prompt')}`,
      '.agent-orchestrator/projects/lost/sessions/lost-orchestrator.json': record({}),
      '.agent-orchestrator/0123456789ab-app/sessions/ap-orchestrator': `role=orchestrator\nuserPrompt=${plant('prompt')}\nuserPrompt=${plant('prompt')}\nwhat=${plant('free')}\n`,
    };
  }

  test('no planted value is in any output, and each secret is named', async () => {
    const home = kept(emptyHome());
    write(home, planted());
    expect(secrets.length).toBeGreaterThan(80);
    for (const json of [true, false]) {
      for (const verbose of [true, false]) {
        const { stdout, stderr } = await said(home, { json, verbose });
        expect(secrets.filter((secret) => stdout.includes(secret) || stderr.includes(secret))).toEqual([]);
        if (json || verbose) {
          for (const name of [
            'env.API_KEY',
            'postCreate.0',
            'agentRules',
            'orchestratorRules',
            'userPrompt',
            'tracker.apiKey',
            'originUrl',
          ])
            expect(stdout).toContain(name);
        }
      }
    }
  });
});

test('a credential in a setting that is carried is shown in no part of what is said', async () => {
  const home = kept(emptyHome());
  const secrets = ['sk-ant-api03-abcdefghijklmnop', 'ghp_abcdefghijklmnopqrstuvwxyz0123'];
  write(home, {
    '.agent-orchestrator/config.yaml': `projects:\n  a:\n    path: ${home.path}/a\n    defaultBranch: ${secrets[1]}@main\n    agentConfig:\n      model: ${secrets[0]}\n`,
    'a/.git/HEAD': 'ref: refs/heads/main\n',
  });
  for (const json of [false, true]) {
    const { exitCode, stdout, stderr } = await said(home, { json, verbose: true, operand: 'a' });
    expect(exitCode).toBe(0);
    for (const secret of secrets) expect(stdout + stderr).not.toContain(secret);
  }
});
