import { closeSync, fsyncSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { isSystemError } from '../sessions/source';
import { syncDirectory, writeAll, writeDurably } from './durable';
import { RemovedItems } from './receipt';
import { type StatePaths, temporaryName } from './state';

const StagedFile = v.object({ temporary: v.string(), destination: v.string(), sha256: v.string(), size: v.number() });
const Stale = v.object({ original: v.string(), aside: v.string() });

/**
 * One intended step. It is on the disk before the step begins, so whatever an accident leaves behind is named here
 * (migration.md 7). Paths are absolute.
 */
const Step = v.variant('step', [
  v.object({
    step: v.literal('begin'),
    runId: v.string(),
    physicalDataDir: v.string(),
    database: v.string(),
    createsDatabase: v.boolean(),
    /** Directories made for the lock and the journal itself. */
    madeDirectories: v.array(v.string()),
  }),
  /** `directories`: those that will be made above the backup, outermost first. */
  v.object({
    step: v.literal('backup'),
    partial: v.string(),
    final: v.string(),
    directories: v.optional(v.array(v.string()), []),
  }),
  /** Temporary files may appear in `directories` under `prefix`; `missing` are those that will be made, outermost first. */
  v.object({
    step: v.literal('stage'),
    prefix: v.string(),
    directories: v.array(v.string()),
    missing: v.array(v.string()),
  }),
  v.object({ step: v.literal('place'), files: v.array(StagedFile) }),
  v.object({
    step: v.literal('database'),
    temporary: v.string(),
    directories: v.array(v.string()),
    stale: v.array(Stale),
  }),
  v.object({ step: v.literal('commit') }),
  v.object({
    step: v.literal('rollback'),
    runId: v.string(),
    target: v.string(),
    physicalDataDir: v.string(),
    madeDirectories: v.array(v.string()),
  }),
  v.object({
    step: v.literal('remove'),
    files: v.array(v.object({ path: v.string(), sha256: v.string() })),
    directories: v.array(v.string()),
    /** Ids of the rows that go in the one transaction. */
    sessions: v.optional(v.array(v.string()), []),
    projects: v.optional(v.array(v.string()), []),
    /** What the receipt names as removed at the end, where something has to stay; earlier builds wrote no such list. */
    removed: v.optional(RemovedItems),
    /** Nothing was refused, so the run counts as undone at the end. */
    complete: v.optional(v.boolean(), true),
  }),
]);
export type Step = v.InferOutput<typeof Step>;

/** The write-ahead record of one run. */
export interface Journal {
  readonly file: string;
  /** What was noted until now. */
  readonly steps: readonly Step[];
  /** Returns when the step is on the disk. */
  note(step: Step): void;
  /** The run has ended in a state that needs no recovery. */
  end(): void;
}

export function journalFile(paths: StatePaths, runId: string): string {
  return join(paths.migrations, `${runId}.journal`);
}

/** Begins the journal of a run: it appears with its first step, so nobody can mistake it for one of an unknown run. */
export function openJournal(paths: StatePaths, runId: string, first: Step, pid: number): Journal {
  const file = journalFile(paths, runId);
  let descriptor: number;
  try {
    writeDurably(file, lineOf(first), temporaryName(paths, pid, `${runId}.journal`));
    descriptor = openSync(file, 'a', 0o600);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
  const steps = [first];
  let open = true;
  return {
    file,
    steps,
    note: (step) => {
      steps.push(step);
      writeAll(descriptor, Buffer.from(lineOf(step), 'utf8'));
      fsyncSync(descriptor);
    },
    end: () => {
      if (!open) return;
      open = false;
      closeSync(descriptor);
      rmSync(file, { force: true });
      syncDirectory(dirname(file));
    },
  };
}

function lineOf(step: Step): string {
  return `${JSON.stringify(step)}\n`;
}

/** The steps of a journal for somebody who only tells of it: null where it is gone or cannot be read. */
export function readJournal(file: string): Step[] | null {
  try {
    return requireJournal(file);
  } catch {
    return null;
  }
}

/**
 * The steps of a journal for somebody who acts by it; a torn last line was never acted upon. Null where the file is gone.
 *
 * @throws the system's error where it is there and cannot be read: it must not pass for an empty one
 */
export function requireJournal(file: string): Step[] | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  }
  const steps: Step[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      break;
    }
    const step = v.safeParse(Step, parsed);
    if (!step.success) break;
    steps.push(step.output);
  }
  return steps;
}
