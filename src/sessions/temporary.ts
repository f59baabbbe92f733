import { rmSync } from 'node:fs';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../contracts/machine';
import { isAlive } from '../rewrite/daemon';
import { atSuddenEnd } from './sudden-end';

/** `copy` of a database, `empty` home of an agent, `export` of a conversation: all hold what is private. */
export type TemporaryKind = 'copy' | 'empty' | 'export';

/**
 * What a killed process could not remove is left by it for at least so long: another container may share the folder, in
 * which its pid is alive. An agent may be at work in its home for an hour.
 */
const ABANDONED_MS: Readonly<Record<TemporaryKind, number>> = {
  copy: 10 * 60_000,
  empty: 2 * 3_600_000,
  export: 2 * 3_600_000,
};

/** In a directory that is held: the pid of the program that works in it. */
export const WORKER_FILE = 'worker.pid';

/** A directory 0700 of this process in the system's temporary folder; it goes also where the process must end at once. */
export interface TemporaryDirectory {
  readonly path: string;
  /** Removes it with all that is in it. */
  remove(): Promise<void>;
  /**
   * For a program that may outlive this process in it: neither a sudden end nor `remove` takes it away before what is
   * returned was called. A later run does, once the program named in its `WORKER_FILE` is gone.
   */
  hold(): () => void;
}

/**
 * Makes one, and removes those of processes that were killed long ago: nobody else ever would.
 *
 * @throws the system's error where it cannot be made
 */
export async function temporaryDirectory(kind: TemporaryKind, machine: Machine): Promise<TemporaryDirectory> {
  await removeAbandoned(machine);
  const path = await mkdtemp(join(machine.tempDir, `ao-migrate-${kind}-${machine.pid}-`));
  // A group of programs that was killed may still be writing for a moment.
  const settled = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 };
  let held = false;
  const cleared = atSuddenEnd(() => {
    if (!held) rmSync(path, settled);
  });
  return {
    path,
    hold: () => {
      held = true;
      return () => {
        held = false;
      };
    },
    remove: async () => {
      if (held) return cleared();
      // One failure is not taken for the last word, and not two: what is in it is private.
      await rm(path, settled)
        .catch(() => rm(path, settled))
        .catch(() => rmSync(path, settled));
      cleared();
    },
  };
}

async function removeAbandoned(machine: Machine): Promise<void> {
  const names = await readdir(machine.tempDir).catch(() => []);
  for (const name of names) {
    const [, kind = '', pid = ''] = /^ao-migrate-(copy|empty|export)-(\d+)-/.exec(name) ?? [];
    if (!isKind(kind) || isAlive(Number(pid))) continue;
    const directory = join(machine.tempDir, name);
    try {
      const { mtimeMs, uid } = await lstat(directory);
      const isOurs = machine.uid === null || uid === machine.uid;
      if (!isOurs || machine.now().getTime() - mtimeMs <= ABANDONED_MS[kind]) continue;
      if ((await workerIn(directory, machine.now())) !== null) continue;
      await rm(directory, { recursive: true, force: true });
    } catch {
      // Somebody else is at it, or may do it later.
    }
  }
}

/** Nothing works so long: after it the pid is another program's. */
const LONGEST_WORK_MS = 24 * 3_600_000;

/** Pid of the program that is at work in a private directory, or null. */
async function workerIn(directory: string, now: Date): Promise<number | null> {
  const file = join(directory, WORKER_FILE);
  const text = await readFile(file, 'utf8').catch(() => '');
  const pid = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (pid === 0 || !isAlive(pid) || (await isZombie(pid))) return null;
  const { mtimeMs } = await lstat(file);
  return now.getTime() - mtimeMs > LONGEST_WORK_MS ? null : pid;
}

/** In a container nobody may ask for the end of a program whose parent is gone. Only Linux tells. */
async function isZombie(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/**
 * Pid of a program that this user's run of ao-migrate, also one that is gone, left at work in its private directory; else
 * null.
 */
export async function workerLeft(machine: Machine): Promise<number | null> {
  for (const name of await readdir(machine.tempDir).catch(() => [])) {
    if (!name.startsWith('ao-migrate-empty-')) continue;
    const directory = join(machine.tempDir, name);
    const owner = await lstat(directory).then(
      ({ uid }) => uid,
      () => null,
    );
    if (owner === null || (machine.uid !== null && owner !== machine.uid)) continue;
    const pid = await workerIn(directory, machine.now()).catch(() => null);
    if (pid !== null) return pid;
  }
  return null;
}

function isKind(kind: string): kind is TemporaryKind {
  return kind in ABANDONED_MS;
}
