import { mkdir, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Machine } from '../contracts/machine';
import { type EmptyHome, withEmptyHome } from './agents';
import type { CommandResult, RunCommand } from './agents-command';
import { standIn } from './opencode-checkout';
import { type Reid, reid, renewable, type Survey, survey } from './opencode-reid';
import { ending, runOpencode } from './opencode-run';
import type { Located } from './opencode-search';
import { digestOf, idsOf, type OpencodeDatabases, withDatabase } from './opencode-store';
import { OpencodeTree } from './opencode-tree';
import { emptiesDiffs, keepsFiles, type Version } from './opencode-versions';
import { sha256 } from './sha256';
import { bytesOf, ConversationFault, isSystemError, withFile } from './source';
import { takeOver } from './take-over';
import { type TemporaryDirectory, temporaryDirectory } from './temporary';

/** The user's own `opencode`. */
export interface OpencodeBinary {
  readonly path: string;
  readonly version: Version;
}

export interface TransferDeps {
  readonly machine: Machine;
  readonly run: RunCommand;
  readonly databases: OpencodeDatabases;
  /** Another limit than an hour for waiting for a take-over. */
  readonly takeOverMs?: number;
}

/** An export that is ready to be imported. */
export interface PreparedExport {
  /** Holds `file` until it is removed. */
  readonly directory: TemporaryDirectory;
  readonly file: string;
  readonly size: number;
  readonly sha256: string;
  readonly messages: number;
  readonly parts: number;
  /** What the store said of the original. */
  readonly originalDigest: string;
}

/** Time limits: a start of the program, and a second for each of its megabytes. */
const START_MS = 60_000;
const MS_PER_MB = 1_000;

/**
 * Exports a conversation from a private copy of its store and gives it its new ids and directory, in a file 0600 in a
 * directory 0700 of the temporary folder (migration.md 6.5). The caller removes it. Throws a `ConversationFault`
 * where the export is not whole, after removing all that was written.
 */
export async function prepareExport(
  located: Located,
  newDirectory: string,
  newId: (oldId: string) => string,
  binary: OpencodeBinary,
  deps: TransferDeps,
  onBytes: (bytes: number) => void,
): Promise<PreparedExport> {
  const directory = await temporaryDirectory('export', deps.machine);
  try {
    const file = join(directory.path, `${located.session.id}.json`);
    return await withEmptyHome(deps.machine, async (home) => {
      const raw = join(home.directory, 'export.json');
      const original = await exportTo(raw, located, binary, home, deps);
      const surveyed = await surveyOf(raw);
      refuseCut(surveyed, located.session.id, original.ids);
      if (!renewable(surveyed.ids, newId)) {
        throw new ConversationFault('CONVERSATION_UNREADABLE', 'it has ids too short to be given new ones');
      }
      const emptyDiffs = emptiesDiffs(binary.version, surveyed.diffs);
      const written = await rewriteTo(file, raw, { ids: surveyed.ids, newDirectory, emptyDiffs, newId }, onBytes);
      const { messages, parts } = surveyed;
      return { directory, file, ...written, messages, parts, originalDigest: original.digest };
    });
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

interface Original {
  readonly ids: ReadonlySet<string>;
  readonly digest: string;
}

async function exportTo(
  raw: string,
  located: Located,
  binary: OpencodeBinary,
  home: EmptyHome,
  deps: TransferDeps,
): Promise<Original> {
  const { store, session } = located;
  if (store instanceof OpencodeTree) {
    await writeNew(raw, store.export(session.id));
    return { ids: await store.idsOf(session.id), digest: await store.digest(session.id) };
  }
  return deps.databases.copy(store.path, async (copy) => {
    const original = withDatabase(copy, (database) => ({
      ids: idsOf(database, session.id),
      digest: digestOf(database, session.id),
    }));
    const data = join(home.directory, 'data', 'opencode');
    await mkdir(data, { recursive: true, mode: 0o700 });
    const database = join(data, 'opencode.db');
    for (const part of ['', '-wal', '-journal']) await moveIfThere(copy + part, database + part);
    const result = await runOpencode(deps.run, home, binary.path, {
      args: ['export', session.id],
      cwd: join(home.directory, 'cwd'),
      env: { OPENCODE_DB: database },
      // A pipe would cut it at 128 KiB on most releases.
      stdoutFile: raw,
      timeoutMs: timeFor(session.size),
    });
    if (result.exitCode !== 0)
      throw new ConversationFault('CONVERSATION_UNREADABLE', `opencode export ${ending(result)}`);
    return original;
  });
}

function refuseCut(surveyed: Survey, id: string, ids: ReadonlySet<string>): void {
  const isWhole = surveyed.ids.size === ids.size + 1 && [...ids].every((each) => surveyed.ids.has(each));
  if (surveyed.sessionId === id && isWhole && surveyed.messages > 0) return;
  throw new ConversationFault('CONVERSATION_UNREADABLE', `the export of ${id} does not hold what the store holds`);
}

async function surveyOf(raw: string): Promise<Survey> {
  try {
    return await withFile(raw, (file) => survey(bytesOf(file, 0, file.size)));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new ConversationFault('CONVERSATION_UNREADABLE', 'the export was cut short');
    throw error;
  }
}

async function rewriteTo(file: string, raw: string, change: Reid, onBytes: (bytes: number) => void): Promise<Written> {
  return withFile(raw, (source) => {
    async function* seen() {
      for await (const piece of bytesOf(source, 0, source.size)) {
        onBytes(piece.length);
        yield piece;
      }
    }
    return writeNew(file, reid(seen(), change));
  });
}

/** Where a prepared export belongs. */
export interface ImportTarget {
  readonly root: string;
  /** False for a store of another machine, for which this one's variables do not count. */
  readonly local: boolean;
  readonly directory: string;
  /** Null for a conversation that was held outside of any repository. */
  readonly projectPath: string | null;
  /** The first start of the release moves all JSON files into a database. */
  readonly takesOver: boolean;
}

/**
 * Imports a prepared export into a root with the new directory as working directory, which is made for it and removed if
 * still empty. Nothing is said about what came of it: the caller looks. A take-over that timed out goes on by itself.
 */
export async function importExport(
  prepared: PreparedExport,
  target: ImportTarget,
  binary: OpencodeBinary,
  deps: TransferDeps,
): Promise<CommandResult> {
  if (basename(target.root) !== 'opencode') {
    throw new ConversationFault('CONVERSATION_UNREADABLE', `opencode cannot be pointed at ${target.root}`);
  }
  const named = deps.machine.env.OPENCODE_DB;
  return withEmptyHome(deps.machine, async (home) => {
    const { projectPath } = target;
    const { cwd, env } =
      keepsFiles(binary.version) && projectPath !== null
        ? await standIn(home, projectPath, target.directory)
        : { cwd: target.directory, env: {} };
    const command = {
      cwd,
      env: {
        ...env,
        XDG_DATA_HOME: dirname(target.root),
        ...(named === undefined || !target.local ? {} : { OPENCODE_DB: named }),
      },
    };
    if (target.takesOver) return takeOver(prepared.file, home, binary.path, command, deps);
    return runOpencode(deps.run, home, binary.path, {
      ...command,
      args: ['import', prepared.file],
      stdoutFile: null,
      timeoutMs: timeFor(prepared.size),
    });
  });
}

function timeFor(bytes: number): number {
  return START_MS + Math.ceil(bytes / 1_000_000) * MS_PER_MB;
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
}

interface Written {
  readonly size: number;
  readonly sha256: string;
}

/** Writes a file that may not exist yet, 0600. */
async function writeNew(path: string, pieces: AsyncIterable<Uint8Array>): Promise<Written> {
  const handle = await open(path, 'wx', 0o600);
  try {
    const hash = sha256();
    let size = 0;
    for await (const piece of pieces) {
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await handle.write(piece, done, piece.length - done);
        done += bytesWritten;
      }
      hash.update(piece);
      size += piece.length;
    }
    return { size, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}
