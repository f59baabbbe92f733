import { Database } from 'bun:sqlite';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { withPrivateCopy } from '../rewrite/private-copy';
import type { SessionRoot } from './harness';
import type { StoreKind } from './opencode-versions';
import { sha256 } from './sha256';
import { ConversationFault, isSystemError } from './source';

/** One session as a store describes it. Times are epoch milliseconds. */
export interface StoredSession {
  readonly id: string;
  readonly parentId: string | null;
  readonly directory: string;
  /** Name of the project below which its file is kept, and only found; null in a database, where ids are global. */
  readonly project: string | null;
  readonly title: string;
  readonly updatedMs: number;
  readonly archived: boolean;
  readonly shared: boolean;
  readonly messages: number;
  readonly parts: number;
  /** Bytes of messages and parts. */
  readonly size: number;
  readonly todos: number;
  /** Sessions of sub-agents. */
  readonly children: number;
}

/** A place that holds sessions: one database, or the JSON files of a root. */
export interface SessionStore {
  readonly kind: StoreKind;
  /** The database, or the directory `storage`. */
  readonly path: string;
  /** One session with its counts, or null. */
  session(id: string): Promise<StoredSession | null>;
  /** Every session; of JSON files without counts, which are dear there. */
  sessions(): Promise<readonly StoredSession[]>;
  /** Ids of the messages and parts of a session. */
  idsOf(id: string): Promise<ReadonlySet<string>>;
  /** sha256 of everything that the store says of one session, so that a change of the original shows. */
  digest(id: string): Promise<string>;
}

const DATABASE = /^opencode(-[A-Za-z0-9._-]+)?\.db$/;

/**
 * Databases of a root: the one that OPENCODE_DB names, `opencode.db`, then those of other channels by name
 * (harness-sessions.md 3.1). The variable says nothing about a store of another machine.
 */
export async function databasesOf(root: SessionRoot, env: Machine['env']): Promise<string[]> {
  const names = (await namesIn(root.path)).filter((name) => DATABASE.test(name));
  const main = names.filter((name) => name === 'opencode.db');
  const paths = [...main, ...names.filter((name) => name !== 'opencode.db')].map((name) => join(root.path, name));
  const named = root.local ? namedDatabase(root.path, env) : null;
  if (named !== null) paths.unshift(named);
  const real: string[] = [];
  for (const path of paths) {
    // Beside the file itself, not beside a link to it, lies its -wal.
    const file = await regularFile(path);
    if (file !== null && !real.includes(file)) real.push(file);
  }
  return real;
}

/** The setting without which the daemon does not look into the database of this root; null where it is the default one. */
export function databaseSetting(root: SessionRoot, env: Machine['env']): string | null {
  const named = namedDatabase(root.destination, env);
  return named === null || named === join(root.destination, 'opencode.db') ? null : `OPENCODE_DB=${env.OPENCODE_DB}`;
}

function namedDatabase(root: string, { OPENCODE_DB: named }: Machine['env']): string | null {
  if (named === undefined || named === '' || named === ':memory:') return null;
  return resolve(root, named);
}

/** What was read of a database the last time, with what it was then. */
interface Seen {
  readonly looks: string;
  readonly content: Promise<Content>;
}

interface Content {
  readonly kind: StoreKind;
  readonly sessions: ReadonlyMap<string, StoredSession>;
}

/**
 * The databases of a run. Each is read through a private copy (migration.md 2), and read again only when it changed: all
 * sessions at once, because a copy costs more than counting them.
 */
export class OpencodeDatabases {
  readonly #seen = new Map<string, Seen>();

  constructor(
    readonly machine: Machine,
    readonly copied: typeof withPrivateCopy = withPrivateCopy,
  ) {}

  async open(path: string): Promise<SessionStore> {
    const { kind } = await this.#content(path);
    return {
      kind,
      path,
      session: async (id) => (await this.#content(path)).sessions.get(id) ?? null,
      sessions: async () => [...(await this.#content(path)).sessions.values()],
      idsOf: (id) => this.#read(path, (database) => idsOf(database, id)),
      digest: (id) => this.#digest(path, id),
    };
  }

  async #content(path: string): Promise<Content> {
    const looks = await looksOf(path);
    const seen = this.#seen.get(path);
    if (seen?.looks === looks) return seen.content;
    const content = this.#read(path, contentOf);
    this.#remember(path, looks, content);
    return content;
  }

  #remember(path: string, looks: string, content: Promise<Content>): void {
    this.#seen.set(path, { looks, content });
    // What failed is tried again by whoever asks next.
    content.catch(() => {
      if (this.#seen.get(path)?.content === content) this.#seen.delete(path);
    });
  }

  /** Reads the sessions from the same copy, because whoever asks this asks for them next. */
  async #digest(path: string, id: string): Promise<string> {
    const looks = await looksOf(path);
    const both = this.#read(path, (database) => ({ content: contentOf(database), digest: digestOf(database, id) }));
    this.#remember(
      path,
      looks,
      both.then(({ content }) => content),
    );
    return (await both).digest;
  }

  async #read<T>(path: string, use: (database: Database) => T): Promise<T> {
    return this.copy(path, (copy) => withDatabase(copy, use));
  }

  /** Hands over a private copy; one that never stands still is a fault of that conversation, not of the run. */
  async copy<T>(path: string, use: (copy: string) => T | Promise<T>): Promise<T> {
    try {
      return await this.copied(path, this.machine, use);
    } catch (error) {
      if (error instanceof Refusal && error.code === 'DB_LOCKED')
        throw new ConversationFault('CONVERSATION_UNREADABLE', error.message);
      throw error;
    }
  }
}

/** Opens a private copy; SQLite's complaint about it becomes a fault. */
export function withDatabase<T>(copy: string, use: (database: Database) => T): T {
  let database: Database | null = null;
  try {
    // Writable, because a copy with a -wal must be recovered, and it is ours alone.
    database = new Database(copy, { readwrite: true });
    return use(database);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'SQLiteError') throw error;
    throw new ConversationFault('CONVERSATION_UNREADABLE', `the database of OpenCode cannot be read: ${error.message}`);
  } finally {
    database?.close();
  }
}

interface SessionRow {
  id: string;
  parent_id: string | null;
  directory: string;
  title: string;
  time_updated: number;
  time_archived: number | null;
  share_url: string | null;
  messages: number | null;
  parts: number | null;
  size: number | null;
  todos: number | null;
  children: number | null;
}

/** To-do lists and share links are in no copy and only told of: a database without a place for them is as good. */
function sessionsQuery(database: Database): string {
  const todos = hasColumn(database, 'todo', 'session_id') ? 'todo' : '(SELECT NULL AS session_id WHERE 0)';
  const shareUrl = hasColumn(database, 'session', 'share_url') ? 's.share_url' : 'NULL AS share_url';
  return `
  WITH
    m AS (SELECT session_id, count(*) AS n, sum(length(CAST(data AS BLOB))) AS size FROM message GROUP BY session_id),
    p AS (SELECT session_id, count(*) AS n, sum(length(CAST(data AS BLOB))) AS size FROM part GROUP BY session_id),
    t AS (SELECT session_id, count(*) AS n FROM ${todos} GROUP BY session_id),
    c AS (SELECT parent_id, count(*) AS n FROM session WHERE parent_id IS NOT NULL GROUP BY parent_id)
  SELECT s.id, s.parent_id, s.directory, s.title, s.time_updated, s.time_archived, ${shareUrl},
    m.n AS messages, p.n AS parts, coalesce(m.size, 0) + coalesce(p.size, 0) AS size, t.n AS todos, c.n AS children
  FROM session s
    LEFT JOIN m ON m.session_id = s.id
    LEFT JOIN p ON p.session_id = s.id
    LEFT JOIN t ON t.session_id = s.id
    LEFT JOIN c ON c.parent_id = s.id
  ORDER BY s.id`;
}

function hasColumn(database: Database, table: string, column: string): boolean {
  const sql = 'SELECT 1 FROM pragma_table_info(?) WHERE name = ?';
  return database.query<unknown, [string, string]>(sql).get(table, column) !== null;
}

function contentOf(database: Database): Content {
  const tables = database.query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const names = new Set(tables.map(({ name }) => name));
  const kind = names.has('__drizzle_migrations') ? 'drizzle' : 'native';
  // A database that was only just made holds nothing yet.
  if (!names.has('session')) return { kind, sessions: new Map() };
  const sessions = new Map<string, StoredSession>();
  for (const row of database.query<SessionRow, []>(sessionsQuery(database)).iterate()) {
    sessions.set(row.id, {
      id: row.id,
      parentId: row.parent_id,
      directory: row.directory,
      project: null,
      title: row.title,
      updatedMs: row.time_updated,
      archived: row.time_archived !== null,
      shared: row.share_url !== null,
      messages: row.messages ?? 0,
      parts: row.parts ?? 0,
      size: row.size ?? 0,
      todos: row.todos ?? 0,
      children: row.children ?? 0,
    });
  }
  return { kind, sessions };
}

export function idsOf(database: Database, session: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const table of ['message', 'part']) {
    const rows = database.query<{ id: string }, [string]>(`SELECT id FROM ${table} WHERE session_id = ?`);
    for (const { id } of rows.iterate(session)) ids.add(id);
  }
  return ids;
}

/** Columns that no release fills in later: a newer one adds columns to old rows when it opens the database. */
const ORIGINAL = [
  'SELECT id, parent_id, directory, title, time_created, time_updated, time_archived FROM session WHERE id = ?',
  'SELECT id, session_id, CAST(data AS BLOB) AS data FROM message WHERE session_id = ? ORDER BY id',
  'SELECT id, message_id, session_id, CAST(data AS BLOB) AS data FROM part WHERE session_id = ? ORDER BY id',
];

export function digestOf(database: Database, session: string): string {
  const hash = sha256();
  for (const sql of ORIGINAL) {
    const rows = database.query<Record<string, string | number | Uint8Array | null>, [string]>(sql);
    for (const row of rows.iterate(session)) {
      for (const value of Object.values(row)) {
        const bytes = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
        hash.update(`${bytes.length}:`).update(bytes);
      }
    }
  }
  return hash.digest('hex');
}

async function looksOf(path: string): Promise<string> {
  const parts = ['', '-wal', '-journal'].map(async (part) => {
    try {
      const { ino, size, mtimeNs } = await stat(path + part, { bigint: true });
      return `${ino}:${size}:${mtimeNs}`;
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return '';
      throw error;
    }
  });
  return (await Promise.all(parts)).join(' ');
}

async function regularFile(path: string): Promise<string | null> {
  try {
    return (await stat(path)).isFile() ? await realpath(path) : null;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

/** Sorted; empty where there is no such directory. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
