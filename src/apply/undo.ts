import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Note } from '../contracts/notes';
import { discardDatabase } from '../rewrite/create';
import { putBackStale, type StaleFile } from '../rewrite/promotion';
import { entryAt, stands } from '../sessions/entry';
import { isSystemError } from '../sessions/source';
import { removeBackup } from './backup';
import { removeEmpty, syncDirectory } from './durable';
import { isStill } from './file-state';
import type { Step } from './journal';

type StepOf<Name extends Step['step']> = Extract<Step, { step: Name }>;

/**
 * Takes back everything that a journal names, as far as it is still what the run made, newest first; what is gone already
 * is no error, so it can be repeated. All of it is on the disk when it returns: only then may the journal go.
 */
export function undoSteps(steps: readonly Step[]): Note[] {
  const notes: Note[] = [];
  const changed = new Set<string>();
  for (const step of steps.toReversed()) {
    if (step.step === 'database') notes.push(...undoDatabase(step, steps, changed));
    if (step.step === 'place') for (const file of step.files) notes.push(...undoPlaced(file, changed));
    if (step.step === 'stage') {
      removePrefixed(step.directories, step.prefix, changed);
      removeEmpty(step.missing);
      for (const directory of step.missing) changed.add(dirname(directory));
    }
    if (step.step === 'backup') {
      removeBackup(step, runIdOf(steps));
      removeEmpty(step.directories);
      changed.add(dirname(step.final)).add(dirname(dirname(step.final)));
    }
  }
  sync(changed);
  return notes;
}

function runIdOf([first]: readonly Step[]): string {
  return first !== undefined && 'runId' in first ? first.runId : '';
}

/** Removes the names that a committed run no longer needs: it was killed between the two halves of a rename. */
export function removeTemporaries(steps: readonly Step[]): void {
  const changed = new Set<string>();
  for (const step of steps) {
    if (step.step === 'database') discardTemporary(step, changed);
    if (step.step === 'place') for (const { temporary } of step.files) remove(temporary, changed);
    if (step.step === 'stage') {
      removePrefixed(step.directories, step.prefix, changed);
      removeEmpty(step.missing);
    }
    if (step.step === 'backup') rmSync(step.partial, { recursive: true, force: true });
  }
  sync(changed);
}

function undoDatabase(step: StepOf<'database'>, steps: readonly Step[], changed: Set<string>): Note[] {
  discardTemporary(step, changed);
  const begin = steps[0];
  const database = begin?.step === 'begin' ? begin.database : join(dirname(step.temporary), 'ao.db');
  // Where there are no hard links an empty file of ours may hold the name; a daemon's own is not private.
  const held = entryAt(database);
  const isPlaceholder = held?.isFile() === true && held.size === 0 && (held.mode & 0o777) === 0o600;
  if (isPlaceholder && steps.some(({ step: name }) => name === 'commit')) rmSync(database);
  const notes = staleNotes(putBackStale(step.stale, database));
  removeEmpty(step.directories);
  for (const directory of step.directories) changed.add(dirname(directory));
  return notes;
}

/** Names the left-over files of an earlier database that stay aside. */
export function staleNotes(stale: readonly StaleFile[]): Note[] {
  return stale.map(({ aside }) => ({
    code: 'STALE_FILE_MOVED',
    severity: 'warn',
    message: 'the left-over database file stays under its new name',
    file: aside,
  }));
}

function undoPlaced(
  { temporary, destination, sha256, size }: StepOf<'place'>['files'][number],
  changed: Set<string>,
): Note[] {
  const staged = entryAt(temporary);
  const placed = entryAt(destination);
  // With both names there it is ours only if it is the same file, or the empty one that holds a name without hard links.
  const foreign = staged !== null && placed !== null && staged.ino !== placed.ino && placed.size > 0;
  remove(temporary, changed);
  if (placed === null || foreign) return [];
  if ((staged !== null && placed.size === 0) || isStill(destination, size, sha256)) {
    remove(destination, changed);
    return [];
  }
  return [
    {
      code: 'CONVERSATION_CONFLICT',
      severity: 'warn',
      message: 'a conversation that the interrupted run had put in place has grown and stays',
      file: destination,
    },
  ];
}

function discardTemporary(step: StepOf<'database'>, changed: Set<string>): void {
  discardDatabase({ database: '', temporary: step.temporary, directories: step.directories, stale: step.stale }, []);
  changed.add(dirname(step.temporary));
}

function remove(path: string, changed: Set<string>): void {
  if (!stands(path)) return;
  rmSync(path, { force: true });
  changed.add(dirname(path));
}

function removePrefixed(directories: readonly string[], prefix: string, changed: Set<string>): void {
  for (const directory of directories) {
    let names: string[];
    try {
      names = readdirSync(directory);
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) continue;
      throw error;
    }
    for (const name of names) if (name.startsWith(prefix)) remove(join(directory, name), changed);
  }
}

function sync(directories: ReadonlySet<string>): void {
  for (const directory of directories) if (stands(directory)) syncDirectory(directory);
}
