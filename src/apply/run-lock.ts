import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import * as v from 'valibot';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { isAlive } from '../rewrite/daemon';
import { targetAt } from '../sessions/entry';
import { isSystemError } from '../sessions/source';
import { createExclusively, makeDirectories, removeEmpty } from './durable';
import { type StatePaths, temporaryName, temporaryPid } from './state';

/** Who holds a lock: a pid may be used again, so its start time belongs to it (migration.md 7, issue of stale locks). */
const Owner = v.object({
  pid: v.number(),
  started: v.nullable(v.string()),
  runId: v.string(),
  /** Directories made for the lock, which go with it where its owner could not remove them. */
  made: v.optional(v.array(v.string()), []),
});
type Owner = v.InferOutput<typeof Owner>;

export interface RunLock {
  /** Directories made for the lock by its owner or by a dead one before it, outermost first. */
  readonly madeDirectories: readonly string[];
  /** Takes over those that the journal of a dead run names: they go with the lock if they are empty. */
  adopt(directories: readonly string[]): void;
  /**
   * Gives the lock back; directories made for it go too if they are empty, so a refusal leaves nothing. Never throws: a lock
   * that stays is stale as soon as this process ends.
   */
  release(): void;
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
 * @throws Refusal RUN_IN_PROGRESS naming the owner's pid; NOT_WRITABLE or NO_SPACE where no lock can be made
 */
export function takeLock(paths: StatePaths, runId: string, machine: Machine, probe: ProcessProbe = SYSTEM): RunLock {
  const made = refusing(paths, () => insisting(() => makeDirectories(paths.migrations)));
  const owner: Owner = { pid: machine.pid, started: probe.started(machine.pid), runId, made };
  const adopt = (directories: readonly string[]): void => {
    const isAbove = (each: string): boolean => `${paths.migrations}${sep}`.startsWith(`${each}${sep}`);
    made.push(...directories.filter((each) => isAbove(each) && !made.includes(each)));
    made.sort((a, b) => a.length - b.length);
  };
  const release = (): void => {
    quietly(() => {
      if (readLock(paths.lock)?.runId === runId) rmSync(paths.lock, { force: true });
    });
    quietly(() => rmSync(temporaryName(paths, machine.pid, basename(paths.lock)), { force: true }));
    quietly(() => removeEmpty(made));
  };
  try {
    refusing(paths, () =>
      insisting(() => {
        adopt(makeDirectories(paths.migrations));
        takeOrRefuse(paths, owner, machine, probe, adopt);
      }),
    );
  } catch (error) {
    release();
    throw error;
  }
  quietly(() => removeDebris(paths, machine.pid, probe));
  return { madeDirectories: made, adopt, release };
}

/** Again where the folder has gone: a run that ends with nothing done removes what it had made, and this one had found. */
function insisting<T>(work: () => T): T {
  for (let left = ATTEMPTS; ; left -= 1) {
    try {
      return work();
    } catch (error) {
      if (left === 0 || !isSystemError(error, 'ENOENT')) throw error;
    }
  }
}

function takeOrRefuse(
  paths: StatePaths,
  owner: Owner,
  machine: Machine,
  probe: ProcessProbe,
  adopt: RunLock['adopt'],
): void {
  let holder: Owner | null = null;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (createOwned(paths, paths.lock, owner)) return;
    holder = readLock(paths.lock);
    if (holder !== null && isHeld(holder, probe)) break;
    if (holder === null && !isOldGarbage(paths.lock, machine)) break;
    if (!removeStale(paths, owner, holder, probe)) break;
    adopt(holder?.made ?? []);
  }
  throw inProgress(holder?.pid ?? null);
}

function inProgress(pid: number | null): Refusal {
  const who = pid === null ? 'Another ao-migrate' : `Another ao-migrate (pid ${pid})`;
  return new Refusal('RUN_IN_PROGRESS', `${who} is working on this data directory.`);
}

/**
 * For a run that takes no lock.
 *
 * @throws Refusal RUN_IN_PROGRESS
 */
export function refuseRunInProgress(paths: StatePaths): void {
  const pid = runningOwner(paths);
  if (pid !== null) throw inProgress(pid);
}

/** Whether a run is going on now: for commands that change nothing. Null if not, else its pid. */
export function runningOwner(paths: StatePaths, probe: ProcessProbe = SYSTEM): number | null {
  const holder = readLock(paths.lock);
  return holder !== null && isHeld(holder, probe) ? holder.pid : null;
}

/**
 * Takes and gives back the lock where a killed run has left it, or names beside it, so that nothing of that run remains even if
 * there is nothing else to do. Does nothing, also where another run is at it.
 */
export function clearDebris(paths: StatePaths, runId: string, machine: Machine, probe: ProcessProbe = SYSTEM): void {
  if (runningOwner(paths, probe) !== null || !hasDebris(paths, machine.pid, probe)) return;
  quietly(() => takeLock(paths, runId, machine, probe).release());
}

function hasDebris(paths: StatePaths, ownPid: number, probe: ProcessProbe): boolean {
  try {
    const names = readdirSync(paths.migrations);
    return names.some((name) => name === basename(paths.lock) || isDebris(paths, name, ownPid, probe));
  } catch {
    return false;
  }
}

function isHeld(owner: Owner, probe: ProcessProbe): boolean {
  if (!probe.isAlive(owner.pid)) return false;
  const started = probe.started(owner.pid);
  return started === null || owner.started === null || started === owner.started;
}

/** A lock without readable owner was left by a power cut, unless it is being written on a disk without links. */
function isOldGarbage(lock: string, machine: Machine): boolean {
  const stat = targetAt(lock);
  return stat === null || machine.now().getTime() - stat.mtimeMs > 10_000;
}

/**
 * Removes a stale lock, which only one of several processes may do: between its look at the lock and the removal another
 * one could have taken the lock over, and would lose it. So the removal of one lock is claimed first, by a file whose name
 * holds the identity of that lock, and the lock is looked at again under the claim: nobody else removes it then. A claim whose
 * maker has died is inherited in the same way. False where somebody else is at it.
 */
function removeStale(paths: StatePaths, owner: Owner, holder: Owner | null, probe: ProcessProbe): boolean {
  const stale = holder?.runId ?? garbageIdentity(paths.lock);
  if (stale === null) return true;
  const claims: string[] = [];
  for (let subject = stale; ; ) {
    const claim = claimOf(paths, subject);
    claims.push(claim);
    if (createOwned(paths, claim, owner)) break;
    const other = readLock(claim);
    if (other === null || isHeld(other, probe) || claims.length > ATTEMPTS) return false;
    subject = other.runId;
  }
  if (identityOf(paths.lock) === stale) rmSync(paths.lock, { force: true });
  for (const claim of claims) rmSync(claim, { force: true });
  return true;
}

function claimOf(paths: StatePaths, subject: string): string {
  return join(paths.migrations, `.stale-${basename(paths.lock)}-${subject}`);
}

/** What tells one lock from any other that had or will have its name; null where there is none. */
function identityOf(lock: string): string | null {
  return readLock(lock)?.runId ?? garbageIdentity(lock);
}

/** The same for a lock without readable owner; null where it has one by now. */
function garbageIdentity(lock: string): string | null {
  if (readLock(lock) !== null) return null;
  const stat = targetAt(lock);
  return stat === null ? null : `${stat.ino}-${Math.floor(stat.mtimeMs)}`;
}

function createOwned(paths: StatePaths, file: string, owner: Owner): boolean {
  return createExclusively(file, `${JSON.stringify(owner)}\n`, temporaryName(paths, owner.pid, basename(file)));
}

/** What killed runs have left beside the lock: unfinished writes of dead processes, and claims to locks that are gone. */
function removeDebris(paths: StatePaths, ownPid: number, probe: ProcessProbe): void {
  for (const name of readdirSync(paths.migrations))
    if (isDebris(paths, name, ownPid, probe)) rmSync(join(paths.migrations, name), { force: true });
}

function isDebris(paths: StatePaths, name: string, ownPid: number, probe: ProcessProbe): boolean {
  const pid = temporaryPid(name);
  return pid === null ? name.startsWith(basename(claimOf(paths, ''))) : pid !== ownPid && !probe.isAlive(pid);
}

function readLock(lock: string): Owner | null {
  try {
    const parsed = v.safeParse(Owner, JSON.parse(readFileSync(lock, 'utf8')));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

/** Nothing has changed yet, so a place that cannot be written or is full is a refusal (migration.md 3). */
function refusing<T>(paths: StatePaths, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ELOOP', 'ENOENT'))
      throw new Refusal('NOT_WRITABLE', `${paths.migrations} cannot be written, and the lock must go there.`);
    if (isSystemError(error, 'ENOSPC', 'EDQUOT'))
      throw new Refusal('NO_SPACE', `There is no space left at ${paths.migrations}.`);
    throw error;
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // What stays does no harm, and the next run removes it.
  }
}

const SYSTEM: ProcessProbe = { isAlive, started: startedOf };

/** Boot id and start ticks of a process on Linux, its start to the second on macOS; null elsewhere. */
export function startedOf(pid: number, platform: NodeJS.Platform = process.platform): string | null {
  if (platform === 'darwin') return startedByPs(pid);
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? null : `${boot}:${ticks}`;
  } catch {
    return null;
  }
}

function startedByPs(pid: number): string | null {
  try {
    // A summer time, or another language, must not make it another process.
    const env = { LC_ALL: 'C', TZ: 'UTC' };
    const { stdout } = Bun.spawnSync(['/bin/ps', '-o', 'lstart=', '-p', `${pid}`], {
      env,
      stderr: 'ignore',
      timeout: 2_000,
    });
    const text = stdout.toString().trim();
    return text === '' ? null : text;
  } catch {
    return null;
  }
}
