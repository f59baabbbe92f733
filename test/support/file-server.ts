import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface FileServer {
  readonly address: string;
  /** Paths asked for, in order; a proxy notes whole addresses and `CONNECT host:port`. */
  readonly asked: readonly string[];
  stop(): void;
}

async function listening(server: Server, asked: string[]): Promise<FileServer> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    address: `http://127.0.0.1:${port}`,
    asked,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A server of this machine that answers as `handler` says. */
export function fileServer(handler: Handler): Promise<FileServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    handler(request, response);
  });
  return listening(server, asked);
}

/** A proxy that knows one host only: whatever name is asked for, `origin` is reached. */
export function proxyServer(origin: string, credentials: string | null = null): Promise<FileServer> {
  const asked: string[] = [];
  const { hostname, port } = new URL(origin);
  const allowed = (request: IncomingMessage): boolean =>
    credentials === null ||
    request.headers['proxy-authorization'] === `Basic ${Buffer.from(credentials).toString('base64')}`;
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (!allowed(request)) {
      response.writeHead(407).end();
      return;
    }
    const { pathname } = new URL(request.url ?? '', origin);
    // Not by fetch: that goes through the proxy of this machine, where one is set.
    get({ hostname, port, path: pathname, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502);
      answer.pipe(response);
    }).on('error', () => response.writeHead(502).end());
  });
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    if (!allowed(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const through = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      through.pipe(socket);
      socket.pipe(through);
    });
    through.on('error', () => socket.destroy());
    socket.on('error', () => through.destroy());
  });
  return listening(server, asked);
}
