import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { installScript, publishedName, sha256Of } from '../../scripts/release-files';
import { type Ended, started } from '../../scripts/run';
import { type FileServer, fileServer, type Handler, proxyServer } from '../support/file-server';
import { HERE, script, VERSION } from '../support/installed';

setDefaultTimeout(180_000);

const SOURCE = readFileSync(resolve(import.meta.dir, '../../scripts/install.sh'), 'utf8');
const NAME = publishedName(HERE);
const GOOD = script('echo migrated');

let work = '';
const made: string[] = [];
const hasWget = Bun.which('wget') !== null;
let server: FileServer | null = null;
afterEach(() => {
  server?.stop();
  for (const folder of [work, ...made.splice(0)]) rmSync(folder, { recursive: true, force: true });
});

interface Installed extends Ended {
  readonly home: string;
}

type Served = Readonly<Record<string, Uint8Array>> | Handler;

/** Runs the script as a release publishes it, against a folder of files by path, or what answers as it likes. */
async function install(
  served: Served,
  env: Readonly<Record<string, string>> = {},
  shorter: (script: string) => string = (script) => script,
  pinned: readonly { readonly name: string; readonly sha256: string }[] = [],
): Promise<Installed> {
  work = mkdtempSync(join(tmpdir(), 'ao-migrate-install-'));
  const files: Handler = (request, response) => {
    const file = typeof served === 'function' ? undefined : served[(request.url ?? '').slice(1)];
    if (file === undefined) response.writeHead(404).end();
    else response.end(file);
  };
  server = await fileServer(typeof served === 'function' ? served : files);
  const home = join(work, 'home with spaces');
  mkdirSync(home);
  const file = join(work, 'install.sh');
  writeFileSync(file, installScript(shorter(SOURCE), VERSION, server.address, pinned));
  const ended = await started(['/bin/sh', file], process.cwd(), { HOME: home, PATH: process.env.PATH ?? '', ...env });
  return { ...ended, home };
}

const release = (executable: Uint8Array, sum = sha256Of(executable)): Record<string, Uint8Array> => ({
  [`v${VERSION}/${NAME}`]: executable,
  [`v${VERSION}/SHA256SUMS`]: Buffer.from(`${'0'.repeat(64)}  ${NAME}.tar.xz\n${sum}  ${NAME}\n`),
});

/** Nothing is installed, nothing is left, and the reason is told. */
function expectRefused({ exitCode, stderr, home }: Installed, reason: string): void {
  expect(stderr).toContain(reason);
  expect(exitCode).toBe(1);
  const bin = join(home, '.local', 'bin');
  expect(existsSync(bin) ? readdirSync(bin) : []).toEqual([]);
}

test('installs what has the right checksum, for this user alone', async () => {
  const done = await install(release(GOOD));
  const file = join(done.home, '.local', 'bin', 'ao-migrate');
  expect(done.stderr).toContain(`version ${VERSION} is now ${file}`);
  expect(done.stderr).toContain('is not on your PATH');
  expect(done).toMatchObject({ exitCode: 0, stdout: '' });
  expect(statSync(file).mode & 0o777).toBe(0o755);
  expect(readdirSync(join(done.home, '.local', 'bin'))).toEqual(['ao-migrate']);
  expect(Bun.spawnSync([file]).stdout.toString()).toBe('migrated\n');
});

test('takes another directory and another mirror', async () => {
  const bin = mkdtempSync(join(tmpdir(), 'ao-migrate-bin-'));
  const done = await install({}, { AO_MIGRATE_BIN: bin, AO_MIGRATE_MIRROR: 'http://127.0.0.1:9' });
  expect(done.stderr).toContain('could not be fetched from http://127.0.0.1:9');
  expect(readdirSync(bin)).toEqual([]);
  rmSync(bin, { recursive: true });
});

describe('the checksums in the script', () => {
  const pins = [{ name: NAME, sha256: sha256Of(GOOD) }];
  const same = (script: string): string => script;
  test('count, and no list is fetched', async () => {
    const done = await install({ [`v${VERSION}/${NAME}`]: GOOD }, {}, same, pins);
    expect(done.exitCode).toBe(0);
    expect(server?.asked).toEqual([`/v${VERSION}/${NAME}`]);
  });
  test('count against a mirror that has changed both the file and its list', async () => {
    const foreign = script('echo foreign');
    expectRefused(await install(release(foreign), {}, same, pins), 'wrong checksum');
  });
  test('are of this version only', async () => {
    const other = script('', '8.0.0');
    const files = { [`v8.0.0/${NAME}`]: other, 'v8.0.0/SHA256SUMS': Buffer.from(`${sha256Of(other)}  ${NAME}\n`) };
    expect(await install(files, { AO_MIGRATE_VERSION: '8.0.0' }, same, pins)).toMatchObject({ exitCode: 0 });
  });
  test('stand in both scripts, each in its own quotes', () => {
    const windows = readFileSync(resolve(import.meta.dir, '../../scripts/install.ps1'), 'utf8');
    const line = `${sha256Of(GOOD)}  ${NAME}`;
    expect(installScript(SOURCE, VERSION, '', pins)).toContain(`pinned='\n${line}\n'\n`);
    expect(installScript(windows, VERSION, '', pins)).toContain(`$pinned = @'\n${line}\n'@\n`);
  });
});

describe('refuses', () => {
  test('a wrong checksum', async () =>
    expectRefused(
      await install(release(GOOD, 'f'.repeat(64))),
      'wrong checksum); it was deleted and nothing was installed',
    ));
  test('a release without a checksum of it', async () =>
    expectRefused(
      await install({ [`v${VERSION}/${NAME}`]: GOOD, [`v${VERSION}/SHA256SUMS`]: Buffer.from('') }),
      'has no checksum of',
    ));
  test('a release without the file', async () =>
    expectRefused(
      await install({ [`v${VERSION}/SHA256SUMS`]: release(GOOD)[`v${VERSION}/SHA256SUMS`] ?? GOOD }),
      'could not be fetched',
    ));
  test('an executable that does not start', async () =>
    expectRefused(await install(release(Buffer.from('#!/bin/sh\nexit 1\n'))), 'does not start here'));
  test('an executable of another version', async () =>
    expectRefused(await install(release(script('', '1.1.1'))), 'says that it is 1.1.1'));
  test('a script without an address', async () =>
    expectRefused(await install(release(GOOD), { AO_MIGRATE_MIRROR: 'nowhere' }), 'no release address is known'));
  test('no HOME', async () => {
    const done = await install(release(GOOD), { HOME: '' });
    expectRefused(done, 'name a directory in AO_MIGRATE_BIN');
  });
});

/** The list of checksums as it is, and the executable as `handler` sends it. */
const withExecutable =
  (handler: Handler): Handler =>
  (request, response) =>
    request.url?.endsWith('/SHA256SUMS') === true
      ? response.end(release(GOOD)[`v${VERSION}/SHA256SUMS`])
      : handler(request, response);
const endless: Handler = (_, response) => {
  const more = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
  response.on('close', () => clearInterval(more));
};

describe('a download that goes wrong', () => {
  const truncated: Handler = (_, response) => {
    response.writeHead(200, { 'content-length': String(GOOD.length) });
    response.write(GOOD.subarray(0, 20));
    setTimeout(() => response.destroy(), 20);
  };
  const slow: Handler = (_, response) => {
    response.writeHead(200, { 'content-length': String(GOOD.length) });
    const more = setInterval(() => response.write('#'), 100);
    response.on('close', () => clearInterval(more));
  };
  const cases: readonly (readonly [string, Handler, string])[] = [
    ['is cut off', truncated, 'could not be fetched'],
    ['ends early without saying how long it is', (_, response) => response.end('#!/bin/sh'), 'wrong checksum'],
    ['is too slow', slow, 'could not be fetched'],
    [
      'is sent round in circles',
      (request, response) => response.writeHead(302, { location: request.url ?? '' }).end(),
      'could not be fetched',
    ],
    ['never ends', endless, 'could not be fetched'],
    ['is refused', (_, response) => response.writeHead(403).end(), 'could not be fetched'],
  ];
  // The same limits, nearer.
  const nearer = (script: string): string =>
    script
      .replace('--speed-time 30', '--speed-time 1')
      .replace('--timeout=30', '--timeout=1')
      .replace('-f 400000', '-f 800');
  test.each(cases)('%s', async (_, handler, reason) =>
    expectRefused(await install(withExecutable(handler), {}, nearer), reason),
  );
  test.if(hasWget).each(cases.filter(([name]) => name !== 'is too slow'))(
    '%s, without curl',
    async (_, handler, reason) =>
      expectRefused(await install(withExecutable(handler), { PATH: pathWith('wget') }, nearer), reason),
  );
  test('is told in the script as limits that fit the file', () => {
    expect(SOURCE).toContain('ulimit -f 400000');
    expect(SOURCE).toContain('--speed-time 30');
  });
});

/** What install.sh needs of every system, besides a shell and one of curl and wget. */
const NEEDED = 'awk chmod cut env grep ldd mkdir mktemp mv rm sed sha256sum sh uname'.split(' ');

/** A PATH with nothing but what is needed and these. */
function pathWith(...more: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'ao-migrate-path-'));
  made.push(folder);
  for (const name of [...NEEDED, ...more]) {
    const file = Bun.which(name);
    if (file !== null) symlinkSync(file, join(folder, name));
  }
  return folder;
}

describe('a download goes', () => {
  test('through redirects', async () => {
    const files = release(GOOD);
    const done = await install((request, response) => {
      const [, step, path = ''] = /^\/(?:r(\d)\/)?(.*)$/.exec(request.url ?? '') ?? [];
      if (step === '5') response.end(files[path]);
      else response.writeHead(302, { location: `/r${Number(step ?? 0) + 1}/${path}` }).end();
    });
    expect(done.exitCode).toBe(0);
    expect(existsSync(join(done.home, '.local', 'bin', 'ao-migrate'))).toBe(true);
  });
  test.if(hasWget)('with wget where there is no curl, and says so where there is neither', async () => {
    expect(await install(release(GOOD), { PATH: pathWith('wget') })).toMatchObject({ exitCode: 0 });
    server?.stop();
    expectRefused(await install(release(GOOD), { PATH: pathWith() }), 'neither curl nor wget is there');
  });
  test('through a proxy', async () => {
    const origin = await fileServer((request, response) => {
      const file = release(GOOD)[(request.url ?? '').slice('/ao/'.length)];
      if (file === undefined) response.writeHead(404).end();
      else response.end(file);
    });
    const proxy = await proxyServer(origin.address, 'me:secret');
    const env = { AO_MIGRATE_MIRROR: 'http://mirror.invalid/ao', http_proxy: proxy.address };
    const refused = await install({}, env);
    expectRefused(refused, 'could not be fetched');
    server?.stop();
    const done = await install({}, { ...env, http_proxy: proxy.address.replace('//', '//me:secret@') });
    expect(done.exitCode).toBe(0);
    expect(proxy.asked).toContain(`http://mirror.invalid/ao/v${VERSION}/${NAME}`);
    expect(done.stderr).not.toContain('secret');
    origin.stop();
    proxy.stop();
  });
});

test('nothing of the environment reaches into the runtime of what was fetched', async () => {
  const executable = Buffer.from(
    `#!/bin/sh\nif env | grep -q -e ^BUN_ -e ^NODE_OPTIONS; then exit 1; fi\necho ${VERSION}\n`,
  );
  const done = await install(release(executable), { BUN_BE_BUN: '1', BUN_OPTIONS: '--x', NODE_OPTIONS: '--y' });
  expect(done.exitCode).toBe(0);
});

test('never asks for more rights, and both scripts check before they run anything', () => {
  const windows = readFileSync(resolve(import.meta.dir, '../../scripts/install.ps1'), 'utf8');
  for (const text of [SOURCE, windows]) {
    const commands = text.replace(/^\s*#.*$/gm, '');
    expect(commands).not.toMatch(/\bsudo\b|RunAs|Verb/);
    expect(commands.indexOf('checksum)')).toBeGreaterThan(0);
    expect(commands.indexOf('checksum)')).toBeLessThan(commands.lastIndexOf('--version'));
  }
  expect(Bun.spawnSync(['sh', '-n', resolve(import.meta.dir, '../../scripts/install.sh')]).exitCode).toBe(0);
});
