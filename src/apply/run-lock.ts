import { readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { isAlive } from '../rewrite/daemon';
import { createExclusively, makeDirectories, removeEmpty } from './durable';
import type { StatePaths } from './state';

/** Who holds a lock: a pid may be used again, so its start time belongs to it (migration.md 7, issue of stale locks). */
const Owner = v.object({ pid: v.number(), started: v.nullable(v.string()), runId: v.string() });
type Owner = v.InferOutput<typeof Owner>;

export interface RunLock {
  /** Directories made for the lock, outermost first. */
  readonly madeDirectories: readonly string[];
  /** Gives the lock back. With `clean`, directories made for it go too if they are empty: a refusal leaves nothing. */
  release(clean: boolean): void;
}

export interface ProcessProbe {
  isAlive(pid: number): boolean;
  /** Something that two processes with one pid do not share; null where the system does not tell. */
  started(pid: number): string | null;
}

/** Attempts to take over a stale lock; more would mean that others keep taking it, which is a run in progress as well. */
const ATTEMPTS = 5;

/**
 * Takes the lock of one data directory. A lock whose owner is dead is taken over, whoever else tries at the same time.
 *
 * @throws Refusal RUN_IN_PROGRESS naming the owner's pid
 */
export function takeLock(paths: StatePaths, runId: string, machine: Machine, probe: ProcessProbe = SYSTEM): RunLock {
  const madeDirectories = makeDirectories(paths.migrations);
  const owner: Owner = { pid: machine.pid, started: probe.started(machine.pid), runId };
  const text = `${JSON.stringify(owner)}\n`;
  const temporary = join(paths.migrations, `.lock-${runId}`);
  let holder: Owner | null = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (createExclusively(paths.lock, text, temporary)) {
      return {
        madeDirectories,
        release: (clean) => {
          if (readLock(paths.lock)?.runId === runId) rmSync(paths.lock, { force: true });
          if (clean) removeEmpty(madeDirectories);
        },
      };
    }
    holder = readLock(paths.lock);
    if (holder !== null && isHeld(holder, probe)) break;
    if (holder === null && !isOldGarbage(paths.lock, machine)) break;
    takeAside(paths, runId, holder);
  }
  removeEmpty(madeDirectories);
  const who = holder === null ? 'Another ao-migrate' : `Another ao-migrate (pid ${holder.pid})`;
  throw new Refusal('RUN_IN_PROGRESS', `${who} is working on this data directory.`);
}

/** Whether a run is going on now: for commands that change nothing. Null if not, else its pid. */
export function runningOwner(paths: StatePaths, probe: ProcessProbe = SYSTEM): number | null {
  const holder = readLock(paths.lock);
  return holder !== null && isHeld(holder, probe) ? holder.pid : null;
}

function isHeld(owner: Owner, probe: ProcessProbe): boolean {
  if (!probe.isAlive(owner.pid)) return false;
  const started = probe.started(owner.pid);
  return started === null || owner.started === null || started === owner.started;
}

/** A lock without readable owner was left by a power cut, unless it is being written on a disk without links. */
function isOldGarbage(lock: string, machine: Machine): boolean {
  const stat = statSync(lock, { throwIfNoEntry: false });
  return stat === undefined || machine.now().getTime() - stat.mtimeMs > 10_000;
}

/**
 * Moves a stale lock away by rename, which only one of several can do to the same file. If what was moved is not the
 * stale one, another process was faster and its lock goes back.
 */
function takeAside(paths: StatePaths, runId: string, stale: Owner | null): void {
  const aside = join(paths.migrations, `.stale-${runId}`);
  try {
    renameSync(paths.lock, aside);
  } catch {
    return;
  }
  const moved = readLock(aside);
  if (moved !== null && moved.runId !== stale?.runId) {
    createExclusively(paths.lock, `${JSON.stringify(moved)}\n`, `${aside}-back`);
  }
  rmSync(aside, { force: true });
}

function readLock(lock: string): Owner | null {
  try {
    const parsed = v.safeParse(Owner, JSON.parse(readFileSync(lock, 'utf8')));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

const SYSTEM: ProcessProbe = { isAlive, started: startedOf };

/** Boot id and start ticks of a process on Linux; null elsewhere. */
export function startedOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? null : `${boot}:${ticks}`;
  } catch {
    return null;
  }
}
