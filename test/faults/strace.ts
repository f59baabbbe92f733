import { existsSync, readFileSync, rmSync } from 'node:fs';

/** One system call that changes something below a folder, as one thread made it. */
export interface Call {
  readonly thread: string;
  readonly name: string;
  /** How often this thread had made this call by then, itself included: what `when=` counts. */
  readonly nth: number;
  /** The line of the trace, for people. */
  readonly line: string;
}

/** One place and kind of accident. `forGood`: the same call fails from there on, as on a disk that stays full. */
export interface Point {
  readonly call: string;
  readonly nth: number;
  readonly fault: Fault;
  readonly forGood: boolean;
  readonly line: string;
}

const FAULTS = ['SIGKILL', 'ENOSPC', 'EIO', 'EACCES', 'EINTR'] as const;
export type Fault = (typeof FAULTS)[number];

export interface TracedRun {
  /** Null where the process was killed. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Calls that can change a file system; SQLite's own are among them. */
const CHANGING = [
  'openat',
  'open',
  'creat',
  'write',
  'writev',
  'pwrite64',
  'pwritev',
  'fsync',
  'fdatasync',
  // By a child process (`sync -f`): strace follows it, and a kill there is a kill of that child alone.
  'syncfs',
  'sync_file_range',
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'unlink',
  'unlinkat',
  'mkdir',
  'mkdirat',
  'rmdir',
  'ftruncate',
  'truncate',
  'chmod',
  'fchmod',
  'fchmodat',
  'copy_file_range',
  'sendfile',
  'fallocate',
  'symlink',
  'symlinkat',
  'utimensat',
];

const OPENS = new Set(['openat', 'open', 'creat']);
const CREATES = new Set([...OPENS, 'mkdir', 'mkdirat', 'link', 'linkat', 'rename', 'renameat', 'renameat2']);
const WRITES = new Set([
  'write',
  'writev',
  'pwrite64',
  'pwritev',
  'copy_file_range',
  'sendfile',
  'fallocate',
  'ftruncate',
]);
/** Calls after which something written before is on the disk. */
export const SYNCS: ReadonlySet<string> = new Set(['fsync', 'fdatasync', 'syncfs']);
const NAMES = new Set([...CREATES, 'unlink', 'unlinkat', 'rmdir', 'chmod', 'fchmodat']);

/** Errors that a call can end with on a real machine. */
export function errorsOf(call: string): readonly Fault[] {
  return [
    ...(CREATES.has(call) || WRITES.has(call) ? (['ENOSPC'] as const) : []),
    'EIO',
    ...(NAMES.has(call) ? (['EACCES'] as const) : []),
    ...(OPENS.has(call) || WRITES.has(call) || SYNCS.has(call) ? (['EINTR'] as const) : []),
  ];
}

/** Null where strace is missing, or may not trace here (a container without ptrace). */
export function findStrace(): string | null {
  if (process.platform !== 'linux') return null;
  const path = Bun.which('strace');
  if (path === null) return null;
  const probe = Bun.spawnSync([path, '-f', '--seccomp-bpf', '-o', '/dev/null', '-e', 'trace=fsync', '/bin/true'], {
    stdout: 'ignore',
    stderr: 'ignore',
  });
  return probe.exitCode === 0 ? path : null;
}

export interface TraceOptions {
  readonly strace: string;
  readonly program: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where the trace is written; removed afterwards. */
  readonly log: string;
  readonly timeoutMs?: number;
  /** As on a file system without hard links. */
  readonly noLinks?: boolean;
}

/** Runs a program and returns every changing call that names something below one of the folders, in order of beginning. */
export async function traceChanges(
  folders: readonly string[],
  options: TraceOptions,
): Promise<{ run: TracedRun; calls: Call[] }> {
  const flags = ['--seccomp-bpf', '-y', '-e', `trace=${CHANGING.join(',')}`, ...noLinks(options)];
  const run = await traced(flags, options);
  const text = existsSync(options.log) ? readFileSync(options.log, 'latin1') : '';
  rmSync(options.log, { force: true });
  return { run, calls: parseCalls(text, folders) };
}

/**
 * Runs a program and returns its trace with all bytes that were written.
 *
 * @param failing a call that fails every time with EIO
 */
export async function traceBytes(
  options: TraceOptions,
  failing: string | null = null,
): Promise<{ run: TracedRun; text: string }> {
  const inject = failing === null ? [] : ['-e', `inject=${failing}:error=EIO`];
  const flags = ['--seccomp-bpf', '-y', '-s', '1000000', '-e', `trace=${CHANGING.join(',')}`, ...inject];
  const run = await traced(flags, options);
  const text = readFileSync(options.log, 'latin1');
  rmSync(options.log, { force: true });
  return { run, text };
}

export function parseCalls(text: string, folders: readonly string[]): Call[] {
  const counts = new Map<string, number>();
  const calls: Call[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d+) +(\w+)\((.*)$/.exec(line);
    if (match === null) continue;
    const [, thread = '', name = '', rest = ''] = match;
    const key = `${thread} ${name}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    if (!folders.some((folder) => rest.includes(folder))) continue;
    if (OPENS.has(name) && !/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(rest)) continue;
    calls.push({ thread, name, nth, line: `${name}(${rest.slice(0, 300)}` });
  }
  return calls;
}

/**
 * Every accident that can happen at these calls, each once.
 *
 * @param isAlike calls of which, for each name, every one is killed but only the first two and the last fail
 */
export function pointsOf(calls: readonly Call[], isAlike: (call: Call) => boolean = () => false): Point[] {
  const points = new Map<string, Point>();
  const add = (call: Call, fault: Fault, forGood: boolean): void => {
    const key = `${call.name} ${call.nth} ${fault} ${forGood}`;
    if (!points.has(key)) points.set(key, { call: call.name, nth: call.nth, fault, forGood, line: call.line });
  };
  const alike = Map.groupBy(calls.filter(isAlike), ({ name }) => name);
  const isRepeated = (call: Call): boolean => {
    const same = alike.get(call.name) ?? [];
    return same.slice(2, -1).includes(call);
  };
  for (const call of calls) {
    add(call, 'SIGKILL', false);
    if (isRepeated(call)) continue;
    for (const error of errorsOf(call.name)) add(call, error, false);
    // `write` and `openat` would also fail for what the runtime does for itself, for ever.
    if (!OPENS.has(call.name) && call.name !== 'write') {
      add(call, WRITES.has(call.name) || call.name === 'link' || call.name === 'mkdir' ? 'ENOSPC' : 'EIO', true);
    }
  }
  return [...points.values()];
}

export function pointText({ call, nth, fault, forGood, line }: Point): string {
  return `${fault}${forGood ? ' for good' : ''} at ${call} number ${nth}: ${line.slice(0, 160)}`;
}

/** The same, short enough for a command line: `ENOSPC openat 4`, `EIO+ fsync 2` where it stays so. */
export function pointName({ call, nth, fault, forGood }: Point): string {
  return `${fault}${forGood ? '+' : ''} ${call} ${nth}`;
}

/** Reads such a name; null where it is none. */
export function pointNamed(name: string): Point | null {
  const [, fault = '', forGood = '', call = '', nth = ''] = /^([A-Z]+)(\+?) (\w+) (\d+)$/.exec(name) ?? [];
  return isFault(fault) && CHANGING.includes(call)
    ? { call, nth: Number(nth), fault, forGood: forGood !== '', line: 'chosen by its name' }
    : null;
}

function isFault(text: string): text is Fault {
  return (FAULTS as readonly string[]).includes(text);
}

function noLinks(options: TraceOptions): string[] {
  return options.noLinks === true ? ['-e', 'inject=link,linkat:error=EPERM'] : [];
}

/** Runs a program with one accident. */
export function runFaulted(point: Point, options: TraceOptions): Promise<TracedRun> {
  const isKill = point.fault === 'SIGKILL';
  const what = isKill ? 'signal=SIGKILL' : `error=${point.fault}`;
  return traced(
    [
      '-qqq',
      // With the filter, which makes a run twice as fast, strace 6.1 loses a signal that is not for the first call.
      ...(isKill ? [] : ['--seccomp-bpf']),
      '-e',
      `trace=${point.call}${options.noLinks === true ? ',link,linkat' : ''}`,
      '-e',
      'status=none',
      '-e',
      'signal=none',
      '-e',
      `inject=${point.call}:${what}:when=${point.nth}${point.forGood ? '+' : ''}`,
      ...noLinks(options),
    ],
    options,
  );
}

/** Starts a program below strace, in a process group of its own. */
export function startTraced(
  flags: readonly string[],
  { strace, program, cwd, env, log }: TraceOptions,
): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  return Bun.spawn([strace, '-f', '-o', log, ...flags, ...program], {
    cwd,
    env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    detached: true,
  });
}

/** Runs a program to its end, or for its time, below strace; the trace stays in its file. */
export async function traced(flags: readonly string[], options: TraceOptions): Promise<TracedRun> {
  const { timeoutMs = 120_000 } = options;
  const child = startTraced(flags, options);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  }, timeoutMs);
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  clearTimeout(timer);

  return { exitCode: child.signalCode === null ? child.exitCode : null, stdout, stderr, timedOut };
}
