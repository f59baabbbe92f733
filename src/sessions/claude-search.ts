import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConversationRequest, FoundConversation } from '../contracts/facts';
import type { ClaudeRoot, Folder } from './claude-folders';
import { readBeginning, type Transcript, type TranscriptMemory } from './claude-transcript';
import { byAge, Problems } from './finding';
import { isUuid } from './ids';
import { directoryMatcher } from './physical';
import { type OpenFile, withFile } from './source';

/** A usable transcript, and how it was identified. */
export interface Located {
  readonly root: ClaudeRoot;
  readonly id: string;
  readonly path: string;
  readonly how: FoundConversation['how'];
  readonly size: number;
  readonly mtimeMs: number;
  readonly transcript: Transcript;
  /** Ids of the other candidates of a recovery, newest first. */
  readonly others: readonly string[];
}

/** A transcript that passed the rules, before one is chosen. */
interface Candidate {
  readonly id: string;
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly startedMs: number | null;
}

/** A conversation begins with its orchestrator, not exactly: 5 s before to 120 s after (migration.md 6.5). */
const BEFORE_MS = 5_000;
const AFTER_MS = 120_000;

/**
 * Looks for the conversation of one record in all roots (migration.md 6.5): the stored id in each root first, then what
 * the record's guards allow, where the first root with a usable conversation decides (R27). `problems` is added to.
 */
export class ClaudeSearch {
  readonly problems = new Problems();
  readonly #request: ConversationRequest;
  readonly #roots: readonly ClaudeRoot[];
  readonly #memory: TranscriptMemory;

  constructor(request: ConversationRequest, roots: readonly ClaudeRoot[], memory: TranscriptMemory) {
    this.#request = request;
    this.#roots = roots;
    this.#memory = memory;
  }

  /** The transcript with this id, a UUID, in a folder of the record's directories. Its `cwd` is not asked (R28). */
  async byId(id: string): Promise<Located | null> {
    const isOwn = directoryMatcher(this.#directories());
    for (const root of this.#roots) {
      for (const folder of await this.#folders(root, this.#directories(), isOwn)) {
        const path = join(folder.path, `${id}.jsonl`);
        const located = await this.#inspect(path, async (file) => {
          const transcript = await this.#memory.read(file);
          return transcript.hasMessage ? this.#located(root, { ...file, id, path, transcript }, 'stored') : null;
        });
        if (located !== null) return located;
      }
    }
    return null;
  }

  /**
   * The newest transcript of the record's directories that no other record names. The project's own folder is none of
   * them, even where the record names it: its user's sessions are there (legacy-store.md 5.2). Nor is another record's
   * worktree; a file that lies elsewhere may have been begun in it all the same (R28).
   */
  async newest(): Promise<Located | null> {
    const own = this.#ownDirectories();
    const directories = this.#unshared(own);
    const [isNamed, isOwn] = [directoryMatcher(own), directoryMatcher(directories)];
    const passes = (cwd: string | null, { isForAll }: Folder) => cwd === null || (isForAll ? isOwn : isNamed)(cwd);
    for (const root of this.#roots) {
      const candidates = await this.#candidates(root, directories, isOwn, passes);
      const [first, ...rest] = candidates;
      if (first === undefined) continue;
      const others = new Set(rest.map((each) => each.id).filter((id) => id !== first.id));
      return this.#read(root, first, 'recovered', [...others]);
    }
    return null;
  }

  /**
   * The session that the agent's history names last for the worktree (harness-sessions.md 1.5), if it was begun in a
   * directory of the record (R28) that no other has as its worktree, and no other record names it: its folder may be one
   * that no rule leads to. Null where several folders have it.
   */
  async byHistory(): Promise<Located | null> {
    const { worktree, destinationCwd, isTaken } = this.#request;
    if (worktree === null) return null;
    const isOwn = directoryMatcher(this.#unshared(this.#ownDirectories()));
    for (const root of this.#roots) {
      const id = await root.lastSessionIn(worktree);
      if (id === null || isTaken(id)) continue;
      const found: Located[] = [];
      for (const path of (await this.problems.guard(() => root.transcriptsBeside(destinationCwd, id))) ?? []) {
        const located = await this.#inspect(path, async (file) => {
          const transcript = await this.#memory.read(file);
          const { firstCwd, hasOwnMessage } = transcript;
          if (!hasOwnMessage || firstCwd === null || !isOwn(firstCwd)) return null;
          return this.#located(root, { ...file, id, path, transcript }, 'by-history');
        });
        if (located !== null) found.push(located);
      }
      const [first, second] = found;
      if (first !== undefined && second === undefined) return first;
    }
    return null;
  }

  /**
   * The one transcript of the project's own folder that began when the record did; null also for several, and for one that
   * began when another record of the folder did too.
   */
  async byTime(): Promise<Located | null> {
    const { createdAtMs, projectPath, rivalsMs } = this.#request;
    if (createdAtMs === null) return null;
    const isOwn = directoryMatcher([projectPath]);
    for (const root of this.#roots) {
      const candidates = await this.#candidates(root, [projectPath], isOwn, (cwd) => cwd !== null && isOwn(cwd));
      const [first, second] = candidates.filter((candidate) => beganWith(candidate, createdAtMs));
      if (first === undefined) continue;
      if (second !== undefined || rivalsMs.some((each) => beganWith(first, each))) return null;
      return this.#read(root, first, 'by-time', []);
    }
    return null;
  }

  /** The record's directories without the project's own folder. */
  #ownDirectories(): string[] {
    const isProject = directoryMatcher([this.#request.projectPath]);
    return this.#directories().filter((directory) => !isProject(directory));
  }

  #unshared(directories: readonly string[]): string[] {
    return directories.filter((directory) => !this.#request.isOthers(directory));
  }

  #directories(): string[] {
    const { worktree, workspacePaths } = this.#request;
    return [...new Set([...(worktree === null ? [] : [worktree]), ...workspacePaths])];
  }

  async #folders(root: ClaudeRoot, directories: readonly string[], isOwn: (cwd: string) => boolean): Promise<Folder[]> {
    const folders = (await this.problems.guard(() => root.foldersOf(directories))) ?? [];
    const usable: Folder[] = [];
    for (const folder of folders) {
      if (!folder.isDirectory) this.problems.refuse(`is a link or no directory: ${folder.path}`);
      else if (!folder.onlyByCwd || (await this.#wasBegunIn(folder, isOwn))) usable.push(folder);
    }
    return usable;
  }

  async #wasBegunIn(folder: Folder, isOwn: (cwd: string) => boolean): Promise<boolean> {
    for (const id of await this.#idsIn(folder)) {
      const cwd = await this.#inspect(
        join(folder.path, `${id}.jsonl`),
        async (file) => (await readBeginning(file)).firstCwd,
      );
      if (cwd !== null && isOwn(cwd)) return true;
    }
    return false;
  }

  /** Transcripts with a message of their own that pass, newest first; equal ages by id. */
  async #candidates(
    root: ClaudeRoot,
    directories: readonly string[],
    isOwn: (cwd: string) => boolean,
    passes: (cwd: string | null, folder: Folder) => boolean,
  ): Promise<Candidate[]> {
    const candidates: Candidate[] = [];
    for (const folder of await this.#folders(root, directories, isOwn)) {
      for (const id of await this.#idsIn(folder)) {
        if (this.#request.isTaken(id)) continue;
        const path = join(folder.path, `${id}.jsonl`);
        const candidate = await this.#inspect(path, async (file) => {
          const begun = await readBeginning(file);
          if (!begun.hasOwnMessage || !passes(begun.firstCwd, folder)) return null;
          return { id, path, size: file.size, mtimeMs: file.mtimeMs, startedMs: begun.firstTimestampMs };
        });
        if (candidate !== null) candidates.push(candidate);
      }
    }
    return candidates.sort(byAge);
  }

  /** Sorted ids of the files that are named as a conversation; `agent-*` and the like never are. */
  async #idsIn(folder: Folder): Promise<string[]> {
    const names = (await this.problems.guard(() => readdir(folder.path))) ?? [];
    return names
      .flatMap((name) => (isUuid(name.slice(0, -6)) && name.endsWith('.jsonl') ? name.slice(0, -6) : []))
      .sort();
  }

  async #read(root: ClaudeRoot, { id, path }: Candidate, how: Located['how'], others: readonly string[]) {
    return this.#inspect(path, async (file) => {
      const transcript = await this.#memory.read(file);
      return { ...this.#located(root, { ...file, id, path, transcript }, how), others };
    });
  }

  #located(
    root: ClaudeRoot,
    found: Pick<Located, 'id' | 'path' | 'size' | 'mtimeMs' | 'transcript'>,
    how: Located['how'],
  ): Located {
    const { id, path, size, mtimeMs, transcript } = found;
    return { root, id, path, how, size, mtimeMs, transcript, others: [] };
  }

  /** Null where there is no such file, and where it may not be read, which is a problem. */
  #inspect<T>(path: string, use: (file: OpenFile) => Promise<T | null>): Promise<T | null> {
    return this.problems.guard(() => withFile(path, use));
  }
}

function beganWith({ startedMs }: Candidate, createdAtMs: number): boolean {
  return startedMs !== null && startedMs >= createdAtMs - BEFORE_MS && startedMs <= createdAtMs + AFTER_MS;
}
