import { existsSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { LegacyStore, LocalConfig, ProjectEntry, Registry, SessionRecord, V1Directory } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { Refusal } from '../contracts/refusals';
import { PhysicalPaths, realOrNull } from '../sessions/physical';
import {
  type ConfigReadOptions,
  isRegistry,
  type ParsedConfig,
  parseConfig,
  readLocal,
  readNamedConfig,
  registryOf,
  requireShape,
} from './config';
import { list } from './directory';
import { discover } from './discover';
import type { StoreMemory } from './file-memory';
import type { LegacyLocation } from './locate';
import { readPortfolio } from './portfolio';
import { SessionReader } from './sessions';
import { type Overlay, SourceReader } from './source-reader';
import { mapAt } from './tree';

export interface ReadStoreOptions {
  /** Keep decoded records whole, for `explain`. */
  readonly keepRaw: boolean;
  readonly pause: (ms: number) => void;
  /** Read the store as it was, from a backup or from what has not changed since (`verify`). */
  readonly overlay?: Overlay;
  /** Filled by the first look of a run, asked by the next. */
  readonly memory?: StoreMemory;
}

/**
 * Reads the whole old store, every generation, once (migration.md 4). Nothing below the legacy root is written, locked
 * or touched, and no decision is taken that belongs to the plan.
 *
 * @throws Refusal LEGACY_UNREADABLE (a config that cannot be read), NOT_OWNER (the root belongs to another user)
 */
export function readStore(location: LegacyLocation, machine: Machine, options: ReadStoreOptions): LegacyStore {
  const reader = new SourceReader(options.overlay ?? null);
  const notes: Note[] = [...location.notes];
  const root = location.root;
  const exists = root !== null && isDirectory(root);
  if (root !== null && exists && !location.foreign) refuseForeignOwner(root, machine.uid);
  const pause = withinBudget(options.pause);
  const { memory } = options;
  const config: ConfigReadOptions = {
    paths: { home: location.home, platform: machine.platform },
    pause,
    ...(memory === undefined ? {} : { memory: memory.trees }),
  };

  const flagged = location.configFlag === null ? null : readNamedConfig(location.configFlag, reader, config);
  const flaggedIsRegistry = flagged !== null && flagged.tree?.kind === 'map' && isRegistry(flagged.tree);
  const configFile = flaggedIsRegistry ? location.configFlag : location.config;
  const parsed = flaggedIsRegistry ? flagged : configFile === null ? null : readNamedConfig(configFile, reader, config);
  const registry = parsed === null ? null : registryOf(parsed, config, notes);
  if (flagged !== null && !flaggedIsRegistry) checkFlag(flagged, notes);

  const sessions = new SessionReader(reader, {
    keepRaw: options.keepRaw,
    nowMs: machine.now().getTime(),
    pause,
    ...(memory === undefined ? {} : { memory: memory.records }),
  });
  const v2 = root === null ? [] : sessions.readV2(root);
  const v1 = root === null ? [] : sessions.readV1(root);
  const portfolio =
    root === null ? { preferences: null, registered: [], notes: [] } : readPortfolio(root, reader, config.paths);

  const locals = new Map<string, LocalConfig>();
  for (const entry of registry?.entries ?? []) {
    const folder = entry.path.resolved;
    if (folder === null || entry.path.foreign || locals.has(folder)) continue;
    locals.set(folder, readLocal(folder, reader, config, notes));
  }
  const found = discover({
    location,
    machine,
    reader,
    options: config,
    flagged: flaggedIsRegistry ? null : flagged,
    config: configFile,
    v2,
    v1,
    locals,
    registeredIds: new Set((registry?.entries ?? []).map((entry) => entry.id)),
  });
  if (root !== null) notes.push(...stateNotes(root));
  notes.push(...sessions.notes, ...portfolio.notes, ...found.notes);
  return {
    root: root ?? '',
    exists,
    foreign: location.foreign,
    registry,
    wrapped: found.wrapped,
    locals,
    preferences: portfolio.preferences,
    registered: portfolio.registered,
    storageKeys:
      root === null ? new Map() : storageKeys(join(root, 'config.yaml.pre-migration'), registry, reader, config),
    v2,
    v1,
    checkouts: found.checkouts,
    worktrees: realWorktrees([...v2.flatMap((d) => d.records), ...v1.flatMap((d) => [...d.records, ...d.archives])]),
    physical: physicalPlaces(v1, [...(registry?.entries ?? []), ...found.wrapped.flatMap(({ entries }) => entries)]),
    files: reader.files,
    notes,
    unusable: found.unusable,
  };
}

/** Waiting for files that are being written is worth this much in all, however many of them look so. */
const PAUSE_BUDGET_MS = 2_000;

function withinBudget(pause: (ms: number) => void): (ms: number) => void {
  let left = PAUSE_BUDGET_MS;
  return (ms) => {
    if (left < ms) return;
    left -= ms;
    pause(ms);
  };
}

/** @throws Refusal where the file that the user named has a shape that no config has (E3, R10, R34) */
function checkFlag(flagged: ParsedConfig, notes: Note[]): void {
  requireShape(flagged);
  if (flagged.tree?.kind === 'map' && mapAt(flagged.tree, 'projects') !== null) return;
  notes.push({
    code: 'CONFIG_EMPTY',
    severity: 'warn',
    message: 'the file named by --config has no `projects` and adds nothing',
    file: flagged.file,
  });
}

function refuseForeignOwner(root: string, uid: number | null): void {
  const owner = statSync(root).uid;
  if (uid === null || owner === uid) return;
  throw new Refusal('NOT_OWNER', `${root} belongs to another user (uid ${owner}).`);
}

/** Marks that older tools left beside the store. */
function stateNotes(root: string): Note[] {
  const notes: Note[] = [];
  const marker = join(root, '.migration-in-progress');
  if (existsSync(marker)) {
    notes.push({
      code: 'MIGRATION_INTERRUPTED',
      severity: 'warn',
      message:
        '`ao migrate-storage` did not finish here: records of both generations were read, the newer form preferred',
      file: marker,
    });
  }
  const early = list(root).find(({ name, isDirectory }) => !isDirectory && isEarlyRecord(name));
  if (early !== undefined) {
    notes.push({
      code: 'STORE_V0',
      severity: 'warn',
      message: 'session files of the very first releases lie here and are not migrated',
      file: join(root, early.name),
    });
  }
  return notes;
}

/** Generation V0 kept its records, without extension, directly in the data directory (legacy-store.md 1.5). */
function isEarlyRecord(name: string): boolean {
  return /^[A-Za-z0-9_-]+-(?:orchestrator|\d+)$/.test(name);
}

/** Storage keys that `migrate-storage` stripped from the registry, from its backup; the registry's own win. */
function storageKeys(
  backup: string,
  registry: Registry | null,
  reader: SourceReader,
  options: ConfigReadOptions,
): Map<string, string> {
  const keys = new Map<string, string>();
  const parsed = parseConfig(backup, reader, { ...options, pause: () => {} });
  const old =
    parsed !== null && 'tree' in parsed && parsed.tree?.kind === 'map' ? mapAt(parsed.tree, 'projects') : null;
  const take = (id: string, fields: ProjectEntry['fields']): void => {
    const key = fields?.entries.get('storageKey');
    if (key?.kind === 'scalar' && typeof key.value === 'string' && key.value !== '') keys.set(id, key.value);
    else if (key?.kind === 'scalar' && typeof key.value === 'number') keys.set(id, key.source);
  };
  for (const [id, entry] of old?.entries ?? []) take(id, entry.kind === 'map' ? entry : null);
  for (const entry of registry?.entries ?? []) take(entry.id, entry.fields);
  return keys;
}

/** Only of records that can be an orchestrator: thousands of workers need no look at the disk. */
function realWorktrees(records: readonly SessionRecord[]): Map<string, string> {
  const worktrees = new Map<string, string>();
  for (const { worktree, role, lifecycle, id } of records) {
    const possible = role === 'orchestrator' || lifecycle.kind === 'orchestrator' || id.includes('-orchestrator');
    if (worktree === null || !possible || worktrees.has(worktree)) continue;
    const real = realOrNull(worktree);
    if (real !== null) worktrees.set(worktree, real);
  }
  return worktrees;
}

/** A store without an `.origin` has nothing to compare, and its projects need no look at the disk for it. */
function physicalPlaces(v1: readonly V1Directory[], entries: readonly ProjectEntry[]): Map<string, string> {
  const places = new Map<string, string>();
  const paths = new PhysicalPaths();
  for (const { origin } of v1) if (origin !== null) places.set(origin, configPlace(origin, paths));
  if (places.size === 0) return places;
  for (const { path } of entries) if (path.resolved !== null) places.set(path.resolved, paths.of(path.resolved));
  return places;
}

/** The legacy tool hashed the folder that a config lies in; a config that became a link still lies there. */
function configPlace(file: string, paths: PhysicalPaths): string {
  return isAbsolute(file) ? join(paths.of(dirname(file)), basename(file)) : file;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
