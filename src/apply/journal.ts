import { closeSync, fsyncSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { syncDirectory, writeAll } from './durable';
import type { StatePaths } from './state';

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
  v.object({ step: v.literal('backup'), partial: v.string(), final: v.string() }),
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
  }),
]);
export type Step = v.InferOutput<typeof Step>;

/** The write-ahead record of one run. */
export interface Journal {
  readonly file: string;
  /** Returns when the step is on the disk. */
  note(step: Step): void;
  /** The run has ended in a state that needs no recovery. */
  end(): void;
}

export function journalFile(paths: StatePaths, runId: string): string {
  return join(paths.migrations, `${runId}.journal`);
}

/** Begins the journal of a run with its first step. */
export function openJournal(paths: StatePaths, runId: string, first: Step): Journal {
  const file = journalFile(paths, runId);
  const descriptor = openSync(file, 'wx', 0o600);
  let open = true;
  const note = (step: Step): void => {
    writeAll(descriptor, Buffer.from(`${JSON.stringify(step)}\n`, 'utf8'));
    fsyncSync(descriptor);
  };
  try {
    note(first);
    syncDirectory(dirname(file));
  } catch (error) {
    closeSync(descriptor);
    rmSync(file, { force: true });
    throw error;
  }
  return {
    file,
    note,
    end: () => {
      if (!open) return;
      open = false;
      closeSync(descriptor);
      rmSync(file, { force: true });
      syncDirectory(dirname(file));
    },
  };
}

/** The steps of a journal; a torn last line was never acted upon. Null where the file is gone or its first step is unreadable. */
export function readJournal(file: string): Step[] | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
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
