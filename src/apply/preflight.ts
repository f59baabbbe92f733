import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Plan } from '../contracts/plan';
import { Refusal } from '../contracts/refusals';
import { stands, targetAt } from '../sessions/entry';
import { mayChange } from './permission';

/** One place that the run will write to, and how many bytes it puts there. */
export interface Need {
  readonly path: string;
  readonly bytes: number;
  readonly what: string;
}

/** Room for directory entries, the journal and what SQLite needs beside a transaction. */
const SLACK = 4 * 1024 * 1024;

/** What the plan writes where: conversations, the database, the backup (migration.md 3, NO_SPACE). */
export function needsOf(
  plan: Plan,
  backup: { path: string; bytes: number } | null,
  database: { path: string; bytes: number },
  stateDir: string,
): Need[] {
  const conversations = plan.orchestrators.flatMap(({ copy }): Need[] => {
    const [main] = copy?.destination === 'absent' ? copy.files : [];
    return copy === null || main === undefined
      ? []
      : [{ path: dirname(main.destination), bytes: copy.size, what: 'conversations' }];
  });
  return [
    ...(backup === null ? [] : [{ ...backup, what: 'the backup' }]),
    { path: stateDir, bytes: 64 * 1024, what: 'the receipt' },
    { ...database, what: 'the database' },
    ...conversations,
  ];
}

/**
 * Permission and free space of every place, before anything changes.
 *
 * @param freeAt bytes free at a path; infinite where that is not known
 * @throws Refusal NO_SPACE, NOT_WRITABLE
 */
export function preflight(needs: readonly Need[], freeAt: (path: string) => number = freeBytes): void {
  const byDevice = new Map<number, { bytes: number; path: string; free: number; what: string[] }>();
  for (const { path, bytes, what } of needs) {
    const existing = nearest(path);
    const stat = statSync(existing);
    const known = byDevice.get(stat.dev);
    if (known === undefined)
      byDevice.set(stat.dev, { bytes: bytes + SLACK, path: existing, free: freeAt(existing), what: [what] });
    else {
      known.bytes += bytes;
      if (!known.what.includes(what)) known.what.push(what);
    }
  }
  for (const { bytes, path, free, what } of byDevice.values()) {
    if (bytes > free) {
      throw new Refusal(
        'NO_SPACE',
        `There is not enough space at ${path}: ${megabytes(bytes, 'up')} for ${what.join(', ')}, ${megabytes(free, 'down')} free.`,
        `Free at least ${megabytes(bytes - free, 'up')}, then run again.`,
      );
    }
  }
  for (const { path, what } of needs) {
    const existing = nearest(path);
    if (!mayChange(existing) || targetAt(existing)?.isDirectory() !== true)
      throw new Refusal('NOT_WRITABLE', `${existing} cannot be written, and ${what} must go there.`);
  }
}

/**
 * The data directory belongs to somebody else: a `sudo` install. Judged first, also where there is nothing to write.
 *
 * @throws Refusal NOT_OWNER
 */
export function refuseOtherOwner(dataDir: string, uid: number | null): void {
  if (uid === null) return;
  // One look only: a rollback that goes on beside this may just be removing the directory.
  const owner = targetAt(dataDir)?.uid;
  if (owner !== undefined && owner !== uid)
    throw new Refusal('NOT_OWNER', `${dataDir} belongs to another user (uid ${owner}).`);
}

/** The path itself, or the nearest folder above it that exists. */
function nearest(path: string): string {
  let current = path;
  while (!stands(current) && dirname(current) !== current) current = dirname(current);
  return current;
}

function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    // A system that does not tell is not a full one.
    return Number.POSITIVE_INFINITY;
  }
}

/** To a tenth: what is needed is never told as less than it is, nor what is free as more. */
function megabytes(bytes: number, towards: 'up' | 'down'): string {
  const tenths = bytes / 100_000;
  return `${(towards === 'up' ? Math.ceil(tenths) : Math.floor(tenths)) / 10} MB`;
}
