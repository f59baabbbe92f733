import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  askHealth,
  type DaemonFinding,
  decodeRunFile,
  findDaemon,
  isAlive,
  readRunFile,
} from '../../src/rewrite/daemon';
import { emptyHome, type Home, machineAt } from '../support/home';

const OURS = '{"status":"ok","service":"agent-orchestrator-daemon","pid":4711}';

let home: Home;
let file: string;
beforeEach(() => {
  home = emptyHome();
  file = join(home.path, 'running.json');
});
afterEach(() => home.remove());

interface Seen {
  alive?: boolean;
  answer?: string | null;
  text?: string;
}

async function found({ alive = true, answer = null, text = '{"pid":4711,"port":3001}' }: Seen): Promise<string> {
  writeFileSync(file, text);
  const finding = await findDaemon(file, machineAt(home.path), {
    isAlive: () => alive,
    askHealth: async (port) => (port === 3001 || port > 65_535 ? answer : null),
  });
  return told(finding);
}

function told({ refusal, notes }: DaemonFinding): string {
  const codes = notes.map(({ code }) => code);
  return [refusal === null ? 'not running' : refusal.code, ...codes].join(', ');
}

describe('the run file says', () => {
  test.each([
    ['alive, its answer matches', { answer: OURS }, 'DAEMON_RUNNING'],
    ['alive, nothing answers', { answer: null }, 'DAEMON_RUNNING'],
    ['alive, the answer is no JSON', { answer: '<html>' }, 'DAEMON_RUNNING'],
    ['alive, the answer is cut', { answer: OURS.slice(0, 20) }, 'DAEMON_RUNNING'],
    ['alive, the answer is a list', { answer: '[1]' }, 'DAEMON_RUNNING'],
    ['alive, a daemon with another pid answers', { answer: OURS.replace('4711', '4712') }, 'DAEMON_RUNNING'],
    ['alive, no port is recorded', { answer: OURS, text: '{"pid":4711}' }, 'DAEMON_RUNNING'],
    ['alive, a port that cannot be', { answer: '{}', text: '{"pid":4711,"port":70000}' }, 'DAEMON_RUNNING'],
    ['alive, another service answers', { answer: '{"service":"grafana","pid":4711}' }, 'not running'],
    ['alive, a service without a name answers', { answer: '{"status":"ok"}' }, 'not running'],
    ['dead', { alive: false, answer: OURS }, 'not running'],
    ['no pid', { text: '{"port":3001}' }, 'not running'],
    ['pid 0', { text: '{"pid":0,"port":3001}' }, 'not running'],
    ['a negative pid', { text: '{"pid":-4711,"port":3001}' }, 'not running'],
    ['no JSON', { text: '{"pid":4711' }, 'not running, RUN_FILE_UNREADABLE'],
    ['nothing', { text: '' }, 'not running, RUN_FILE_UNREADABLE'],
    ['a list', { text: '[4711]' }, 'not running, RUN_FILE_UNREADABLE'],
    ['a pid in quotes', { text: '{"pid":"4711"}' }, 'not running, RUN_FILE_UNREADABLE'],
    ['a broken pid', { text: '{"pid":47.11}' }, 'not running, RUN_FILE_UNREADABLE'],
    ['a port in quotes', { text: '{"pid":4711,"port":"3001"}' }, 'not running, RUN_FILE_UNREADABLE'],
    ['too much', { text: `{"pid":4711}${' '.repeat(70_000)}` }, 'not running, RUN_FILE_UNREADABLE'],
  ] satisfies [string, Seen, string][])('%s', async (_, seen, expected) => {
    expect(await found(seen)).toBe(expected);
  });

  test('nothing where it is absent, or no home is known', async () => {
    expect(told(await findDaemon(file, machineAt(home.path)))).toBe('not running');
    expect(told(await findDaemon(null, machineAt(home.path)))).toBe('not running');
    expect(readRunFile(file)).toEqual({ state: 'absent' });
  });

  test('nothing readable where it is a directory or a FIFO', async () => {
    mkdirSync(file);
    expect(readRunFile(file).state).toBe('unreadable');
    rmSync(file, { recursive: true });
    Bun.spawnSync(['mkfifo', file]);
    expect(readRunFile(file).state).toBe('unreadable');
  });

  test('who is running and where it stands', async () => {
    writeFileSync(file, '{"pid":4711}');
    const { refusal } = await findDaemon(file, machineAt(home.path), { isAlive: () => true, askHealth });
    expect(refusal?.message).toContain('4711');
    expect(refusal?.message).toContain(file);
  });

  test('a reused pid that is our own is not the daemon', async () => {
    writeFileSync(file, JSON.stringify({ pid: process.pid }));
    expect(told(await findDaemon(file, machineAt(home.path)))).toBe('not running');
    expect(told(await findDaemon(file, machineAt(home.path, { pid: 1 })))).toBe('DAEMON_RUNNING');
  });

  test('null numbers are 0', () => {
    expect(decodeRunFile('{"pid":null,"port":null,"owner":"app"}')).toEqual({ state: 'recorded', pid: 0, port: 0 });
  });
});

test('alive: this process, its parent, one of another user; not a dead one', async () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(1)).toBe(true);
  const child = Bun.spawn(['true']);
  await child.exited;
  expect(isAlive(child.pid)).toBe(false);
  expect(isAlive(2 ** 40)).toBe(false);
});

describe('asking a port', () => {
  test('goes to it directly, past any proxy of the environment', async () => {
    const daemon = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) => (new URL(url).pathname === '/healthz' ? new Response(OURS) : new Response('wrong path')),
    });
    const proxy = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json({ service: 'proxy' }) });
    expect(await askHealth(daemon.port ?? 0)).toBe(OURS);
    const script = `import { askHealth } from ${JSON.stringify(join(import.meta.dir, '../../src/rewrite/daemon.ts'))};
      process.stdout.write(String(await askHealth(${daemon.port})));`;
    const at = `http://127.0.0.1:${proxy.port}`;
    const child = Bun.spawn([process.execPath, '-e', script], {
      env: { HOME: home.path, PATH: process.env.PATH ?? '', HTTP_PROXY: at, http_proxy: at, ALL_PROXY: at },
      stdout: 'pipe',
    });
    expect(await new Response(child.stdout).text()).toBe(OURS);
    await daemon.stop(true);
    await proxy.stop(true);
  });

  test('has no answer where nothing listens, what listens is no HTTP, closes early, or sends too much', async () => {
    const replies: Readonly<Record<string, (socket: Socket) => void>> = {
      noHttp: (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
      early: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"service":"x"}'),
      endless: (socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`),
    };
    for (const [name, reply] of Object.entries(replies)) {
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy());
        socket.once('data', () => reply(socket));
      });
      const port = await new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => {
          const address = server.address();
          resolve(typeof address === 'object' && address !== null ? address.port : 0);
        });
      });
      expect([name, await askHealth(port)]).toEqual([name, null]);
      await new Promise((resolve) => server.close(resolve));
      expect([name, await askHealth(port)]).toEqual([name, null]);
    }
  });

  test('waits 2 s and not longer', async () => {
    const silent = Bun.listen({ port: 0, hostname: '127.0.0.1', socket: { data() {} } });
    const begun = performance.now();
    const after = async (work: Promise<unknown>): Promise<number> => {
      await work;
      return performance.now() - begun;
    };
    const answer = askHealth(silent.port);
    // A busy machine keeps both of them waiting alike.
    const [waited, slept] = await Promise.all([after(answer), after(Bun.sleep(2_000))]);
    expect(await answer).toBeNull();
    expect(waited).toBeGreaterThan(1_900);
    expect(waited - slept).toBeLessThan(1_000);
    silent.stop(true);
  });

  test('takes the body of any status', async () => {
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => Response.json({ error: 1 }, { status: 404 }),
    });
    expect(await askHealth(server.port ?? 0)).toBe('{"error":1}');
    await server.stop(true);
  });
});
