import { Database } from 'bun:sqlite';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ConversationRequest } from '../../src/contracts/facts';
import type { Machine } from '../../src/contracts/machine';
import { askVersion } from '../../src/sessions/agents';
import { commandRunner, type RunCommand } from '../../src/sessions/agents-command';
import type { Harness, SessionRoot } from '../../src/sessions/harness';
import { type OpencodeDeps, opencodeHarness } from '../../src/sessions/opencode';
import { OpencodeDatabases } from '../../src/sessions/opencode-store';
import { World } from './world';

const FAKE = join(import.meta.dir, '..', 'fixtures', 'opencode-fake', 'opencode.ts');

export const SES = 'ses_1f1a7e0000ffeFixtureSess01';

/** One run of the stand-in. */
export interface FakeRun {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface FakeSession {
  readonly directory?: string;
  readonly title?: string;
  readonly updated?: number;
  readonly parent?: string;
  readonly archived?: boolean;
  /** One user and one assistant message each, the first with these words. */
  readonly turns?: readonly string[];
  /** `summary.diffs` of the user messages. */
  readonly diffs?: readonly Record<string, unknown>[];
}

/** A machine with the stand-in for `opencode` on its PATH, and a store of its own. */
export class OpencodeWorld extends World {
  readonly temp = join(this.path, 'tmp');
  readonly bin = join(this.path, 'bin');
  readonly log = join(this.path, 'opencode.log');
  readonly data = join(this.home, '.local', 'share', 'opencode');
  readonly machine: Machine;
  env: Record<string, string> = { PATH: this.bin };

  constructor() {
    super();
    for (const path of [this.temp, this.bin]) mkdirSync(path, { recursive: true });
    const world = this;
    this.machine = {
      platform: 'linux',
      get env() {
        return world.env;
      },
      cwd: this.path,
      home: this.home,
      legacyHome: this.home,
      uid: null,
      pid: process.pid,
      tempDir: this.temp,
      now: () => new Date(),
      randomHex: (bytes) => 'ab'.repeat(bytes),
    };
  }

  /** Puts a release on the PATH. `before` are shell lines that run first. */
  install(version: string, before = ''): void {
    // The version is asked for in nearly every test, so it is said without the start of an interpreter.
    const says = `if [ "$1" = --version ]; then echo "${version}"; exit; fi`;
    const lines = ['#!/bin/sh', says, before, `exec "${process.execPath}" "${FAKE}" "${version}" "${this.log}" "$@"`];
    this.script(`${lines.join('\n')}\n`);
  }

  script(text: string, path = join(this.bin, 'opencode')): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  }

  runs(command?: string): FakeRun[] {
    if (!existsSync(this.log)) return [];
    const runs: FakeRun[] = readFileSync(this.log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    return runs.filter(({ args }) => command === undefined || args[0] === command);
  }

  /** A database with one session, or one more in the same. `kind` as `StoreKind`. */
  session(
    id: string,
    session: FakeSession = {},
    kind: 'drizzle' | 'native' = 'native',
    name = 'opencode.db',
    folder = this.data,
  ): string {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, name);
    const isNew = !existsSync(path);
    const database = new Database(path, { create: true });
    database.run('PRAGMA journal_mode = WAL');
    if (isNew) createTables(database, kind);
    const {
      directory = this.worktree,
      title = 'AO:sh-orchestrator',
      updated = 2,
      parent = null,
      archived = false,
    } = session;
    database
      .query('INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 1, ?, ?)')
      .run(id, 'p', parent, 'calm-otter', directory, title, '1.0.0', updated, archived ? 3 : null);
    const message = database.query('INSERT INTO message VALUES (?, ?, ?, 1, ?)');
    const part = database.query('INSERT INTO part VALUES (?, ?, ?, 1, 1, ?)');
    for (const [index, words] of (session.turns ?? ['Remember the codeword PEACH-27.']).entries()) {
      const stamp = `${id.slice(-6)}${index}`;
      const [user, answer] = [`msg_0a0e1d2${index}0001User${stamp}`, `msg_0a0e1d2${index}0002Answ${stamp}`];
      const summary = { diffs: session.diffs ?? [] };
      message.run(user, id, 1, JSON.stringify({ role: 'user', agent: 'build', summary }));
      message.run(answer, id, 2, JSON.stringify({ role: 'assistant', parentID: user }));
      part.run(user.replace('msg', 'prt'), user, id, JSON.stringify({ type: 'text', text: words }));
      part.run(answer.replace('msg', 'prt'), answer, id, JSON.stringify({ type: 'text', text: 'noted' }));
    }
    database.close();
    return path;
  }

  /** Rows of a table of the store, in order of id. */
  rows(sql: string, path = join(this.data, 'opencode.db')): Record<string, unknown>[] {
    const database = new Database(path);
    try {
      return database.query<Record<string, unknown>, []>(sql).all();
    } finally {
      database.close();
    }
  }

  change(sql: string): void {
    const database = new Database(join(this.data, 'opencode.db'));
    database.run(sql);
    database.close();
  }

  override root(path = this.data, more: Partial<SessionRoot> = {}): SessionRoot {
    return super.root(path, more);
  }

  opencode(deps: Partial<OpencodeDeps> = {}): Harness {
    const run: RunCommand = commandRunner('linux');
    return opencodeHarness({
      machine: this.machine,
      run,
      databases: new OpencodeDatabases(this.machine),
      roots: [this.root()],
      liveness: this.liveness(),
      installed: () => askVersion(this.machine, 'opencode', deps.run ?? run),
      ...deps,
    });
  }

  ask(more: Partial<ConversationRequest> = {}): ConversationRequest {
    return this.request({ harness: 'opencode', storedId: SES, ...more });
  }

  /** What is left in the temporary folder. */
  left(): string[] {
    return readdirSync(this.temp).sort();
  }
}

function createTables(database: Database, kind: 'drizzle' | 'native'): void {
  database.run(
    'CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL, parent_id text, slug text NOT NULL, directory text NOT NULL, title text NOT NULL, version text NOT NULL, share_url text, time_created integer NOT NULL, time_updated integer NOT NULL, time_archived integer)',
  );
  const rest = 'time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL';
  database.run(`CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, ${rest})`);
  database.run(`CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL, ${rest})`);
  database.run('CREATE TABLE todo (session_id text NOT NULL, content text NOT NULL, position integer NOT NULL)');
  database.run(`CREATE TABLE ${kind === 'native' ? 'migration' : '__drizzle_migrations'} (id text)`);
}
