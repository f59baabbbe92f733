import type { Tree } from '../contracts/legacy';
import type { AgentConfig, ProjectConfig, Provenance, RoleConfig } from '../contracts/plan';
import { effectiveAgent, type Role, rewriteAgent } from './agents';
import { type Notes, originOf, type Section, subsection, type Traced, textField, textListField } from './fields';
import { wordText } from './known-words';
import { noteUncarried } from './losses';
import type { Settings } from './settings';

/** legacy-store.md 2.11. */
const PERMISSIONS: ReadonlyMap<string, string> = new Map([
  ['permissionless', 'bypass-permissions'],
  ['skip', 'bypass-permissions'],
  ['auto-edit', 'accept-edits'],
  ['default', 'default'],
  ['suggest', 'default'],
]);

/** Identity that goes into the config, decided by the caller. */
export interface ConfigIdentity {
  readonly defaultBranch: Traced<string> | null;
  readonly prefix: Traced<string>;
}

export interface BuiltConfig {
  readonly config: ProjectConfig;
  readonly provenance: Readonly<Record<string, Provenance>>;
  /** The agent of an orchestrator whose record names none, under its legacy name (C5). */
  readonly orchestratorAgent: string;
}

/**
 * The `config` column (migration.md 5, legacy-store.md 2.10). Every value has the type that the daemon decodes: one
 * wrong type would make it drop the whole config in silence.
 */
export function buildConfig(identity: ConfigIdentity, settings: Settings, notes: Notes): BuiltConfig {
  const provenance: Record<string, Provenance> = {};
  const trace = <T>(key: string, traced: Traced<T> | null): T | undefined => {
    if (traced === null) return undefined;
    provenance[`config.${key}`] = { rule: traced.rule, from: traced.from };
    return traced.value;
  };
  const { own } = settings;
  noteUncarried(settings, notes);
  const agents = {
    worker: effectiveAgent('worker', settings, notes),
    orchestrator: effectiveAgent('orchestrator', settings, notes),
  };
  const shared = subsection(own, 'agentConfig');
  const permission = settings.kind === 'degraded' ? null : sharedPermission(shared, notes);
  const config: ProjectConfig = defined({
    defaultBranch: trace('defaultBranch', identity.defaultBranch),
    sessionPrefix: trace('sessionPrefix', identity.prefix) ?? '',
    env: trace('env', environment(own, notes)),
    symlinks: trace('symlinks', nonEmpty(relativePaths(own, notes))),
    postCreate: trace('postCreate', nonEmpty(textListField(own, 'postCreate', notes))),
    agentRules: trace('agentRules', textField(own, 'agentRules', notes, { lossy: true })),
    agentRulesFile: trace('agentRulesFile', rulesFile(own, notes)),
    orchestratorRules: trace('orchestratorRules', textField(own, 'orchestratorRules', notes, { lossy: true })),
    agentConfig: agentConfig({
      model: trace('agentConfig.model', model(shared, 'model', notes)),
      permissions: trace('agentConfig.permissions', permission),
    }),
    worker: role('worker'),
    orchestrator: role('orchestrator'),
  });
  return { config, provenance, orchestratorAgent: agents.orchestrator.value };

  function role(name: Role): RoleConfig | undefined {
    const inner = subsection(subsection(own, name), 'agentConfig');
    const values =
      name === 'worker'
        ? { model: model(inner, 'model', notes), permissions: rolePermission(inner, notes) }
        : {
            model:
              model(inner, 'orchestratorModel', notes) ??
              model(inner, 'model', notes) ??
              model(shared, 'orchestratorModel', notes),
            permissions: orchestratorPermission(permission),
          };
    if (name === 'orchestrator') noteUnknownPermission(inner, notes);
    return nothingSet({
      agent: trace(`${name}.agent`, rewriteAgent(agents[name], name, notes)),
      agentConfig: agentConfig({
        model: trace(`${name}.agentConfig.model`, values.model),
        permissions: trace(`${name}.agentConfig.permissions`, values.permissions),
      }),
    });
  }
}

function agentConfig(value: { model: string | undefined; permissions: string | undefined }): AgentConfig | undefined {
  return nothingSet<AgentConfig>(value);
}

type Loose<T> = { [K in keyof T]: T[K] | undefined };

function defined<T extends object>(value: Loose<T>): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

function nothingSet<T extends object>(value: Loose<T>): T | undefined {
  const set = defined<T>(value);
  return Object.keys(set).length === 0 ? undefined : set;
}

function nonEmpty<T>(traced: Traced<T[]> | null): Traced<T[]> | null {
  return traced === null || traced.value.length === 0 ? null : traced;
}

/** Unset means permissionless, the legacy tool's own default. */
function sharedPermission(section: Section | null, notes: Notes): Traced<string> {
  const written = textField(section, 'permissions', notes, { lossy: true });
  if (written === null) return { value: 'bypass-permissions', from: [], rule: 'legacy default `permissionless`' };
  const mapped = PERMISSIONS.get(written.value);
  if (mapped === undefined || written.value === 'suggest') {
    notes.add(
      'PERMISSION_DEGRADED',
      'lossy',
      `the permission mode ${wordText('permissions', written.value)} became \`default\``,
      written.from[0],
    );
  }
  return {
    value: mapped ?? 'default',
    from: written.from,
    rule: `mapped from ${wordText('permissions', written.value)}`,
  };
}

/**
 * The own mode of the orchestrator never decided anything, so nothing is lost with it, also with one that has no equal
 * here. One outside the list is remarked as anywhere (R16).
 */
function noteUnknownPermission(section: Section | null, notes: Notes): void {
  const written = textField(section, 'permissions', notes);
  if (written !== null && !PERMISSIONS.has(written.value)) noteDropped(written, 'info', notes);
}

function noteDropped(written: Traced<string>, severity: 'lossy' | 'info', notes: Notes): void {
  const message = `the permission mode ${wordText('permissions', written.value)} does not exist and is dropped`;
  notes.add('SETTING_DROPPED', severity, message, written.from[0]);
}

/** A role's own mode has no default, and one outside the list is dropped (R16, E32). */
function rolePermission(section: Section | null, notes: Notes): Traced<string> | null {
  const written = textField(section, 'permissions', notes, { lossy: true });
  if (written === null) return null;
  const mapped = PERMISSIONS.get(written.value);
  if (mapped === undefined) {
    noteDropped(written, 'lossy', notes);
    return null;
  }
  if (written.value === 'suggest')
    notes.add('PERMISSION_DEGRADED', 'lossy', 'the permission mode `suggest` became `default`', written.from[0]);
  return { value: mapped, from: written.from, rule: `mapped from ${wordText('permissions', written.value)}` };
}

/** The legacy tool started every orchestrator permissionless, whatever was configured; degraded projects say nothing (R17). */
function orchestratorPermission(shared: Traced<string> | null): Traced<string> | null {
  if (shared === null || shared.value === 'bypass-permissions') return null;
  return { value: 'bypass-permissions', from: shared.from, rule: 'orchestrators always ran permissionless' };
}

function model(section: Section | null, key: string, notes: Notes): Traced<string> | null {
  const written = textField(section, key, notes, { lossy: true });
  return written === null || written.value.trim() === '' ? null : written;
}

/**
 * Scalars become text as they stand in the file; null, maps and lists are dropped (E29, E30). Keys sorted, as the daemon
 * writes them.
 */
function environment(section: Section | null, notes: Notes): Traced<Record<string, string>> | null {
  const tree = section?.map.entries.get('env');
  if (section === null || tree === undefined) return null;
  const origin = originOf(section, 'env', tree);
  if (tree.kind !== 'map') {
    const says = tree.kind !== 'scalar' || tree.value !== null;
    notes.add('SETTING_DROPPED', says ? 'lossy' : 'info', '`env` is not a mapping and is dropped', origin);
    return null;
  }
  const value: Record<string, string> = {};
  const from: { file: string; keys: (string | number)[]; at: Tree['at'] }[] = [];
  for (const [name, child] of [...tree.entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const place = { file: section.file, keys: [...section.keys, 'env', name], at: child.at };
    if (child.kind !== 'scalar' || child.value === null) {
      notes.add(
        'SETTING_DROPPED',
        'lossy',
        `the variable \`${name}\` of \`env\` has no text value and is dropped`,
        place,
      );
      continue;
    }
    Object.defineProperty(value, name, {
      value: typeof child.value === 'string' ? child.value : child.source,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    from.push(place);
  }
  return from.length === 0 ? null : { value, from, rule: 'as written' };
}

/** Entries that a daemon build would refuse at spawn are dropped (rewrite-target.md 4.2, R29). */
function relativePaths(section: Section | null, notes: Notes): Traced<string[]> | null {
  const list = textListField(section, 'symlinks', notes);
  if (list === null) return null;
  const kept: number[] = [];
  list.value.forEach((path, index) => {
    if (isRepositoryRelative(path)) kept.push(index);
    else
      notes.add(
        'SETTING_DROPPED',
        'lossy',
        `the entry \`${path}\` of \`symlinks\` is not a path inside the repository and is dropped`,
        list.from[index],
      );
  });
  return {
    value: kept.flatMap((index) => list.value[index] ?? []),
    from: kept.flatMap((index) => list.from[index] ?? []),
    rule: list.rule,
  };
}

function rulesFile(section: Section | null, notes: Notes): Traced<string> | null {
  const file = textField(section, 'agentRulesFile', notes, { lossy: true });
  if (file === null || isRepositoryRelative(file.value)) return file;
  notes.add(
    'SETTING_DROPPED',
    'lossy',
    `\`agentRulesFile\` \`${file.value}\` is not a path inside the repository and is dropped`,
    file.from[0],
  );
  return null;
}

/** Not absolute on any system, no `..`, and not the repository itself. */
export function isRepositoryRelative(path: string): boolean {
  if (path.trim() === '' || path.includes('\0') || /^[\\/]/.test(path) || /^[A-Za-z]:/.test(path)) return false;
  const segments = path.split(/[\\/]/);
  return !segments.includes('..') && segments.some((segment) => segment !== '' && segment !== '.');
}
