import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { startTraced, type TracedRun, type TraceOptions, traced } from './strace';

/** A moment just after one system call of a command, before the command has made anything of its result. */
export interface Stop {
  readonly call: string;
  /** How often the thread had made this call by then, itself included. */
  readonly nth: number;
  /** So many other threads made the call as often before: each stops there too, and is sent on at once. */
  readonly earlier: number;
  /** The line of the trace, for people. */
  readonly line: string;
}

export interface StoppedRun extends TracedRun {
  /** The moment came, and every thread of the process was seen to stand. */
  readonly stood: boolean;
}

/** All that names a path, and what is asked of files that are open. */
const CALLS = '%file,getdents64,fcntl,flock,ftruncate,fsync,fdatasync,pwrite64';

/**
 * Runs a program; the moments after calls of it that name something below one of the folders. Where several calls next to each
 * other name nothing that a run changes, nobody can tell one of these moments from the next: the first stands for all.
 */
export async function stopsOf(folders: readonly string[], options: TraceOptions): Promise<Stop[]> {
  await traced(['--seccomp-bpf', '-y', '-e', `trace=${CALLS}`], options);
  const text = readFileSync(options.log, 'latin1');
  rmSync(options.log, { force: true });
  return parseStops(text, folders);
}

/** What a run makes, changes and removes; the old store, the repositories and private copies are not among it. */
const CHANGEABLE = /\/\.(?:ao|claude)\b/;

export function parseStops(text: string, folders: readonly string[]): Stop[] {
  const byThread = new Map<string, number>();
  const reached = new Map<string, number>();
  const stops: Stop[] = [];
  let isRepeated = false;
  for (const line of text.split('\n')) {
    const [, thread = '', call = '', rest = ''] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
    if (call === '') continue;
    const nth = (byThread.get(`${thread} ${call}`) ?? 0) + 1;
    byThread.set(`${thread} ${call}`, nth);
    const earlier = reached.get(`${call} ${nth}`) ?? 0;
    reached.set(`${call} ${nth}`, earlier + 1);
    // Whatever is opened, the folder that the command was called in is shown with it.
    const named = rest.replaceAll(/AT_FDCWD<[^>]*>/g, '');
    if (!folders.some((folder) => named.includes(folder))) continue;
    const isChangeable = CHANGEABLE.test(named);
    if (isChangeable || !isRepeated) stops.push({ call, nth, earlier, line: `${call}(${named.slice(0, 300)}` });
    isRepeated = !isChangeable;
  }
  return stops;
}

/**
 * Runs a program that stands after one call while something else happens, and goes on when that has ended.
 *
 * @param meanwhile is called once every thread of the process has been seen to stand
 */
export async function runStopped(
  { call, nth, earlier }: Stop,
  options: TraceOptions,
  meanwhile: () => Promise<void>,
): Promise<StoppedRun> {
  const { log, timeoutMs = 30_000 } = options;
  rmSync(log, { force: true });
  // Not with --seccomp-bpf: strace 6.1 loses a signal that is not for the first call.
  const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:signal=SIGSTOP:when=${nth}`];
  const child = startTraced(['-qqq', ...inject], options);
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  let isOver = false;
  void output.then(() => {
    isOver = true;
  });
  const end = performance.now() + timeoutMs;
  let [sentOn, stood] = [0, false];
  while (!isOver && performance.now() < end) {
    await Bun.sleep(1);
    const standing = standingIn(log, sentOn);
    if (standing === null) continue;
    if (sentOn === earlier) {
      stood = true;
      await meanwhile();
    }
    sentOn += 1;
    process.kill(standing, 'SIGCONT');
  }
  if (!isOver) process.kill(-child.pid, 'SIGKILL');
  const [stdout, stderr] = await output;
  rmSync(log, { force: true });
  return { exitCode: child.signalCode === null ? child.exitCode : null, stdout, stderr, timedOut: !isOver, stood };
}

/** The process that stands by the next stop after so many, with all its threads; null where none does yet. */
function standingIn(log: string, after: number): number | null {
  if (!existsSync(log)) return null;
  const [stop, ...rest] = readFileSync(log, 'latin1')
    .split(/^(?=\d+ +--- SIGSTOP \{)/m)
    .slice(after + 1);
  if (stop === undefined) return null;
  const stopped = new Set(
    Array.from([stop, ...rest].join('').matchAll(/^(\d+) +--- stopped by SIGSTOP/gm), ([, id]) => id),
  );
  const pid = processOf(stop.slice(0, stop.indexOf(' ')));
  return pid !== null && threadsOf(pid).every((each) => stopped.has(each) && /^[tT]$/.test(stateOf(pid, each)))
    ? pid
    : null;
}

function processOf(thread: string): number | null {
  try {
    return Number(/^Tgid:\s*(\d+)/m.exec(readFileSync(`/proc/${thread}/status`, 'utf8'))?.[1] ?? Number.NaN);
  } catch {
    return null;
  }
}

function threadsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`);
}

/** The letter that the kernel tells it with: `t` or `T` stands. */
function stateOf(pid: number, thread: string): string {
  const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}
