import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../contracts/machine';
import { ClaudeHistory } from './claude-history';
import type { SessionRoot } from './harness';
import type { Liveness } from './liveness';
import { type PhysicalPaths, physical } from './physical';
import { longSlugPrefixes, slug, sourceSlugs } from './slug';
import { ConversationFault, isSystemError, obstacleBelow, withFile } from './source';

/** One entry below `projects/`. */
export interface Folder {
  readonly path: string;
  /** False for a link or a file: never entered. */
  readonly isDirectory: boolean;
  /** Found by the beginning of a long name: it counts only if a transcript in it was begun in the directory sought. */
  readonly onlyByCwd: boolean;
  /** It has the conversations of every directory. */
  readonly isForAll: boolean;
}

export interface ClaudeRootDeps {
  readonly platform: Machine['platform'];
  readonly env: Machine['env'];
  readonly liveness: Liveness;
  readonly paths: PhysicalPaths;
}

/** A registry file of a running session is small; a larger one is none. */
const REGISTRY_LIMIT = 64 * 1024;

/** One Claude root of a run. What lies in it is listed once, so an instance serves one plan. */
export class ClaudeRoot {
  readonly isLocal: boolean;
  readonly setting: string | null;
  /** Links on the way to the root are resolved once; below it nothing is followed. */
  readonly path: string;
  readonly destination: string;
  readonly #deps: ClaudeRootDeps;
  #folders: Promise<ReadonlyMap<string, Folder>> | null = null;
  #registry: Promise<readonly Registered[]> | null = null;
  #history: Promise<ClaudeHistory> | null = null;
  #transcripts: Promise<ReadonlyMap<string, readonly Listed[]>> | null = null;

  constructor(root: SessionRoot, deps: ClaudeRootDeps) {
    this.isLocal = root.local;
    this.setting = root.setting;
    this.path = physical(root.path);
    this.destination = physical(root.destination);
    this.#deps = deps;
  }

  /**
   * Folders that may hold the conversations of these directories, in the order of preference (harness-sessions.md 1.1):
   * by physical path (a missing directory of a foreign store: as written), as written, wrongly encoded; directory by
   * directory; last the one that CLAUDE_CODE_PROJECT_DIR_NAME names. Throws a fault where `projects` is a link.
   */
  async foldersOf(directories: readonly string[]): Promise<Folder[]> {
    this.#folders ??= this.#list();
    const folders = await this.#folders;
    const found = new Map<string, Folder>();
    const add = (name: string, folder: Folder) => found.has(name) || found.set(name, folder);
    for (const path of directories.flatMap((directory) => this.#spellings(directory))) {
      for (const slug of sourceSlugs(path)) {
        const folder = folders.get(this.#key(slug));
        if (folder !== undefined) add(this.#key(slug), folder);
      }
      for (const prefix of longSlugPrefixes(path).map((each) => this.#key(each))) {
        for (const [name, folder] of folders) {
          if (name.startsWith(prefix)) add(name, { ...folder, onlyByCwd: true });
        }
      }
    }
    const shared = this.#sharedName();
    const folder = shared === null ? undefined : folders.get(this.#key(shared));
    if (shared !== null && folder !== undefined) add(this.#key(shared), { ...folder, isForAll: true });
    return [...found.values()];
  }

  /**
   * Transcripts with this id in all folders but the one in which a directory's conversations are kept now. Throws a fault
   * where `projects` is a link.
   */
  async transcriptsBeside(directory: string, id: string): Promise<string[]> {
    this.#transcripts ??= this.#listTranscripts();
    const known = (await this.#transcripts).get(id) ?? [];
    const own = this.#key(slug(this.#deps.paths.of(directory)));
    return known.flatMap(({ folder, path }) => (folder === own ? [] : path));
  }

  /** Id of the session that was last used in a directory, as the agent's own history has it; null where it has none. */
  async lastSessionIn(directory: string): Promise<string | null> {
    this.#history ??= ClaudeHistory.read(join(this.path, 'history.jsonl'));
    return (await this.#history).lastIn(this.#spellings(directory));
  }

  /**
   * Pid of a running Claude Code that has registered this session and is still the process that did (harness-sessions.md
   * 1.6).
   */
  async ownerOf(sessionId: string): Promise<number | null> {
    this.#registry ??= readRegistry(join(this.path, 'sessions'));
    const { liveness } = this.#deps;
    const owner = (await this.#registry).find(
      (entry) =>
        entry.sessionId.toLowerCase() === sessionId.toLowerCase() &&
        liveness.isAlive(entry.pid) &&
        isSameStart(entry.procStart, liveness.startTicks(entry.pid)),
    );
    return owner?.pid ?? null;
  }

  #spellings(directory: string): string[] {
    if (!this.isLocal && !existsSync(directory)) return [directory];
    const real = this.#deps.paths.of(directory);
    return real === directory ? [directory] : [real, directory];
  }

  /** The name that replaces every slug in a root named by CLAUDE_CONFIG_DIR. */
  #sharedName(): string | null {
    const { CLAUDE_CONFIG_DIR: root, CLAUDE_CODE_PROJECT_DIR_NAME: name } = this.#deps.env;
    if (!root || !name || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) return null;
    return physical(root) === this.path ? name : null;
  }

  async #list(): Promise<ReadonlyMap<string, Folder>> {
    const projects = join(this.path, 'projects');
    const obstacle = await obstacleBelow(this.path, projects);
    if (obstacle !== null)
      throw new ConversationFault('CONVERSATION_UNREADABLE', `is a link or no directory: ${obstacle}`);
    const folders = new Map<string, Folder>();
    for (const entry of (await entriesOf(projects)).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(projects, entry.name);
      folders.set(this.#key(entry.name), { path, isDirectory: entry.isDirectory(), onlyByCwd: false, isForAll: false });
    }
    return folders;
  }

  /** By their ids. What is no regular file, or lies in a folder that may not be listed, is none. */
  async #listTranscripts(): Promise<ReadonlyMap<string, readonly Listed[]>> {
    this.#folders ??= this.#list();
    const listed: (Listed & { readonly id: string })[] = [];
    for (const [folder, { path, isDirectory }] of await this.#folders) {
      for (const entry of isDirectory ? await entriesOf(path).catch(() => []) : []) {
        if (!entry.isFile() || !entry.name.endsWith('.jsonl')) continue;
        listed.push({ id: entry.name.slice(0, -'.jsonl'.length), folder, path: join(path, entry.name) });
      }
    }
    return Map.groupBy(listed, ({ id }) => id);
  }

  /** Names as the file system of the platform compares them. */
  #key(name: string): string {
    return this.#deps.platform === 'linux' ? name : name.toLowerCase();
  }
}

/** A transcript, and the key of its folder. */
interface Listed {
  readonly folder: string;
  readonly path: string;
}

interface Registered {
  readonly pid: number;
  readonly sessionId: string;
  readonly procStart: string | null;
}

/** Equal, or not to be compared: the start is recorded from 2.1.150 on and known on Linux only. */
function isSameStart(recorded: string | null, actual: string | null): boolean {
  return recorded === null || actual === null || recorded === actual;
}

async function readRegistry(directory: string): Promise<Registered[]> {
  const entries = (await entriesOf(directory)).filter((entry) => entry.isFile() && /^\d+\.json$/.test(entry.name));
  const read = await Promise.all(entries.map((entry) => readRegistered(join(directory, entry.name))));
  return read.flatMap((entry) => entry ?? []).sort((a, b) => a.pid - b.pid);
}

/** Null for what is no registration: a file that is torn or of another form says nothing. */
async function readRegistered(path: string): Promise<Registered | null> {
  try {
    return await withFile(path, async (file) => {
      if (file.size > REGISTRY_LIMIT) return null;
      const value: unknown = JSON.parse(readFileSync(file.descriptor, 'utf8'));
      if (typeof value !== 'object' || value === null) return null;
      const { pid, sessionId, procStart }: Partial<Record<keyof Registered, unknown>> = value;
      if (typeof pid !== 'number' || typeof sessionId !== 'string') return null;
      const start = typeof procStart === 'string' || typeof procStart === 'number' ? `${procStart}` : null;
      return { pid, sessionId, procStart: start };
    });
  } catch {
    return null;
  }
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
