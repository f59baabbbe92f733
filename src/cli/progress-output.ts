import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import type { Machine } from '../contracts/machine';
import { UsageError } from '../contracts/refusals';
import type { ProgressEvent } from '../report/progress-events';
import { isSystemError } from '../sessions/source';
import { codeOf } from '../sessions/system-error';
import type { FlagValues } from './arguments';
import { placeOutside } from './output-place';

/** Where NDJSON progress goes. It never throws and never waits: a migration does not depend on who watches it. */
export interface ProgressOutput {
  readonly write: (event: ProgressEvent) => void;
  readonly close: () => void;
}

type ProgressFlags = Pick<FlagValues, 'progress' | 'progress-fd' | 'progress-file'>;

/**
 * Opens what `--progress-fd` or `--progress-file` names; null without them. A file is added to, never emptied.
 *
 * @throws UsageError where it cannot be written, before anything else happens
 */
export function openProgress(flags: ProgressFlags, machine: Machine): ProgressOutput | null {
  const { progress, 'progress-fd': descriptor, 'progress-file': name } = flags;
  if (descriptor === undefined && name === undefined) {
    if (progress !== 'ndjson') return null;
    throw new UsageError('--progress ndjson needs a place to write to', 'Add --progress-file=FILE or --progress-fd=3.');
  }
  if (progress === 'none')
    throw new UsageError('--progress none and a place for it exclude each other.', 'Leave one of them out.');
  const opened =
    name === undefined ? openedDescriptor(descriptor ?? -1) : { fd: openedFile(name, machine), owned: true };
  let isBroken = false;
  return {
    write: (event) => {
      if (isBroken) return;
      try {
        writeSync(opened.fd, `${JSON.stringify(event)}\n`);
      } catch (error) {
        // A full pipe loses this event; a reader that went away needs no more of them.
        isBroken = !isSystemError(error, 'EAGAIN', 'EWOULDBLOCK', 'EINTR');
      }
    },
    close: () => {
      if (opened.owned) closeSync(opened.fd);
    },
  };
}

function openedFile(name: string, machine: Machine): number {
  const file = placeOutside(name, '--progress-file', [], machine);
  const { O_WRONLY, O_CREAT, O_APPEND, O_NONBLOCK } = constants;
  try {
    // O_NONBLOCK: a FIFO without a reader is an error, and one with a slow reader makes nobody wait. Windows has none.
    return openSync(file, O_WRONLY | O_CREAT | O_APPEND | (O_NONBLOCK ?? 0), 0o600);
  } catch (error) {
    throw unusable(`--progress-file ${name}`, error);
  }
}

/** A pipe is opened once more, so that writing to it does not wait; its owner's own end keeps its mode. */
function openedDescriptor(fd: number): { readonly fd: number; readonly owned: boolean } {
  const flag = `--progress-fd ${fd}`;
  let isPipe: boolean;
  try {
    isPipe = fstatSync(fd).isFIFO();
  } catch (error) {
    throw unusable(flag, error);
  }
  if (!isPipe) return { fd, owned: false };
  try {
    return { fd: openSync(`/dev/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK), owned: true };
  } catch {
    return { fd, owned: false };
  }
}

function unusable(flag: string, error: unknown): UsageError {
  const code = codeOf(error) ?? 'error';
  return new UsageError(`${flag} cannot be written (${code}).`, 'Name another place for the progress.');
}
