import { expect } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { publishedName } from '../../scripts/release-files';
import { type FileServer, fileServer, type Handler } from './file-server';
import { HERE, type Installed, installed, node, script } from './installed';

export const NAME = publishedName(HERE);
export const ran = (main: string): string => join(main, 'ran');

/** The executable of the release: `postinstall` leaves a trace of having run, with its arguments. */
export const GOOD = script('echo "$0 $@" >> "$(dirname "$0")/../../ran"');
/** Of the same size and another content. */
export const WRONG = Buffer.from(Buffer.from(GOOD).toString('latin1').replace('>>', '> '), 'latin1');

let place: Installed | null = null;
const servers: FileServer[] = [];
/** For `afterEach`: removes what was laid, stops what was served. */
export function cleanUp(): void {
  place?.remove();
  for (const server of servers.splice(0)) server.stop();
}

/** Stopped with the others. */
export function remember(server: FileServer): FileServer {
  servers.push(server);
  return server;
}

export function lay(executable: Uint8Array = GOOD): Installed {
  place = installed(executable);
  return place;
}

export async function serve(handler: Handler): Promise<FileServer> {
  const server = await fileServer(handler);
  servers.push(server);
  return server;
}

/** What is below vendor, which must be empty after anything but success. */
export function vendored({ main }: Installed): string[] {
  const folder = join(main, 'vendor', HERE.name);
  return existsSync(folder) ? readdirSync(folder) : [];
}

export const postinstall = ({ main }: Installed, env: Record<string, string>) =>
  node(join(main, 'lib', 'postinstall.js'), [], env);

/** Nothing was run, nothing is left, one line was said, and the install goes on. */
export async function expectRefused(laid: Installed, env: Record<string, string>, message: string): Promise<void> {
  const done = await postinstall(laid, env);
  expect(done.stderr).toContain(message);
  expect(done.stderr.trim().split('\n')).toHaveLength(1);
  expect(done).toMatchObject({ exitCode: 0, stdout: '' });
  expect(existsSync(ran(laid.main))).toBe(false);
  expect(vendored(laid)).toEqual([]);
}

export const sends =
  (bytes: Uint8Array, head: Record<string, string> = {}): Handler =>
  (_, response) =>
    response.writeHead(200, head).end(bytes);
