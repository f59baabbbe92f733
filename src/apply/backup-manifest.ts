import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';

const Entry = v.object({
  /** Relative to the backup. */
  file: v.string(),
  /** Where it was copied from. */
  path: v.string(),
  size: v.number(),
  sha256: v.string(),
  /** Octal permission bits. */
  mode: v.string(),
  /** ISO 8601. */
  mtime: v.string(),
});
export type BackupEntry = v.InferOutput<typeof Entry>;

/** What a backup says of itself (migration.md 8). */
const Manifest = v.object({
  formatVersion: v.literal(1),
  /** The run that made it. */
  runId: v.string(),
  /** The legacy store. */
  root: v.string(),
  dataDir: v.string(),
  files: v.array(Entry),
});
export type BackupManifest = v.InferOutput<typeof Manifest>;

/** In every backup; without it a folder is none. */
export const MANIFEST = 'manifest.json';

/** The manifest of a backup; null where there is none that can be understood. */
export function readManifest(backup: string): BackupManifest | null {
  try {
    const parsed = v.safeParse(Manifest, JSON.parse(readFileSync(join(backup, MANIFEST), 'utf8')));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
