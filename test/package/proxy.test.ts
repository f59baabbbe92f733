import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Handler, proxyServer } from '../support/file-server';
import { HERE, type Installed, VERSION } from '../support/installed';
import {
  cleanUp,
  expectRefused,
  GOOD,
  lay,
  NAME,
  postinstall,
  remember,
  sends,
  serve,
  vendored,
} from '../support/ladder';

setDefaultTimeout(180_000);
afterEach(cleanUp);

describe('proxies', () => {
  const load = createRequire(import.meta.url);
  const { proxyFor } = load('../../packages/ao-migrate/lib/proxy.js');
  test.each([
    ['https://x.example/a', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1/'],
    ['https://x.example/a', { https_proxy: 'p:1' }, 'http://p:1/'],
    ['https://x.example/a', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['http://x.example/a', { HTTP_PROXY: 'http://p:1' }, 'http://p:1/'],
    ['https://x.example/a', { npm_config_https_proxy: 'http://p:1' }, 'http://p:1/'],
    ['https://x.example/a', { npm_config_proxy: 'null' }, undefined],
    ['https://x.example/a', { HTTPS_PROXY: 'socks5://p:1' }, undefined],
    ['https://x.example/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' }, undefined],
    ['https://x.example/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'y.example, x.example' }, undefined],
    ['https://x.example/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: '.example' }, undefined],
    ['https://x.example/a', { HTTPS_PROXY: 'http://p:1', no_proxy: '*.example' }, undefined],
    ['https://x.example/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'ample' }, 'http://p:1/'],
    ['https://x.example/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'x.example:8443' }, 'http://p:1/'],
    ['https://x.example:8443/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'x.example:8443' }, undefined],
    ['http://[::1]:80/a', { HTTP_PROXY: 'http://p:1', NO_PROXY: '::1' }, undefined],
  ] as const)('%s with %p', (url, env, proxy) => {
    expect(proxyFor(new URL(url), env)?.href).toBe(proxy);
  });
  test('an address is fetched through the proxy, with its password', async () => {
    const laid = lay();
    const origin = await serve(sends(GOOD));
    const proxy = await proxyServer(origin.address, 'me:secret');
    remember(proxy);
    const env = {
      AO_MIGRATE_MIRROR: 'http://mirror.invalid/ao',
      HTTP_PROXY: proxy.address.replace('//', '//me:secret@'),
    };
    expect((await postinstall(laid, env)).stderr).toBe('');
    expect(proxy.asked).toEqual([`http://mirror.invalid/ao/v${VERSION}/${NAME}`]);
    expect(vendored(laid)).toEqual([HERE.file]);
  });
  test('a proxy that refuses is named', async () => {
    const origin = await serve(sends(GOOD));
    const proxy = await proxyServer(origin.address, 'me:secret');
    remember(proxy);
    await expectRefused(
      lay(),
      { AO_MIGRATE_MIRROR: 'https://mirror.invalid', HTTPS_PROXY: proxy.address },
      'the proxy answered 407',
    );
    expect(proxy.asked).toContain('CONNECT mirror.invalid:443');
  });
  test('https goes through a tunnel, and only with a certificate that NODE_EXTRA_CA_CERTS vouches for', async () => {
    const laid = lay();
    const { env, certificate } = await secureMirror(laid, sends(GOOD));
    await expectRefused(laid, env, 'could not be used: self-signed certificate');
    expect((await postinstall(laid, { ...env, NODE_EXTRA_CA_CERTS: certificate })).stderr).toBe('');
    expect(vendored(laid)).toEqual([HERE.file]);
  });
  test('no redirect leads out of https', async () => {
    const laid = lay();
    const open = await serve(sends(GOOD));
    const { env, certificate } = await secureMirror(laid, (_, response) =>
      response.writeHead(302, { location: open.address }).end(),
    );
    await expectRefused(laid, { ...env, NODE_EXTRA_CA_CERTS: certificate }, 'a redirect leaves https');
    expect(open.asked).toEqual([]);
  });
});

const REQUEST = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mirror.invalid -keyout key -out cert';

/** https://mirror.invalid behind a proxy, with a certificate that nobody knows. */
async function secureMirror(
  { main }: Installed,
  handler: Handler,
): Promise<{ env: Record<string, string>; certificate: string }> {
  const keys = join(main, 'keys');
  mkdirSync(keys);
  const names = ['-addext', 'subjectAltName=DNS:mirror.invalid'];
  const made = Bun.spawnSync(['openssl', ...REQUEST.split(' '), ...names], { cwd: keys });
  expect(made.exitCode).toBe(0);
  const certificate = join(keys, 'cert');
  const secure = createServer({ key: readFileSync(join(keys, 'key')), cert: readFileSync(certificate) }, handler);
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  const bound = secure.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const proxy = await proxyServer(`http://127.0.0.1:${port}`);
  remember(proxy);
  remember({ address: '', asked: [], stop: () => secure.close() });
  return { env: { AO_MIGRATE_MIRROR: 'https://mirror.invalid', HTTPS_PROXY: proxy.address }, certificate };
}
