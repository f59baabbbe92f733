import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { TARGETS } from '../../scripts/targets';
import { EXECUTABLE } from '../support/executable';
import { HERE, type Installed, installed, NODE, node, script, VERSION } from '../support/installed';

setDefaultTimeout(180_000);

const OTHER = TARGETS.find(({ os }) => os === 'win32') ?? HERE;

let place: Installed | null = null;
afterEach(() => place?.remove());

/** Installed with a script in place of the executable. */
function lay(body: string): Installed {
  const executable = script(body);
  place = installed(executable);
  place.add(HERE, executable);
  return place;
}

const bare = (): Installed => {
  place = installed(script(''));
  return place;
};

describe('the launcher passes on', () => {
  test('arguments as they are', async () => {
    const { launcher } = lay('for a in "$@"; do printf "[%s]" "$a"; done');
    const done = await node(launcher, ['a b', '', '*', '--x=$HOME', "it's"]);
    expect(done).toMatchObject({ stdout: "[a b][][*][--x=$HOME][it's]", stderr: '', exitCode: 0 });
  });
  test.each([0, 1, 2, 3, 4, 5, 130, 143, 255])('exit code %i', async (code) => {
    const { launcher } = lay(`exit ${code}`);
    expect((await node(launcher)).exitCode).toBe(code);
  });
  test.each(['SIGTERM', 'SIGKILL', 'SIGSEGV'])('an end by %s', async (signal) => {
    const { launcher } = lay(`kill -${signal.slice(3)} $$`);
    expect(await node(launcher)).toMatchObject({ signal });
  });
  test('streams, also when closed early', async () => {
    const { launcher } = lay('cat; echo talk >&2');
    const child = Bun.spawn([NODE, launcher], {
      stdin: Buffer.from('x'.repeat(300_000)),
      stdout: 'pipe',
      stderr: 'pipe',
    });
    expect((await new Response(child.stdout).text()).length).toBe(300_000);
    expect(await new Response(child.stderr).text()).toBe('talk\n');
  });
  test('the descriptor that --progress-fd names', async () => {
    const { launcher, main } = lay('echo progress >&5');
    const told = join(main, 'told');
    for (const args of ['--progress-fd 5', '--progress-fd=5']) {
      const child = Bun.spawn(['sh', '-c', `exec "$0" "$1" ${args} 5>"$2"`, NODE, launcher, told]);
      expect(await child.exited).toBe(0);
      expect(readFileSync(told, 'utf8')).toBe('progress\n');
      rmSync(told);
    }
  });
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])('%s, and waits for the end', async (signal) => {
    // No shell: one may sit on a signal that comes just before it begins to wait.
    const executable = Buffer.from(
      `#!${NODE}\nprocess.on('${signal}', () => process.stdout.write('got ${signal}\\n', () => process.exit(7)));\nsetTimeout(() => {}, 20000);\nconsole.log('ready');\n`,
    );
    place = installed(executable);
    place.add(HERE, executable);
    const { launcher } = place;
    // In a session of its own: with a terminal, the launcher leaves Ctrl-C to that.
    const child = Bun.spawn([NODE, launcher], { stdin: 'ignore', stdout: 'pipe', stderr: 'ignore', detached: true });
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill(signal as NodeJS.Signals);
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(`got ${signal}\n`);
    expect(await child.exited).toBe(7);
  });
  test('Ctrl-C of a terminal, each once: it reaches the executable by itself', async () => {
    // Says how many it has got whenever none has come for a while; two that come at once can be one to a busy machine.
    const executable = Buffer.from(
      `#!${NODE}\nlet got = 0;\nlet quiet = setTimeout(say, 0);\nfunction say() {\n  console.log('got ' + got);\n  if (got >= 4) process.exit(3);\n}\nprocess.on('SIGINT', () => {\n  got++;\n  clearTimeout(quiet);\n  quiet = setTimeout(say, 100);\n});\nsetTimeout(() => {}, 20000);\n`,
    );
    place = installed(executable);
    place.add(HERE, executable);
    let shown = '';
    // Else the terminal throws away what was written but not read yet when Ctrl-C comes.
    const child = Bun.spawn(['sh', '-c', 'stty noflsh && exec "$0" "$1"', NODE, place.launcher], {
      terminal: {
        cols: 80,
        rows: 24,
        data: (terminal, bytes) => {
          shown += Buffer.from(bytes).toString();
          if (shown.endsWith('\n')) terminal.write('\x03');
        },
      },
    });
    expect(await child.exited).toBe(3);
    expect([...shown.matchAll(/got (\d+)/g)].map(([, count]) => Number(count))).toEqual([0, 1, 2, 3, 4]);
  });
  test('Ctrl-C of a terminal once also where all three streams lead elsewhere', async () => {
    const executable = Buffer.from(
      `#!${NODE}\nlet got = 0;\nprocess.on('SIGINT', () => {\n  if (got++ === 0) setTimeout(() => { console.log('got ' + got); process.exit(3); }, 300);\n});\nsetTimeout(() => {}, 20000);\nconsole.log('ready');\n`,
    );
    place = installed(executable);
    place.add(HERE, executable);
    const said = join(place.main, 'said');
    const child = Bun.spawn(['sh', '-c', `exec "$0" "$1" </dev/null >"$2" 2>/dev/null`, NODE, place.launcher, said], {
      terminal: { cols: 80, rows: 24, data: () => undefined },
    });
    while (!existsSync(said) || readFileSync(said, 'utf8') === '') await Bun.sleep(10);
    child.terminal?.write('\x03');
    expect(await child.exited).toBe(3);
    expect(readFileSync(said, 'utf8')).toBe('ready\ngot 1\n');
  });
  test('the environment, without what would reach into the runtime', async () => {
    const { launcher } = lay('env');
    const foreign = { BUN_OPTIONS: '--x', BUN_BE_BUN: '1', BUN_: '', bun_options: 'y', NODE_OPTIONS: '--no-warnings' };
    const { stdout } = await node(launcher, [], { ...foreign, AO_DATA_DIR: '/data', NOT_BUN_: 'kept', HOME: '/h' });
    const names = stdout.split('\n').map((line) => line.split('=')[0]);
    expect(names).toEqual(expect.arrayContaining(['AO_DATA_DIR', 'NOT_BUN_', 'HOME']));
    expect(names.filter((name) => Object.keys(foreign).includes(name ?? ''))).toEqual([]);
  });
});

describe('the launcher finds', () => {
  test('what AO_MIGRATE_BINARY names, before all else', async () => {
    const { launcher, main } = lay('echo package');
    const own = join(main, 'own');
    writeFileSync(own, '#!/bin/sh\necho own\n');
    chmodSync(own, 0o755);
    expect((await node(launcher, [], { AO_MIGRATE_BINARY: own })).stdout).toBe('own\n');
    const done = await node(launcher, [], { AO_MIGRATE_BINARY: join(main, 'absent') });
    expect(done.exitCode).toBe(1);
    expect(done.stderr).toBe(`ao-migrate: AO_MIGRATE_BINARY names no file: ${join(main, 'absent')}\n`);
  });
  test('the platform package below the main one', async () => {
    const { launcher, main, modules } = lay('echo nested');
    mkdirSync(join(main, 'node_modules'));
    const name = `ao-migrate-${HERE.name}`;
    expect(await Bun.spawn(['mv', join(modules, name), join(main, 'node_modules', name)]).exited).toBe(0);
    expect((await node(launcher)).stdout).toBe('nested\n');
  });
  test('an earlier download', async () => {
    const { launcher, main } = bare();
    mkdirSync(join(main, 'vendor', HERE.name), { recursive: true });
    const file = join(main, 'vendor', HERE.name, HERE.file);
    writeFileSync(file, '#!/bin/sh\necho downloaded\n');
    chmodSync(file, 0o755);
    expect((await node(launcher)).stdout).toBe('downloaded\n');
  });
  test('a file whose mode an installer has dropped', async () => {
    const laid = bare();
    const file = laid.add(HERE, script('echo run'));
    chmodSync(file, 0o644);
    expect((await node(laid.launcher)).stdout).toBe('run\n');
  });
});

describe('where there is nothing to run, one line says what to do', () => {
  test('without a platform package', async () => {
    const { launcher, main } = bare();
    expect(await node(launcher, ['--version'])).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: `ao-migrate: the executable for ${HERE.name} is not installed. To fetch and check it, run: node "${join(main, 'lib', 'fetch.js')}"\n`,
    });
  });
  test('with the package of another version, which is not used', async () => {
    const laid = bare();
    laid.add(HERE, script('echo old'), '7.8.8');
    expect((await node(laid.launcher)).stderr).toContain('is not installed. To fetch');
  });
  test("with another machine's package", async () => {
    const laid = bare();
    laid.add(OTHER, script(''));
    const { stderr, exitCode } = await node(laid.launcher);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`only the one for ${OTHER.name}: was this folder copied from another machine? To fetch`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
  test('on a machine that no executable is for', async () => {
    const { launcher, main } = bare();
    const platform = join(main, 'platform.cjs');
    writeFileSync(platform, "Object.defineProperty(process, 'platform', { value: 'sunos' });\n");
    const child = Bun.spawn([NODE, '-r', platform, launcher], {
      stderr: 'pipe',
      env: { PATH: process.env.PATH ?? '' },
    });
    const names = TARGETS.map(({ name }) => name).join(', ');
    expect(await new Response(child.stderr).text()).toBe(
      `ao-migrate: there is no executable for sunos-${process.arch}; there is one for ${names}\n`,
    );
    expect(await child.exited).toBe(1);
  });
});

test('the C library is that of the running process', () => {
  const { libc, targetName } = createRequire(import.meta.url)('../../packages/ao-migrate/lib/platform.js');
  const { main } = bare();
  const elf = (loader: string): string => {
    const file = Buffer.alloc(512);
    file.writeUInt32BE(0x7f454c46, 0);
    file[4] = 2;
    file.writeBigUInt64LE(64n, 32);
    file.writeUInt16LE(56, 54);
    file.writeUInt16LE(1, 56);
    file.writeUInt32LE(3, 64);
    file.writeBigUInt64LE(200n, 72);
    file.writeBigUInt64LE(BigInt(loader.length), 96);
    file.write(loader, 200);
    writeFileSync(join(main, 'node'), file);
    return join(main, 'node');
  };
  expect(libc(elf('/lib/ld-musl-x86_64.so.1\0'))).toBe('musl');
  expect(targetName('linux', 'x64', join(main, 'node'))).toBe('linux-x64-musl');
  expect(libc(elf('/lib64/ld-linux-x86-64.so.2\0'))).toBe('glibc');
  expect(targetName('linux', 'arm64', join(main, 'node'))).toBe('linux-arm64');
  expect(targetName('darwin', 'arm64', join(main, 'node'))).toBe('darwin-arm64');
});

// Less than 60 ms over the executable is asked for; `bun run test:package` measures that by the wall clock. Here only the
// proportion to an empty Node program counts, in processor time, with room for a machine that is busy otherwise.
test('it costs little beyond the start of Node and of the executable', async () => {
  const laid = bare();
  laid.add(HERE, EXECUTABLE);
  const empty = join(laid.main, 'empty.js');
  writeFileSync(empty, '');
  const least = async (command: readonly string[]): Promise<number> => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 10; round++) {
      const child = Bun.spawn([...command, '--version'], { stdout: 'ignore' });
      await child.exited;
      best = Math.min(best, Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000);
    }
    return best;
  };
  const [direct, node, launched] = [
    await least([EXECUTABLE]),
    await least([NODE, empty]),
    await least([NODE, laid.launcher]),
  ];
  expect((launched - direct) / node).toBeLessThan(2);
}, 180_000);

test('it runs on the oldest Node that the package names', () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dir, '../../packages/ao-migrate/package.json'), 'utf8'));
  expect(manifest.engines.node).toBe('>=18');
  expect(manifest.dependencies).toBeUndefined();
  expect(VERSION).toBe('7.8.9');
});
