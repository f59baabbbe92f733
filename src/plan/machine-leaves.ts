import type { FileLedger, LeafEntry } from '../contracts/ledger';
import type { LegacyStore } from '../contracts/legacy';
import { folderOf, formReason, partOf } from './claims';
import { derived, EMPTY, ignored, type Reason, UNKNOWN_KEY } from './disposition';
import type { Leaf } from './leaves';
import { depthIn, isSecret, lengthOf, toldValue } from './secrecy';

const IN_THE_APP = 'Set it in the new app if it is wanted.';

const OWN_SERVER = ignored("a setting of the old tool's own server");
const NOTIFICATIONS = ignored('notifications are a setting of the old tool as a whole', IN_THE_APP);

/** Top-level keys of a config (legacy-store.md 2.2, 2.13). */
const TOP: ReadonlyMap<string, Reason> = new Map([
  ['port', OWN_SERVER],
  ['terminalPort', OWN_SERVER],
  ['directTerminalPort', OWN_SERVER],
  ['dashboard', OWN_SERVER],
  ['power', OWN_SERVER],
  ['lifecycle', OWN_SERVER],
  ['readyThresholdMs', OWN_SERVER],
  ['observability', OWN_SERVER],
  ['updateChannel', ignored('how the old tool updates itself')],
  ['installMethod', ignored('how the old tool was installed')],
  ['projectOrder', ignored('the order of the lists of the old tool')],
  ['notifiers', NOTIFICATIONS],
  ['notificationRouting', NOTIFICATIONS],
  ['reactions', ignored('the rewrite has no reactions for all projects', 'Nothing can be done here.')],
  ['plugins', ignored('plugins of the old tool')],
  ['dataDir', ignored('where the very first releases kept their records')],
  ['worktreeDir', ignored('where the very first releases kept their worktrees')],
  ['defaults', ignored('no project inherits from this block')],
]);

/** Leaves of read files that no project claims: nothing is silent. Files in the order of their paths. */
export function machineFiles(
  store: LegacyStore,
  leaves: (file: string) => readonly Leaf[],
  claimed: ReadonlyMap<string, ReadonlySet<string | null>>,
): FileLedger[] {
  const files: FileLedger[] = [];
  for (const { path } of store.files) {
    const taken = claimed.get(path);
    if (taken?.has(null)) continue;
    const reason = reasonsFor(path, store);
    const entries = leaves(path)
      .filter((leaf) => taken?.has(partOf(leaf.keys)) !== true)
      .map((leaf) => entryOf(leaf, formReason(leaf) ?? reason(leaf)));
    if (entries.length > 0) files.push({ file: path, leaves: entries });
  }
  return files;
}

function entryOf(leaf: Leaf, reason: Reason): LeafEntry {
  const { keys, at } = leaf;
  const below = depthIn(keys);
  const value = toldValue(leaf, below);
  if (!isSecret(leaf, below)) return { keys, at, value, disposition: reason };
  const remedy = reason.kind === 'ignored' ? reason.remedy : null;
  return {
    keys,
    at,
    value,
    disposition: { kind: 'secret', length: lengthOf(leaf), to: [], why: reason.why, remedy, lossy: false },
  };
}

function reasonsFor(path: string, store: LegacyStore): (leaf: Leaf) => Reason {
  const name = path.split(/[\\/]/).at(-1) ?? '';
  const folder = folderOf(path, store.root);
  if (store.v1.some((each) => each.path === folder) || store.v2.some((each) => each.path === folder)) {
    return () => ignored('no config names the project of this record', 'Run again with --config and its config file.');
  }
  if (name === 'preferences.json') return (leaf) => preferencesReason(leaf, store.preferences === null);
  if (name === 'registered.json') return (leaf) => registeredReason(leaf, store.registered.length === 0);
  if (name === '.origin') return () => derived('names a config in which projects are looked for');
  if (name === 'running.json') {
    return ({ keys }) =>
      keys[0] === 'configPath'
        ? derived('names a config in which projects are looked for')
        : ignored('a process of the old tool; tells only whether it is running');
  }
  if (name.endsWith('.pre-migration')) {
    return ({ keys }) =>
      keys.at(-1) === 'storageKey'
        ? derived("names the directory of the project's early session records")
        : ignored('a copy of the config that an earlier upgrade put aside');
  }
  return configReason;
}

function configReason({ keys, tree }: Leaf): Reason {
  const key = String(keys[0] ?? '');
  if (keys.length === 0) return ignored('the file holds no settings');
  if (key === 'projects') {
    if (keys.length === 1) return EMPTY;
    return ignored('the entry is not used: the registry or another config names the project', 'See the notes.');
  }
  const known = TOP.get(key);
  if (known !== undefined) return known;
  return tree.kind === 'scalar' ? UNKNOWN_KEY : EMPTY;
}

function preferencesReason({ keys }: Leaf, isVoid: boolean): Reason {
  if (isVoid) return ignored('the file is ignored as a whole', 'Rename the projects in the new app.');
  switch (keys[0]) {
    case 'version':
      return derived('tells how the file is read');
    case 'defaultProjectId':
    case 'projectOrder':
      return ignored('the order of the lists of the old tool');
    case 'projects':
      return keys.length < 2 ? EMPTY : ignored('no project has this id');
    default:
      return UNKNOWN_KEY;
  }
}

function registeredReason({ keys }: Leaf, isVoid: boolean): Reason {
  if (isVoid && keys[0] === 'projects' && keys.length > 1) return ignored('the file is ignored as a whole');
  if (keys[0] === 'version') return derived('tells how the file is read');
  if (keys[0] === 'projects')
    return keys.length < 2 ? EMPTY : ignored('no project of the store has this folder or key');
  return UNKNOWN_KEY;
}
