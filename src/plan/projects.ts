import type { LegacyStore, Origin, ProjectEntry } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import type { Provenance } from '../contracts/plan';
import { type BuiltConfig, buildConfig } from './config';
import type { Discovered, WrappedEntry } from './discovered';
import { Notes, type Section, sectionOf, type Traced, textField } from './fields';
import { noteMergeKey, notePreferences } from './losses';
import { effectivePrefix } from './prefix';
import { Registrations, registrationDate } from './registration';
import { normaliseOrigin, normaliseRepo } from './remote-url';
import { discoveredSettings, registeredSettings, type Settings } from './settings';

/** A project as the old store describes it; only what the repository and the target know is missing. */
export interface DraftProject {
  readonly id: string;
  readonly entry: ProjectEntry;
  readonly origin: Origin;
  /** Why it cannot be imported, or null. */
  readonly refusal: string | null;
  /** Another config won over this one (migration.md 4.1): outcome `conflict`. */
  readonly lost: boolean;
  readonly path: string;
  readonly real: string | null;
  readonly prefix: string;
  readonly defaultBranch: string;
  readonly displayName: string;
  readonly registeredAt: string;
  /** What the registry knows of the origin, used where the repository says nothing. */
  readonly registryUrl: Traced<string> | null;
  readonly built: BuiltConfig;
  readonly settings: Settings;
  /** Other directories below `projects/` whose records are this project's (migration.md 4.1). */
  readonly recordKeys: readonly string[];
  readonly storageKey: string | null;
  readonly provenance: Readonly<Record<string, Provenance>>;
  readonly notes: readonly Note[];
}

/** The gate of the rewrite for ids (rewrite-target.md 4.1). */
export function isProjectId(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id) && !id.includes('..');
}

/** Every project of the store in import order: the registry in document order, then what only wrapped configs name. */
export function draftProjects(store: LegacyStore, found: Discovered, nowMs: number): DraftProject[] {
  const registryMtime = store.registry?.mtimeMs ?? null;
  const registrations = new Registrations(store.registered);
  const registered = (store.registry?.entries ?? []).map((entry, index) => {
    const notes = new Notes(entry.id);
    const settings = registeredSettings(index, entry, store, found, notes);
    return draft(entry, settings, {
      store,
      registrations,
      notes,
      nowMs,
      fileMtimeMs: registryMtime,
      keys: [entry.id, ...(found.aliases.get(index) ?? [])],
      lost: null,
    });
  });
  const wrapped = (each: WrappedEntry, lost: string | null): DraftProject => {
    const notes = new Notes(each.entry.id);
    return draft(each.entry, discoveredSettings(each), {
      store,
      registrations,
      notes,
      nowMs,
      fileMtimeMs: each.config.mtimeMs,
      keys: [each.entry.id],
      lost,
    });
  };
  const projects = [
    ...registered,
    ...found.projects.map((each) => wrapped(each, null)),
    ...found.conflicts.map((each) =>
      wrapped(each, `another config names this project with another folder: ${each.winner.config.file}`),
    ),
  ];
  return noteSamePaths(projects);
}

interface DraftContext {
  readonly store: LegacyStore;
  readonly registrations: Registrations;
  readonly notes: Notes;
  readonly nowMs: number;
  /** Modification time of the file that names the project. */
  readonly fileMtimeMs: number | null;
  readonly keys: readonly string[];
  readonly lost: string | null;
}

function draft(entry: ProjectEntry, settings: Settings, context: DraftContext): DraftProject {
  const { store, notes } = context;
  const section = sectionOf(entry);
  const refusal = context.lost ?? refusalOf(entry, notes);
  const path = entry.path.resolved ?? '';
  if (entry.path.foreign)
    notes.add(
      'PATH_FOREIGN',
      'warn',
      `the path \`${path}\` has the form of another operating system and is kept`,
      entry.origin,
    );
  else if (refusal === null && entry.path.real === null)
    notes.add('PATH_MISSING', 'warn', `the folder ${path} does not exist here`, entry.origin);
  if (entry.id.length > 128)
    notes.add(
      'ID_TOO_LONG',
      'info',
      'the id is longer than 128 characters, so there can be no sessions for it',
      entry.origin,
    );

  const prefix = tracedPrefix(entry, section, path, notes);
  const branch = textField(section, 'defaultBranch', notes);
  const displayName = tracedDisplayName(entry.id, section, store, notes);
  const registeredAt = registrationDate(entry, section, context);
  const registryUrl = tracedUrl(section, notes);
  const built = buildConfig(
    { defaultBranch: branch === null || branch.value === 'main' ? null : branch, prefix },
    settings,
    notes,
  );
  notePreferences(store.preferences, notes);
  noteMergeKey(section, notes);
  const pathOrigin = section?.map.entries.get('path');
  const provenance: Record<string, Provenance> = {
    id: { rule: 'key of the entry', from: [entry.origin] },
    path: {
      rule: 'normalised',
      from:
        pathOrigin === undefined ? [] : [{ ...entry.origin, keys: [...entry.origin.keys, 'path'], at: pathOrigin.at }],
    },
    display_name: { rule: displayName.rule, from: displayName.from },
    registered_at: { rule: registeredAt.rule, from: registeredAt.from },
    kind: { rule: 'always single_repo', from: [] },
    ...built.provenance,
  };
  return {
    id: entry.id,
    entry,
    origin: entry.origin,
    refusal,
    lost: context.lost !== null,
    path,
    real: entry.path.real,
    prefix: prefix.value,
    defaultBranch: branch?.value ?? 'main',
    displayName: displayName.value,
    registeredAt: registeredAt.value,
    registryUrl,
    built,
    settings,
    recordKeys: context.keys,
    storageKey: store.storageKeys.get(entry.id) ?? storageKey(section, notes),
    provenance,
    notes: notes.list,
  };
}

/** Why the project itself cannot be imported (E12, E15, E17, E18), or null. */
function refusalOf(entry: ProjectEntry, notes: Notes): string | null {
  if (!isProjectId(entry.id)) {
    const reason = 'the rewrite does not accept this id';
    notes.add('PROJECT_ID_INVALID', 'warn', `${reason}; the project is skipped`, entry.origin);
    return reason;
  }
  if (entry.fields === null) {
    const reason = 'the entry is not a mapping';
    notes.add('PROJECT_ENTRY_INVALID', 'warn', `${reason}; the project is skipped`, entry.origin);
    return reason;
  }
  if (entry.path.resolved === null) {
    const reason = entry.path.problem ?? 'it has no usable path';
    notes.add('PROJECT_PATH_INVALID', 'warn', `${reason}; the project is skipped`, entry.origin);
    return reason;
  }
  return null;
}

function tracedPrefix(entry: ProjectEntry, section: Section | null, path: string, notes: Notes): Traced<string> {
  const given = textField(section, 'sessionPrefix', notes);
  const prefix = effectivePrefix(given?.value ?? null, baseName(path), entry.id);
  if (prefix.changed)
    notes.add('PREFIX_CHANGED', 'info', `the session prefix is \`${prefix.value}\``, given?.from[0] ?? entry.origin);
  const rule =
    prefix.from === 'given'
      ? 'as written'
      : prefix.from === 'derived'
        ? 'derived from the folder name'
        : 'first 12 characters of the id';
  return { value: prefix.value, from: prefix.from === 'given' ? (given?.from ?? []) : [], rule };
}

/** As written: twelve digits without quotes are a number to YAML. */
function storageKey(section: Section | null, notes: Notes): string | null {
  const tree = section?.map.entries.get('storageKey');
  if (tree?.kind === 'scalar' && typeof tree.value === 'number') return tree.source;
  return textField(section, 'storageKey', notes)?.value ?? null;
}

/** preferences, then `displayName` (an empty one is a name, E23), then `name`; blank where it equals the id. */
function tracedDisplayName(id: string, section: Section | null, store: LegacyStore, notes: Notes): Traced<string> {
  const preferred = store.preferences?.displayNames.get(id);
  const found: Traced<string> | null =
    preferred !== undefined && store.preferences !== null
      ? {
          value: preferred,
          from: [{ file: store.preferences.file, keys: ['projects', id, 'displayName'] }],
          rule: 'display name of the portfolio',
        }
      : (textField(section, 'displayName', notes, { keepEmpty: true }) ?? textField(section, 'name', notes));
  if (found === null) return { value: '', from: [], rule: 'none given' };
  return found.value === id ? { ...found, value: '', rule: 'blank, because it equals the id' } : found;
}

/** legacy-store.md 2.3, E8, E10, R13. */
function tracedUrl(section: Section | null, notes: Notes): Traced<string> | null {
  const repo = section?.map.entries.get('repo');
  if (section !== null && repo?.kind === 'map') {
    return textField({ map: repo, file: section.file, keys: [...section.keys, 'repo'] }, 'originUrl', notes);
  }
  const written = repo === undefined ? null : textField(section, 'repo', notes);
  if (written !== null) {
    const value = normaliseRepo(written.value);
    if (value !== null) return { ...written, value, rule: 'normalised' };
    notes.add('PROJECT_FIELD', 'info', '`repo` names no repository of a known host and is ignored', written.from[0]);
  }
  const alias = textField(section, 'originUrl', notes);
  if (alias === null) return null;
  const value = normaliseOrigin(alias.value);
  if (value !== null) return { ...alias, value, rule: 'normalised' };
  notes.add('PROJECT_FIELD', 'info', '`originUrl` is not a URL of a known host and is ignored', alias.from[0]);
  return null;
}

/** Last component of a path of either family of systems. */
export function baseName(path: string): string {
  return (
    path
      .split(/[\\/]/)
      .filter((part) => part !== '')
      .at(-1) ?? ''
  );
}

function noteSamePaths(projects: readonly DraftProject[]): DraftProject[] {
  const first = new Map<string, string>();
  return projects.map((project) => {
    if (project.refusal !== null) return project;
    const other = first.get(project.path);
    if (other === undefined) {
      first.set(project.path, project.id);
      return project;
    }
    const note: Note = {
      code: 'SAME_PATH',
      severity: 'info',
      id: project.id,
      message: `it has the same folder as \`${other}\`; both are imported`,
      file: project.origin.file,
      ...project.origin.at,
    };
    return { ...project, notes: [...project.notes, note] };
  });
}
