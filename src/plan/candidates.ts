import type { LegacyStore, SessionRecord, V1Directory } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import { EarlyDirectories, isNamedAfter } from './early-directories';
import { isLive } from './live';
import type { DraftProject } from './projects';
import { parseInstant } from './timestamps';

/** What the choice among several orchestrators of one project came to (legacy-store.md 4.8). */
export interface Choice {
  /** The best record, also where it is not importable; null where there is none. */
  readonly record: SessionRecord | null;
  /** `done` is not importable, and neither is what --only-live leaves out or whose project cannot be imported. */
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
  /** By the key of a directory: the project whose records lie there. One that can be imported comes first. */
  readonly #holders = new Map<string, DraftProject>();
  readonly #early: EarlyDirectories;

  constructor(
    private readonly store: LegacyStore,
    projects: readonly DraftProject[],
  ) {
    this.#v2 = new Map(store.v2.map((directory) => [directory.id, directory]));
    this.#prefixes = new Set(projects.map((project) => project.prefix));
    this.#keys = new Set(projects.flatMap((project) => project.recordKeys));
    this.#early = new EarlyDirectories(store, projects);
    for (const project of [...projects].sort((a, b) => Number(a.refusal !== null) - Number(b.refusal !== null)))
      for (const key of project.recordKeys) if (!this.#holders.has(key)) this.#holders.set(key, project);
  }

  /** The orchestrator of one project, or why there is none. */
  choose(project: DraftProject, options: CandidateOptions): Choice {
    const candidates = project.id.length > 128 ? [] : this.#candidates(project);
    const ranked = rank(candidates, `${project.prefix}-orchestrator`);
    const best = ranked[0];
    if (best === undefined)
      return { record: null, importable: false, reason: null, live: false, notes: [], ranked: [] };
    const live = isLive(best);
    if (project.refusal !== null) {
      // The project's own note says why.
      const reason = `its project cannot be imported: ${project.refusal}`;
      return { record: best, importable: false, reason, live, ranked, notes: [] };
    }
    const notes = remarks(project, best, ranked);
    const leftOut = (reason: string, remark: Note) =>
      ({ record: best, importable: false, reason, live, ranked, notes: [...notes, remark] }) as const;
    if (best.lifecycle.state === 'done' && best.archivedAt === null) {
      const message = `${best.id} had finished its work and is not migrated`;
      return leftOut('it had finished its work (`done`)', note(project, 'ORCHESTRATOR_DONE', best, message));
    }
    if (options.onlyLive && !live) {
      const message = `${best.id} is not live and left out by --only-live`;
      return leftOut(
        'it is not live, and --only-live was given',
        note(project, 'ORCHESTRATOR_NOT_LIVE', best, message),
      );
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
    const v1 = this.store.v1.map((directory) => ({
      path: directory.path,
      records: [...directory.records, ...directory.archives].filter(
        (record) => !this.#early.isExplained(record, directory),
      ),
    }));
    return [...v2, ...v1]
      .map(({ path, records }) => ({ path, records: records.filter(looksLikeOrchestrator) }))
      .filter(({ records }) => records.length > 0);
  }

  /** Whether the records of a V1 directory can be this project's. */
  owns(directory: V1Directory, project: DraftProject): boolean {
    return this.#early.of(project).includes(directory);
  }

  /** C1: V2 records, then orchestrator.json, then the wrapped key's directory, then V1, then V1 archives. */
  #candidates(project: DraftProject): SessionRecord[] {
    const isCandidate = (record: SessionRecord): boolean =>
      this.#isOrchestrator(record, project.prefix) ||
      // Without a folder the prefix that the legacy tool derived from its name is not known.
      (project.path === '' && looksLikeOrchestrator(record));
    for (const key of project.recordKeys) {
      if (project.refusal !== null && this.#holders.get(key) !== project) continue;
      const directory = this.#v2.get(key);
      if (directory === undefined) continue;
      const records = directory.records.filter(isCandidate);
      if (records.length > 0) return records;
      if (directory.standalone !== null) return [{ ...directory.standalone, id: `${project.prefix}-orchestrator` }];
    }
    const directories = this.#early.of(project);
    const mine = (directory: V1Directory, records: readonly SessionRecord[]): SessionRecord[] =>
      records.filter((record) => isCandidate(record) && this.#early.ownerOf(record, directory) === project);
    const records = directories.flatMap((directory) => mine(directory, directory.records));
    if (records.length > 0) return records;
    const archives = directories.flatMap((directory) => mine(directory, directory.archives));
    const latest = archives.sort((a, b) => compare(b.archivedAt ?? '', a.archivedAt ?? '') || compare(a.id, b.id))[0];
    return latest === undefined ? [] : [latest];
  }

  /** legacy-store.md 4.1, and C1's `lifecycle.session.kind`; a numbered name may be another project's worker (E57). */
  #isOrchestrator(record: SessionRecord, prefix: string): boolean {
    if (record.role === 'orchestrator' || record.lifecycle.kind === 'orchestrator') return true;
    if (!isNamedAfter(record.id, prefix)) return false;
    const canonical = `${prefix}-orchestrator`;
    return record.id === canonical || !this.#prefixes.has(canonical);
  }
}

/** Records marked as orchestrators, or named like one, whatever the prefix: for what stays unattributed (4.1). */
export function looksLikeOrchestrator(record: SessionRecord): boolean {
  return (
    record.role === 'orchestrator' ||
    record.lifecycle.kind === 'orchestrator' ||
    /(?:^|-)orchestrator(?:-\d+)?$/.test(record.id)
  );
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
  return withoutAlias(record.id) !== record.id;
}

/** The id that a record had before `migrate-storage` put it aside. */
export function withoutAlias(id: string): string {
  return id.replace(/__from-[0-9a-f]{12}$/, '');
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
