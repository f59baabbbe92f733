import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, link, lstat, open, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Machine } from '../contracts/machine';
import type { ConversationCopy } from '../contracts/plan';
import { createPrivateDirectory, syncDirectories } from './directories';
import type { Progress, StagedConversation, StagedFile } from './harness';
import { type Rewrite, rewritten } from './rewrite';
import {
  bytesOf,
  ConversationFault,
  isCompressed,
  isSystemError,
  isUnchanged,
  type OpenFile,
  obstacleBelow,
  withFile,
} from './source';

/** How every temporary file begins, so that a later run knows what an accident left behind. */
export const TEMPORARY_PREFIX = '.ao-migrate-';

/** Times that a file which changes while it is copied is copied again before it is given up. */
const ATTEMPTS = 4;

export interface StagingDeps {
  readonly platform: Machine['platform'];
  /** Makes the temporary names of this run unlike those of any other: `[0-9a-f]+`. */
  readonly tag: string;
}

/** One file to write. Roots are physical; nothing below them is followed. */
export interface StagingJob {
  readonly source: string;
  readonly sourceRoot: string;
  readonly destination: string;
  readonly destinationRoot: string;
  /** What the copy is made of. Asked again for every attempt, with the file as it is then. */
  rewrite(file: OpenFile): Promise<Rewrite>;
}

/**
 * Writes every file under a temporary name beside its destination, synced, 0600 in directories of 0700, whatever umask
 * and source say. Throws a `ConversationFault` or the system's error after removing all that it made.
 */
export async function stageFiles(
  copy: ConversationCopy,
  jobs: readonly StagingJob[],
  progress: Progress,
  deps: StagingDeps,
): Promise<StagedConversation> {
  const files: StagedFile[] = [];
  const createdDirectories: string[] = [];
  try {
    for (const [index, job] of jobs.entries()) {
      const directory = dirname(job.destination);
      await refuseObstacle(job.destinationRoot, directory);
      await createPrivateDirectory(directory, createdDirectories);
      const temporary = join(directory, `${TEMPORARY_PREFIX}${deps.tag}-${copy.resumeId}-${index}.part`);
      files.push(await stageFile(job, temporary, progress));
    }
  } catch (error) {
    await discardFiles({ copy, files, createdDirectories });
    throw error;
  }
  return { copy, files, createdDirectories };
}

/**
 * Makes the staged files visible, the main file last, so that a conversation which is there is whole. Throws
 * `CONVERSATION_CONFLICT` where something has appeared at a destination; what was placed until then is for `discardFiles`.
 */
export async function placeFiles(staged: StagedConversation, platform: Machine['platform']): Promise<void> {
  for (const file of staged.files.toReversed()) await placeFile(file);
  const changed = [...staged.files.map((file) => file.destination), ...staged.createdDirectories].map(dirname);
  if (platform !== 'win32') await syncDirectories(changed);
}

/**
 * Removes what was staged or placed. A file goes only while it is byte for byte what was written: a destination that has
 * grown, or that was there before, stays. Directories go only when empty.
 */
export async function discardFiles(staged: StagedConversation): Promise<void> {
  for (const file of staged.files) await discardFile(file);
  for (const directory of staged.createdDirectories.toReversed()) {
    try {
      await rmdir(directory);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  }
}

async function stageFile(job: StagingJob, temporary: string, progress: Progress): Promise<StagedFile> {
  let reported = 0;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    await refuseObstacle(job.sourceRoot, dirname(job.source));
    let seen = 0;
    const advance = (bytes: number) => {
      seen += bytes;
      if (seen <= reported) return;
      progress.advance(seen - reported);
      reported = seen;
    };
    const staged = await withFile(job.source, async (file) => {
      const written = await copyFile(file, await job.rewrite(file), temporary, advance);
      let isGood = false;
      try {
        isGood = await isUnchanged(file);
      } finally {
        if (!isGood) await unlink(temporary);
      }
      return isGood ? { temporary, destination: job.destination, ...written } : null;
    });
    if (staged !== null) return staged;
  }
  throw new ConversationFault('CONVERSATION_UNREADABLE', `is being written while it is copied: ${job.source}`);
}

type Written = Omit<StagedFile, 'temporary' | 'destination'>;

async function copyFile(
  file: OpenFile,
  rewrite: Rewrite,
  temporary: string,
  advance: (bytes: number) => void,
): Promise<Written> {
  const trimmed = createHash('sha256');
  let result: Hash | null = rewrite.edits.length > 0 ? createHash('sha256') : null;
  let whole: Hash | null = null;
  const tap = {
    carried: (chunk: Buffer) => {
      trimmed.update(chunk);
      advance(chunk.length);
    },
    rest: (chunk: Buffer) => {
      whole ??= trimmed.copy();
      whole.update(chunk);
      advance(chunk.length);
    },
  };
  const size = await writeNew(temporary, async function* pieces() {
    let offset = 0;
    for await (const piece of rewritten(file, rewrite, tap)) {
      // Without edits the copy is the trimmed source, and only what follows it needs a hash of its own.
      if (result === null && offset >= rewrite.end) result = trimmed.copy();
      result?.update(piece);
      offset += piece.length;
      yield piece;
    }
  });
  const copied = result ?? trimmed.copy();
  return {
    sourceSha256: isCompressed(file.path) ? await sha256Of(file) : (whole ?? trimmed.copy()).digest('hex'),
    trimmedSha256: trimmed.digest('hex'),
    sha256: copied.digest('hex'),
    size,
  };
}

/** Writes a file that may not exist yet, 0600, and syncs it. Returns its size. Leaves nothing behind when it fails. */
async function writeNew(path: string, pieces: () => AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.chmod(0o600);
    let size = 0;
    for await (const piece of pieces()) size += await writeAll(handle, piece);
    await handle.sync();
    await handle.close();
    return size;
  } catch (error) {
    await handle.close().catch(() => {});
    await unlink(path);
    throw error;
  }
}

async function writeAll(handle: FileHandle, piece: Uint8Array): Promise<number> {
  for (let done = 0; done < piece.length; ) {
    const { bytesWritten } = await handle.write(piece, done, piece.length - done);
    done += bytesWritten;
  }
  return piece.length;
}

/** What a file system without hard links answers; Windows says EISDIR or UNKNOWN there. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR', 'UNKNOWN'];

/** A hard link cannot replace anything. A file system without them is served by `placeWithoutLink`. */
async function placeFile(file: StagedFile): Promise<void> {
  try {
    await link(file.temporary, file.destination);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw taken(file.destination);
    if (!isSystemError(error, ...NO_LINKS)) throw error;
    await placeWithoutLink(file);
    return;
  }
  await unlink(file.temporary);
}

/** An empty file of our own reserves the name, then the rename replaces that. Exported for machines on which no test can take links away. */
export async function placeWithoutLink(file: StagedFile): Promise<void> {
  try {
    await (await open(file.destination, 'wx', 0o600)).close();
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw taken(file.destination);
    throw error;
  }
  try {
    await rename(file.temporary, file.destination);
  } catch (error) {
    await unlink(file.destination);
    throw error;
  }
}

async function discardFile(file: StagedFile): Promise<void> {
  const temporary = await inodeOf(file.temporary);
  const destination = await inodeOf(file.destination);
  // With the temporary name still there the destination is ours only if it is the same file: an accident between link and unlink.
  const placed = destination !== null && (temporary === null || temporary === destination);
  if (placed && (await isAsWritten(file.destination, file))) await unlink(file.destination);
  if (temporary !== null && (await isAsWritten(file.temporary, file))) await unlink(file.temporary);
}

async function isAsWritten(path: string, file: StagedFile): Promise<boolean> {
  return withFile(path, async (opened) => opened.size === file.size && (await sha256Of(opened)) === file.sha256);
}

async function sha256Of(file: OpenFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of bytesOf(file, 0, file.size)) hash.update(chunk);
  return hash.digest('hex');
}

/** Null where there is no such regular file. */
async function inodeOf(path: string): Promise<number | null> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? stats.ino : null;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
}

async function refuseObstacle(root: string, directory: string): Promise<void> {
  const obstacle = await obstacleBelow(root, directory);
  if (obstacle === null) return;
  throw new ConversationFault(
    'CONVERSATION_UNREADABLE',
    `${basename(obstacle)} is a link or no directory: ${obstacle}`,
  );
}

function taken(path: string): ConversationFault {
  return new ConversationFault('CONVERSATION_CONFLICT', `something is already there: ${path}`);
}
