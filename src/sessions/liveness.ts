import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ConversationRequest, HarnessId } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import type { PhysicalPaths } from './physical';

export interface TmuxSession {
  readonly name: string;
  /** `session_path`: where it was started. */
  readonly path: string;
}

export interface LivenessDeps {
  readonly platform: Machine['platform'];
  /** This process, which never counts. */
  readonly pid: number;
  /** `/proc`; looked at on Linux only. */
  readonly procRoot: string;
  /** Signal 0 succeeds or fails with EPERM. */
  isAlive(pid: number): boolean;
  /** Terminals that may hold a legacy agent: those outside `<dataDir>/worktrees` (migration.md 3). Asked once. */
  tmuxSessions(): Promise<readonly TmuxSession[]>;
  readonly paths: PhysicalPaths;
}

/**
 * What runs on this machine now, looked up once and shared by all harnesses of a run: the signs of "in use" that
 * migration.md 6.3 names. All answers are pids or names; null means not in use.
 */
export interface Liveness {
  isAlive(pid: number): boolean;
  /** Start time of a process in clock ticks as Linux counts them, or null where that cannot be known. */
  startTicks(pid: number): string | null;
  /**
   * Who works where the conversation was held, in words for people that name the pid or the terminal: a terminal session
   * with one of the record's names, or with one that the legacy tool gives and opened in the old worktree, else (Linux) a
   * process of this agent whose working directory is the old worktree.
   */
  occupant(
    harness: HarnessId,
    record: Pick<ConversationRequest, 'tmuxNames' | 'isTerminalName' | 'worktree'>,
  ): Promise<string | null>;
  /** The process that holds a lock on this file (Linux). */
  lockHolder(path: string): number | null;
  /** A process that has this file open (Linux). */
  opener(path: string): number | null;
}

/** How the processes of an agent are named: the command, and the package that an interpreter runs. */
const AGENTS: Readonly<Record<HarnessId, { readonly command: string; readonly scripts: RegExp }>> = {
  'claude-code': { command: 'claude', scripts: /[\\/]@anthropic-ai[\\/]claude-code[\\/]/ },
  codex: { command: 'codex', scripts: /[\\/]@openai[\\/]codex[\\/]/ },
  opencode: { command: 'opencode', scripts: /[\\/]opencode-ai[\\/]/ },
};

const INTERPRETERS = /^(node|bun|deno|sh|bash|dash|zsh)$/;

export function liveness(deps: LivenessDeps): Liveness {
  const { procRoot } = deps;
  const hasProc = deps.platform === 'linux';
  const pids = once(() => (hasProc ? pidsOf(procRoot).filter((pid) => pid !== deps.pid) : []));
  const directories = once(() => directoriesOf(procRoot, pids()));
  const openFiles = once(() => openRolloutsOf(procRoot, pids()));
  const tmux = once(() => deps.tmuxSessions());
  const holdsOpen = (pid: number, path: string) => linksIn(join(procRoot, `${pid}`, 'fd')).includes(path);

  return {
    isAlive: (pid) => deps.isAlive(pid),
    startTicks: (pid) => (hasProc ? startTicksOf(procRoot, pid) : null),
    async occupant(harness, { tmuxNames, isTerminalName, worktree }) {
      const old = worktree === null ? [] : [...new Set([deps.paths.of(worktree), worktree])];
      const isIn = (path: string) => old.some((directory) => path === directory || path.startsWith(`${directory}/`));
      const terminal = (await tmux()).find(
        ({ name, path }) =>
          tmuxNames.includes(name) || (isTerminalName(name) && (isIn(path) || isIn(deps.paths.of(path)))),
      );
      if (terminal !== undefined) return `the tmux session ${terminal.name}`;
      for (const directory of old) {
        const agent = directories()
          .get(directory)
          ?.find((pid) => isAgent(procRoot, pid, harness));
        if (agent !== undefined) return `process ${agent}, which runs in ${directory}`;
      }
      return null;
    },
    lockHolder(path) {
      if (!hasProc) return null;
      const file = identityOf(path);
      if (file === null) return null;
      const locks = locksOf(read(join(procRoot, 'locks'))).filter((lock) => lock.inode === file.inode);
      // Some file systems (btrfs, overlays) give a file another device number than its locks.
      return locks.find((lock) => lock.device === file.device || holdsOpen(lock.pid, path))?.pid ?? null;
    },
    opener: (path) => openFiles().get(path) ?? null,
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function pidsOf(procRoot: string): number[] {
  return namesIn(procRoot)
    .filter((name) => /^[1-9][0-9]*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function directoriesOf(procRoot: string, pids: readonly number[]): Map<string, number[]> {
  const byDirectory = new Map<string, number[]>();
  for (const pid of pids) {
    // The kernel marks a directory that was removed under a process.
    const directory = linkAt(join(procRoot, `${pid}`, 'cwd'))?.replace(/ \(deleted\)$/, '');
    if (directory === undefined) continue;
    byDirectory.set(directory, [...(byDirectory.get(directory) ?? []), pid]);
  }
  return byDirectory;
}

function openRolloutsOf(procRoot: string, pids: readonly number[]): Map<string, number> {
  const byPath = new Map<string, number>();
  for (const pid of pids) {
    for (const path of linksIn(join(procRoot, `${pid}`, 'fd'))) {
      if (basename(path).startsWith('rollout-') && !byPath.has(path)) byPath.set(path, pid);
    }
  }
  return byPath;
}

function isAgent(procRoot: string, pid: number, harness: HarnessId): boolean {
  const { command, scripts } = AGENTS[harness];
  if (read(join(procRoot, `${pid}`, 'comm')).trim() === command) return true;
  const [program = '', ...rest] = read(join(procRoot, `${pid}`, 'cmdline')).split('\0');
  if (commandOf(program) === command || scripts.test(program)) return true;
  if (!INTERPRETERS.test(commandOf(program))) return false;
  const script = rest.find((argument) => !argument.startsWith('-')) ?? '';
  return commandOf(script) === command || scripts.test(script);
}

function commandOf(path: string): string {
  return basename(path).replace(/\.(exe|[cm]?js)$/, '');
}

/** The 22nd field of `stat`, counted after the command in parentheses, which may hold anything. */
function startTicksOf(procRoot: string, pid: number): string | null {
  const stat = read(join(procRoot, `${pid}`, 'stat'));
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

interface Lock {
  readonly pid: number;
  /** `major:minor` in decimal. */
  readonly device: string;
  readonly inode: string;
}

/** Held locks of `/proc/locks`. Lines with `->`, which only wait for one, have another form. */
function locksOf(text: string): Lock[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\d+: \S+ +\S+ +\S+ +(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line);
    if (match === null) return [];
    const [, pid = '', major = '', minor = '', inode = ''] = match;
    return [{ pid: Number(pid), device: `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}`, inode }];
  });
}

function identityOf(path: string): { readonly device: string; readonly inode: string } | null {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) return null;
  // The layout of Linux's 64-bit dev_t.
  const major = ((stats.dev >> 8n) & 0xfffn) | ((stats.dev >> 32n) & ~0xfffn);
  const minor = (stats.dev & 0xffn) | ((stats.dev >> 12n) & 0xffffff00n);
  return { device: `${major}:${minor}`, inode: `${stats.ino}` };
}

/** Processes end, and others' may not be read, while we look: both are answers, not errors. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function linksIn(directory: string): string[] {
  return namesIn(directory).flatMap((name) => linkAt(join(directory, name)) ?? []);
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
