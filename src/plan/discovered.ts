import type { LegacyStore, ProjectEntry, ProjectPath, WrappedConfig } from '../contracts/legacy';
import { multiDocumentNote, type Note } from '../contracts/notes';

/** An entry of a wrapped config that counts as naming a project. */
export interface WrappedEntry {
  readonly config: WrappedConfig;
  readonly entry: ProjectEntry;
}

/** Projects that no registry names, and what wrapped configs say of registered ones (migration.md 4.1). */
export interface Discovered {
  /** In the order in which they become projects: real path of the file, then document order. */
  readonly projects: readonly WrappedEntry[];
  /** Entries that lost against another one with the same key. */
  readonly conflicts: readonly (WrappedEntry & { readonly winner: WrappedEntry })[];
  /** Index of a registry entry → the wrapped entry with the same path: its settings, and its key for records. */
  readonly ofRegistered: ReadonlyMap<number, WrappedEntry>;
  /** Keys whose records count as a registered project's own, by index of the registry entry. */
  readonly aliases: ReadonlyMap<number, readonly string[]>;
  readonly notes: readonly Note[];
}

/** migration.md 4.1 and R32, R33, over what the reader found. */
export function discoverProjects(store: LegacyStore): Discovered {
  const notes: Note[] = [];
  const registered = store.registry?.entries ?? [];
  const registeredIds = new Set(registered.map((entry) => entry.id));
  const byKey = groupByKey(store, registeredIds, notes);
  const byPath = new PathIndex(registered.map((entry) => entry.path));
  const isContested = [...byKey.values()].some((group) => group.length > 1);
  const pointed = isContested ? pointedFolders(store) : new Set<string>();
  const projects: WrappedEntry[] = [];
  const conflicts: (WrappedEntry & { winner: WrappedEntry })[] = [];
  const ofRegistered = new Map<number, WrappedEntry>();
  const aliases = new Map<number, string[]>();
  const ranks = new Map(store.wrapped.map((config, rank) => [config, rank]));
  /** The first config that has the folder; in it the entry with the id of the registry, else the first one (R5). */
  const isBetter = (index: number, member: WrappedEntry, than: WrappedEntry): boolean => {
    if (member.config !== than.config) return (ranks.get(member.config) ?? 0) < (ranks.get(than.config) ?? 0);
    const id = registered[index]?.id;
    return member.entry.id === id && than.entry.id !== id;
  };
  for (const group of byKey.values()) {
    const winner = choose(group, pointed);
    if (winner === undefined) continue;
    for (const member of group) {
      const key = member.entry.id;
      const matching = byPath.matching(member.entry.path);
      const first = matching[0];
      for (const index of matching) {
        const known = ofRegistered.get(index);
        if (known === undefined || isBetter(index, member, known)) ofRegistered.set(index, member);
      }
      if (first !== undefined) {
        if (!registeredIds.has(key)) aliases.set(first, [...(aliases.get(first) ?? []), key]);
      } else if (registeredIds.has(key)) {
        notes.push(ignored(member, 'the registry names another folder for this project'));
      } else if (member === winner) {
        projects.push(member);
      } else {
        conflicts.push({ ...member, winner });
        notes.push({
          code: 'SAME_KEY',
          severity: 'warn',
          id: member.entry.id,
          message: `two configs name this project with different folders; the one of ${winner.config.file} is taken`,
          file: member.config.file,
          ...member.entry.origin.at,
        });
      }
    }
  }
  const places = new Map(
    store.wrapped.flatMap(({ entries }) => [...entries.entries()].map(([at, entry]) => [entry, at])),
  );
  const order = (a: WrappedEntry, b: WrappedEntry): number => {
    if (a.config.realFile !== b.config.realFile) return a.config.realFile < b.config.realFile ? -1 : 1;
    return (places.get(a.entry) ?? 0) - (places.get(b.entry) ?? 0);
  };
  return { projects: projects.sort(order), conflicts: conflicts.sort(order), ofRegistered, aliases, notes };
}

/** Finds the entries of a registry that mean a folder, without a look at each. */
class PathIndex {
  readonly #byText = new Map<string, number[]>();
  readonly #byReal = new Map<string, number[]>();

  constructor(paths: readonly ProjectPath[]) {
    for (const [index, { resolved, real }] of paths.entries()) {
      if (resolved === null) continue;
      this.#byText.set(resolved, [...(this.#byText.get(resolved) ?? []), index]);
      if (real !== null) this.#byReal.set(real, [...(this.#byReal.get(real) ?? []), index]);
    }
  }

  /** Indexes of those for which `samePath` holds, ascending. */
  matching({ resolved, real }: ProjectPath): number[] {
    if (resolved === null) return [];
    const found = [...(this.#byText.get(resolved) ?? []), ...(real === null ? [] : (this.#byReal.get(real) ?? []))];
    return [...new Set(found)].sort((a, b) => a - b);
  }
}

/** Entries that count, by key, one for each distinct path, in hint order. */
function groupByKey(
  store: LegacyStore,
  registeredIds: ReadonlySet<string>,
  notes: Note[],
): Map<string, WrappedEntry[]> {
  const directories = new Set(store.v2.map((directory) => directory.id));
  const explained = new Set(registeredIds);
  const groups = new Map<string, WrappedEntry[]>();
  for (const config of store.wrapped) {
    const taken: string[] = [];
    for (const entry of config.entries) {
      const group = groups.get(entry.id) ?? [];
      if (group.some((member) => samePath(member.entry.path, entry.path))) continue;
      if (!config.whole) {
        // Only a key matches: without both conditions a stray or hostile file would bring in its env and postCreate.
        if (!directories.has(entry.id) || !isOwnFolder(entry.path, config)) continue;
        if (explained.has(entry.id)) {
          if (!registeredIds.has(entry.id))
            notes.push(ignored({ config, entry }, 'another config explains these records already'));
          continue;
        }
      }
      groups.set(entry.id, [...group, { config, entry }]);
      taken.push(entry.id);
    }
    for (const id of taken) explained.add(id);
    if (config.documents > 1 && (config.whole || taken.length > 0)) notes.push(multiDocumentNote(config));
  }
  return groups;
}

/** Of several folders under one key: the only one that records point to, else one named by .origin, else the first. */
function choose(group: readonly WrappedEntry[], pointed: ReadonlySet<string>): WrappedEntry | undefined {
  if (group.length < 2) return group[0];
  const recorded = group.filter(({ entry }) => {
    const { resolved, real } = entry.path;
    return (resolved !== null && pointed.has(resolved)) || (real !== null && pointed.has(real));
  });
  if (recorded.length === 1) return recorded[0];
  return group.find(({ config }) => config.namedByOrigin) ?? group[0];
}

/** Worktrees of V2 records, and the main checkouts of those (R33). */
function pointedFolders(store: LegacyStore): Set<string> {
  const folders = new Set<string>();
  for (const { records, standalone } of store.v2) {
    for (const { worktree } of standalone === null ? records : [...records, standalone]) {
      if (worktree === null) continue;
      for (const folder of [worktree, store.worktrees.get(worktree), store.checkouts.get(worktree)])
        if (folder !== undefined) folders.add(folder);
    }
  }
  return folders;
}

function isOwnFolder(path: ProjectPath, config: WrappedConfig): boolean {
  return path.resolved !== null && (path.real ?? path.resolved) === config.folder;
}

/** Two entries mean the same folder: the same text, or the same place on disk. */
export function samePath(a: ProjectPath | undefined, b: ProjectPath): boolean {
  if (a === undefined || a.resolved === null || b.resolved === null) return false;
  return a.resolved === b.resolved || (a.real !== null && a.real === b.real);
}

function ignored({ config, entry }: WrappedEntry, why: string): Note {
  return {
    code: 'CANDIDATE_IGNORED',
    severity: 'info',
    id: entry.id,
    message: `the entry \`${entry.id}\` is ignored: ${why}`,
    file: config.file,
    ...entry.origin.at,
  };
}
