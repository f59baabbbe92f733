import type { Tree } from '../contracts/legacy';
import { type Notes, originOf, type Section, subsection } from './fields';
import type { Settings } from './settings';

/**
 * Settings without a counterpart, with the value at which they say nothing (legacy-store.md 2.2, 2.5). A value that
 * differs counts for LOSSY (migration.md 5); top-level machine settings never do.
 */
const UNCARRIED: ReadonlyMap<string, string | null> = new Map([
  ['runtime', 'tmux'],
  ['workspace', 'worktree'],
  ['tracker', null],
  ['scm', null],
  ['reactions', null],
  ['decomposer', null],
  ['orchestratorSessionStrategy', 'reuse'],
  ['opencodeIssueSessionStrategy', 'reuse'],
]);

/** What of `agentConfig` the rewrite can hold. */
const AGENT_CONFIG_KEYS = new Set(['permissions', 'model', 'orchestratorModel', '<<']);

/** Says of every such setting that it stays behind. */
export function noteUncarried(settings: Settings, notes: Notes): void {
  const own = settings.kind === 'degraded' ? null : settings.own;
  for (const section of [own, settings.wrappedDefaults, settings.registryDefaults]) {
    if (section === null) continue;
    for (const [key, neutral] of UNCARRIED) noteOne(section, key, neutral, notes);
  }
  for (const section of [own, subsection(own, 'worker'), subsection(own, 'orchestrator')]) {
    noteMergeKey(section, notes);
    const config = subsection(section, 'agentConfig');
    noteMergeKey(config, notes);
    for (const [key, tree] of config?.map.entries ?? []) {
      if (config !== null && !AGENT_CONFIG_KEYS.has(key)) {
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

function noteMergeKey(section: Section | null, notes: Notes): void {
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
