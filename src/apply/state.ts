import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';

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
  const key = createHash('sha256').update(physicalDataDir).digest('hex').slice(0, 12);
  return { stateDir, migrations, backups: join(stateDir, 'backups'), lock: join(migrations, `lock-${key}`) };
}

/** `YYYYMMDD-HHMMSS-<6 hex>`, UTC. */
export function newRunId(machine: Machine): string {
  return `${compactTime(machine.now())}-${machine.randomHex(3)}`;
}

export const RUN_ID = /^\d{8}-\d{6}-[0-9a-f]{6}$/;

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
