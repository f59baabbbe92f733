import type { LegacyStore, LocalConfig, ProjectEntry, Tree } from '../contracts/legacy';
import type { Discovered, WrappedEntry } from './discovered';
import { samePath } from './discovered';
import { type Notes, type Section, sectionOf } from './fields';

/** Where the settings of one project stand (legacy-store.md 2.6, 2.7, 2.13; migration.md 4.1, R5). */
export interface Settings {
  readonly kind: 'local' | 'wrapped' | 'leftover' | 'none' | 'degraded';
  /** A registry names the project: then `defaults.<role>` beats its own `agent` (2.6); else `defaults` comes last (2.13). */
  readonly registered: boolean;
  /** The project lies on a Windows machine, which has other legacy defaults. */
  readonly windows: boolean;
  /** The repository's file, the wrapped entry, or the registry entry itself. */
  readonly own: Section | null;
  readonly registryDefaults: Section | null;
  readonly wrappedDefaults: Section | null;
}

/** Keys of a project that hold behaviour; an old registry may still have them in its entries. */
export const BEHAVIOUR_KEYS = [
  'agent',
  'runtime',
  'workspace',
  'agentConfig',
  'orchestrator',
  'worker',
  'env',
  'symlinks',
  'postCreate',
  'agentRules',
  'agentRulesFile',
  'orchestratorRules',
  'tracker',
  'scm',
  'reactions',
  'decomposer',
  'orchestratorSessionStrategy',
  'opencodeIssueSessionStrategy',
] as const;

/** Settings of a registry entry. */
export function registeredSettings(
  index: number,
  entry: ProjectEntry,
  store: LegacyStore,
  found: Discovered,
  notes: Notes,
): Settings {
  const registryDefaults = defaultsSection(store);
  const base = { registered: true, windows: onWindows(entry), registryDefaults, wrappedDefaults: null };
  const local: LocalConfig = (entry.path.resolved === null ? undefined : store.locals.get(entry.path.resolved)) ?? {
    kind: 'missing',
  };
  switch (local.kind) {
    case 'loaded':
      return { ...base, kind: 'local', own: { map: local.tree, file: local.file, keys: [] } };
    case 'malformed':
    case 'invalid': {
      notes.add(
        'DEGRADED',
        isNothing(local.tree) && local.kind === 'invalid' ? 'warn' : 'lossy',
        `its config file is ${local.kind} (${local.problem}); the settings in it are not carried over`,
        {
          file: local.file,
          keys: [],
          ...(local.at === undefined ? {} : { at: local.at }),
        },
      );
      return { ...base, kind: 'degraded', own: null };
    }
    case 'wrapped': {
      const chosen =
        local.entries.find((each) => each.id === entry.id) ??
        local.entries.find((each) => samePath(each.path, entry.path)) ??
        only(local.entries);
      const own = chosen === undefined ? null : sectionOf(chosen);
      if (chosen === undefined || own === null) {
        notes.add('DEGRADED', 'lossy', 'its config file has the old form, and no entry in it is this project', {
          file: local.file,
          keys: [],
          at: local.tree.at,
        });
        return { ...base, kind: 'degraded', own: null };
      }
      notes.add(
        'WRAPPED_SALVAGED',
        'info',
        `its config file has the old form; the settings of \`${chosen.id}\` in it were taken`,
        chosen.origin,
      );
      const wrappedDefaults =
        local.defaults === null ? null : { map: local.defaults, file: local.file, keys: ['defaults'] };
      return { ...base, kind: 'wrapped', own, wrappedDefaults };
    }
    case 'missing':
      return missingLocal(entry, found.ofRegistered.get(index), base, notes);
  }
}

/** An empty document: nothing in it can be lost. */
export function isNothing(tree: Tree | null): boolean {
  return tree === null || (tree.kind === 'scalar' && (tree.value === null || tree.value === ''));
}

function missingLocal(
  entry: ProjectEntry,
  wrapped: WrappedEntry | undefined,
  base: Pick<Settings, 'registered' | 'windows' | 'registryDefaults' | 'wrappedDefaults'>,
  notes: Notes,
): Settings {
  if (wrapped !== undefined && wrapped.entry.fields !== null) {
    notes.add(
      'WRAPPED_SALVAGED',
      'info',
      `its settings were taken from the entry \`${wrapped.entry.id}\` of ${wrapped.config.file}`,
      wrapped.entry.origin,
    );
    return { ...base, kind: 'wrapped', own: sectionOf(wrapped.entry), wrappedDefaults: wrappedDefaults(wrapped) };
  }
  const own = sectionOf(entry);
  const leftover = own === null ? [] : BEHAVIOUR_KEYS.filter((key) => own.map.entries.has(key));
  if (leftover.length === 0) return { ...base, kind: 'none', own: null };
  notes.add(
    'LEFTOVER_SETTINGS',
    'info',
    `the repository has no config file; left-over settings of the registry were used: ${leftover.join(', ')}`,
    entry.origin,
  );
  return { ...base, kind: 'leftover', own };
}

/** Settings of a project that only a wrapped config names: its own file is the whole truth. */
export function discoveredSettings(wrapped: WrappedEntry): Settings {
  return {
    kind: 'wrapped',
    registered: false,
    windows: onWindows(wrapped.entry),
    own: sectionOf(wrapped.entry),
    registryDefaults: null,
    wrappedDefaults: wrappedDefaults(wrapped),
  };
}

function onWindows({ path }: ProjectEntry): boolean {
  return path.resolved !== null && /^(?:[A-Za-z]:[\\/]|\\\\)/.test(path.resolved);
}

function wrappedDefaults({ config }: WrappedEntry): Section | null {
  return config.defaults === null ? null : { map: config.defaults, file: config.file, keys: ['defaults'] };
}

function defaultsSection(store: LegacyStore): Section | null {
  const registry = store.registry;
  return registry === null || registry.defaults === null
    ? null
    : { map: registry.defaults, file: registry.file, keys: ['defaults'] };
}

function only<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}
