import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

/** More than a look has open at any one time, the conversations that are looked for at a time included. */
const NEEDED = 16;

/** What a test replaces, because it cannot use up the descriptors of its own process. */
export interface Opener {
  open(): number;
  close(descriptor: number): void;
}

const SYSTEM: Opener = { open: () => openSync(devNull, 'r'), close: closeSync };

/**
 * Finds out whether the process may open as many files as a look needs. Without them nearly everything would seem to be
 * missing or unreadable, now one thing and now another, and the plan would be made from that.
 *
 * @throws the system's EMFILE or ENFILE
 */
export function requireDescriptors({ open, close }: Opener = SYSTEM): void {
  const opened: number[] = [];
  try {
    while (opened.length < NEEDED) opened.push(open());
  } finally {
    for (const descriptor of opened) close(descriptor);
  }
}
