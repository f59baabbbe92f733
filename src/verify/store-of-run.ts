import { join, resolve, sep } from 'node:path';
import { readManifest } from '../apply/backup-manifest';
import type { Receipt } from '../apply/receipt';
import type { LegacyStore } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import type { LegacyLocation } from '../legacy/locate';
import type { Overlay } from '../legacy/source-reader';
import { readStore } from '../legacy/store';

/** Where a file lies now that the run had read at a path. */
export type Moved = (path: string) => string;

/** By the folder of the store, and by the file of `--config`, as they are named now; absolute, null where they stay. */
export function movedTo({ legacyRoot, options }: Receipt, now: { from: string | null; config: string | null }): Moved {
  const config = options.config === null ? null : resolve(options.cwd, options.config);
  return (path) => {
    if (now.config !== null && path === config) return now.config;
    return now.from === null ? path : below(path, legacyRoot, now.from);
  };
}

/** The same place below another folder; unchanged where it is not below the first. */
function below(path: string, from: string, to: string): string {
  return from !== '' && path.startsWith(`${from}${sep}`) ? join(to, path.slice(from.length + 1)) : path;
}

/**
 * The legacy store as a run read it, from its files, which still hold the same. What came since is passed over, and the
 * times are those of then: a project or a record without dates has taken them from its file (migration.md 8).
 */
export function readUnchanged(receipt: Receipt, location: LegacyLocation, moved: Moved, machine: Machine): LegacyStore {
  const overlay = new Map(
    receipt.sources.map(({ path, mtimeMs }) => [moved(path), { path: moved(path), mtimeMs }] as const),
  );
  return readAs(overlay, { ...location, config: registryOf(receipt, location, moved) }, machine);
}

/**
 * The same from the backup that the run made; null where there is no usable one. Repositories are not in it: what their
 * own files say is looked up as it is now.
 */
export function readBackup(
  receipt: Receipt,
  backup: string,
  location: LegacyLocation,
  machine: Machine,
): LegacyStore | null {
  const manifest = readManifest(backup);
  if (manifest === null) return null;
  const root = join(backup, 'root');
  const moved: Moved = (path) => below(path, manifest.root, root);
  const overlay = new Map<string, { path: string; mtimeMs: number }>();
  for (const { file, path, mtime } of manifest.files) {
    const mtimeMs = Math.floor(Date.parse(mtime));
    if (Number.isFinite(mtimeMs)) overlay.set(moved(path), { path: join(backup, file), mtimeMs });
  }
  const configFlag = location.configFlag === null ? null : moved(location.configFlag);
  return readAs(overlay, { ...location, root, config: registryOf(receipt, location, moved), configFlag }, machine);
}

/** The variables that had named it may name another file now, or none. */
function registryOf({ options }: Receipt, location: LegacyLocation, moved: Moved): string | null {
  const { registry = location.config } = options;
  return registry === null ? null : moved(registry);
}

function readAs(overlay: Overlay, location: LegacyLocation, machine: Machine): LegacyStore {
  return readStore(location, machine, { keepRaw: false, pause: () => {}, overlay });
}
