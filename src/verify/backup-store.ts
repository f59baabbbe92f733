import { join } from 'node:path';
import { readManifest } from '../apply/backup-manifest';
import type { LegacyStore } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import type { LegacyLocation } from '../legacy/locate';
import type { Overlay } from '../legacy/source-reader';
import { readStore } from '../legacy/store';

/**
 * The legacy store as a run read it, from the backup that it made (migration.md 8); null where there is no usable backup.
 * Repositories are not in it: what their own files say is looked up as it is now.
 */
export function readBackup(backup: string, location: LegacyLocation, machine: Machine): LegacyStore | null {
  const manifest = readManifest(backup);
  if (manifest === null) return null;
  const root = join(backup, 'root');
  const moved = (path: string): string =>
    path.startsWith(`${manifest.root}/`) ? join(root, path.slice(manifest.root.length + 1)) : path;
  const overlay = new Map<string, { path: string; mtimeMs: number }>();
  for (const { file, path, mtime } of manifest.files) {
    const mtimeMs = Math.floor(Date.parse(mtime));
    if (Number.isFinite(mtimeMs)) overlay.set(moved(path), { path: join(backup, file), mtimeMs });
  }
  const place = {
    ...location,
    root,
    config: location.config === null ? null : moved(location.config),
    configFlag: location.configFlag === null ? null : moved(location.configFlag),
  };
  return readStore(place, machine, { keepRaw: false, pause: () => {}, overlay: overlay satisfies Overlay });
}
