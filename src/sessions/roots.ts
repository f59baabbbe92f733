import { dirname, join, resolve } from 'node:path';
import type { Machine } from '../contracts/machine';
import type { SessionRoot, SessionRoots } from './harness';

/** Where the legacy store lies, as far as conversations are concerned. */
export interface StorePlace {
  readonly root: string;
  readonly foreign: boolean;
}

interface HarnessFolder {
  /** Variable that names another folder, and what is below it. */
  readonly variable: string;
  readonly below: readonly string[];
  /** Below the home. */
  readonly fallback: readonly string[];
}

const FOLDERS = {
  claude: { variable: 'CLAUDE_CONFIG_DIR', below: [], fallback: ['.claude'] },
  codex: { variable: 'CODEX_HOME', below: [], fallback: ['.codex'] },
  opencode: { variable: 'XDG_DATA_HOME', below: ['opencode'], fallback: ['.local', 'share', 'opencode'] },
} as const satisfies Record<string, HarnessFolder>;

/**
 * The roots of the three agents (migration.md 4.2, 6.5): the one that the environment names, then the default one; a
 * conversation stays in the root in which it was found. For a store of another machine the folders beside it come first,
 * and what is found there goes to this machine's own root.
 */
export function sessionRoots(machine: Machine, store: StorePlace): SessionRoots {
  const home = machine.home ?? machine.legacyHome ?? '';
  const roots = (folder: HarnessFolder): SessionRoot[] => {
    const fallback = home === '' ? null : join(home, ...folder.fallback);
    const named = machine.env[folder.variable];
    const value = named === undefined || named === '' ? null : resolve(machine.cwd, named);
    const own = value === null ? null : join(value, ...folder.below);
    const setting = own === fallback ? null : `${folder.variable}=${value}`;
    const here = [own, fallback].filter((path) => path !== null);
    const list = [...new Set(here)].map(
      (path): SessionRoot => ({ path, destination: path, setting: path === fallback ? null : setting, local: true }),
    );
    const destination = here[0];
    if (!store.foreign || destination === undefined) return list;
    const beside = join(dirname(store.root), ...folder.fallback);
    return [
      { path: beside, destination, setting: destination === fallback ? null : setting, local: false },
      ...list.filter(({ path }) => path !== beside),
    ];
  };
  return { claude: roots(FOLDERS.claude), codex: roots(FOLDERS.codex), opencode: roots(FOLDERS.opencode), home };
}
