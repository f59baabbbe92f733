import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { publishedName, sha256Of } from '../../scripts/release-files';
import { type FileServer, fileServer } from '../support/file-server';
import { HERE, script, VERSION } from '../support/installed';

setDefaultTimeout(60_000);

const SOURCE = readFileSync(resolve(import.meta.dir, '../../scripts/install.sh'), 'utf8');
const NAME = publishedName(HERE);
const GOOD = script('echo migrated');

let work = '';
let server: FileServer | null = null;
afterEach(() => {
  server?.stop();
  rmSync(work, { recursive: true, force: true });
});

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly home: string;
}

/** Runs the script as a release publishes it, against a folder of files by path. */
async function install(
  files: Readonly<Record<string, Uint8Array>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  work = mkdtempSync(join(tmpdir(), 'ao-migrate-install-'));
  server = await fileServer((request, response) => {
    const file = files[(request.url ?? '').slice(1)];
    if (file === undefined) response.writeHead(404).end();
    else response.end(file);
  });
  const home = join(work, 'home with spaces');
  mkdirSync(home);
  const file = join(work, 'install.sh');
  writeFileSync(file, SOURCE.replaceAll('@VERSION@', VERSION).replaceAll('@RELEASES@', server.address));
  const child = Bun.spawn(['sh', file], {
    env: { HOME: home, PATH: process.env.PATH ?? '', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr, home };
}

const release = (executable: Uint8Array, sum = sha256Of(executable)): Record<string, Uint8Array> => ({
  [`v${VERSION}/${NAME}`]: executable,
  [`v${VERSION}/SHA256SUMS`]: Buffer.from(`${'0'.repeat(64)}  ${NAME}.tar.xz\n${sum}  ${NAME}\n`),
});

/** Nothing is installed, nothing is left, and the reason is told. */
function expectRefused({ exitCode, stderr, home }: Ended, reason: string): void {
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
