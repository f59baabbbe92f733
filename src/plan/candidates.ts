import type { LegacyStore, SessionRecord, V1Directory, WrappedConfig } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import { samePath } from './discovered';
import type { DraftProject } from './projects';
import { baseName } from './projects';
import { parseInstant } from './timestamps';

/** What the choice among several orchestrators of one project came to (legacy-store.md 4.8). */
export interface Choice {
  /** The best record, also where it is not importable; null where there is none. */
  readonly record: SessionRecord | null;
  /** `done` is not importable, and neither is what --only-live leaves out. */
  readonly importable: boolean;
  readonly reason: string | null;
  readonly live: boolean;
  readonly notes: readonly Note[];
  /** Every candidate that was looked at, best first, for `explain`. */
  readonly ranked: readonly SessionRecord[];
}

export interface CandidateOptions {
  readonly onlyLive: boolean;
}

/** Finds each project's orchestrators among the records of both generations. */
export class CandidateFinder {
  readonly #v2: ReadonlyMap<string, LegacyStore['v2'][number]>;
  readonly #prefixes: ReadonlySet<string>;
  /** Ids and wrapped keys of all projects. */
  readonly #keys: ReadonlySet<string>;
  /** Folders of all projects. */
  readonly #paths: ReadonlySet<string>;
  /** Wrapped configs by their real file. */
  readonly #wrapped: ReadonlyMap<string, WrappedConfig>;
  /** V1 directories by what a project may know of them: their name, the part after the hash, a `project` of their records. */
  readonly #byName = new Map<string, V1Directory[]>();
  readonly #bySuffix = new Map<string, V1Directory[]>();
  readonly #byRecord = new Map<string, V1Directory[]>();

  constructor(
    private readonly store: LegacyStore,
    private readonly projects: readonly DraftProject[],
  ) {
    this.#v2 = new Map(store.v2.map((directory) => [directory.id, directory]));
    this.#prefixes = new Set(projects.map((project) => project.prefix));
    this.#keys = new Set(projects.flatMap((project) => project.recordKeys));
    this.#paths = new Set(projects.map((project) => project.path));
    this.#wrapped = new Map(
      store.wrapped.flatMap((config) => [config.file, config.realFile].map((file) => [file, config])),
    );
    for (const directory of store.v1) {
      push(this.#byName, directory.name, directory);
      if (directory.suffix !== null) push(this.#bySuffix, directory.suffix, directory);
      else
        for (const key of new Set([...directory.records, ...directory.archives].map((record) => record.project)))
          if (key !== null) push(this.#byRecord, key, directory);
    }
  }

  /** The orchestrator of one project, or why there is none. */
  choose(project: DraftProject, options: CandidateOptions): Choice {
    const candidates = project.id.length > 128 ? [] : this.#candidates(project);
    const ranked = rank(candidates, `${project.prefix}-orchestrator`);
    const best = ranked[0];
    if (best === undefined)
      return { record: null, importable: false, reason: null, live: false, notes: [], ranked: [] };
    const notes = remarks(project, best, ranked);
    const live = isLive(best);
    if (best.lifecycle.state === 'done' && best.archivedAt === null) {
      const reason = 'it had finished its work (`done`)';
      return {
        record: best,
        importable: false,
        reason,
        live,
        ranked,
        notes: [
          ...notes,
          note(project, 'ORCHESTRATOR_DONE', best, `${best.id} had finished its work and is not migrated`),
        ],
      };
    }
    if (options.onlyLive && !live) {
      const reason = 'it is not live, and --only-live was given';
      return {
        record: best,
        importable: false,
        reason,
        live,
        ranked,
        notes: [
          ...notes,
          note(project, 'ORCHESTRATOR_NOT_LIVE', best, `${best.id} is not live and left out by --only-live`),
        ],
      };
    }
    return { record: best, importable: true, reason: null, live, ranked, notes };
  }

  /** Directories with orchestrators that no project explains: never silence (migration.md 4.1, E68, E71). */
  unattributed(): { path: string; records: readonly SessionRecord[] }[] {
    const v2 = this.store.v2
      .filter((directory) => !this.#keys.has(directory.id))
      .map(({ path, records, standalone }) => ({
        path,
        records: standalone === null ? records : [...records, standalone],
      }));
    const explained = new Set<SessionRecord>();
    for (const project of this.projects)
      for (const directory of this.#directories(project))
        for (const record of [...directory.records, ...directory.archives])
          if (this.#isOwn(record, directory, project)) explained.add(record);
    const v1 = this.store.v1.map(({ path, records, archives }) => ({
      path,
      records: [...records, ...archives].filter((record) => !explained.has(record)),
    }));
    return [...v2, ...v1]
      .map(({ path, records }) => ({ path, records: records.filter(looksLikeOrchestrator) }))
      .filter(({ records }) => records.length > 0);
  }

  /** Whether the records of a V1 directory can be this project's. */
  owns(directory: V1Directory, project: DraftProject): boolean {
    return this.#directories(project).includes(directory);
  }

  /** C1: V2 records, then orchestrator.json, then the wrapped key's directory, then V1, then V1 archives. */
  #candidates(project: DraftProject): SessionRecord[] {
    const isCandidate = (record: SessionRecord): boolean => this.#isOrchestrator(record, project.prefix);
    for (const key of project.recordKeys) {
      const directory = this.#v2.get(key);
      if (directory === undefined) continue;
      const records = directory.records.filter(isCandidate);
      if (records.length > 0) return records;
      if (directory.standalone !== null) return [{ ...directory.standalone, id: `${project.prefix}-orchestrator` }];
    }
    const directories = this.#directories(project);
    const mine = (directory: V1Directory, records: readonly SessionRecord[]): SessionRecord[] =>
      records.filter((record) => isCandidate(record) && this.#isOwn(record, directory, project));
    const records = directories.flatMap((directory) => mine(directory, directory.records));
    if (records.length > 0) return records;
    const archives = directories.flatMap((directory) => mine(directory, directory.archives));
    const latest = archives.sort((a, b) => compare(b.archivedAt ?? '', a.archivedAt ?? '') || compare(a.id, b.id))[0];
    return latest === undefined ? [] : [latest];
  }

  /** legacy-store.md 4.1, and C1's `lifecycle.session.kind`; a numbered name may be another project's worker (E57). */
  #isOrchestrator(record: SessionRecord, prefix: string): boolean {
    if (record.role === 'orchestrator' || record.lifecycle.kind === 'orchestrator') return true;
    const canonical = `${prefix}-orchestrator`;
    if (record.id === canonical) return true;
    if (!record.id.startsWith(`${canonical}-`) || !/^\d+$/.test(record.id.slice(canonical.length + 1))) return false;
    return !this.#prefixes.has(canonical);
  }

  /** The V1 directories of a project, sorted by name: exact names only, never a suffix of one (C1, E67, R23). */
  #directories(project: DraftProject): V1Directory[] {
    const named = project.storageKey === null ? [] : (this.#byName.get(project.storageKey) ?? []);
    const alike = [project.id, baseName(project.path)].flatMap((name) => this.#bySuffix.get(name) ?? []);
    const recorded = project.recordKeys.flatMap((key) => this.#byRecord.get(key) ?? []);
    const all = new Set([...named, ...alike.filter(({ origin }) => !this.#isOfAnother(origin, project)), ...recorded]);
    return [...all].sort((a, b) => compare(a.name, b.name));
  }

  /**
   * `.origin` names a config inside another project. One config could name several projects, so the folder that
   * it lies in says nothing where the config itself names this project's folder.
   */
  #isOfAnother(origin: string | null, project: DraftProject): boolean {
    if (origin === null) return false;
    const named = this.#wrapped.get(origin)?.entries.some(({ path }) => samePath(path, project.entry.path)) === true;
    if (named) return false;
    for (let folder = origin; folder !== ''; folder = parentOf(folder)) {
      if (folder === project.path) return false;
      if (this.#paths.has(folder)) return true;
    }
    return false;
  }

  /** A record that names another known project is not this one's; in a bare hash directory it must name this one. */
  #isOwn(record: SessionRecord, directory: V1Directory, project: DraftProject): boolean {
    if (directory.name === project.storageKey) return true;
    const mine = record.project !== null && project.recordKeys.includes(record.project);
    if (directory.suffix === null) return mine;
    return mine || record.project === null || !this.#keys.has(record.project);
  }
}

function push<T>(index: Map<string, T[]>, key: string, value: T): void {
  const known = index.get(key);
  if (known === undefined) index.set(key, [value]);
  else known.push(value);
}

/** Everything before the last separator of a path of either family of systems; empty at its top. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'), 0));
}

/** Records marked as orchestrators, or named like one, whatever the prefix: for what stays unattributed (4.1). */
export function looksLikeOrchestrator(record: SessionRecord): boolean {
  return (
    record.role === 'orchestrator' ||
    record.lifecycle.kind === 'orchestrator' ||
    /(?:^|-)orchestrator(?:-\d+)?$/.test(record.id)
  );
}

/** C3. An archived record's own state is the one from before it was killed, so it is ignored (R22). */
export function isLive(record: SessionRecord): boolean {
  return record.archivedAt === null && record.lifecycle.state !== 'done' && record.lifecycle.state !== 'terminated';
}

/** C3, best first; total, so that neither the disk nor the runtime decides (C2). */
export function rank(records: readonly SessionRecord[], canonical: string): SessionRecord[] {
  const place = (record: SessionRecord): number => {
    if (isAlias(record)) return 6;
    if (record.archivedAt === null && record.lifecycle.state === 'done') return 5;
    return (isLive(record) ? 1 : 3) + (record.id === canonical ? 0 : 1);
  };
  return [...records].sort(
    (a, b) =>
      place(a) - place(b) || lastActivity(b) - lastActivity(a) || compare(a.id, b.id) || compare(a.file, b.file),
  );
}

/** The loser of two records with one name, put aside by `migrate-storage` (legacy-store.md 3.12). */
export function isAlias(record: SessionRecord): boolean {
  return /__from-[0-9a-f]{12}$/.test(record.id);
}

function lastActivity(record: SessionRecord): number {
  const { lastTransitionAt } = record.lifecycle;
  return (
    parseInstant(lastTransitionAt) ??
    parseInstant(record.restoredAt) ??
    parseInstant(record.createdAt) ??
    record.mtimeMs
  );
}

function remarks(project: DraftProject, best: SessionRecord, ranked: readonly SessionRecord[]): Note[] {
  const canonical = `${project.prefix}-orchestrator`;
  if (isAlias(best)) return [note(project, 'ORCHESTRATOR_ALIAS', best, `only the copy ${best.id} is left`)];
  if (best.archivedAt !== null)
    return [note(project, 'ORCHESTRATOR_ARCHIVED', best, `${best.id} comes from the archive`)];
  const main = ranked.find((record) => record.id === canonical);
  if (best.id !== canonical && main !== undefined && isLive(best)) {
    return [note(project, 'ORCHESTRATOR_OLDER', best, `${best.id} was live and is taken instead of ${canonical}`)];
  }
  return [];
}

function note(project: DraftProject, code: Note['code'], record: SessionRecord, message: string): Note {
  return {
    code,
    severity: code === 'ORCHESTRATOR_NOT_LIVE' || code === 'ORCHESTRATOR_ARCHIVED' ? 'info' : 'warn',
    id: project.id,
    message,
    file: record.file,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
