import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { UsageError } from '../contracts/refusals';
import { physical } from '../sessions/physical';

/** Where the old store is and which config counts (migration.md 4.2, legacy-store.md 1.1 to 1.3, 2.1). */
export interface LegacyLocation {
  /** `~/.agent-orchestrator`, or the folder of `--from`. Null where no home is known. */
  readonly root: string | null;
  /** The store of another machine: nothing live is evaluated. */
  readonly foreign: boolean;
  /** What `~` means. */
  readonly home: string;
  /** The global config that would be read; it may be missing. */
  readonly config: string | null;
  /** `--config`, resolved: a registry or a wrapped file, which only its content tells. */
  readonly configFlag: string | null;
  readonly notes: readonly Note[];
}

/** The flags that say where the old store and its config are; relative to the working directory. */
export interface LegacyFlags {
  readonly from: string | null;
  readonly config: string | null;
}

/**
 * @throws UsageError where `--from` or `--config` names nothing
 */
export function locateLegacy(machine: Machine, flags: LegacyFlags): LegacyLocation {
  requireNamed(machine, flags);
  return locationOf(machine, flags);
}

/** The same of flags that a run had, of which what they name may be gone since. */
export function locationOf(machine: Machine, flags: LegacyFlags): LegacyLocation {
  const home = machine.legacyHome ?? '';
  const base = home === '' ? null : join(home, '.agent-orchestrator');
  const notes: Note[] = [];
  const configFlag = flags.config === null ? null : resolve(machine.cwd, flags.config);
  if (flags.from !== null) {
    const root = resolve(machine.cwd, flags.from);
    const foreign = base === null || physical(root) !== physical(base);
    if (foreign) {
      notes.push({
        code: 'FOREIGN_STORE',
        severity: 'info',
        message:
          'this store is not the one of this home: processes and terminals of this machine are not looked at, and its paths are kept as they are',
        file: root,
      });
    }
    return { root, foreign, home, config: join(root, 'config.yaml'), configFlag, notes };
  }
  return {
    root: base,
    foreign: false,
    home,
    config: base === null ? null : environmentConfig(machine, base, notes),
    configFlag,
    notes,
  };
}

/**
 * What somebody names must be there (migration.md 4.2).
 *
 * @throws UsageError where `--from` or `--config` names nothing
 */
export function requireNamed({ cwd }: Machine, { from, config }: LegacyFlags): void {
  if (config !== null && kindOf(resolve(cwd, config)) !== 'file')
    throw new UsageError(`--config ${config}: there is no such file`, 'Name an existing config file.');
  if (from !== null && kindOf(resolve(cwd, from)) !== 'directory')
    throw new UsageError(`--from ${from}: there is no such directory`, 'Name the directory of a legacy store.');
}

/** AO_GLOBAL_CONFIG, then XDG_CONFIG_HOME, then the store itself (R9, E77). */
function environmentConfig(machine: Machine, base: string, notes: Note[]): string {
  const own = join(base, 'config.yaml');
  const named = machine.env.AO_GLOBAL_CONFIG;
  if (named !== undefined && named !== '') {
    const file = resolve(machine.cwd, named);
    if (kindOf(file) === null) {
      notes.push({
        code: 'CONFIG_MISSING',
        severity: 'warn',
        message: 'AO_GLOBAL_CONFIG names a file that does not exist; there is no registry',
        file,
      });
    }
    return file;
  }
  const xdg = machine.env.XDG_CONFIG_HOME;
  if (xdg === undefined || xdg === '') return own;
  const file = resolve(machine.cwd, xdg, 'agent-orchestrator', 'config.yaml');
  const hasOwn = kindOf(own) !== null;
  if (kindOf(file) !== null) {
    if (hasOwn) {
      notes.push({
        code: 'CONFIG_ELSEWHERE',
        severity: 'warn',
        message: `XDG_CONFIG_HOME is set, so this config counts and ${own} does not; name that one with --config if it is the right one`,
        file,
      });
    }
    return file;
  }
  if (hasOwn) {
    notes.push({
      code: 'CONFIG_ELSEWHERE',
      severity: 'warn',
      message: `XDG_CONFIG_HOME is set, but ${file} does not exist; this config was used`,
      file: own,
    });
  }
  return own;
}

function kindOf(path: string): 'file' | 'directory' | null {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'file';
  } catch {
    return null;
  }
}
