import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Machine } from '../../src/contracts/machine';
import { askVersion, askVersions, emptyEnvironment, resumeProblem, withEmptyHome } from '../../src/sessions/agents';
import { findBinary, packageVersion } from '../../src/sessions/agents-binary';
import { type CommandResult, commandRunner, type RunCommand } from '../../src/sessions/agents-command';
import { isAtWork, until } from '../support/waiting';
import { OpencodeWorld } from './opencode-world';

let world: OpencodeWorld;
beforeEach(() => {
  world = new OpencodeWorld();
});
afterEach(() => world.remove());

const run = commandRunner('linux');
const NEVER: RunCommand = () => Promise.reject(new Error('nothing may be run'));
const said =
  (stdout: string, more: Partial<CommandResult> = {}): RunCommand =>
  async () => ({ exitCode: 0, timedOut: false, failure: null, stdout, ...more });

/** An npm package with a binary in it, and a link to that on the PATH. */
function install(name: string, version: string, command: string, inside = `bin/${command}.js`): void {
  const folder = join(world.path, 'lib', 'node_modules', name);
  world.script('#!/bin/sh\nexit 9\n', join(folder, inside));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version }));
  symlinkSync(join(folder, inside), join(world.bin, command));
}

describe('the version of an agent', () => {
  test('comes from the package that its binary lies in, without running it', async () => {
    install('@anthropic-ai/claude-code', '2.1.329', 'claude', 'cli.js');
    install('@openai/codex', '0.169.0', 'codex');
    install('opencode-ai', '1.18.33', 'opencode', 'bin/opencode.exe');
    const agents = await askVersions(world.machine, ['claude-code', 'codex', 'opencode', 'codex'], NEVER);
    expect(agents).toEqual([
      { harness: 'claude-code', binary: join(world.bin, 'claude'), version: '2.1.329', problem: null },
      { harness: 'codex', binary: join(world.bin, 'codex'), version: '0.169.0', problem: null },
      { harness: 'opencode', binary: join(world.bin, 'opencode'), version: '1.18.33', problem: null },
    ]);
  });

  test('comes from a native build that npm put beside its package', async () => {
    install('opencode-linux-x64-baseline', '1.3.2', 'opencode', 'bin/opencode');
    expect((await askVersion(world.machine, 'opencode', NEVER)).version).toBe('1.3.2');
  });

  test('never comes from the package of something else above the binary', async () => {
    install('my-tools', '9.9.9', 'opencode');
    expect((await askVersion(world.machine, 'opencode', said('opencode 1.2.27\n'))).version).toBe('1.2.27');
  });

  test('comes from a package beside a shim of Windows', async () => {
    const folder = join(world.bin, 'node_modules', 'opencode-ai');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"name":"opencode-ai","version":"1.17.0"}');
    world.script('', join(world.bin, 'opencode.cmd'));
    expect(await packageVersion('opencode', join(world.bin, 'opencode.cmd'))).toBe('1.17.0');
    writeFileSync(join(folder, 'package.json'), '{"name":"opencode-ai"');
    expect(await packageVersion('opencode', join(world.bin, 'opencode.cmd'))).toBeNull();
  });

  test('else from the binary, run in an empty home that is gone afterwards', async () => {
    world.env = {
      ...world.env,
      HOME: world.home,
      CODEX_HOME: '/user/codex',
      XDG_DATA_HOME: '/user/data',
      PLAIN: 'kept',
    };
    world.script(
      `#!/bin/sh\nenv > "${join(world.path, 'env')}"\npwd > "${join(world.path, 'cwd')}"\necho left > "$HOME/file"\necho codex-cli 0.155.1\n`,
      join(world.bin, 'codex'),
    );
    world.env.PATH = `${world.bin}:/usr/bin:/bin`;
    expect(await askVersion(world.machine, 'codex', run)).toMatchObject({ version: '0.155.1', problem: null });
    const env = Object.fromEntries(
      readFileSync(join(world.path, 'env'), 'utf8')
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    for (const name of [
      'HOME',
      'XDG_DATA_HOME',
      'XDG_CONFIG_HOME',
      'XDG_CACHE_HOME',
      'XDG_STATE_HOME',
      'CLAUDE_CONFIG_DIR',
      'CODEX_HOME',
      'TMPDIR',
    ]) {
      expect(env[name]).toStartWith(world.temp);
    }
    expect(env.PLAIN).toBe('kept');
    expect(readFileSync(join(world.path, 'cwd'), 'utf8')).toStartWith(world.temp);
    expect(world.left()).toEqual([]);
  });

  test('is unknown where the binary hangs, fails or says nothing; nothing is thrown', async () => {
    world.script('#!/bin/sh\n', join(world.bin, 'claude'));
    const ask = (runner: RunCommand) => askVersion(world.machine, 'claude-code', runner);
    expect(await ask(said('no number here'))).toMatchObject({ version: null, problem: 'it does not say its version' });
    expect((await ask(said('2.0', { timedOut: true, exitCode: null }))).problem).toContain('in time');
    expect((await ask(NEVER)).problem).toBe('nothing may be run');
    expect(world.left()).toEqual([]);
  });

  test('is none without a binary', async () => {
    expect(await askVersion(world.machine, 'opencode', NEVER)).toEqual({
      harness: 'opencode',
      binary: null,
      version: null,
      problem: null,
    });
  });
});

describe('a binary', () => {
  const at = (env: Machine['env'], platform: Machine['platform'] = 'linux') =>
    findBinary('opencode', { ...world.machine, env, platform });

  test('is the first on PATH that is a file and may be run', async () => {
    const [first, second, third] = ['a', 'b', 'c'].map((name) => join(world.path, name));
    mkdirSync(join(first ?? '', 'opencode'), { recursive: true });
    world.write(join(second ?? '', 'opencode'), 'not executable');
    world.script('#!/bin/sh\n', join(third ?? '', 'opencode'));
    expect(await at({ PATH: [first, second, third].join(':') })).toBe(join(third ?? '', 'opencode'));
  });

  test('is not sought in relative entries, nor without PATH', async () => {
    world.install('1.18.33');
    for (const PATH of [relative(process.cwd(), world.bin), '', ':', undefined]) expect(await at({ PATH })).toBeNull();
  });

  test('has an ending on Windows', async () => {
    world.script('', join(world.bin, 'opencode.cmd'));
    expect(await at({ Path: world.bin, PATHEXT: '.EXE;.CMD' }, 'win32')).toBe(join(world.bin, 'opencode.cmd'));
    expect(await at({ Path: world.bin, PATHEXT: '.EXE' }, 'win32')).toBeNull();
  });
});

describe('a command', () => {
  const shell = (script: string, more = {}) =>
    run({
      program: '/bin/sh',
      args: ['-c', script],
      cwd: world.path,
      env: { PATH: '/usr/bin:/bin' },
      stdoutFile: null,
      timeoutMs: 50_000,
      ...more,
    });

  test('returns what it printed, at most 64 KiB, and how it ended', async () => {
    expect(await shell('echo hi; echo no >&2; exit 3')).toEqual({
      exitCode: 3,
      timedOut: false,
      failure: null,
      stdout: 'hi\n',
    });
    expect((await shell('head -c 300000 /dev/zero | tr "\\0" x')).stdout).toBe('x'.repeat(64 * 1024));
  });

  test('writes to a new private file where it is told to', async () => {
    const stdoutFile = join(world.path, 'out');
    expect(await shell('head -c 300000 /dev/zero; test -f /dev/stdout', { stdoutFile })).toMatchObject({
      exitCode: 0,
      stdout: '',
    });
    expect([statSync(stdoutFile).size, statSync(stdoutFile).mode & 0o777]).toEqual([300_000, 0o600]);
    await expect(shell('true', { stdoutFile })).rejects.toMatchObject({ code: 'EEXIST' });
  });

  test('gets nothing of our environment or our input', async () => {
    expect((await shell('cat; env')).stdout).not.toContain('HOME=');
  });

  test('is killed with all that it started when its time is over', async () => {
    const file = join(world.path, 'pid');
    const pid = (): string => (existsSync(file) ? readFileSync(file, 'utf8').trim() : '');
    // A busy machine may not have come to the second program by then.
    for (const timeoutMs of [300, 3_000, 20_000]) {
      const result = await shell(`(sleep 600 & echo $! > "${file}"; wait)`, { timeoutMs });
      expect(result).toMatchObject({ exitCode: null, timedOut: true });
      if (pid() !== '') break;
    }
    await until(() => !isAtWork(Number(pid())));
  });

  test('that cannot be started is no error', async () => {
    expect(await shell('', { program: join(world.path, 'missing') })).toMatchObject({
      exitCode: null,
      failure: 'ENOENT',
      timedOut: false,
    });
  });
});

describe('an empty home', () => {
  test('is private, and removed also after an error', async () => {
    await expect(
      withEmptyHome(world.machine, async ({ directory }) => {
        expect(dirname(directory)).toBe(world.temp);
        expect(statSync(directory).mode & 0o777).toBe(0o700);
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect(world.left()).toEqual([]);
  });

  test('leads nowhere else', () => {
    const env = emptyEnvironment(
      {
        PATH: '/bin',
        LANG: 'C',
        HOME: '/h',
        XDG_RUNTIME_DIR: '/r',
        ANTHROPIC_API_KEY: 'k',
        CLAUDECODE: '1',
        OPENCODE_CONFIG: 'c',
        AO_DATA_DIR: 'd',
        USERPROFILE: 'u',
      },
      '/empty',
    );
    expect(env).toMatchObject({
      PATH: '/bin',
      LANG: 'C',
      HOME: '/empty',
      USERPROFILE: '/empty',
      OPENCODE_DISABLE_AUTOUPDATE: '1',
    });
    for (const name of ['XDG_RUNTIME_DIR', 'ANTHROPIC_API_KEY', 'CLAUDECODE', 'OPENCODE_CONFIG', 'AO_DATA_DIR'])
      expect(env).not.toHaveProperty(name);
  });
});

test('a resume is said to fail only where it was measured', () => {
  expect(resumeProblem('opencode', '1.1.65')).not.toBeNull();
  for (const version of ['0.58.0', '0.98.0', '0.130.0']) {
    expect(resumeProblem('codex', version)).toContain('--dangerously-bypass-hook-trust');
    expect(resumeProblem('claude-code', version)).toBeNull();
  }
  expect(resumeProblem('opencode', '1.18.33')).toBeNull();
  expect(resumeProblem('opencode', 'unknown')).toBeNull();
  for (const version of ['1.0.128', '2.1.329']) expect(resumeProblem('claude-code', version)).toBeNull();
  for (const version of ['0.131.0', '0.142.5', '0.169.0', 'unknown'])
    expect(resumeProblem('codex', version)).toBeNull();
});
