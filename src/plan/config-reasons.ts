import { derived, EMPTY, ignored, type Reason, UNKNOWN_KEY } from './disposition';
import { isEmptyLeaf, type Leaf } from './leaves';
import { UNCARRIED } from './losses';
import { BEHAVIOUR_KEYS, type Settings } from './settings';

/** Keys of a leaf below the section that gives them their meaning. */
type Keys = readonly (string | number)[];

const BEHAVIOUR: ReadonlySet<string> = new Set(BEHAVIOUR_KEYS);
const IN_THE_APP = 'Set it in the new app if it is wanted.';

/** Why a value of a project's own entry is in no row (legacy-store.md 2.3, 2.13). */
export function entryReason(keys: Keys, leaf: Leaf, settings: Settings, isOwn: boolean): Reason {
  const key = String(keys[0] ?? '');
  if (keys.length === 0) return ignored('the entry is not a mapping, so the project is skipped');
  if (BEHAVIOUR.has(key)) {
    if (isOwn) return settingReason(keys, leaf);
    return settings.kind === 'local' || settings.kind === 'wrapped'
      ? ignored("left over from an older release; the repository's own config decides", IN_THE_APP)
      : ignored("left over from an older release; the repository's own config decides, and cannot be used", IN_THE_APP);
  }
  switch (key) {
    case 'projectId':
      return ignored('bookkeeping: the id is the key of the entry');
    case 'source':
    case '_shadowSyncedAt':
      return ignored('bookkeeping of the legacy registry');
    case 'storageKey':
      return derived("names the directory of the project's early session records");
    case 'path':
      return ignored('it is not a usable path', 'Write an absolute path at this place and run again.');
    case 'defaultBranch':
      return isText(leaf, 'main')
        ? derived("it is the daemon's own default, which is not written")
        : ignored('it is not a usable text');
    case 'sessionPrefix':
      return isEmptyLeaf(leaf) ? EMPTY : ignored('it is not a text; the prefix is derived from the folder name');
    case 'displayName':
    case 'name':
      return ignored('another display name comes first, or it equals the id', 'Rename the project in the new app.');
    case 'registeredAt':
      return ignored('the date of portfolio/registered.json comes first, or it is not a date');
    case 'repo':
      return keys.length > 1 && keys[1] !== 'originUrl'
        ? ignored('the repository is known by its origin URL alone')
        : ignored("the repository's own configuration names the origin, or it is no URL of a known host");
    case 'originUrl':
      return ignored('the repository, or `repo`, names the origin, or it is no URL of a known host');
    case '<<':
      return MERGE_KEY;
    default:
      return UNKNOWN_KEY;
  }
}

const MERGE_KEY = ignored('`<<` is an ordinary key here; nothing is merged, as before', 'Write the values out.');
const IDENTITY = new Set([
  'repo',
  'defaultBranch',
  'originUrl',
  'projectId',
  'path',
  'storageKey',
  'name',
  'displayName',
  'registeredAt',
  'source',
  'sessionPrefix',
]);

/** Why a value of the repository's own config is in no row (legacy-store.md 2.5). */
export function localReason(keys: Keys, leaf: Leaf): Reason {
  const key = String(keys[0] ?? '');
  if (IDENTITY.has(key)) return ignored('the registry decides this, as it did for the legacy tool');
  return settingReason(keys, leaf);
}

function settingReason(keys: Keys, leaf: Leaf): Reason {
  const [key, inner, innermost] = keys.map(String);
  if (key === '<<' || inner === '<<' || innermost === '<<') return MERGE_KEY;
  const neutral = UNCARRIED.get(key ?? '');
  if (neutral !== undefined && keys.length === 1) {
    return isEmptyLeaf(leaf) ? EMPTY : ignored('it is the legacy default, and the rewrite needs no such setting');
  }
  if (isEmptyLeaf(leaf) || isBlank(leaf)) return EMPTY;
  if (keys.length === 0) return ignored('it is not a mapping');
  const path = keys.join('.');
  switch (path) {
    case 'agent':
      return ignored('both roles have an agent that comes first');
    case 'worker.agent':
    case 'orchestrator.agent':
      return ignored('the rewrite knows no such agent, or another setting comes first', IN_THE_APP);
    case 'agentConfig.orchestratorModel':
      return ignored('the orchestrator has a model of its own');
    case 'orchestrator.agentConfig.model':
      return ignored('its `orchestratorModel` comes first');
    case 'worker.agentConfig.orchestratorModel':
      return ignored('it says nothing about workers');
    case 'orchestrator.agentConfig.permissions':
      return ignored('the legacy tool started every orchestrator permissionless, whatever was set');
    default:
      return UNKNOWN_KEY;
  }
}

/** Why a value of a `defaults` block is in no row of this project (legacy-store.md 2.2). */
export function defaultsReason(keys: Keys, leaf: Leaf): Reason {
  const path = keys.join('.');
  if (keys[0] === 'notifiers') return ignored('notifications are a setting of the old tool as a whole', IN_THE_APP);
  if (path === 'agent' || path === 'worker.agent' || path === 'orchestrator.agent') {
    return isEmptyLeaf(leaf) ? EMPTY : ignored('a setting of the project, or of the role, comes first');
  }
  if (UNCARRIED.has(String(keys[0]))) return settingReason(keys, leaf);
  return isEmptyLeaf(leaf) ? EMPTY : ignored('the legacy tool did not use this key here');
}

/** Every value of a config that cannot be used at all (legacy-store.md 2.7). */
export function degradedReason(problem: string, lossy: boolean): Reason {
  const remedy = 'Correct the file before the first migration, or set what is missing in the new app.';
  return ignored(`the config file cannot be used: ${problem}`, remedy, lossy);
}

/** Why a value of a project's entry in portfolio/preferences.json is in no row (legacy-store.md 2.12). */
export function preferenceReason(keys: Keys, leaf: Leaf): Reason {
  const key = keys[0];
  if ((key === 'pinned' && isValue(leaf, true)) || (key === 'enabled' && isValue(leaf, false))) {
    return ignored(`\`${key}\` has no counterpart in the rewrite`, 'Nothing can be done here.', true);
  }
  if (key === 'pinned' || key === 'enabled') return ignored('it is the legacy default, and says nothing');
  if (key === 'displayName') return isEmptyLeaf(leaf) ? EMPTY : ignored('it equals the id, so no name is written');
  return keys.length === 0 ? EMPTY : UNKNOWN_KEY;
}

/** Why a value of a matching element of portfolio/registered.json is in no row. */
export function registeredReason(keys: Keys): Reason {
  if (keys[0] === 'addedAt') return ignored('it is not a date, or another element came first');
  if (keys[0] === 'path' || keys[0] === 'configProjectKey') return derived('tells which project the date belongs to');
  return UNKNOWN_KEY;
}

function isValue({ tree }: Leaf, value: boolean): boolean {
  return tree.kind === 'scalar' && tree.value === value;
}

function isText({ tree }: Leaf, text: string): boolean {
  return tree.kind === 'scalar' && tree.value === text;
}

function isBlank({ tree }: Leaf): boolean {
  return tree.kind === 'scalar' && typeof tree.value === 'string' && tree.value.trim() === '';
}
