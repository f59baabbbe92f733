import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemError } from './source';

/**
 * Makes a directory and its missing parents, each 0700 whatever the umask says. Those made are added to `created` as they
 * come, outermost first, so that they are known even when a later one fails.
 */
export async function createPrivateDirectory(path: string, created: string[]): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return;
    if (!isSystemError(error, 'ENOENT')) throw error;
    await createPrivateDirectory(dirname(path), created);
    await createPrivateDirectory(path, created);
    return;
  }
  created.push(path);
  await chmod(path, 0o700);
}

/** Makes new names in these directories survive a power cut. Not on Windows, which syncs no directories. */
export async function syncDirectories(paths: readonly string[]): Promise<void> {
  await Promise.all([...new Set(paths)].map(syncDirectory));
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot sync a directory; the files themselves are synced.
    if (!isSystemError(error, 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP')) throw error;
  } finally {
    await handle.close();
  }
}
