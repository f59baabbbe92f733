import type { LegacyStore, SessionRecord, V1Directory, WrappedConfig } from '../contracts/legacy';
import { samePath } from './discovered';
import type { DraftProject } from './projects';
import { baseName } from './projects';

/** Which V1 directories are which project's, and which of their records (legacy-store.md 4.8 C1, E67, E68, R23). */
export class EarlyDirectories {
  /** Ids and wrapped keys of all projects. */
  readonly #keys: ReadonlySet<string>;
  /** Physical folders of all projects: a home or a project may be reached through a link. */
  readonly #folders: ReadonlySet<string>;
  readonly #physical: ReadonlyMap<string, string>;
  /** Wrapped configs by their file, also by its real path. */
  readonly #wrapped: ReadonlyMap<string, WrappedConfig>;
  readonly #directories: ReadonlyMap<DraftProject, readonly V1Directory[]>;
  /** The other way round, in the order of the projects. */
  readonly #holders = new Map<V1Directory, DraftProject[]>();

  constructor({ v1, wrapped, physical }: LegacyStore, projects: readonly DraftProject[]) {
    this.#keys = new Set(projects.flatMap((project) => project.recordKeys));
    this.#physical = physical;
    this.#folders = new Set(projects.map((project) => this.#place(project.path)));
    this.#wrapped = new Map(wrapped.flatMap((config) => [config.file, config.realFile].map((file) => [file, config])));
    const index = new Index(v1);
    this.#directories = new Map(projects.map((project) => [project, this.#find(index, project)]));
    for (const [project, directories] of this.#directories)
      for (const directory of directories) push(this.#holders, directory, project);
  }

  /** The V1 directories of a project, sorted by name. */
  of(project: DraftProject): readonly V1Directory[] {
    return this.#directories.get(project) ?? [];
  }

  /** Some project is known for the record, whether or not it can be imported. */
  isExplained(record: SessionRecord, directory: V1Directory): boolean {
    return this.#owners(record, directory).length > 0;
  }

  /**
   * The one project that a record is for: two entries of a registry may have one folder, and one conversation must not be
   * resumed twice. A project that can be imported goes before one that cannot; then what the record says of its project
   * decides, then its name by the prefixes, then registry order.
   */
  ownerOf(record: SessionRecord, directory: V1Directory): DraftProject | null {
    const all = this.#owners(record, directory);
    const usable = all.filter(({ refusal }) => refusal === null);
    const owners = usable.length > 0 ? usable : all;
    if (owners.length < 2) return owners[0] ?? null;
    return (
      owners.find((project) => names(record, project)) ??
      owners.find(({ prefix }) => isNamedAfter(record.id, prefix)) ??
      owners[0] ??
      null
    );
  }

  #owners(record: SessionRecord, directory: V1Directory): readonly DraftProject[] {
    return (this.#holders.get(directory) ?? []).filter((project) => this.#isOwn(record, directory, project));
  }

  /** Exact names only, never the end of one. */
  #find({ byName, bySuffix, byRecord }: Index, project: DraftProject): V1Directory[] {
    const named = project.storageKey === null ? [] : (byName.get(project.storageKey) ?? []);
    const alike = [project.id, baseName(project.path)].flatMap((name) => bySuffix.get(name) ?? []);
    const recorded = project.recordKeys.flatMap((key) => byRecord.get(key) ?? []);
    const all = new Set([...named, ...alike.filter(({ origin }) => !this.#isOfAnother(origin, project)), ...recorded]);
    return [...all].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /**
   * `.origin` names a config inside another project: of nested ones the innermost has it. One config could name several
   * projects, so the folder that it lies in says nothing where the config itself names this project's folder.
   */
  #isOfAnother(origin: string | null, project: DraftProject): boolean {
    if (origin === null) return false;
    const place = this.#place(origin);
    const config = this.#wrapped.get(origin) ?? this.#wrapped.get(place);
    if (config?.entries.some(({ path }) => samePath(path, project.entry.path))) return false;
    const own = this.#place(project.path);
    for (let folder = place; folder !== ''; folder = parentOf(folder)) {
      if (folder === own) return false;
      if (this.#folders.has(folder)) return true;
    }
    return false;
  }

  #place(path: string): string {
    return this.#physical.get(path) ?? path;
  }

  /** A record that names another known project is not this one's; in a bare hash directory it must name this one. */
  #isOwn(record: SessionRecord, directory: V1Directory, project: DraftProject): boolean {
    if (directory.name === project.storageKey || names(record, project)) return true;
    return directory.suffix !== null && (record.project === null || !this.#keys.has(record.project));
  }
}

/** V1 directories by what a project may know of them. */
class Index {
  readonly byName = new Map<string, V1Directory[]>();
  /** By the part after the hash. */
  readonly bySuffix = new Map<string, V1Directory[]>();
  /** Bare hashes, by the `project` of their records. */
  readonly byRecord = new Map<string, V1Directory[]>();

  constructor(directories: readonly V1Directory[]) {
    for (const directory of directories) {
      push(this.byName, directory.name, directory);
      if (directory.suffix !== null) {
        push(this.bySuffix, directory.suffix, directory);
        continue;
      }
      const keys = new Set([...directory.records, ...directory.archives].map((record) => record.project));
      for (const key of keys) if (key !== null) push(this.byRecord, key, directory);
    }
  }
}

/** `<prefix>-orchestrator`, or that with a number. */
export function isNamedAfter(id: string, prefix: string): boolean {
  const canonical = `${prefix}-orchestrator`;
  return id.startsWith(canonical) && /^(?:-\d+)?$/.test(id.slice(canonical.length));
}

function names(record: SessionRecord, project: DraftProject): boolean {
  return record.project !== null && project.recordKeys.includes(record.project);
}

function push<K, T>(index: Map<K, T[]>, key: K, value: T): void {
  const known = index.get(key);
  if (known === undefined) index.set(key, [value]);
  else known.push(value);
}

/** Everything before the last separator of a path of either family of systems; empty at its top. */
function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'), 0));
}
