import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Machine } from '../contracts/machine';
import { atSuddenEnd } from './sudden-end';

/** One program to run to its end. Nothing is inherited: not the environment, not the descriptors. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Exists. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** A file that is made for stdout, 0600; null: the first 64 KiB are returned. */
  readonly stdoutFile: string | null;
  readonly timeoutMs: number;
  /**
   * For a program that must not be cut short: the file that gets its pid. It is never killed, and goes on by itself where
   * this process ends or has waited for its time. Needs a `stdoutFile`, because a pipe would break.
   */
  readonly lastingPidFile?: string;
}

export interface CommandResult {
  /** Null where the program was killed, goes on, or never started. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** Why it never started: an error code such as ENOENT. */
  readonly failure: string | null;
  /** Empty where stdout went to a file. */
  readonly stdout: string;
}

/** What runs programs. Never throws for what the program does; a test puts its own in place. */
export type RunCommand = (command: Command) => Promise<CommandResult>;

/** Output that is kept; the rest is read and dropped, so that no program waits for its reader. */
const KEPT = 64 * 1024;
/** How long a killed program's pipes may stay open before they are given up. */
const AFTER_KILL_MS = 1_000;

/**
 * Runs a program in a process group of its own and kills the whole group when its time is over: the npm packages of the
 * agents start the real binary from a script. So it does where this process must end at once. A lasting one it leaves
 * alone. stderr is dropped, because an agent may print what was said there.
 */
export function commandRunner(platform: Machine['platform']): RunCommand {
  return async (command) => {
    const file = command.stdoutFile === null ? null : await open(command.stdoutFile, 'wx', 0o600);
    try {
      return await run(command, file?.fd ?? null, platform);
    } finally {
      await file?.close();
    }
  };
}

function run(command: Command, stdout: number | null, platform: Machine['platform']): Promise<CommandResult> {
  return new Promise((done) => {
    const lasting = command.lastingPidFile;
    const { program, args, verbatim } = invocation(command, platform);
    const kept: Buffer[] = [];
    let bytes = 0;
    let timedOut = false;
    const finish = (exitCode: number | null, failure: string | null) => {
      clearTimeout(limit);
      ended();
      done({ exitCode: timedOut ? null : exitCode, timedOut, failure, stdout: Buffer.concat(kept).toString('utf8') });
    };
    const child = spawn(program, args, {
      cwd: command.cwd,
      env: { ...command.env },
      // A group of its own, so that one signal reaches all that it starts. Windows has taskkill for that.
      // There a lasting one must not get the Ctrl-C of our console.
      detached: platform !== 'win32' || lasting !== undefined,
      stdio: ['ignore', stdout ?? 'pipe', 'ignore'],
      windowsHide: true,
      windowsVerbatimArguments: verbatim,
    });
    const ended = lasting === undefined ? atSuddenEnd(() => killGroup(child, platform)) : () => undefined;
    if (lasting !== undefined) notePid(lasting, child.pid);
    const limit = setTimeout(() => {
      timedOut = true;
      if (lasting !== undefined) {
        child.unref();
        finish(null, null);
        return;
      }
      killGroup(child, platform);
      setTimeout(() => finish(null, null), AFTER_KILL_MS).unref();
    }, command.timeoutMs);
    child.stdout?.on('data', (chunk: Buffer) => {
      const rest = chunk.subarray(0, KEPT - bytes);
      bytes += rest.length;
      kept.push(Buffer.from(rest));
    });
    child.on('error', (error) => finish(null, 'code' in error ? String(error.code) : error.name));
    child.on('close', (code) => finish(code, null));
  });
}

/** npm's `.cmd` shims run only through the shell, and only with the whole line in quotes. */
function invocation(
  command: Command,
  platform: Machine['platform'],
): { program: string; args: string[]; verbatim: boolean } {
  if (platform !== 'win32' || !/\.(cmd|bat)$/i.test(basename(command.program))) {
    return { program: command.program, args: [...command.args], verbatim: false };
  }
  const line = [command.program, ...command.args].map((part) => `"${part}"`).join(' ');
  return { program: command.env.ComSpec ?? 'cmd.exe', args: ['/d', '/s', '/c', `"${line}"`], verbatim: true };
}

function notePid(file: string, pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    writeFileSync(file, `${pid}`, { mode: 0o600, flag: 'wx' });
  } catch {
    // It works all the same; only a later run does not know of it.
  }
}

function killGroup(child: ChildProcess, platform: Machine['platform']): void {
  if (child.pid === undefined) return;
  try {
    if (platform === 'win32')
      spawn('taskkill', ['/pid', `${child.pid}`, '/t', '/f'], { stdio: 'ignore', windowsHide: true });
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself in the same moment.
  }
}
