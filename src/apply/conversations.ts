import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ConversationFile, HarnessId } from '../contracts/facts';
import type { ConversationCopy, Plan } from '../contracts/plan';
import { syncDirectories } from '../sessions/directories';
import type { Harness, Progress, StagedConversation } from '../sessions/harness';
import { inParallel } from '../sessions/in-parallel';
import { ConversationFault } from '../sessions/source';
import { placedDirectories } from '../sessions/staging';
import { codeOf } from '../sessions/system-error';
import { digestOf } from './file-state';
import type { Journal } from './journal';
import type { StandingFile } from './receipt';

/** Copies in flight at a time: with fsync, eight at once are five times as fast as one after another. */
const PARALLEL = 8;

/** Why one conversation could not be put in place; its orchestrator gets no row. */
export interface ConversationFailure {
  readonly sessionId: string;
  readonly reason: string;
  /** An error was raised; false where it must only wait for a later run. */
  readonly failed: boolean;
}

export interface PlacedConversations {
  readonly placed: readonly StagedConversation[];
  /** By session, of the conversations that were in place before: what a later look can compare them with. */
  readonly standing: ReadonlyMap<string, readonly StandingFile[]>;
  readonly failures: readonly ConversationFailure[];
}

export type Harnesses = Readonly<Record<HarnessId, Harness>>;

/** The copies of a plan that this run must make, in plan order. */
export function copiesOf(plan: Plan): ConversationCopy[] {
  return plan.orchestrators.flatMap(({ copy, outcome }) => (outcome === 'created' && copy !== null ? [copy] : []));
}

/** Bytes of conversations that are not in place yet. */
export function bytesToCopy(plan: Plan): number {
  return copiesOf(plan).reduce((sum, { destination, size }) => sum + (destination === 'absent' ? size : 0), 0);
}

/**
 * Puts the plan's conversations in place: all written under temporary names and synced, then named, then checked
 * (migration.md 7). One that fails takes only its own orchestrator with it. `interrupted` is asked between steps.
 */
export async function placeConversations(
  copies: readonly ConversationCopy[],
  harnesses: Harnesses,
  journal: Journal,
  prefix: string,
  progress: Progress,
  interrupted: () => void,
): Promise<PlacedConversations> {
  const wanted = copies.filter(({ destination }) => destination === 'absent');
  const failures = new Map<string, ConversationFailure>();
  const staged = new Map<string, StagedConversation>();
  const made = new Map<string, StagedConversation>();
  const standing = new Map<string, readonly StandingFile[]>();
  const places = directoriesOf(wanted);
  if (wanted.length > 0) journal.note({ step: 'stage', prefix, ...places });
  const undo = (): Promise<void> =>
    inParallel([...staged.values()], PARALLEL, (each) => harnesses[each.copy.harness].discard(each));
  try {
    await inParallel(wanted, PARALLEL, async (copy) => {
      interrupted();
      await attempt(copy, failures, async () => {
        staged.set(copy.sessionId, await harnesses[copy.harness].stage(copy, progress));
      });
    });
    const files = [...staged.values()].flatMap((each) => each.files);
    if (files.length > 0) {
      journal.note({
        step: 'place',
        files: files.map(({ temporary, destination, sha256, size }) => ({ temporary, destination, sha256, size })),
      });
    }
    await inParallel([...staged.values()], PARALLEL, async (each) => {
      interrupted();
      await attempt(each.copy, failures, () => harnesses[each.copy.harness].place(each));
    });
    // All at once, after all: one write of the file system's journal then serves many. What OpenCode imported lies in its
    // own database, and the folder of the export is gone.
    const renamed = [...staged.values()].filter(({ copy }) => copy.harness !== 'opencode');
    // A folder that a failed copy made may be on the way to another's.
    const above = places.missing.map((directory) => dirname(directory)).filter((directory) => existsSync(directory));
    if (process.platform !== 'win32') await syncDirectories([...renamed.flatMap(placedDirectories), ...above]);
    await inParallel(copies, PARALLEL, async (copy) => {
      if (failures.has(copy.sessionId)) return;
      await attempt(copy, failures, async () => {
        const problem = await harnesses[copy.harness].verify(copy);
        if (problem !== null) throw new ConversationFault('CONVERSATION_UNREADABLE', problem);
        if (copy.destination === 'in-place') standing.set(copy.sessionId, copy.files.map(standingFile));
      });
    });
    for (const each of staged.values()) {
      if (failures.has(each.copy.sessionId)) await harnesses[each.copy.harness].discard(each);
      else made.set(each.copy.sessionId, each);
    }
    interrupted();
  } catch (error) {
    // What cannot be taken back now the caller finds by the journal; it must hear the first error, not this one.
    await undo().catch(() => {});
    throw error;
  }
  const inOrder = wanted.flatMap(({ sessionId }) => made.get(sessionId) ?? []);
  return { placed: inOrder, standing, failures: copies.flatMap(({ sessionId }) => failures.get(sessionId) ?? []) };
}

/** Its agent may be writing to it: what comes behind the size is not looked at. */
function standingFile({ destination }: ConversationFile): StandingFile {
  const { size } = statSync(destination);
  return { destination, size, sha256: digestOf(destination, size) };
}

async function attempt(
  copy: ConversationCopy,
  failures: Map<string, ConversationFailure>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConversationFault) {
      const waits = error.code === 'CONVERSATION_CONFLICT';
      failures.set(copy.sessionId, {
        sessionId: copy.sessionId,
        reason: `${error.code}: ${error.message}`,
        failed: !waits,
      });
      return;
    }
    const code = codeOf(error);
    // A full or failing disk concerns the whole run, which is then undone.
    if (code === null || ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'].includes(code)) throw error;
    failures.set(copy.sessionId, {
      sessionId: copy.sessionId,
      reason: `CONVERSATION_UNREADABLE: it could not be copied (${code})`,
      failed: true,
    });
  }
}

/** Directories in which temporary files may appear, and those of them that do not exist yet, outermost first. */
function directoriesOf(copies: readonly ConversationCopy[]): { directories: string[]; missing: string[] } {
  const directories = new Set<string>();
  const missing = new Set<string>();
  const standing = new Set<string>();
  const stands = (folder: string): boolean => {
    if (!standing.has(folder) && !existsSync(folder) && dirname(folder) !== folder) return false;
    standing.add(folder);
    return true;
  };
  for (const { files } of copies) {
    for (const { destination } of files) {
      if (directories.has(dirname(destination))) continue;
      directories.add(dirname(destination));
      const above: string[] = [];
      for (let folder = dirname(destination); !missing.has(folder) && !stands(folder); folder = dirname(folder))
        above.unshift(folder);
      for (const folder of above) missing.add(folder);
    }
  }
  return { directories: [...directories], missing: [...missing] };
}
