import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { MigrateDocumentSchema } from '../../src/report/schema';
import { EXECUTABLE, run } from '../support/executable';
import { rowsOf } from '../support/expected';
import { emptyHome, type Home, realFixture } from '../support/home';
import { installedExecutable, NODE } from '../support/installed';
import { snapshot } from '../support/tree';

setDefaultTimeout(180_000);

let home: Home | null = null;
afterEach(() => home?.remove());

function lay(name = 'v2-crashed'): Home {
  home = name === '' ? emptyHome() : realFixture(name);
  return home;
}

const GLOBAL = { npm_config_global: 'true', npm_lifecycle_event: 'postinstall', npm_config_user_agent: 'npm/11' };
const notes = (place: Home): string => join(place.path, '.ao', 'migrations');
const sessions = (place: Home): number => rowsOf(join(place.path, '.ao', 'data', 'ao.db')).sessions.length;

/** One line on stderr, nothing on stdout, exit code 0. */
async function say(place: Home, env: Record<string, string> = {}, args: readonly string[] = []): Promise<string> {
  const done = await run(place, ['postinstall', ...args], { env });
  expect(done.exitCode).toBe(0);
  expect(done.stdout).toBe('');
  expect(done.stderr).toMatch(/^[^\n]+\n$/);
  return done.stderr;
}

describe('ao-migrate postinstall', () => {
  test('migrates on a global install, says so in one line, and has nothing to do after that', async () => {
    const place = lay();
    const line = await say(place, GLOBAL);
    expect(line).toMatch(
      /^ao-migrate: migrated 3 projects and \d orchestrators; backup in ~\/\.ao\/backups\/legacy-\S+\. `ao-migrate rollback` undoes it\.\n$/,
    );
    expect(sessions(place)).toBeGreaterThan(0);
    const before = snapshot(place.path);
    expect(await say(place, GLOBAL)).toBe('ao-migrate: everything is migrated already.\n');
    expect(snapshot(place.path)).toEqual(before);
  });
  test.each([
    [{ CI: 'true' }, 'this is a CI machine'],
    [{ npm_config_global: '' }, 'this is not a global install'],
    [{ npm_config_ignore_scripts: 'true' }, 'the package manager is told to ignore install scripts'],
    [{ AO_SKIP_MIGRATE: '1' }, 'AO_SKIP_MIGRATE is set'],
    [{ AO_MIGRATE: 'off' }, 'AO_MIGRATE=off is set'],
    [{ AO_MIGRATE: 'plan' }, 'AO_MIGRATE=plan is set'],
  ])('leaves it to the user with %p', async (env, reason) => {
    const place = lay();
    const line = await say(place, { ...GLOBAL, ...env });
    expect(line).toBe(`ao-migrate: nothing was migrated yet: ${reason}. Run ao-migrate when you like.\n`);
    expect(readdirSync(notes(place))).toEqual(['postinstall.json']);
    expect(readdirSync(join(place.path, '.ao'))).toEqual(['migrations']);
  });
  test('says nothing but one line without a legacy store', async () => {
    const place = lay('');
    expect(await say(place, GLOBAL)).toBe('ao-migrate: nothing to migrate.\n');
    expect(await say(place, { CI: '1' })).toBe('ao-migrate: nothing was migrated: this is a CI machine.\n');
    expect(readdirSync(place.path)).toEqual([]);
  });
  test('leaves no trace under sudo', async () => {
    const place = lay();
    const before = snapshot(place.path);
    expect(await say(place, { ...GLOBAL, SUDO_USER: 'mara' })).toContain('on behalf of another user');
    expect(snapshot(place.path)).toEqual(before);
  });
  test('a refusal is no failure', async () => {
    const place = lay();
    writeFileSync(join(place.path, '.agent-orchestrator', 'config.yaml'), 'projects: [open\n');
    expect(await say(place, GLOBAL)).toContain('nothing was migrated yet: ');
    expect(JSON.parse(readFileSync(join(notes(place), 'postinstall.json'), 'utf8'))).toMatchObject({
      code: 'LEGACY_UNREADABLE',
    });
  });
  test('nor is a wrong call', async () => {
    const place = lay();
    expect(await say(place, GLOBAL, ['--bogus'])).toContain('Unknown flag "--bogus".');
    expect(await say(place, GLOBAL, ['--from', '/nowhere'])).toContain('there is no such directory');
    expect(existsSync(join(place.path, '.ao'))).toBe(false);
  });
  test.each([GLOBAL, { CI: '1' }, { AO_MIGRATE: 'plan' }, { SUDO_USER: 'x' }])(
    '--json gives one document with %p',
    async (env) => {
      const place = lay();
      const done = await run(place, ['postinstall', '--json'], { env });
      expect(done.exitCode).toBe(0);
      expect(done.stderr).not.toMatch(/[{}]/);
      const document = v.parse(MigrateDocumentSchema, JSON.parse(done.stdout));
      expect(document.command).toBe('postinstall');
      expect(document.refusal?.code ?? null).toBe('CI' in env ? 'CI' : 'SUDO_USER' in env ? 'SUDO' : null);
    },
  );
});

describe('an install that is killed leaves nothing half done', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)('%s at any time', async (signal) => {
    for (const delay of [0, 20, 60, 120, 200, 300]) {
      const place = realFixture('v2-crashed');
      const store = join(place.path, '.agent-orchestrator');
      const before = snapshot(store);
      const child = Bun.spawn([EXECUTABLE, 'postinstall'], {
        env: { HOME: place.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: place.path, ...GLOBAL },
        stdio: ['ignore', 'ignore', 'ignore'],
      });
      await Bun.sleep(delay);
      child.kill(signal);
      await child.exited;
      const line = (await run(place, ['postinstall'], { env: GLOBAL })).stderr;
      expect(line).toMatch(/migrated 3 projects|everything is migrated already/);
      expect(sessions(place)).toBe(3);
      expect(snapshot(store)).toEqual(before);
      expect(readdirSync(notes(place)).filter((name) => !/^\d{8}-\d{6}-[0-9a-f]{6}\.json$/.test(name))).toEqual([]);
      place.remove();
    }
  });
});

test('the package’s own postinstall runs it', async () => {
  const place = lay();
  const laid = installedExecutable(EXECUTABLE);
  const child = Bun.spawn([NODE, join(laid.main, 'lib', 'postinstall.js')], {
    env: {
      HOME: place.path,
      PATH: process.env.PATH ?? '',
      TMUX_TMPDIR: place.path,
      BUN_OPTIONS: '--bogus',
      BUN_BE_BUN: '1',
      ...GLOBAL,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  expect(await new Response(child.stderr).text()).toContain('ao-migrate: migrated 3 projects');
  expect(await new Response(child.stdout).text()).toBe('');
  expect(await child.exited).toBe(0);
  expect(sessions(place)).toBe(3);
  laid.remove();
});
