import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXECUTABLE } from '../support/executable';
import { COMMON_FOLDER, emptyHome, type Home, realFixture } from '../support/home';
import { type Installed, installedExecutable, NODE } from '../support/installed';
import { AS_NOBODY, NOBODY, nobodyRuns, openExecutable } from '../support/nobody';

setDefaultTimeout(180_000);

/** Odd places to start in (distribution.md 4): it starts, or says why in one go, and never leaves a half-made thing. */
const isRoot = process.getuid?.() === 0;
const onLinux = process.platform === 'linux';

let home: Home | null = null;
let laid: Installed | null = null;
afterEach(() => {
  if (home === null) return;
  Bun.spawnSync(['chmod', '-R', 'u+rwX', home.path]);
  home.remove();
});

function lay(name = 'v2-crashed'): Home {
  home = name === '' ? emptyHome(COMMON_FOLDER) : realFixture(name, COMMON_FOLDER);
  return home;
}

/** Root may write and enter everything, so that there another user tries. */
const isTried = !isRoot || nobodyRuns('setpriv');
const program = isRoot && isTried ? openExecutable() : { path: EXECUTABLE, remove: () => undefined };
afterAll(() => program.remove());

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** With exactly this environment. */
function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  before: readonly string[] = [],
  cwd = '/',
): Ended {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...before, program.path, ...args], {
    env: { ...env },
    cwd,
    stdin: 'ignore',
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

const VERSION = /^\d+\.\d+\.\d+\S*\n$/;

function expectStarts(env: Readonly<Record<string, string>>, before: readonly string[] = [], cwd = '/'): void {
  expect(start(['--version'], env, before, cwd)).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(VERSION),
    stderr: '',
  });
  expect(start(['--help'], env, before, cwd)).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('ao-migrate'),
    stderr: '',
  });
}

/** No crash: an outcome of its own, with a reason. */
function expectSaysWhy(done: Ended, code: number, reason: RegExp): void {
  expect(done.stderr + done.stdout).toMatch(reason);
  expect(done.stderr).not.toMatch(/unexpected error|\bat \/|error:/);
  expect(done.exitCode).toBe(code);
}

describe('the environment', () => {
  test('is empty', () => {
    expectStarts({});
    expectStarts({}, ['env', '-i']);
  });
  test('has no HOME: nothing can be undone later, so nothing is done', () => {
    const place = lay();
    const done = start(['--yes', '--from', join(place.path, '.agent-orchestrator')], { TMPDIR: place.path });
    expectSaysWhy(done, 3, /DATA_DIR_INVALID|home/i);
  });
  test('has a HOME that does not exist: there is nothing to migrate', () => {
    const place = lay('');
    const env = { HOME: join(place.path, 'absent'), PATH: process.env.PATH ?? '' };
    expectStarts(env);
    expectSaysWhy(start(['--yes'], env), 0, /[Nn]othing to migrate/);
    expectSaysWhy(start(['postinstall'], env), 0, /nothing to migrate/);
    expect(readdirSync(place.path)).toEqual([]);
  });
  test('names a TMPDIR that does not exist', () => {
    const place = lay();
    const env = {
      HOME: place.path,
      TMPDIR: join(place.path, 'absent'),
      PATH: '/usr/bin:/bin',
      TMUX_TMPDIR: place.path,
    };
    expectStarts(env);
    const first = start(['--yes'], env);
    expect(first.exitCode).toBe(0);
    // Only now there is a database, of which a private copy is taken in the temp directory.
    const again = start(['--yes'], env);
    if (again.exitCode !== 0) expectSaysWhy(again, 3, /NOT_WRITABLE|temp/i);
  });
  test.each(['../..', 'relative', '\u0001', 'a'.repeat(5000)])('has an odd HOME %#', (value) => {
    const done = start(['--dry-run'], { HOME: value });
    expect([0, 3]).toContain(done.exitCode);
    expect(done.stderr).not.toContain('unexpected error');
  });
});

/** The executable as it is installed by npm, behind its launcher: one for all tests, because it is large. */
function withLauncher(): Installed {
  laid ??= installedExecutable(EXECUTABLE, COMMON_FOLDER);
  return laid;
}
afterAll(() => laid?.remove());

describe('the launcher starts, too', () => {
  test('with an empty environment, without HOME, with one that does not exist, without TMPDIR', () => {
    const { launcher, main } = withLauncher();
    const absent = join(main, 'absent');
    for (const env of [{}, { PATH: '/usr/bin:/bin' }, { HOME: absent }, { HOME: main, TMPDIR: absent, TMP: absent }]) {
      const done = Bun.spawnSync([NODE, launcher, '--version'], { env, cwd: '/', stdin: 'ignore' });
      expect([env, done.stderr.toString(), done.exitCode]).toEqual([env, '', 0]);
      expect(done.stdout.toString()).toMatch(VERSION);
    }
    expect(existsSync(absent)).toBe(false);
  });
  test('with no HOME the postinstall has nothing to do, says so, and ends well', () => {
    const { main } = withLauncher();
    const done = Bun.spawnSync([NODE, join(main, 'lib', 'postinstall.js')], { env: {}, cwd: '/', stdin: 'ignore' });
    expect(done.stderr.toString()).toMatch(/^ao-migrate: [^\n]+\n$/);
    expect(done.exitCode).toBe(0);
  });
  test.skipIf(!nobodyRuns(NODE))('for a user without rights, in folders of somebody else', () => {
    const { main, launcher } = withLauncher();
    Bun.spawnSync(['chmod', '-R', 'go+rX', join(main, '..', '..')]);
    const place = lay();
    const before = [...asNobody(place), NODE];
    const env = { HOME: place.path, PATH: '/usr/bin:/bin', TMUX_TMPDIR: '/tmp' };
    const done = Bun.spawnSync([...before, launcher, '--yes'], { env, cwd: '/', stdin: 'ignore' });
    expect([done.stderr.toString(), done.exitCode]).toEqual(['', 0]);
    const install = Bun.spawnSync([...before, join(main, 'lib', 'postinstall.js')], { env, cwd: '/', stdin: 'ignore' });
    expect(install.stderr.toString()).toContain('everything is migrated already');
    expect(install.exitCode).toBe(0);
  });
});

describe('the working directory', () => {
  test('is gone', () => {
    const place = lay('');
    const folder = join(place.path, 'gone');
    mkdirSync(folder);
    const command = `cd "$1" && rmdir "$1" && exec "$2" --version`;
    const done = Bun.spawnSync(['sh', '-c', command, 'sh', folder, EXECUTABLE], { env: { HOME: place.path } });
    // The runtime ends before a line of ours is run, and says why.
    expect(done.stderr.toString()).toContain('current working directory was deleted');
    expect(done.exitCode).toBe(1);
  });
  test('tries to take the executable over', () => {
    const place = lay('');
    const marker = join(place.path, 'preloaded');
    writeFileSync(join(place.path, 'bunfig.toml'), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(place.path, 'preload.ts'), `require('node:fs').writeFileSync(${JSON.stringify(marker)}, '')\n`);
    writeFileSync(join(place.path, '.env'), 'AO_DATA_DIR=/taken/over\nCOLUMNS=20\n');
    writeFileSync(join(place.path, 'package.json'), '{ "type": "commonjs", "imports": { "#x": "./preload.ts" } }');
    writeFileSync(join(place.path, 'tsconfig.json'), '{ "compilerOptions": { "paths": { "*": ["./preload.ts"] } } }');
    expectStarts({ HOME: place.path }, [], place.path);
    expect(start(['status'], { HOME: place.path }, [], place.path).stdout).not.toContain('/taken/over');
    expect(existsSync(marker)).toBe(false);
  });
});

describe('the home', () => {
  test.skipIf(!isTried)('cannot be written', () => {
    const place = lay();
    chmodSync(place.path, 0o555);
    const env = { HOME: place.path, PATH: '/usr/bin:/bin', TMUX_TMPDIR: '/tmp' };
    const before = isRoot ? asNobody(place) : [];
    expectStarts(env, before);
    expectSaysWhy(start(['--yes'], env, before), 3, /NOT_WRITABLE|cannot be written|write permission/);
    expectSaysWhy(start(['postinstall'], env, before), 0, /nothing was migrated/);
    expect(existsSync(join(place.path, '.ao'))).toBe(false);
  });
  test.skipIf(!isTried)('belongs to a user who is not root', () => {
    const place = lay();
    const env = { HOME: place.path, PATH: '/usr/bin:/bin', TMUX_TMPDIR: '/tmp' };
    const before = isRoot ? asNobody(place) : [];
    const done = start(['--yes'], env, before);
    expect(done.stderr).toBe('');
    expect(done.exitCode).toBe(0);
    expect(existsSync(join(place.path, '.ao', 'data', 'ao.db'))).toBe(true);
  });
  test.skipIf(!isRoot)("is another user's: an install leaves nothing in it", () => {
    const place = lay();
    asNobody(place);
    const done = start(['postinstall'], { HOME: place.path, PATH: '/usr/bin:/bin', TMUX_TMPDIR: '/tmp' });
    expectSaysWhy(done, 0, /belongs to another user/);
    expect(existsSync(join(place.path, '.ao'))).toBe(false);
  });
});

/** Gives the home to a user without rights, and the way to run as that user. */
function asNobody(place: Home): readonly string[] {
  Bun.spawnSync(['chown', '-R', `${NOBODY}:${NOBODY}`, place.path]);
  chownSync(place.path, NOBODY, NOBODY);
  return AS_NOBODY;
}

/** A private view of the mounts, where the system lets this user have one. */
const UNSHARE = ['unshare', '--mount', ...(isRoot ? [] : ['--map-root-user'])];
const unshares = onLinux && Bun.spawnSync([...UNSHARE, 'true']).exitCode === 0;

function mounted(commands: string): string[] {
  return [...UNSHARE, 'sh', '-c', `${commands} && exec "$0" "$@"`];
}

describe.if(unshares)('the system', () => {
  test('has no /proc: the runtime cannot start, and the launcher says what to do', async () => {
    const { launcher, main } = withLauncher();
    const env = { PATH: process.env.PATH ?? '' };
    const before = mounted('mount -t tmpfs none /proc');
    const done = Bun.spawnSync([...before, NODE, launcher, '--version'], { env });
    expect(done.stderr.toString()).toEndWith(
      'ao-migrate: there is no /proc here, which the executable needs: mount it (mount -t proc proc /proc), then run again\n',
    );
    expect(done.exitCode).toBe(1);
    const install = Bun.spawnSync([...before, NODE, join(main, 'lib', 'postinstall.js')], { env });
    expect(install.stderr.toString()).toContain('ao-migrate: there is no /proc here');
    expect(install.exitCode).toBe(0);
  });
  test('has a temp directory from which nothing can be run, and that is full', () => {
    const place = lay();
    const temp = join(place.path, 'temp');
    mkdirSync(temp);
    const env = { HOME: place.path, TMPDIR: temp, PATH: '/usr/bin:/bin', TMUX_TMPDIR: place.path };
    const noexec = mounted(`mount -t tmpfs -o noexec,size=64m none '${temp}'`);
    expectStarts(env, noexec);
    expect(start(['--yes'], env, noexec).exitCode).toBe(0);
    expect(start(['--yes'], env, noexec).exitCode).toBe(0);
    const full = mounted(`mount -t tmpfs -o size=4k none '${temp}' && head -c 4096 /dev/zero > '${temp}/all'`);
    expectStarts(env, full);
    const done = start(['--yes'], env, full);
    if (done.exitCode !== 0) expectSaysWhy(done, 3, /NO_SPACE|NOT_WRITABLE|space/);
  });
  test('has a root that cannot be written, with only the home besides', () => {
    const place = lay();
    const own = `mount --bind '${place.path}' '${place.path}'`;
    const before = mounted(`${own} && mount -o remount,ro,bind /`);
    const env = { HOME: place.path, PATH: '/usr/bin:/bin', TMPDIR: place.path, TMUX_TMPDIR: place.path };
    expectStarts(env, before);
    expect(start(['--yes'], env, before).exitCode).toBe(0);
    rmSync(join(place.path, '.ao'), { recursive: true });
    // The home, too: it may lie on another file system than the root.
    const all = mounted(`${own} && mount -o remount,ro,bind '${place.path}' && mount -o remount,ro,bind /`);
    expectStarts(env, all);
    expectSaysWhy(start(['--yes'], env, all), 3, /NOT_WRITABLE|cannot be written|write permission/);
    expectSaysWhy(start(['postinstall'], env, all), 0, /nothing was migrated/);
  });
});
