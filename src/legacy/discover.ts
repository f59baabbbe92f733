import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Hint, LocalConfig, Tree, V1Directory, V2Directory, WrappedConfig } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import { multiDocumentNote, type Note } from '../contracts/notes';
import { mainCheckoutOf, worktreesOf } from '../repository/checkout';
import { realOrNull } from '../sessions/physical';
import { sha256Hex } from '../sessions/sha256';
import {
  type ConfigReadOptions,
  defaultsOf,
  entriesOf,
  LOCAL_NAMES,
  localFile,
  type ParsedConfig,
  parseConfig,
  shapeProblem,
} from './config';
import { list } from './directory';
import { claudeFolders, originTexts, runningConfig, upwards } from './hints';
import type { LegacyLocation } from './locate';
import type { SourceReader } from './source-reader';
import { mapAt } from './tree';

/** What is known when the search for configs that no registry names begins. */
export interface DiscoveryContext {
  readonly location: LegacyLocation;
  readonly machine: Machine;
  readonly reader: SourceReader;
  readonly options: ConfigReadOptions;
  /** `--config`, if it turned out to be a wrapped file. */
  readonly flagged: ParsedConfig | null;
  /** The global config that was read or looked for; never a candidate itself. */
  readonly config: string | null;
  readonly v2: readonly V2Directory[];
  readonly v1: readonly V1Directory[];
  /** Configs of registered projects by folder: the wrapped ones are candidates like any checkout's, the others never. */
  readonly locals: ReadonlyMap<string, LocalConfig>;
  /** Ids of the registry: they explain their directory below `projects/`, so its worktrees need no look (R32). */
  readonly registeredIds: ReadonlySet<string>;
}

export interface Discovery {
  readonly wrapped: readonly WrappedConfig[];
  readonly checkouts: ReadonlyMap<string, string>;
  readonly notes: readonly Note[];
  /** Remarks on candidates that do not count whole and cannot be used. */
  readonly unusable: readonly Note[];
}

/** migration.md 4.1: every wrapped config that something points to, in the order of its hints. Nothing is decided here. */
export function discover(context: DiscoveryContext): Discovery {
  const { location, machine } = context;
  const root = location.root;
  const notes: Note[] = [];
  const candidates = new Map<string, { file: string; hint: Hint; namedByOrigin: boolean }>();
  const configReal = context.config === null ? null : (realOrNull(context.config) ?? context.config);
  const add = (file: string | null, hint: Hint): void => {
    if (file === null) return;
    // One that the run had read may be gone since.
    const real = realOrNull(file) ?? (context.reader.hasInOverlay(file) ? file : null);
    if (real === null || real === configReal) return;
    const known = candidates.get(real);
    if (known === undefined) candidates.set(real, { file, hint, namedByOrigin: hint === 'origin' });
    else if (hint === 'origin') known.namedByOrigin = true;
  };
  if (context.flagged !== null) add(context.flagged.file, 'config-flag');
  if (root !== null) {
    add(runningConfig(join(root, 'running.json'), context.reader), 'running');
    for (const origin of originTexts(root, context.v1, context.reader)) add(origin, 'origin');
  }
  const checkouts = recordedCheckouts(context);
  for (const folder of new Set([...context.locals.keys(), ...checkouts.values()]))
    add(localFile(folder, context.reader), 'checkout');
  if (!location.foreign) {
    for (const folder of upwards(machine.cwd)) add(localFile(folder, context.reader), 'cwd');
    for (const name of [
      '.agent-orchestrator.yaml',
      '.agent-orchestrator.yml',
      '.config/agent-orchestrator/config.yaml',
    ]) {
      if (location.home !== '') add(join(location.home, name), 'home');
    }
  }
  for (const folder of claudeFolders(location, machine, context.reader))
    add(localFile(folder, context.reader), 'claude-json');
  // What pointed to a config that the run had read may be gone too: a worktree, a folder that Claude has forgotten.
  for (const file of context.reader.overlaid) if (isLocalName(basename(file))) add(file, 'claude-json');

  const known = new Set<string>();
  for (const local of context.locals.values())
    if (local.kind !== 'missing' && local.kind !== 'wrapped') known.add(local.file);
  const hashes = storeHashes(root);
  const wrapped: WrappedConfig[] = [];
  const unusable: Note[] = [];
  for (const [realFile, candidate] of candidates) {
    if (known.has(candidate.file)) continue;
    const config = readCandidate(realFile, candidate, hashes, context, notes, unusable);
    if (config !== null) wrapped.push(config);
  }
  addRegisteredWorktrees(wrapped, context, checkouts);
  return { wrapped, checkouts, notes, unusable };
}

function readCandidate(
  realFile: string,
  candidate: { file: string; hint: Hint; namedByOrigin: boolean },
  hashes: ReadonlySet<string>,
  context: DiscoveryContext,
  notes: Note[],
  unusable: Note[],
): WrappedConfig | null {
  const { machine, reader, options, flagged } = context;
  const { file, hint, namedByOrigin } = candidate;
  if (hint !== 'config-flag' && !reader.hasInOverlay(file) && !ownedBy(realFile, machine.uid)) {
    notes.push({
      code: 'OWNED_BY_OTHER',
      severity: 'warn',
      message: 'this config belongs to another user and is ignored',
      file,
    });
    return null;
  }
  const tracked = reader.has(file);
  const parsed = hint === 'config-flag' && flagged !== null ? flagged : parseConfig(file, reader, options);
  if (parsed === null) return null;
  const folder = dirname(realFile);
  const whole = hint === 'config-flag' || hint === 'running' || namedByOrigin || hashes.has(folderHash(folder));
  const tree = 'tree' in parsed ? parsed.tree : null;
  const projects = tree?.kind === 'map' ? mapAt(tree, 'projects') : null;
  if (tree?.kind !== 'map' || projects === null || !('tree' in parsed)) {
    if (!tracked) reader.forget(file);
    (whole ? notes : unusable).push(...unusableNotes(file, parsed));
    return null;
  }
  const entries = entriesOf(projects, file, options.paths);
  return {
    file,
    realFile,
    folder,
    hint,
    whole,
    namedByOrigin,
    mtimeMs: parsed.mtimeMs,
    documents: parsed.documents,
    defaults: defaultsOf(tree, file, notes),
    entries,
    tree,
  };
}

/** Why a config adds nothing; none for one that merely has no projects. */
function unusableNotes(file: string, parsed: NonNullable<ReturnType<typeof parseConfig>>): Note[] {
  const invalid = ({ problem, at }: { problem: string; at: Tree['at'] }): Note => {
    return { code: 'CONFIG_INVALID', severity: 'warn', message: `this config cannot be used: ${problem}`, file, ...at };
  };
  if ('tree' in parsed) {
    const shape = shapeProblem(parsed.tree);
    // What is missed may be in another document.
    return [...(shape === null ? [] : [invalid(shape)]), ...(parsed.documents > 1 ? [multiDocumentNote(parsed)] : [])];
  }
  const { problem, error } = parsed;
  if (error !== null) return [invalid({ problem, at: error.at })];
  return [{ code: 'FILE_UNREADABLE', severity: 'warn', message: `this config cannot be read: ${problem}`, file }];
}

/** The first 12 hex digits under which the legacy tool filed what belongs to a config's folder (legacy-store.md 1.5). */
export function folderHash(folder: string): string {
  return sha256Hex(folder).slice(0, 12);
}

/** Hashes that begin the name of a directory of the store: V1, converted, or observability. */
function storeHashes(root: string | null): Set<string> {
  const hashes = new Set<string>();
  for (const { name, isDirectory } of root === null ? [] : list(root)) {
    const hash = /^([0-9a-f]{12})(?:$|[-.])/.exec(name)?.[1];
    if (hash !== undefined && isDirectory) hashes.add(hash);
  }
  return hashes;
}

/** Main checkouts of the worktrees that records name, where nothing else explains the record. */
function recordedCheckouts(context: DiscoveryContext): Map<string, string> {
  const checkouts = new Map<string, string>();
  const look = (worktree: string | null, isProject: boolean): void => {
    if (worktree === null || checkouts.has(worktree)) return;
    const checkout = mainCheckoutOf(worktree);
    if (checkout !== null) checkouts.set(worktree, checkout);
    else if (isProject && realOrNull(worktree) !== null) checkouts.set(worktree, worktree);
  };
  for (const directory of context.v2) {
    if (context.registeredIds.has(directory.id)) continue;
    for (const record of directory.records) look(record.worktree, false);
    look(directory.standalone?.worktree ?? null, false);
  }
  for (const directory of context.v1) {
    for (const record of [...directory.records, ...directory.archives]) look(record.worktree, true);
  }
  return checkouts;
}

/**
 * A worktree that is gone no longer says where it belongs, but the repository still registers it. That decides between
 * two configs that name one project alike (migration.md 4.1, "the main checkout of one").
 */
function addRegisteredWorktrees(
  wrapped: readonly WrappedConfig[],
  context: DiscoveryContext,
  checkouts: Map<string, string>,
): void {
  if (wrapped.length === 0) return;
  const recorded = new Set<string>();
  for (const directory of context.v2)
    for (const record of directory.records) if (record.worktree !== null) recorded.add(record.worktree);
  const folders = new Set<string>();
  for (const config of wrapped)
    for (const entry of config.entries) if (entry.path.resolved !== null) folders.add(entry.path.resolved);
  for (const folder of folders) {
    for (const worktree of worktreesOf(folder))
      if (recorded.has(worktree) && !checkouts.has(worktree)) checkouts.set(worktree, folder);
  }
}

function isLocalName(name: string): boolean {
  return LOCAL_NAMES.some((each) => each === name);
}

function ownedBy(file: string, uid: number | null): boolean {
  if (uid === null) return true;
  try {
    return statSync(file).uid === uid;
  } catch {
    return false;
  }
}
