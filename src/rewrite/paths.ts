import { lstatSync, type Stats, statSync } from 'node:fs';
import { join, posix, win32 } from 'node:path';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { physical } from '../sessions/physical';
import { isSystemError } from '../sessions/system-error';

/** Where the target is. All paths absolute. */
export interface TargetPaths {
  /** As the daemon takes it: cleaned, links not resolved. */
  readonly dataDir: string;
  /** Longest existing ancestor resolved, the rest appended (rewrite-target.md 5.4). */
  readonly physicalDataDir: string;
  /** `<dataDir>/ao.db`. */
  readonly database: string;
}

export interface TargetRequest {
  /** `--data-dir`, or null. */
  readonly dataDir: string | null;
  /** Folders of the legacy store in which no data directory may lie: its root, and that of `--from`. */
  readonly legacyRoots: readonly string[];
}

/**
 * Finds the data directory: `--data-dir`, else AO_DATA_DIR if not empty, else `<home>/.ao/data`. It need not exist.
 * Throws `Refusal('DATA_DIR_INVALID')` for each case of migration.md 3.
 */
export function targetPaths(machine: Machine, request: TargetRequest): TargetPaths {
  const { dirname, join, resolve } = pathsOf(machine);
  const dataDir = resolve(chosenDataDir(machine, request.dataDir));
  const foreign = /[?#%]/.exec(dataDir)?.[0];
  if (foreign !== undefined) {
    throw invalid(`The path ${dataDir} contains "${foreign}": the daemon would open another file.`);
  }
  const physicalDataDir = physical(dataDir);
  const homes = [machine.home, machine.legacyHome].flatMap((home) => (home === null ? [] : [home]));
  const stores = homes.map((home) => join(home, '.agent-orchestrator'));
  const state = stateDir(machine);
  for (const root of [...stores, ...request.legacyRoots]) {
    const isInside = (...paths: string[]): boolean =>
      [root, physical(root)].some((folder) => paths.some((path) => lies(path, folder, machine)));
    if (isInside(dataDir, physicalDataDir))
      throw invalid(`The data directory ${dataDir} lies inside the legacy store ${root}.`);
    // The lock, receipts and backups would be written into the store that is never written.
    if (state !== null && isInside(state, physical(state)))
      throw invalid(`${state}, where receipts and backups go, lies inside the legacy store ${root}.`);
  }
  requireDirectory(dataDir, dirname);
  return { dataDir, physicalDataDir, database: join(dataDir, 'ao.db') };
}

/** `<home>/.ao`, whatever AO_DATA_DIR and AO_RUN_FILE say (migration.md 8); null where no home is known. */
export function stateDir(machine: Machine): string | null {
  return machine.home === null ? null : pathsOf(machine).join(machine.home, '.ao');
}

/** Where every run has its lock, its journal and its receipt; null where no home is known. */
export function migrationsDir(machine: Machine): string | null {
  const state = stateDir(machine);
  return state === null ? null : pathsOf(machine).join(state, 'migrations');
}

/** AO_RUN_FILE if not empty, else `<home>/.ao/running.json` (rewrite-target.md 2.2); null where neither is known. */
export function runFile(machine: Machine): string | null {
  const { resolve, join } = pathsOf(machine);
  const named = machine.env.AO_RUN_FILE;
  if (named !== undefined && named !== '') return resolve(machine.cwd, named);
  const state = stateDir(machine);
  return state === null ? null : join(state, 'running.json');
}

/** Folders below which terminals are the rewrite's own, which names its sessions like the legacy tool (migration.md 3). */
export function managedRoots({ dataDir, physicalDataDir }: Pick<TargetPaths, 'dataDir' | 'physicalDataDir'>): string[] {
  const roots = [dataDir, physicalDataDir].map((folder) => join(folder, WORKTREES));
  // The folder itself may be a link, to a larger disk.
  return [...new Set([...roots, physical(join(physicalDataDir, WORKTREES))])];
}

/**
 * Directory in which the daemon runs a project's orchestrator, links resolved also below the data directory
 * (rewrite-target.md 5.4). Need not exist.
 *
 * @param resolve resolves the links of a path
 */
export function managedWorktree(
  { physicalDataDir }: Pick<TargetPaths, 'physicalDataDir'>,
  projectId: string,
  prefix: string,
  resolve: (path: string) => string = physical,
): string {
  return resolve(join(physicalDataDir, WORKTREES, projectId, 'orchestrator', `${prefix}-orchestrator`));
}

const WORKTREES = 'worktrees';

function chosenDataDir(machine: Machine, flag: string | null): string {
  const { resolve, join } = pathsOf(machine);
  if (flag !== null) {
    if (flag.trim() === '') throw invalid('The data directory given is blank.');
    return resolve(machine.cwd, flag);
  }
  const named = machine.env.AO_DATA_DIR;
  if (named !== undefined && named !== '') {
    if (named.trim() === '') throw invalid('AO_DATA_DIR is blank.');
    if (!isFull(named, machine)) {
      throw invalid(`AO_DATA_DIR is relative (${named}): the daemon would take it from wherever it is started.`);
    }
    return named;
  }
  const state = stateDir(machine);
  if (state === null) throw invalid('No home directory is known and no data directory is given.');
  return join(state, 'data');
}

/** Throws unless the path is a directory, or can become one because nothing but directories is in its way. */
function requireDirectory(dataDir: string, parentOf: (path: string) => string): void {
  let path = dataDir;
  while (!stands(path)) {
    const parent = parentOf(path);
    if (parent === path) return;
    path = parent;
  }
  // Links are followed: one to a directory will do, one that leads nowhere or in a circle will not.
  if (attempt(path, () => statSync(path, { throwIfNoEntry: false }))?.isDirectory() === true) return;
  throw invalid(
    path === dataDir ? `${path} is not a directory.` : `${path}, on the way to ${dataDir}, is no directory.`,
  );
}

function stands(path: string): boolean {
  return attempt(path, () => lstatSync(path, { throwIfNoEntry: false })) !== undefined;
}

/** What the system says of a path; undefined where nothing is there. */
function attempt(path: string, look: () => Stats | undefined): Stats | undefined {
  try {
    return look();
  } catch (error) {
    if (isSystemError(error, 'ENOTDIR')) return undefined;
    throw invalid(`${path} cannot be looked at: ${error instanceof Error ? error.message : error}.`);
  }
}

/** Absolute to the daemon. On Windows `\folder` is not: it depends on the current drive. */
function isFull(path: string, machine: Machine): boolean {
  return machine.platform === 'win32'
    ? win32.isAbsolute(path) && /^(?:[A-Za-z]:|[\\/]{2})/.test(path)
    : path.startsWith('/');
}

/** Is the folder or lies inside it, by text; where file systems usually ignore case, so does this. */
function lies(path: string, folder: string, machine: Machine): boolean {
  const { relative, isAbsolute, sep } = pathsOf(machine);
  const fold = (text: string): string => (machine.platform === 'linux' ? text : text.toLowerCase());
  const inside = relative(fold(folder), fold(path));
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

function pathsOf(machine: Machine): typeof posix {
  return machine.platform === 'win32' ? win32 : posix;
}

function invalid(message: string): Refusal {
  return new Refusal('DATA_DIR_INVALID', message);
}
