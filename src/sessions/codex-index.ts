import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type RolloutMeta, readMeta } from './codex-rollout';
import { byAge, Problems } from './finding';
import type { SessionRoot } from './harness';
import { physical, spelling } from './physical';
import { isCompressed, obstacleBelow, withFile } from './source';

/** One rollout file, known by its name. */
export interface RolloutFile {
  readonly path: string;
  readonly id: string;
  /** `YYYY-MM-DDThh-mm-ss` in its name. */
  readonly stamp: string;
  /** Lies flat in `archived_sessions`. */
  readonly isArchived: boolean;
  readonly isCompressed: boolean;
}

/** A rollout with what decides whether it may be recovered. */
export interface DatedRollout extends RolloutFile {
  readonly mtimeMs: number;
  /** Its first row has its id where Codex looks for it: it resumes no other, and a copy could not be given a new id. */
  readonly namesId: boolean;
}

const NAME =
  /^rollout-(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl(?:\.zst)?$/i;

/** `sessions/YYYY/MM/DD`: what lies deeper is no rollout's place. */
const DATE_DEPTH = 3;
const DATE_PART = /^(\d{2}|\d{4})$/;

/** One Codex root of a run. Names are listed once and first rows read once, so an instance serves one plan. */
export class CodexRoot {
  readonly isLocal: boolean;
  readonly setting: string | null;
  readonly path: string;
  readonly destination: string;
  /** What was refused while the names were listed: it concerns whoever finds nothing here. */
  readonly problems = new Problems();
  #byId: Promise<ReadonlyMap<string, readonly RolloutFile[]>> | null = null;
  #byCwd: Promise<ReadonlyMap<string, readonly DatedRollout[]>> | null = null;

  constructor(root: SessionRoot) {
    this.isLocal = root.local;
    this.setting = root.setting;
    this.path = physical(root.path);
    this.destination = physical(root.destination);
  }

  /** Files of one thread: plain before compressed, live before archived, then by path. */
  async filesOf(id: string): Promise<readonly RolloutFile[]> {
    return (await this.#index()).get(id.toLowerCase()) ?? [];
  }

  /**
   * Rollouts whose first row says that they were begun in a directory and not by another session, newest first; none of
   * the archived.
   */
  async begunIn(directory: string): Promise<readonly DatedRollout[]> {
    this.#byCwd ??= this.#indexByCwd();
    const index = await this.#byCwd;
    const spellings = new Set([spelling(directory), spelling(physical(directory))]);
    const found = new Map([...spellings].flatMap((each) => index.get(each) ?? []).map((file) => [file.path, file]));
    return [...found.values()].sort(byAge);
  }

  /** Where a copy of a rollout goes: the same date folder and the same stamp in its name, under the new id. */
  destinationOf(file: RolloutFile, newId: string): string {
    const folder = relative(join(this.path, 'sessions'), dirname(file.path)).split(/[\\/]/);
    const [year = '', month = '', day = ''] = file.stamp.slice(0, 10).split('-');
    const isDated = !file.isArchived && /^\d{4}\/\d{2}\/\d{2}$/.test(folder.join('/'));
    const date = isDated ? folder : [year, month, day];
    return join(this.destination, 'sessions', ...date, `rollout-${file.stamp}-${newId}.jsonl`);
  }

  /** Stores in which Codex keeps what no rollout holds: goals, queued items, memories. */
  async stores(): Promise<readonly string[]> {
    const names = (await entriesOf(this.path)).map((entry) => entry.name);
    return names.filter((name) => /^(goals|queue|memories)_\d+\.sqlite$/.test(name));
  }

  #index(): Promise<ReadonlyMap<string, readonly RolloutFile[]>> {
    this.#byId ??= this.#list();
    return this.#byId;
  }

  async #list(): Promise<ReadonlyMap<string, readonly RolloutFile[]>> {
    const byId = new Map<string, RolloutFile[]>();
    for (const [name, depth] of [
      ['sessions', DATE_DEPTH],
      ['archived_sessions', 0],
    ] as const) {
      const directory = join(this.path, name);
      const obstacle = await obstacleBelow(this.path, directory);
      if (obstacle !== null) this.problems.refuse(`is a link or no directory: ${obstacle}`);
      else for await (const path of this.#pathsBelow(directory, depth)) add(byId, path, depth === 0);
    }
    for (const files of byId.values()) files.sort(byPreference);
    return byId;
  }

  async *#pathsBelow(directory: string, depth: number): AsyncGenerator<string> {
    for (const entry of (await this.problems.guard(() => entriesOf(directory))) ?? []) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && depth > 0) yield* this.#pathsBelow(path, depth - 1);
      else if (depth > 0 && entry.isSymbolicLink() && DATE_PART.test(entry.name))
        this.problems.refuse(`is a link: ${path}`);
      else yield path;
    }
  }

  async #indexByCwd(): Promise<ReadonlyMap<string, readonly DatedRollout[]>> {
    const byCwd = new Map<string, DatedRollout[]>();
    const keys = new Map<string, readonly string[]>();
    for (const file of [...(await this.#index()).values()].flat()) {
      const dated = file.isArchived ? null : await dateOf(file);
      if (dated === null || dated.meta === null || dated.meta.isSubagent) continue;
      const { id, cwd } = dated.meta;
      if (cwd === null) continue;
      const spellings = keys.get(cwd) ?? [...new Set([spelling(cwd), spelling(physical(cwd))])];
      keys.set(cwd, spellings);
      for (const key of spellings) {
        const files = byCwd.get(key) ?? [];
        files.push({ ...file, mtimeMs: dated.mtimeMs, namesId: id !== null });
        byCwd.set(key, files);
      }
    }
    return byCwd;
  }
}

function add(byId: Map<string, RolloutFile[]>, path: string, isArchived: boolean): void {
  const [, stamp, id] = NAME.exec(basename(path)) ?? [];
  if (stamp === undefined || id === undefined) return;
  const files = byId.get(id.toLowerCase()) ?? [];
  files.push({ path, id, stamp, isArchived, isCompressed: isCompressed(path) });
  byId.set(id.toLowerCase(), files);
}

/** Null for a file that cannot be read: whose it is stays unknown, so it stands in nobody's way. */
async function dateOf(
  file: RolloutFile,
): Promise<{ readonly mtimeMs: number; readonly meta: RolloutMeta | null } | null> {
  return new Problems().guard(() =>
    withFile(file.path, async (open) => ({ mtimeMs: open.mtimeMs, meta: await readMeta(open) })),
  );
}

function byPreference(a: RolloutFile, b: RolloutFile): number {
  const rank = (file: RolloutFile) => (file.isCompressed ? 1 : 0) + (file.isArchived ? 2 : 0);
  return rank(a) - rank(b) || (a.path < b.path ? -1 : 1);
}

async function entriesOf(directory: string): Promise<Dirent[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}
