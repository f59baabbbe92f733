import { existsSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import type { Machine } from '../contracts/machine';
import { commandRunner, type RunCommand } from '../sessions/agents-command';

/**
 * Local file systems on which syncing all of it keeps what syncing each file and folder would (statfs(2) `f_type`): ext2
 * to ext4, XFS, Btrfs, F2FS, ZFS, bcachefs, overlayfs, tmpfs. Not network file systems, nor those of user programs: what
 * their server makes of it is not known.
 */
const TRUSTED: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0xca451a4e, 0x794c7630, 0x01021994,
]);

/** Never looked for in PATH: it is to be the system's own. */
const PROGRAMS = ['/usr/bin/sync', '/bin/sync'] as const;

/** Another program may have written gigabytes that would all be waited for; then each file is synced by itself. */
const TIMEOUT_MS = 20_000;

export interface WholeSyncTools {
  readonly run: RunCommand;
  /** The type of the file system that holds a folder, unsigned. */
  readonly typeOf: (folder: string) => number;
  /** As `uname -r` has it. */
  readonly kernel: string;
}

const tools = (platform: Machine['platform']): WholeSyncTools => ({
  run: commandRunner(platform),
  typeOf: (folder) => statfsSync(folder).type >>> 0,
  kernel: release(),
});

/**
 * Makes all that was written to the file system of a folder survive a power cut, with one call of the system (syncfs(2),
 * which only the program `sync` reaches from here). For thousands of small files that takes a tenth of what syncing each
 * does. False where it cannot be done or cannot be relied on: then each file must be synced.
 */
export async function syncWhole(
  folder: string,
  platform: Machine['platform'],
  { run, typeOf, kernel }: WholeSyncTools = tools(platform),
): Promise<boolean> {
  if (platform !== 'linux' || !reportsErrors(kernel) || !isTrusted(folder, typeOf)) return false;
  const program = PROGRAMS.find((each) => existsSync(each));
  if (program === undefined) return false;
  const command = { program, cwd: '/', env: {}, stdoutFile: null, timeoutMs: TIMEOUT_MS };
  // Others of that name know no `-f`, and sync everything without a word of what failed.
  const { stdout } = await run({ ...command, args: ['--version'] });
  if (!stdout.includes('GNU coreutils')) return false;
  return (await run({ ...command, args: ['-f', folder] })).exitCode === 0;
}

/** Before Linux 5.8 syncfs(2) ended well also where a file could not be written: a damaged backup would count as made. */
function reportsErrors(kernel: string): boolean {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  return Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 8);
}

function isTrusted(folder: string, typeOf: WholeSyncTools['typeOf']): boolean {
  try {
    return TRUSTED.has(typeOf(folder));
  } catch {
    return false;
  }
}
