import { Database } from 'bun:sqlite';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { snapshot } from '../support/tree';
import type { Driver } from './driver';
import type { World } from './world';

const PROVIDER = '@ai-sdk/openai-compatible';

/** OpenCode. */
export const OPENCODE: Driver = {
  harness: 'opencode',
  recordKey: 'opencodeSessionId',
  ready: /ctrl\+p/,
  menu: /Permission required|Session not found|Connect a provider/,
  configure(world) {
    const bundled = join(world.agentFolder, 'node_modules', PROVIDER);
    const models = { 'mock-model': { name: 'Mock', limit: { context: 100_000, output: 4_000 } } };
    const options = { baseURL: `${world.modelUrl}/v1`, apiKey: 'none' };
    // Old releases fetch a provider from npm; one that was installed with the release is named by its file instead.
    const npm = existsSync(bundled) ? `file://${join(bundled, 'dist', 'index.mjs')}` : PROVIDER;
    const settings = {
      autoupdate: false,
      share: 'disabled',
      model: 'mock/mock-model',
      small_model: 'mock/mock-model',
      provider: { mock: { npm, name: 'Mock', options, models } },
    };
    world.write('.config/opencode/opencode.json', JSON.stringify(settings));
  },
  begin: () => ['opencode'],
  prepare: () => undefined,
  resume: (_, id) => ['opencode', '--session', id],
  resumeOnce: null,
  conversationIn(world, directory) {
    const [id] = sessions(world).filter((each) => each.directory === directory);
    if (id === undefined) throw new Error(`no session was begun in ${directory}`);
    return id.id;
  },
  parts(world, id) {
    const file = join(dataFolder(world), 'opencode.db');
    if (!existsSync(file)) return files(world, id);
    using database = new Database(file, { readonly: true });
    const rows = (table: string, column: string): [string, string][] => {
      const all = database.query<{ id?: string }, [string]>(`SELECT * FROM ${table} WHERE ${column} = ?`).all(id);
      return all.map((row) => [`${table} ${row.id ?? ''}`, digest(JSON.stringify(row))]);
    };
    const tables = ['message', 'part', 'todo'].flatMap((table) => rows(table, 'session_id'));
    return Object.fromEntries([...rows('session', 'id'), ...tables]);
  },
};

function dataFolder(world: World): string {
  return join(world.home, '.local', 'share', 'opencode');
}

interface Session {
  readonly id: string;
  readonly directory: string;
}

function sessions(world: World): Session[] {
  const file = join(dataFolder(world), 'opencode.db');
  if (existsSync(file)) {
    using database = new Database(file, { readonly: true });
    return database.query<Session, []>('SELECT id, directory FROM session WHERE parent_id IS NULL').all();
  }
  const root = join(dataFolder(world), 'storage', 'session');
  const names = existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : [];
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name): Session => JSON.parse(readFileSync(join(root, name), 'utf8')));
}

/** The files of a session in the store of releases before 1.2. */
function files(world: World, id: string): Readonly<Record<string, string>> {
  const storage = join(dataFolder(world), 'storage');
  const all = Object.entries(existsSync(storage) ? snapshot(storage) : {}).filter(([, state]) =>
    state.startsWith('file'),
  );
  const messages = all.flatMap(([name]) => new RegExp(`^message/${id}/(.*)\\.json$`).exec(name)?.[1] ?? []);
  const mine = [id, ...messages];
  return Object.fromEntries(all.filter(([name]) => mine.some((each) => name.includes(each))));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
