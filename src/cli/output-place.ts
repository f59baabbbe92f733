import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Machine } from '../contracts/machine';
import { UsageError } from '../contracts/refusals';
import { physical } from '../sessions/physical';

/**
 * The path of a file that the person named for output: its folder exists, and it lies in no old store, where nothing is
 * ever written (migration.md 4).
 *
 * @param roots old stores beside the one of this home
 * @throws UsageError
 */
export function placeOutside(name: string, flag: string, roots: readonly string[], machine: Machine): string {
  const file = resolve(machine.cwd, name);
  let folder: string;
  try {
    folder = realpathSync(dirname(file));
  } catch {
    throw new UsageError(`${flag} ${name}: there is no such folder`, 'Name a file in a folder that exists.');
  }
  const own = machine.legacyHome === null ? [] : [join(machine.legacyHome, '.agent-orchestrator')];
  const stores = [...roots, ...own].flatMap((root) => [root, physical(root)]);
  // The name itself may be a link into it.
  const places = [join(folder, basename(file)), physical(file)];
  if (stores.some((store) => places.some((place) => `${place}/`.startsWith(`${store}/`))))
    throw new UsageError(`${flag} ${name}: nothing is written into the old store`, 'Name a file elsewhere.');
  return file;
}
