import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Handler } from '../support/file-server';
import { HERE, node, script, VERSION } from '../support/installed';
import {
  cleanUp,
  expectRefused,
  GOOD,
  lay,
  NAME,
  postinstall,
  ran,
  sends,
  serve,
  vendored,
  WRONG,
} from '../support/ladder';

setDefaultTimeout(180_000);
afterEach(cleanUp);

describe('a download', () => {
  test('that is right is kept, run, and used by the launcher; a second install asks nobody', async () => {
    const laid = lay();
    const server = await serve(sends(GOOD));
    const env = { AO_MIGRATE_MIRROR: server.address };
    expect(await postinstall(laid, env)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect(server.asked).toEqual([`/v${VERSION}/${NAME}`]);
    expect(vendored(laid)).toEqual([HERE.file]);
    expect(readFileSync(ran(laid.main), 'utf8')).toEndWith(`${HERE.file} postinstall\n`);
    await postinstall(laid, env);
    expect(server.asked).toHaveLength(1);
    expect((await node(laid.launcher, ['--version'])).stdout).toBe(`${VERSION}\n`);
  });
  test('comes from a flat folder, if the mirror is one, and with or without a slash at the end', async () => {
    const laid = lay();
    const server = await serve((request, response) =>
      request.url === `/files/${NAME}` ? sends(GOOD)(request, response) : response.writeHead(404).end(),
    );
    expect((await postinstall(laid, { AO_MIGRATE_MIRROR: `${server.address}/files/` })).stderr).toBe('');
    expect(vendored(laid)).toEqual([HERE.file]);
  });
  test('follows five redirects', async () => {
    const laid = lay();
    const server = await serve((request, response) => {
      const step = Number(/\d$/.exec(request.url ?? '')?.[0] ?? 0);
      if (request.url?.startsWith('/r') !== true) response.writeHead(302, { location: '/r1' }).end();
      else if (step < 5) response.writeHead(307, { location: `/r${step + 1}` }).end();
      else sends(GOOD)(request, response);
    });
    expect((await postinstall(laid, { AO_MIGRATE_MIRROR: server.address })).stderr).toBe('');
    expect(vendored(laid)).toEqual([HERE.file]);
  });
  test('is not needed beside the platform package', async () => {
    const laid = lay();
    laid.add(HERE, GOOD);
    expect(await postinstall(laid, { AO_MIGRATE_MIRROR: 'http://127.0.0.1:9' })).toMatchObject({
      stderr: '',
      exitCode: 0,
    });
    expect(vendored(laid)).toEqual([]);
  });
  test('replaces a platform package with other bytes, which is not run', async () => {
    const laid = lay();
    laid.add(HERE, script('touch "$(dirname "$0")/../../ao-migrate/ran"; exit 9'));
    const server = await serve(sends(GOOD));
    expect((await postinstall(laid, { AO_MIGRATE_MIRROR: server.address })).stderr).toBe('');
    expect(readFileSync(ran(laid.main), 'utf8')).toContain('vendor');
  });
  test('that has been changed since is fetched again', async () => {
    const laid = lay();
    const file = join(laid.main, 'vendor', HERE.name, HERE.file);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, WRONG, { mode: 0o755 });
    const server = await serve(sends(GOOD));
    await postinstall(laid, { AO_MIGRATE_MIRROR: server.address });
    expect(server.asked).toHaveLength(1);
    expect(readFileSync(file).equals(GOOD)).toBe(true);
  });
});

test('what a killed install has left goes with the next one; what another one writes stays', async () => {
  const laid = lay();
  const folder = join(laid.main, 'vendor', HERE.name);
  mkdirSync(folder, { recursive: true });
  for (const pid of [999_999_999, process.pid]) writeFileSync(join(folder, `.${pid}-${HERE.file}`), 'half');
  const server = await serve(sends(GOOD));
  await postinstall(laid, { AO_MIGRATE_MIRROR: server.address });
  expect(readdirSync(folder).sort()).toEqual([`.${process.pid}-${HERE.file}`, HERE.file]);
});

describe('nothing unverified is run, and the install goes on', () => {
  const cases: readonly (readonly [string, Handler, string])[] = [
    ['404', (_, response) => response.writeHead(404).end(), 'the server answered 404'],
    ['500', (_, response) => response.writeHead(500).end(), 'the server answered 500'],
    ['a wrong checksum', sends(WRONG), 'its checksum is wrong, so it was deleted'],
    ['a page instead of a file', sends(Buffer.from('<html>'), { 'content-length': '6' }), 'it has 6 bytes, not'],
    [
      'a file that ends early',
      (_, response) => {
        response.writeHead(200, { 'content-length': String(GOOD.length) });
        response.write(GOOD.subarray(0, 20));
        setTimeout(() => response.destroy(), 20);
      },
      'the connection ended early',
    ],
    [
      'a file that ends early without saying how long it is',
      (_, response) => {
        response.write(GOOD.subarray(0, 20));
        response.end();
      },
      `it ends after 20 of ${GOOD.length} bytes`,
    ],
    [
      'an oversized file that says so',
      sends(Buffer.concat([GOOD, GOOD]), { 'content-length': String(GOOD.length * 2) }),
      `it has ${GOOD.length * 2} bytes, not`,
    ],
    [
      'an endless file',
      (_, response) => {
        const more = setInterval(() => response.write(Buffer.alloc(65_536)), 1);
        response.on('close', () => clearInterval(more));
      },
      'it has more than',
    ],
    [
      'a redirect loop',
      (request, response) => response.writeHead(302, { location: request.url ?? '' }).end(),
      'more than 5 redirects',
    ],
    ['a redirect to nowhere', (_, response) => response.writeHead(302).end(), 'the server answered 302'],
    [
      'a redirect to a file',
      (_, response) => response.writeHead(302, { location: 'file:///etc/hostname' }).end(),
      'file: is not fetched',
    ],
    ['a connection that is dropped', (request) => request.socket.destroy(), 'the connection ended early'],
  ];
  test.each(cases)('%s', async (_, handler, message) => {
    const server = await serve(handler);
    await expectRefused(lay(), { AO_MIGRATE_MIRROR: server.address }, message);
  });
  test('the wrong executable inside, though its checksum is right', async () => {
    const other = script('echo ran', '1.1.1');
    const laid = lay(other);
    const server = await serve(sends(other));
    await expectRefused(laid, { AO_MIGRATE_MIRROR: server.address }, 'it does not say that it is this version');
  });
  test('an executable for another machine', async () => {
    const foreign = Buffer.from('MZ not for this machine');
    const laid = lay(foreign);
    const server = await serve(sends(foreign));
    await expectRefused(laid, { AO_MIGRATE_MIRROR: server.address }, 'was fetched but does not start here');
  });
  test('no address', () => expectRefused(lay(), {}, 'no address to fetch it from is known'));
  test('a mirror that is no address', () => expectRefused(lay(), { AO_MIGRATE_MIRROR: 'mirror' }, 'could not be used'));
  test('nobody at the address', () =>
    expectRefused(lay(), { AO_MIGRATE_MIRROR: 'http://127.0.0.1:9' }, 'ECONNREFUSED'));
  test('AO_MIGRATE_BINARY that names nothing', () =>
    expectRefused(lay(), { AO_MIGRATE_BINARY: '/nowhere/ao' }, 'AO_MIGRATE_BINARY names no file: /nowhere/ao'));
  test('a folder that cannot be written', async () => {
    const laid = lay();
    writeFileSync(join(laid.main, 'vendor'), '');
    const server = await serve(sends(GOOD));
    await expectRefused(laid, { AO_MIGRATE_MIRROR: server.address }, 'ENOTDIR').catch(async () => {
      await expectRefused(laid, { AO_MIGRATE_MIRROR: server.address }, 'EEXIST');
    });
  });
  test('a password in the address is not told', async () => {
    const server = await serve((_, response) => response.writeHead(403).end());
    const { stderr } = await postinstall(lay(), { AO_MIGRATE_MIRROR: server.address.replace('//', '//me:secret@') });
    expect(stderr).toContain('the server answered 403');
    expect(stderr).not.toContain('secret');
  });
});

describe('the limits of a download', () => {
  const load = createRequire(import.meta.url);
  const { download } = load('../../packages/ao-migrate/lib/download.js');
  const expected = { size: 1000, sha256: '0'.repeat(64) };
  const slow: Handler = (_, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    const more = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(more));
  };
  test.each([
    ['a slow one ends with the whole time', slow, { whole: 300, idle: 10_000 }, 'not done after 0.3 s'],
    [
      'a silent one ends earlier',
      (_: unknown, response: Parameters<Handler>[1]) => response.writeHead(200).flushHeaders(),
      { whole: 10_000, idle: 200 },
      'no byte for 0.2 s',
    ],
    ['one that never answers, too', () => {}, { whole: 10_000, idle: 200 }, 'no byte for 0.2 s'],
  ] as const)('%s', async (_, handler, limits, message) => {
    const server = await serve(handler);
    const file = join(lay().main, 'file');
    const start = performance.now();
    expect(await download(server.address, file, expected, {}, limits).catch(({ message: text }: Error) => text)).toBe(
      message,
    );
    // Less than the other of the two limits.
    expect(performance.now() - start).toBeLessThan(9_000);
    expect(existsSync(file)).toBe(false);
  });
  test('a file that is there already is not written over, nor deleted', async () => {
    const file = join(lay().main, 'file');
    writeFileSync(file, 'mine');
    const server = await serve(sends(Buffer.alloc(1000)));
    await download(server.address, file, expected, {}).catch(() => {});
    expect(existsSync(file) ? readFileSync(file, 'utf8') : 'gone').toBe('mine');
  });
});
