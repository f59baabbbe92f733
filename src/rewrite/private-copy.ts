import { chmod, copyFile, lstat, mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { isSystemError } from '../sessions/source';
import { isAlive } from './daemon';

/** What a copy consists of. The `-shm` is left out: SQLite makes it anew from the `-wal`. */
const PARTS = ['', '-wal', '-journal'] as const;

const MOST_ATTEMPTS = 20;
const MOST_MS = 5_000;
const PAUSE_MS = 250;

/** The operations that a test replaces to let a file change while it is copied. */
export interface CopyTools {
  /** Milliseconds. */
  sleep(ms: number): Promise<void>;
  copy(from: string, to: string): Promise<void>;
}

const TOOLS: CopyTools = { sleep: (ms) => Bun.sleep(ms), copy: (from, to) => copyFile(from, to) };

/** Directories of copies that are in use now. */
const live = new Set<string>();

/**
 * Calls `use` with the path of a private copy of a SQLite file, its `-wal` and its `-journal`, in a 0700 directory of the
 * system's temporary folder, and removes the copy on every way out (migration.md 2). The original is only read by file
 * calls; so nothing in this process may hold a lock of SQLite on it. The copy is taken again, at most 20 times within
 * 5 s, until size and mtime of all parts stand still; else `Refusal('DB_LOCKED')`. The file must exist.
 */
export async function withPrivateCopy<T>(
  database: string,
  machine: Machine,
  use: (copy: string) => T | Promise<T>,
  tools: CopyTools = TOOLS,
): Promise<T> {
  // SQLite keeps the -wal beside the file itself, not beside a link to it.
  const original = await realpath(database).catch((error: unknown) => {
    throw isSystemError(error, 'ENOENT') ? gone(database) : error;
  });
  await removeAbandoned(machine);
  const directory = await temporaryDirectory(machine);
  live.add(directory);
  try {
    const copy = join(directory, basename(original));
    await copyStill(original, copy, machine, tools);
    return await use(copy);
  } finally {
    // A copy that stays is a copy of what is private: one failure is not taken for the last word.
    await rm(directory, { recursive: true, force: true }).catch(() => rm(directory, { recursive: true, force: true }));
    live.delete(directory);
  }
}

/** Paths of the copies in use, for a process that must end at once and can wait for nothing. */
export function privateCopies(): readonly string[] {
  return [...live].sort();
}

/** It was there a moment ago: a rollback removes the file that its run had made. */
function gone(database: string): Refusal {
  return new Refusal('DB_LOCKED', `${database} was removed while it was looked at.`);
}

/** What a killed process could not remove is left by it for at least so long: another container may share the folder. */
const ABANDONED_MS = 10 * 60_000;

/** Copies of processes that were killed: they hold what is private, and nobody else would ever remove them. */
async function removeAbandoned(machine: Machine): Promise<void> {
  const names = await readdir(machine.tempDir).catch(() => []);
  for (const name of names) {
    const pid = /^ao-migrate-copy-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const directory = join(machine.tempDir, name);
    try {
      const { mtimeMs, uid } = await lstat(directory);
      const isOurs = machine.uid === null || uid === machine.uid;
      if (isOurs && machine.now().getTime() - mtimeMs > ABANDONED_MS)
        await rm(directory, { recursive: true, force: true });
    } catch {
      // Somebody else is at it, or may do it later.
    }
  }
}

async function temporaryDirectory({ tempDir, pid }: Machine): Promise<string> {
  try {
    // mkdtemp makes it 0700.
    return await mkdtemp(join(tempDir, `ao-migrate-copy-${pid}-`));
  } catch (error) {
    throw isSystemError(error, 'ENOENT')
      ? new Refusal('NOT_WRITABLE', `The temporary folder ${tempDir} does not exist.`)
      : asRefusal(error, tempDir);
  }
}

async function copyStill(original: string, copy: string, machine: Machine, tools: CopyTools): Promise<void> {
  const begun = machine.now().getTime();
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const before = await looksOf(original);
    await Promise.all(PARTS.map((part) => copyPart(original + part, copy + part, tools)));
    if (before[0] !== null && Bun.deepEquals(before, await looksOf(original))) return;
    if (machine.now().getTime() - begun > MOST_MS - PAUSE_MS) break;
    await tools.sleep(PAUSE_MS);
  }
  throw new Refusal('DB_LOCKED', `${original} was being written all the time, so it could not be read as one.`);
}

/** Identity, size and mtime of each part; null where it is missing. */
async function looksOf(original: string): Promise<(string | null)[]> {
  return Promise.all(
    PARTS.map(async (part) => {
      try {
        const now = await stat(original + part, { bigint: true });
        // A FIFO in its place would be waited for without end.
        if (!now.isFile()) throw new Refusal('DB_CORRUPT', `${original + part} is not a regular file.`);
        return `${now.ino}:${now.size}:${now.mtimeNs}`;
      } catch (error) {
        if (isSystemError(error, 'ENOENT')) return null;
        throw asRefusal(error, original + part);
      }
    }),
  );
}

async function copyPart(from: string, to: string, tools: CopyTools): Promise<void> {
  await rm(to, { force: true });
  try {
    await tools.copy(from, to);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw asRefusal(error, from);
  }
  // A copy has the mode of its original, which may be read-only, and recovery must write to it.
  await chmod(to, 0o600);
}

function asRefusal(error: unknown, path: string): unknown {
  if (isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    return new Refusal('NO_SPACE', `There is no space for a private copy of ${path} in the temporary folder.`);
  }
  if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS')) {
    return new Refusal(
      'NOT_WRITABLE',
      `A private copy of ${path} cannot be made: ${error instanceof Error ? error.message : error}.`,
    );
  }
  return error;
}
