import { rmdir } from 'node:fs/promises';
import { createPrivateDirectory } from './directories';

/**
 * Calls `use` while a directory exists: it is made with its missing parents and, as all that was made, removed again if
 * still empty (migration.md 6.5). The directory itself goes when empty even if an interrupted run made it. All stay where
 * `use` says that a program goes on in it.
 */
export async function withTemporaryDirectories<T>(path: string, use: (goesOn: () => void) => Promise<T>): Promise<T> {
  const made: string[] = [];
  let stays = false;
  try {
    await createPrivateDirectory(path, made);
    return await use(() => {
      stays = true;
    });
  } finally {
    if (!stays) for (const directory of new Set([path, ...made.toReversed()])) await removeIfEmpty(directory);
  }
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch {
    // It holds something, or is not ours to remove: either way it stays.
  }
}
