/** Runs a program once and says what it cost. */
import { existsSync, readFileSync, rmSync } from 'node:fs';

/** Cost of one run, milliseconds. */
export interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

/** What one run asked of the system, by strace. */
export interface Calls {
  readonly total: number;
  readonly opened: number;
  readonly syncs: number;
  readonly read: number;
  readonly written: number;
}

type Environment = Readonly<Record<string, string>>;

/**
 * Most memory of one run, bytes; null where there is no `time` program. What the system says of a direct child begins with
 * the memory of the process that started it, which is larger than what is measured.
 */
export async function peakOf(command: readonly string[], env: Environment, log: string): Promise<number | null> {
  if (!existsSync('/usr/bin/time')) return null;
  const timed = ['/usr/bin/time', '-f', '%M', '-o', log, ...command];
  await Bun.spawn(timed, { env: { ...env }, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }).exited;
  const peak = Number(readFileSync(log, 'utf8').trim().split('\n').at(-1)) * 1024;
  rmSync(log);
  return peak;
}

export async function costOf(command: readonly string[], env: Environment): Promise<Cost> {
  const begun = performance.now();
  const child = Bun.spawn([...command], { env: { ...env }, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' });
  const code = await child.exited;
  const wall = performance.now() - begun;
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}`);
  const usage = child.resourceUsage();
  if (usage === undefined) throw new Error('this system does not say what a process has used');
  return { wall, cpu: Number(usage.cpuTime.total) / 1000 };
}

/** Null where there is no strace. Threads that wait for each other are left out: how often they do is chance. */
export async function callsOf(command: readonly string[], env: Environment, log: string): Promise<Calls | null> {
  const strace = Bun.which('strace');
  if (strace === null) return null;
  const traced = ['-f', '-qq', '-o', log, '-e', 'trace=!futex,madvise,sched_yield,epoll_pwait2,epoll_pwait', '-s', '0'];
  const child = Bun.spawn([strace, ...traced, ...command], {
    env: { ...env },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  });
  await child.exited;
  if (!existsSync(log)) return null;
  const calls = readCalls(readFileSync(log, 'latin1'));
  rmSync(log);
  return calls;
}

const READS = new Set(['read', 'pread64', 'preadv', 'readv']);
const WRITES = new Set(['write', 'pwrite64', 'pwritev', 'writev', 'copy_file_range', 'sendfile']);
const SYNCS = new Set(['fsync', 'fdatasync']);

/** Counts the calls of a trace; a call that another thread interrupts stands in two lines, its result in the second. */
export function readCalls(trace: string): Calls {
  const sum = { total: 0, opened: 0, syncs: 0, read: 0, written: 0 };
  for (const line of trace.split('\n')) {
    const match = /^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)/.exec(line);
    const name = match?.[1];
    if (name === undefined || line.endsWith('<unfinished ...>')) continue;
    const result = Number(/ = (-?\d+)[^=]*$/.exec(line)?.[1] ?? -1);
    sum.total += 1;
    if (result < 0) continue;
    if (name === 'openat' || name === 'open') sum.opened += 1;
    else if (SYNCS.has(name)) sum.syncs += 1;
    else if (READS.has(name)) sum.read += result;
    else if (WRITES.has(name)) sum.written += result;
  }
  return sum;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
