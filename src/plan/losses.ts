import type { LegacyStore, Tree } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import { asObject } from '../legacy/lifecycle';
import { type Notes, originOf, type Section, subsection } from './fields';
import type { Settings } from './settings';

/**
 * Settings without a counterpart, with the value at which they say nothing (legacy-store.md 2.2, 2.5). A value that
 * differs counts for LOSSY (migration.md 5); top-level machine settings never do.
 */
export const UNCARRIED: ReadonlyMap<string, string | null> = new Map([
  ['runtime', 'tmux'],
  ['workspace', 'worktree'],
  ['tracker', null],
  ['scm', null],
  ['reactions', null],
  ['decomposer', null],
  ['orchestratorSessionStrategy', 'reuse'],
  ['opencodeIssueSessionStrategy', 'reuse'],
]);

/** The legacy default of `runtime` on Windows (legacy-store.md 1.3). */
const WINDOWS_RUNTIME = 'process';

/** Top-level settings of the machine, with their legacy defaults: they stay behind and never count for LOSSY. */
const MACHINE_SETTINGS: ReadonlyMap<string, number | null> = new Map([
  ['port', 3000],
  ['terminalPort', null],
  ['directTerminalPort', null],
  ['readyThresholdMs', 300_000],
  ['notifiers', null],
  ['reactions', null],
  ['projectOrder', null],
  ['observability', null],
]);

/** What of `agentConfig` the rewrite can hold. */
const AGENT_CONFIG_KEYS = new Set(['permissions', 'model', 'orchestratorModel', '<<']);

/** Says of every such setting that it stays behind. */
export function noteUncarried(settings: Settings, notes: Notes): void {
  const own = settings.kind === 'degraded' ? null : settings.own;
  for (const section of [own, settings.wrappedDefaults, settings.registryDefaults]) {
    if (section === null) continue;
    for (const [key, neutral] of UNCARRIED)
      noteOne(section, key, key === 'runtime' && settings.windows ? WINDOWS_RUNTIME : neutral, notes);
  }
  for (const key of ['agentConfig', 'worker', 'orchestrator']) noteShape(own, key, 'PROJECT_FIELD', notes);
  for (const role of ['worker', 'orchestrator']) {
    noteShape(subsection(own, role), 'agentConfig', 'PROJECT_FIELD', notes);
    for (const section of [settings.wrappedDefaults, settings.registryDefaults])
      noteShape(section, role, 'DEFAULTS_IGNORED', notes);
  }
  for (const section of [settings.wrappedDefaults, settings.registryDefaults]) noteMergeKey(section, notes);
  for (const section of [own, subsection(own, 'worker'), subsection(own, 'orchestrator')]) {
    noteMergeKey(section, notes);
    const config = subsection(section, 'agentConfig');
    noteMergeKey(config, notes);
    for (const [key, tree] of config?.map.entries ?? []) {
      if (config !== null && !AGENT_CONFIG_KEYS.has(key) && !isEmpty(tree)) {
        notes.add(
          'SETTING_NO_COUNTERPART',
          'lossy',
          `\`agentConfig.${key}\` has no counterpart in the rewrite`,
          originOf(config, key, tree),
        );
      }
    }
  }
}

function noteOne(section: Section, key: string, neutral: string | null, notes: Notes): void {
  const tree = section.map.entries.get(key);
  if (tree === undefined || isEmpty(tree) || (tree.kind === 'scalar' && tree.value === neutral)) return;
  notes.add(
    'SETTING_NO_COUNTERPART',
    'lossy',
    `\`${[...section.keys.slice(2), key].join('.')}\` has no counterpart in the rewrite`,
    originOf(section, key, tree),
  );
}

/** Something else than the mapping that belongs there: what it was meant to say is lost. */
function noteShape(
  section: Section | null,
  key: string,
  code: 'PROJECT_FIELD' | 'DEFAULTS_IGNORED',
  notes: Notes,
): void {
  const tree = section?.map.entries.get(key);
  if (section === null || tree === undefined || tree.kind === 'map' || isEmpty(tree)) return;
  notes.add(
    code,
    'lossy',
    `\`${[...section.keys.slice(2), key].join('.')}\` is not a mapping and is treated as absent`,
    originOf(section, key, tree),
  );
}

/** What the portfolio says of a project and the rewrite cannot: pinned, and hidden from the lists (legacy-store.md 2.12). */
export function notePreferences(preferences: LegacyStore['preferences'], notes: Notes): void {
  const all = asObject(asObject(preferences?.raw)?.projects);
  if (preferences === null || all === null || !Object.hasOwn(all, notes.id)) return;
  const own = asObject(all[notes.id]);
  for (const [key, neutral] of [
    ['pinned', false],
    ['enabled', true],
  ] as const) {
    if (own?.[key] !== !neutral) continue;
    notes.add('SETTING_NO_COUNTERPART', 'lossy', `\`${key}: ${!neutral}\` has no counterpart in the rewrite`, {
      file: preferences.file,
      keys: ['projects', notes.id, key],
    });
  }
}

/** What of the whole machine stays behind: of the registry, and the order of the lists of the portfolio (2.10). */
export function machineNotes({ registry, preferences }: LegacyStore): Note[] {
  return [...registryNotes(registry), ...orderNotes(preferences)];
}

function orderNotes(preferences: LegacyStore['preferences']): Note[] {
  const order = asObject(preferences?.raw)?.projectOrder;
  if (preferences === null || !Array.isArray(order) || order.length === 0) return [];
  const message = '`projectOrder` has no counterpart in the rewrite';
  return [{ code: 'SETTING_NO_COUNTERPART', severity: 'info', message, file: preferences.file }];
}

/** One remark for all of them: they have no counterpart, and nobody needs them twice. */
function registryNotes(registry: LegacyStore['registry']): Note[] {
  if (registry === null) return [];
  const left = [...MACHINE_SETTINGS].flatMap(([key, neutral]) => {
    const tree = registry.tree.entries.get(key);
    return tree === undefined || isEmpty(tree) || (tree.kind === 'scalar' && tree.value === neutral) ? [] : [key];
  });
  if (left.length === 0) return [];
  const message = `settings of the legacy machine have no counterpart in the rewrite: ${left.join(', ')}`;
  return [{ code: 'SETTING_NO_COUNTERPART', severity: 'info', message, file: registry.file }];
}

export function noteMergeKey(section: Section | null, notes: Notes): void {
  const tree = section?.map.entries.get('<<');
  if (section === null || tree === undefined) return;
  notes.add(
    'YAML_MERGE_KEY',
    'info',
    '`<<` is an ordinary key here, as it was for the legacy tool; nothing is merged',
    originOf(section, '<<', tree),
  );
}

function isEmpty(tree: Tree): boolean {
  if (tree.kind === 'map') return tree.entries.size === 0;
  if (tree.kind === 'list') return tree.items.length === 0;
  return tree.value === null || tree.value === '';
}
