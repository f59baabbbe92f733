import { chmod, copyFile, realpath, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { errorCode, isSystemError } from '../sessions/system-error';
import { type TemporaryDirectory, temporaryDirectory } from '../sessions/temporary';

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
  const directory = await copyDirectory(database, machine);
  try {
    const copy = join(directory.path, basename(original));
    await copyStill(original, copy, machine, tools);
    return await use(copy);
  } finally {
    await directory.remove();
  }
}

/** It was there a moment ago: a rollback removes the file that its run had made. */
function gone(database: string): Refusal {
  return new Refusal('DB_LOCKED', `${database} was removed while it was looked at.`);
}

async function copyDirectory(database: string, machine: Machine): Promise<TemporaryDirectory> {
  try {
    return await temporaryDirectory('copy', machine);
  } catch (error) {
    throw ofTemporaryFolder(error, database, machine);
  }
}

function ofTemporaryFolder(error: unknown, database: string, { tempDir }: Machine): unknown {
  const copy = `a private copy of ${database}`;
  if (isSystemError(error, 'ENOSPC', 'EDQUOT'))
    return new Refusal('NO_SPACE', `There is no space for ${copy} in the temporary folder ${tempDir}.`);
  const other = 'Set TMPDIR to a folder that you may write to, then run again.';
  if (isSystemError(error, 'ENOENT'))
    return new Refusal('NOT_WRITABLE', `The temporary folder ${tempDir} does not exist.`, other);
  if (!isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return error;
  const message = `The temporary folder ${tempDir} cannot be written (${errorCode(error)}), and ${copy} must go there.`;
  return new Refusal('NOT_WRITABLE', message, other);
}

async function copyStill(original: string, copy: string, machine: Machine, tools: CopyTools): Promise<void> {
  const begun = machine.now().getTime();
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const before = await looksOf(original);
    await Promise.all(PARTS.map((part) => copyPart(original + part, copy + part, machine, tools)));
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
        throw unread(error, original + part);
      }
    }),
  );
}

async function copyPart(from: string, to: string, machine: Machine, tools: CopyTools): Promise<void> {
  await rm(to, { force: true });
  try {
    await tools.copy(from, to);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw isSystemError(error, 'ENOSPC', 'EDQUOT', 'EROFS')
      ? ofTemporaryFolder(error, from, machine)
      : unread(error, from);
  }
  // A copy has the mode of its original, which may be read-only, and recovery must write to it.
  await chmod(to, 0o600);
}

function unread(error: unknown, path: string): unknown {
  if (!isSystemError(error, 'EACCES', 'EPERM')) return error;
  const hint = 'Give yourself permission to read it, then run again.';
  return new Refusal('NOT_WRITABLE', `${path} cannot be read (${errorCode(error)}).`, hint);
}
