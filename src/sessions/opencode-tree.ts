import { lstat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { JsonEditor } from './opencode-json';
import { isSessionId } from './opencode-reid';
import { namesIn, type SessionStore, type StoredSession } from './opencode-store';
import { sha256 } from './sha256';
import { bytesOf, ConversationFault, isSystemError, obstacleBelow, withFile } from './source';

/** Largest session file that is parsed; they have a few hundred bytes. */
const SESSION_CAP = 4 * 1024 * 1024;

interface TreeMessage {
  readonly path: string;
  readonly parts: readonly string[];
}

/** The files of one conversation before SQLite (harness-sessions.md 3.1), in the order of their ids, which is that of time. */
interface TreeFiles {
  readonly session: string;
  readonly messages: readonly TreeMessage[];
}

/** What a session file says. */
type TreeInfo = Omit<StoredSession, 'messages' | 'parts' | 'size' | 'todos' | 'children'>;

/**
 * The conversations that OpenCode up to 1.1 kept as JSON: `storage/session/<project>/<session>.json`,
 * `storage/message/<session>/<message>.json`, `storage/part/<message>/<part>.json`. Links are not followed below `storage`.
 */
export class OpencodeTree implements SessionStore {
  readonly kind = 'json';
  #listed: Promise<string[]> | null = null;
  #all: Promise<StoredSession[]> | null = null;

  /** @param path the directory `storage` */
  constructor(readonly path: string) {}

  async session(id: string): Promise<StoredSession | null> {
    const files = await this.#files(id);
    if (files === null) return null;
    const all = pathsOf(files);
    const sizes = await Promise.all(all.map(async (path) => (await lstat(path)).size));
    return {
      ...(await infoOf(files.session)),
      messages: files.messages.length,
      parts: all.length - 1 - files.messages.length,
      size: sizes.reduce((sum, size) => sum + size, 0),
      todos: (await namesIn(join(this.path, 'todo'))).includes(`${id}.json`) ? 1 : 0,
      children: 0,
    };
  }

  sessions(): Promise<readonly StoredSession[]> {
    this.#all ??= this.#readSessions();
    return this.#all;
  }

  async #readSessions(): Promise<StoredSession[]> {
    const sessions: StoredSession[] = [];
    for (const path of await this.#sessionPaths()) {
      const info = await infoOf(path).catch(unusable);
      if (info !== null) sessions.push({ ...info, messages: 0, parts: 0, size: 0, todos: 0, children: 0 });
    }
    return sessions;
  }

  async idsOf(id: string): Promise<ReadonlySet<string>> {
    const [, ...rest] = pathsOf(await this.#require(id));
    return new Set(rest.map((path) => basename(path, '.json')));
  }

  async digest(id: string): Promise<string> {
    const hash = sha256();
    for (const path of pathsOf(await this.#require(id))) {
      hash.update(`${path}\0`);
      await withFile(path, async (file) => {
        for await (const piece of bytesOf(file, 0, file.size)) hash.update(piece);
      });
    }
    return hash.digest('hex');
  }

  /**
   * An export made of the files, as releases that no longer read them need it (harness-sessions.md 3.1). Every file is
   * checked to be one whole JSON object with the id of its name; a torn one is a fault that names it.
   */
  async *export(id: string): AsyncGenerator<Uint8Array> {
    const files = await this.#require(id);
    yield text('{"info":');
    yield* this.#object(files.session);
    yield text(',"messages":[');
    for (const [index, message] of files.messages.entries()) {
      yield text(index === 0 ? '{"info":' : ',{"info":');
      yield* this.#object(message.path);
      yield text(',"parts":[');
      for (const [place, part] of message.parts.entries()) {
        if (place > 0) yield text(',');
        yield* this.#object(part);
      }
      yield text(']}');
    }
    yield text(']}\n');
  }

  async *#object(path: string): AsyncGenerator<Uint8Array> {
    const pieces: Uint8Array[] = [];
    await withFile(path, async (file) => {
      const check = new IdCheck(path);
      for await (const piece of bytesOf(file, 0, file.size)) {
        // The buffer is reused, and nothing may be written before the whole file has turned out to be good.
        pieces.push(Uint8Array.from(piece));
        check.push(piece);
      }
      check.end();
    });
    yield* pieces;
  }

  async #require(id: string): Promise<TreeFiles> {
    const files = await this.#files(id);
    if (files === null)
      throw new ConversationFault('CONVERSATION_UNREADABLE', `the session ${id} is gone from ${this.path}`);
    return files;
  }

  async #files(id: string): Promise<TreeFiles | null> {
    if (!isSessionId(id)) return null;
    const session = (await this.#sessionPaths()).find((path) => basename(path) === `${id}.json`);
    if (session === undefined) return null;
    const messages: TreeMessage[] = [];
    for (const path of await this.#jsonIn('message', id)) {
      messages.push({ path, parts: await this.#jsonIn('part', basename(path, '.json')) });
    }
    return { session, messages };
  }

  /** Listed once: an instance serves one run, and nothing is ever written here. */
  #sessionPaths(): Promise<string[]> {
    this.#listed ??= this.#listSessions();
    return this.#listed;
  }

  async #listSessions(): Promise<string[]> {
    const paths: string[] = [];
    for (const project of await namesIn(join(this.path, 'session')))
      paths.push(...(await this.#jsonIn('session', project)));
    return paths;
  }

  /** Paths of the JSON files in `storage/<kind>/<name>`, sorted. */
  async #jsonIn(kind: string, name: string): Promise<string[]> {
    const directory = join(this.path, kind, name);
    const obstacle = await obstacleBelow(this.path, directory);
    if (obstacle !== null) {
      if (kind === 'session') return [];
      throw new ConversationFault('CONVERSATION_UNREADABLE', `is a link or no directory: ${obstacle}`);
    }
    const names = (await namesIn(directory)).filter((file) => /^[a-z]+_[A-Za-z0-9]+\.json$/.test(file));
    return names.map((file) => join(directory, file));
  }
}

function pathsOf({ session, messages }: TreeFiles): string[] {
  return [session, ...messages.flatMap(({ path, parts }) => [path, ...parts])];
}

async function infoOf(path: string): Promise<TreeInfo> {
  const content = await withFile(path, async (file) => {
    if (file.size > SESSION_CAP) throw torn(path);
    const pieces: Buffer[] = [];
    for await (const piece of bytesOf(file, 0, file.size)) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces).toString('utf8');
  });
  const info = parsed(content);
  const id = basename(path, '.json');
  if (info === null || info.id !== id || typeof info.directory !== 'string') throw torn(path);
  const time = isObject(info.time) ? info.time : {};
  return {
    id,
    parentId: typeof info.parentID === 'string' ? info.parentID : null,
    directory: info.directory,
    project: basename(dirname(path)),
    title: typeof info.title === 'string' ? info.title : '',
    updatedMs: typeof time.updated === 'number' ? time.updated : 0,
    archived: typeof time.archived === 'number',
    shared: isObject(info.share),
  };
}

function parsed(content: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(content);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks that a file is one whole JSON object with the id of its name. */
class IdCheck {
  #id: string | null = null;
  readonly #editor = new JsonEditor({
    string: ({ path }, value) => {
      if (path === '/id') this.#id = value;
      return null;
    },
  });

  constructor(readonly path: string) {}

  push(piece: Uint8Array): void {
    this.#try(() => this.#editor.push(piece));
  }

  end(): void {
    this.#try(() => this.#editor.end());
    if (this.#id !== basename(this.path, '.json')) throw torn(this.path);
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      throw error instanceof SyntaxError ? torn(this.path) : error;
    }
  }
}

function torn(path: string): ConversationFault {
  return new ConversationFault('CONVERSATION_UNREADABLE', `is damaged or not what its name says: ${path}`);
}

/** A session file that cannot be used is no candidate for a recovery. */
function unusable(error: unknown): null {
  if (error instanceof ConversationFault || isSystemError(error, 'ENOENT', 'EACCES')) return null;
  throw error;
}

function text(value: string): Uint8Array {
  return Buffer.from(value, 'utf8');
}
