import { lstatSync, type Stats, statSync } from 'node:fs';
import { isSystemError } from './system-error';

/**
 * What has this name, links not followed; null where nothing has, also below something that is no directory.
 *
 * @throws whatever else the system says, such as EACCES
 */
export function entryAt(path: string): Stats | null {
  return lookedUp(() => lstatSync(path, { throwIfNoEntry: false }));
}

/** The same of that to which a link of this name leads. */
export function targetAt(path: string): Stats | null {
  return lookedUp(() => statSync(path, { throwIfNoEntry: false }));
}

/** Whether anything has this name, be it a link that leads nowhere. */
export function stands(path: string): boolean {
  return entryAt(path) !== null;
}

function lookedUp(look: () => Stats | undefined): Stats | null {
  try {
    return look() ?? null;
  } catch (error) {
    // The option that makes ENOENT an answer leaves this one an error.
    if (isSystemError(error, 'ENOTDIR')) return null;
    throw error;
  }
}
