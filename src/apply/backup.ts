import type { Database } from 'bun:sqlite';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { LegacyStore } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { stands, targetAt } from '../sessions/entry';
import { inParallel } from '../sessions/in-parallel';
import { sha256, sha256Hex } from '../sessions/sha256';
import { isSystemError } from '../sessions/source';
import { errorCode } from '../sessions/system-error';
import { type BackupEntry, type BackupManifest, MANIFEST, readManifest } from './backup-manifest';
import { makeDirectories, syncDirectory, writeAll, writeSynced } from './durable';
import { digestOf } from './file-state';
import { jsonPieces } from './json-pieces';
import { compactTime, type StatePaths } from './state';
import { syncWhole } from './whole-sync';

/** Where a backup will stand, known before it is made. */
export interface BackupPlace {
  readonly partial: string;
  readonly final: string;
  /** Directories above it that are not there yet, outermost first. */
  readonly directories: string[];
}

/**
 * `backups/legacy-YYYYMMDD-HHMMSS`, with `-2`, `-3` where that is taken (migration.md 8). Until it is whole it has a name that
 * no other run can have: those of other data dirs keep their backups in the same folder.
 *
 * @throws Refusal NOT_WRITABLE where that folder cannot be looked at
 */
export function backupPlace(paths: StatePaths, time: Date, runId: string): BackupPlace {
  const base = join(paths.backups, `legacy-${compactTime(time)}`);
  const partial = join(paths.backups, `legacy-${runId}.partial`);
  try {
    let final = base;
    for (let count = 2; stands(final); count++) final = `${base}-${count}`;
    return { final, partial, directories: stands(paths.backups) ? [] : [paths.backups] };
  } catch (error) {
    const why = `${paths.backups} cannot be looked at (${errorCode(error)}), and the backup must go there.`;
    throw new Refusal('NOT_WRITABLE', why);
  }
}

/**
 * Copies every flat file that was read, and the database as it is now, under the partial name of the backup, synced.
 * Directories 0700, files 0600. Conversations, worktrees, caches and locks are not in it.
 *
 * @param db the connection that holds the database; the copy is made by SQLite on it, because opening the file a second
 *   time in this process would drop its locks (migration.md 7)
 */
export async function makeBackup(
  place: BackupPlace,
  store: LegacyStore,
  db: Database | null,
  dataDir: string,
  runId: string,
  platform: Machine['platform'],
): Promise<void> {
  makeDirectories(dirname(place.partial));
  mkdirSync(place.partial, { mode: 0o700 });
  const entries: BackupEntry[] = [];
  const directories = new Set<string>([place.partial]);
  const into = (name: string): string => {
    const target = join(place.partial, name);
    if (directories.has(dirname(target))) return target;
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    for (let directory = dirname(target); !directories.has(directory); directory = dirname(directory))
      directories.add(directory);
    return target;
  };
  for (const source of store.files) {
    const name = nameOf(source.path, store.root);
    const entry = copyFlat(source.path, into(name), name);
    if (entry !== null) entries.push(entry);
  }
  for (const file of pipelineFiles(join(dataDir, 'pipelines'))) {
    const name = join('data', 'pipelines', relative(join(dataDir, 'pipelines'), file));
    const entry = copyFlat(file, into(name), name);
    if (entry !== null) entries.push(entry);
  }
  const flat = entries.map(({ file }) => join(place.partial, file));
  if (db !== null) entries.push(await copyDatabase(db, into('ao.db'), join(dataDir, 'ao.db')));
  const manifest: BackupManifest = { formatVersion: 1, runId, root: store.root, dataDir, files: entries };
  writeSynced(into(MANIFEST), jsonPieces(manifest));
  if (flat.length < MANY || !(await syncWhole(place.partial, platform))) {
    await inParallel(flat, PARALLEL, syncFile);
    for (const directory of [...directories].sort().reverse()) syncDirectory(directory);
  }
}

/** Where a file lies in a backup. */
function nameOf(path: string, root: string): string {
  // Nearly every path is that of the root with something after it, and then nothing must be computed.
  if (root !== '' && path.startsWith(`${root}${sep}`) && !path.includes('..')) return `root${path.slice(root.length)}`;
  const inside = relative(root, path);
  const isInside = root !== '' && inside !== '' && !inside.startsWith('..') && !/^[A-Za-z]:/.test(inside);
  return isInside ? join('root', inside) : join('outside', sha256Hex(path));
}

/** Gives a whole backup its name; false where another run has taken that meanwhile. */
export function nameBackup({ partial, final }: BackupPlace): boolean {
  try {
    // A folder cannot replace one that holds something, and every backup holds its manifest.
    renameSync(partial, final);
  } catch (error) {
    if (isSystemError(error, 'ENOTEMPTY', 'EEXIST') || stands(final)) return false;
    throw error;
  }
  syncDirectory(dirname(final));
  return true;
}

/**
 * Removes what a run has made of its backup. Under its own name it is the run's only if its manifest says so: between the
 * two names another run may have taken that one.
 */
export function removeBackup({ partial, final }: Pick<BackupPlace, 'partial' | 'final'>, runId: string): void {
  // Under the partial name it is known as the run's until the last of it is gone.
  if (readManifest(final)?.runId === runId) {
    rmSync(partial, { recursive: true, force: true });
    renameSync(final, partial);
  }
  rmSync(partial, { recursive: true, force: true });
}

/** From so many files on, syncing the whole file system is worth starting a program for. */
const MANY = 32;

/** Bytes that the backup will need, roughly: for the check of free space. */
export function backupSize(store: LegacyStore, database: string): number {
  const flat = store.files.reduce((sum, { size }) => sum + size, 0);
  const held = ['', '-wal'].reduce((sum, part) => sum + (targetAt(database + part)?.size ?? 0), 0);
  return flat + held + store.files.length * 4096;
}

/** Files synced at a time: the disk settles several with one write of its journal. */
const PARALLEL = 16;

/** A file of thousands, written before and synced later; Windows syncs only what is open for writing. */
async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Serves nearly every file. */
const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);

/** One flat file as it is now, not synced; null where it vanished since it was read. What cannot be read is not passed over. */
function copyFlat(source: string, target: string, name: string): BackupEntry | null {
  let from: number;
  try {
    from = openSync(source, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) return null;
    throw error;
  }
  try {
    const stat = fstatSync(from);
    if (!stat.isFile()) return null;
    const hash = sha256();
    const to = openSync(target, 'wx', 0o600);
    let size = 0;
    try {
      const buffer = stat.size < SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(1024 * 1024);
      let read: number;
      do {
        read = readSync(from, buffer);
        const chunk = buffer.subarray(0, read);
        hash.update(chunk);
        writeAll(to, chunk);
        size += read;
        // What fills less than the buffer was the last of it, unless the file system gives less than there is, or says nothing of it.
      } while (read > 0 && (read === buffer.length || size < stat.size || stat.size === 0));
    } finally {
      closeSync(to);
    }
    return {
      file: name,
      path: source,
      size,
      sha256: hash.digest('hex'),
      mode: (stat.mode & 0o7777).toString(8),
      mtime: stat.mtime.toISOString(),
    };
  } finally {
    closeSync(from);
  }
}

async function copyDatabase(db: Database, target: string, path: string): Promise<BackupEntry> {
  db.query('VACUUM INTO ?').run(target);
  chmodSync(target, 0o600);
  await syncFile(target);
  // The original must not even be looked at by file calls that open it; its name, mode and time come from lstat.
  const { mode, mtime } = lstatSync(path);
  return {
    file: 'ao.db',
    path,
    size: statSync(target).size,
    sha256: digestOf(target),
    mode: (mode & 0o7777).toString(8),
    mtime: mtime.toISOString(),
  };
}

/** Regular files of the daemon's pipelines folder, which has no other copy; links are not followed. */
function pipelineFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) =>
        entry.isDirectory()
          ? pipelineFiles(join(folder, entry.name))
          : entry.isFile()
            ? [join(folder, entry.name)]
            : [],
      );
  } catch {
    return [];
  }
}
