import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EXECUTABLE, run, runJson } from '../support/executable';
import { emptyHome, type Home, write } from '../support/home';
import { snapshot } from '../support/tree';
import { until } from '../support/waiting';

const FIXTURE = join(import.meta.dir, '..', 'fixtures', 'harness', 'opencode', 'json-storage');
const FAKE = join(import.meta.dir, '..', 'fixtures', 'opencode-fake', 'opencode.ts');
const SES = 'ses_1f1a7e0000ffeFixtureSess01';
const STEPS = 25;
/** Where it waits until it is let go on. */
const HELD = 10;

let home: Home;
let env: Record<string, string>;
const inHome = (...path: string[]): string => join(home.path, ...path);
const done = (): number =>
  existsSync(inHome('steps')) ? readFileSync(inHome('steps'), 'utf8').trim().split('\n').length : 0;

/** One stopped orchestrator of OpenCode, whose store has only JSON files, and a release that takes its time with them. */
beforeEach(() => {
  home = emptyHome();
  env = { PATH: `${inHome('bin')}:/usr/bin:/bin`, TMPDIR: inHome('tmp') };
  const session = { kind: 'orchestrator', state: 'terminated', lastTransitionAt: '2026-05-10T08:00:00.000Z' };
  write(home, {
    'tmp/.keep': '',
    '.agent-orchestrator/config.yaml': JSON.stringify({
      projects: { shop: { projectId: 'shop', path: inHome('code'), sessionPrefix: 'shop' } },
    }),
    '.agent-orchestrator/projects/shop/sessions/shop-orchestrator.json': JSON.stringify({
      role: 'orchestrator',
      agent: 'opencode',
      worktree: inHome('tree'),
      createdAt: '2026-05-10T08:00:00.000Z',
      lifecycle: { version: 2, session },
      opencodeSessionId: SES,
    }),
    'code/.git/HEAD': 'ref: refs/heads/main\n',
    'code/.git/objects/x': '',
    'code/.git/refs/heads/main': `${'a'.repeat(40)}\n`,
    'tree/README.md': 'x\n',
    'bin/opencode': `#!/bin/sh
if [ "$1" = --version ]; then echo 1.3.2; exit; fi
if [ "$1" = import ]; then
  i=0
  while [ $i -lt ${STEPS} ]; do i=$((i+1)); echo $i || exit 9; echo $i >> "${inHome('steps')}"
    while [ $i = ${HELD} ] && [ -e "${inHome('steps')}" ] && [ ! -e "${inHome('on')}" ]; do sleep 0.02; done
  done
fi
exec "${process.execPath}" "${FAKE}" 1.3.2 "${inHome('log')}" "$@"
`,
  });
  chmodSync(inHome('bin', 'opencode'), 0o755);
  const data = inHome('.local', 'share', 'opencode');
  mkdirSync(data, { recursive: true });
  cpSync(FIXTURE, data, { recursive: true });
  renameSync(join(data, 'storage', 'session', '@PROJ@'), join(data, 'storage', 'session', 'abc123'));
  for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const filled = readFileSync(path, 'utf8').replaceAll('@OLD@', inHome('tree')).replaceAll('@PROJ@', 'abc123');
    writeFileSync(path, filled);
  }
});
afterEach(() => home.remove(), 180_000);

test.skipIf(process.platform === 'win32')(
  'two Ctrl-C end ao-migrate, not the take-over of OpenCode, and later runs wait for it and complete',
  async () => {
    let shown = '';
    const child = Bun.spawn([EXECUTABLE, '--yes'], {
      cwd: home.path,
      env: { HOME: home.path, TMUX_TMPDIR: home.path, LANG: 'C.UTF-8', TERM: 'xterm', ...env },
      terminal: {
        cols: 120,
        rows: 30,
        data: (_, bytes) => {
          shown += Buffer.from(bytes).toString();
        },
      },
    });
    await until(() => done() > 0);
    expect(shown).not.toContain('must not be cut off');
    child.terminal?.write('\x03');
    await until(() => shown.includes('must not be cut off'));
    expect(shown).not.toMatch(/[{}]/);
    await Bun.sleep(600);
    child.terminal?.write('\x03');
    expect(await child.exited).toBe(130);
    expect(done()).toBeLessThan(STEPS);
    const meanwhile = await runJson(home, ['--yes'], { env });
    expect(meanwhile.document).toMatchObject({ status: 'partial', orchestrators: { created: 0 } });
    expect(meanwhile.stdout).toContain('still takes its JSON files over');
    writeFileSync(inHome('on'), '');
    await until(() => done() === STEPS);
    // The import itself, after which the program is gone.
    let completed = meanwhile;
    for (const end = Date.now() + 50_000; completed.document.status === 'partial' && Date.now() < end; )
      completed = await runJson(home, ['--yes'], { env });
    expect(completed.document).toMatchObject({ status: 'migrated' });
    expect(readFileSync(inHome('log'), 'utf8').trim().split('\n')).toHaveLength(1);
    using database = new Database(inHome('.ao', 'data', 'ao.db'), { readonly: true });
    expect(database.query('SELECT id FROM sessions').values()).toEqual([['shop-orchestrator']]);
  },
  180_000,
);

test('an install leaves a take-over to the user and begins nothing', async () => {
  const before = snapshot(home.path);
  const { exitCode, stderr } = await run(home, ['postinstall'], { env: { ...env, npm_config_global: 'true' } });
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/^ao-migrate: nothing was migrated yet: OpenCode would first take .*\n$/);
  expect(JSON.parse(readFileSync(inHome('.ao', 'migrations', 'postinstall.json'), 'utf8'))).toMatchObject({
    code: 'TAKE_OVER',
  });
  const added = Object.keys(snapshot(home.path)).filter((name) => !(name in before));
  expect(added).toEqual(['.ao', '.ao/migrations', '.ao/migrations/postinstall.json']);
});
