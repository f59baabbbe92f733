import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { sha256Hex } from '../sessions/sha256';

/** Where the tool keeps what it must remember: `<home>/.ao`, whatever AO_DATA_DIR or AO_RUN_FILE say (migration.md 8). */
export interface StatePaths {
  readonly stateDir: string;
  readonly migrations: string;
  readonly backups: string;
  /** The lock of this data directory. */
  readonly lock: string;
}

/** @throws Refusal DATA_DIR_INVALID where no home is known, because then nothing could be undone later */
export function statePaths(machine: Machine, physicalDataDir: string): StatePaths {
  const home = machine.home ?? machine.legacyHome;
  if (home === null || home === '')
    throw new Refusal(
      'DATA_DIR_INVALID',
      'No home directory is known, so there is no place for the record of the run.',
      'Set HOME, then run again.',
    );
  const stateDir = join(home, '.ao');
  const migrations = join(stateDir, 'migrations');
  const key = sha256Hex(physicalDataDir).slice(0, 12);
  return { stateDir, migrations, backups: join(stateDir, 'backups'), lock: join(migrations, `lock-${key}`) };
}

/**
 * `YYYYMMDD-HHMMSS-<6 hex>`, UTC. Later runs have greater ids, also within one second: "the newest run" goes by them.
 *
 * @param migrations folder of the receipts, which may not exist
 */
export function newRunId(machine: Machine, migrations: string): string {
  const second = compactTime(machine.now());
  const suffixes = namesIn(migrations).flatMap((name) =>
    name.startsWith(`${second}-`) ? Number.parseInt(name.slice(16, 22), 16) : [],
  );
  const least = Math.max(-1, ...suffixes.filter(Number.isInteger)) + 1;
  const random = Number.parseInt(machine.randomHex(3), 16);
  const suffix = Math.min(least + Math.floor(random * (1 - least / 0x1000000)), 0xffffff);
  return `${second}-${suffix.toString(16).padStart(6, '0')}`;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** `YYYYMMDD-HHMMSS`, UTC. */
export function compactTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
}

/** A name for a file that is being written beside the receipts: it holds the pid, so that debris of a dead process is known. */
export function temporaryName(paths: StatePaths, pid: number, name: string): string {
  return join(paths.migrations, `.writing-${pid}-${name}`);
}

/** The pid in such a name, null for any other name. */
export function temporaryPid(name: string): number | null {
  const pid = /^\.writing-(\d+)-/.exec(name)?.[1];
  return pid === undefined ? null : Number(pid);
}
