import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  linkSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Note } from '../contracts/notes';
import type { ConversationCopy } from '../contracts/plan';
import { openNew, syncDescriptor, writeWhole } from './descriptor';
import { createPrivateDirectory } from './directories';
import { entryAt } from './entry';
import type { Progress, StagedConversation, StagedFile } from './harness';
import { type Rewrite, rewritten } from './rewrite';
import { sha256 } from './sha256';
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
  const notes: Note[] = [];
  let { messages } = copy;
  try {
    for (const [index, job] of jobs.entries()) {
      const directory = dirname(job.destination);
      refuseObstacle(job.destinationRoot, directory);
      const temporary = join(directory, `${TEMPORARY_PREFIX}${deps.tag}-${copy.resumeId}-${index}.part`);
      const stage = async () => {
        await createPrivateDirectory(directory, createdDirectories);
        const { messages: counted, notes: seen, ...file } = await stageFile(job, temporary, progress);
        files.push(file);
        notes.push(...seen);
        messages ??= counted;
      };
      try {
        await stage();
      } catch (error) {
        // Another copy that failed has taken back a folder that both needed.
        if (!isSystemError(error, 'ENOENT') || existsSync(directory)) throw error;
        await stage();
      }
    }
  } catch (error) {
    await discardFiles({ copy, files, createdDirectories });
    throw error;
  }
  return { copy: { ...copy, messages }, files, createdDirectories, notes };
}

/**
 * Makes the staged files visible, the main file last, so that a conversation which is there is whole. Throws
 * `CONVERSATION_CONFLICT` where something has appeared at a destination; what was placed until then is for `discardFiles`.
 * The new names survive a power cut once `placedDirectories` are synced.
 */
export async function placeFiles(staged: StagedConversation): Promise<void> {
  for (const file of staged.files.toReversed()) placeFile(file);
}

/** Directories that have new names in them once a conversation is in place; to be synced for many at once. */
export function placedDirectories({ files, createdDirectories }: StagedConversation): string[] {
  return [...files.map((file) => file.destination), ...createdDirectories].map((path) => dirname(path));
}

/**
 * Removes what was staged or placed. A file goes only while it is byte for byte what was written: a destination that has
 * grown, or that was there before, stays. Directories go only when empty.
 */
export async function discardFiles(staged: StagedConversation): Promise<void> {
  for (const file of staged.files) await discardFile(file);
  for (const directory of staged.createdDirectories.toReversed()) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  }
}

async function stageFile(job: StagingJob, temporary: string, progress: Progress): Promise<CountedFile> {
  let reported = 0;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    refuseObstacle(job.sourceRoot, dirname(job.source));
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
        isGood = isUnchanged(file);
      } finally {
        if (!isGood) unlinkSync(temporary);
      }
      return isGood ? { temporary, destination: job.destination, ...written } : null;
    });
    if (staged !== null) return staged;
  }
  throw new ConversationFault('CONVERSATION_UNREADABLE', `is being written while it is copied: ${job.source}`);
}

interface CountedFile extends StagedFile {
  /** Null where they were not counted. */
  readonly messages: number | null;
  readonly notes: readonly Note[];
}

type Written = Omit<CountedFile, 'temporary' | 'destination'>;

async function copyFile(
  file: OpenFile,
  rewrite: Rewrite,
  temporary: string,
  advance: (bytes: number) => void,
): Promise<Written> {
  const trimmed = sha256();
  let result: Bun.CryptoHasher | null = rewrite.edits.length > 0 ? sha256() : null;
  let whole: Bun.CryptoHasher | null = null;
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
    messages: rewrite.messages?.() ?? null,
    notes: rewrite.notes?.() ?? [],
  };
}

/** Writes a file that may not exist yet, 0600, and syncs it. Returns its size. Leaves nothing behind when it fails. */
async function writeNew(path: string, pieces: () => AsyncIterable<Uint8Array>): Promise<number> {
  const descriptor = await openNew(path);
  let isOpen = true;
  try {
    if ((fstatSync(descriptor).mode & 0o777) !== 0o600) fchmodSync(descriptor, 0o600);
    let size = 0;
    for await (const piece of pieces()) {
      await writeWhole(descriptor, piece);
      size += piece.length;
    }
    await syncDescriptor(descriptor);
    isOpen = false;
    closeSync(descriptor);
    return size;
  } catch (error) {
    if (isOpen) closeQuietly(descriptor);
    unlinkSync(path);
    throw error;
  }
}

/** The error that came first is the one to tell. */
function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // It is given up all the same.
  }
}

/** What a file system without hard links answers; Windows says EISDIR or UNKNOWN there. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR', 'UNKNOWN'];

/** A hard link cannot replace anything. A file system without them is served by `placeWithoutLink`. */
function placeFile(file: StagedFile): void {
  try {
    linkSync(file.temporary, file.destination);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw taken(file.destination);
    if (!isSystemError(error, ...NO_LINKS)) throw error;
    placeWithoutLink(file);
    return;
  }
  unlinkSync(file.temporary);
}

/**
 * An empty file of our own reserves the name, then the rename replaces that. Exported for machines on which no test can
 * take links away.
 */
export function placeWithoutLink(file: StagedFile): void {
  try {
    closeSync(openSync(file.destination, 'wx', 0o600));
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) throw taken(file.destination);
    throw error;
  }
  try {
    renameSync(file.temporary, file.destination);
  } catch (error) {
    unlinkSync(file.destination);
    throw error;
  }
}

async function discardFile(file: StagedFile): Promise<void> {
  const temporary = inodeOf(file.temporary);
  const destination = inodeOf(file.destination);
  // With the temporary name still there the destination is ours only if it is the same file: an accident between link and unlink.
  const placed = destination !== null && (temporary === null || temporary === destination);
  if (placed && (await isAsWritten(file.destination, file))) unlinkSync(file.destination);
  if (temporary !== null && (await isAsWritten(file.temporary, file))) unlinkSync(file.temporary);
}

async function isAsWritten(path: string, file: StagedFile): Promise<boolean> {
  return withFile(path, async (opened) => opened.size === file.size && (await sha256Of(opened)) === file.sha256);
}

async function sha256Of(file: OpenFile): Promise<string> {
  const hash = sha256();
  for await (const chunk of bytesOf(file, 0, file.size)) hash.update(chunk);
  return hash.digest('hex');
}

/** Null where there is no such regular file. */
function inodeOf(path: string): number | null {
  const stats = entryAt(path);
  return stats?.isFile() === true ? stats.ino : null;
}

function refuseObstacle(root: string, directory: string): void {
  const obstacle = obstacleBelow(root, directory);
  if (obstacle === null) return;
  throw new ConversationFault(
    'CONVERSATION_UNREADABLE',
    `${basename(obstacle)} is a link or no directory: ${obstacle}`,
  );
}

function taken(path: string): ConversationFault {
  return new ConversationFault('CONVERSATION_CONFLICT', `something is already there: ${path}`);
}
