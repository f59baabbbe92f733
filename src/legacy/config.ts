import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { LocalConfig, Origin, ProjectEntry, Registry, Tree, TreeMap } from '../contracts/legacy';
import { multiDocumentNote, type Note } from '../contracts/notes';
import { Refusal } from '../contracts/refusals';
import { errorCode } from '../sessions/system-error';
import type { FileMemory } from './file-memory';
import { type PathContext, projectPath } from './project-path';
import { mapping } from './shape';
import type { ReadResult, SourceReader } from './source-reader';
import { mapAt, type ParsedTree, plain, TreeError } from './tree';
import { parseTree } from './yaml';

/** A registry of five thousand projects is two megabytes. */
const CONFIG_READ = { cap: 8 * 1024 * 1024, utf8: true } as const;
/**
 * Before a config is given up that is empty, cannot be parsed or changed meanwhile: the legacy CLI overwrites it in place
 * (E76).
 */
const RETRY_PAUSES_MS = [50, 100];

export interface ConfigReadOptions {
  readonly paths: PathContext;
  readonly pause: (ms: number) => void;
  readonly memory?: FileMemory<ParsedTree>;
}

/** A parsed config file of any kind. */
export interface ParsedConfig {
  readonly file: string;
  readonly mtimeMs: number;
  readonly tree: Tree | null;
  readonly documents: number;
}

/**
 * A config named by the user or the environment. Null where it is absent.
 *
 * @throws Refusal LEGACY_UNREADABLE with file, line and column, also after a retry
 */
export function readNamedConfig(file: string, reader: SourceReader, options: ConfigReadOptions): ParsedConfig | null {
  const parsed = parseConfig(file, reader, options);
  if (parsed === null || 'tree' in parsed) return parsed;
  throw new Refusal(
    'LEGACY_UNREADABLE',
    `${parsed.where} cannot be read: ${parsed.problem}.`,
    'Correct the file at that place, then run again. Nothing was changed.',
  );
}

/** A parsed config, null where it is absent, or why it cannot be used. */
export function parseConfig(
  file: string,
  reader: SourceReader,
  options: ConfigReadOptions,
): ParsedConfig | { problem: string; where: string; error: TreeError | null } | null {
  const known = options.memory?.recall(file, true) ?? null;
  if (known !== null) {
    reader.take(known.source);
    return { file, mtimeMs: known.source.mtimeMs, ...known.value };
  }
  let error: TreeError | null = null;
  for (let attempt = 0; ; attempt++) {
    const result: ReadResult = reader.read(file, CONFIG_READ);
    if (result.kind === 'absent') return null;
    if (result.kind === 'unreadable') return { problem: result.reason, where: file, error: null };
    const pause = RETRY_PAUSES_MS[attempt];
    const unsettled = pause !== undefined && (result.changed || result.text.trim() === '');
    try {
      const parsed = unsettled ? null : parseTree(result.text);
      if (parsed !== null && !result.changed) options.memory?.keep(result.source, result.stamp, parsed);
      if (parsed !== null) return { file, mtimeMs: result.source.mtimeMs, ...parsed };
    } catch (thrown) {
      if (!(thrown instanceof TreeError)) throw thrown;
      error = thrown;
    }
    if (pause === undefined) break;
    options.pause(pause);
  }
  const at = error?.at ?? { line: 1, column: 1 };
  return { problem: error?.message ?? 'unknown', where: `${file}:${at.line}:${at.column}`, error };
}

/**
 * The registry of a parsed global config, or null where it is empty or has no `projects` (E2, E4).
 *
 * @throws Refusal LEGACY_UNREADABLE for a list or scalar at the top level (R10) or under `projects` (E3)
 */
export function registryOf(parsed: ParsedConfig, options: ConfigReadOptions, notes: Note[]): Registry | null {
  const { file, tree } = parsed;
  if (parsed.documents > 1) notes.push(multiDocumentNote(parsed));
  requireShape(parsed);
  if (tree?.kind !== 'map') {
    notes.push({ code: 'CONFIG_EMPTY', severity: 'warn', message: 'the config file is empty', file });
    return null;
  }
  const projects = tree.entries.get('projects');
  return {
    file,
    mtimeMs: parsed.mtimeMs,
    defaults: defaultsOf(tree, file, notes),
    entries: projects?.kind === 'map' ? entriesOf(projects, file, options.paths) : [],
    tree,
  };
}

/**
 * A config is a mapping with a mapping of projects; an empty one, or one without any, is none.
 *
 * @throws Refusal LEGACY_UNREADABLE for a list or scalar at the top level (R10) or under `projects` (E3)
 */
export function requireShape({ file, tree }: ParsedConfig): void {
  const found = shapeProblem(tree);
  if (found === null) return;
  const { problem, at } = found;
  throw new Refusal(
    'LEGACY_UNREADABLE',
    `${file}:${at.line}:${at.column} cannot be used: ${problem}.`,
    'Correct the file at that place, then run again. Nothing was changed.',
  );
}

/** What of a config is a list or scalar and should be a mapping, or null. */
export function shapeProblem(tree: Tree | null): { readonly problem: string; readonly at: Tree['at'] } | null {
  if (tree === null || isNull(tree)) return null;
  if (tree.kind !== 'map') return { problem: 'the config is not a mapping', at: tree.at };
  const projects = tree.entries.get('projects');
  if (projects === undefined || projects.kind === 'map' || isNull(projects)) return null;
  return { problem: '`projects` is not a mapping', at: projects.at };
}

function isNull(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.value === null;
}

/** The `defaults` mapping; anything else counts as absent, with a note. */
export function defaultsOf(tree: TreeMap, file: string, notes: Note[]): TreeMap | null {
  const defaults = tree.entries.get('defaults');
  if (defaults === undefined) return null;
  if (defaults.kind === 'map') return defaults;
  notes.push({
    code: 'DEFAULTS_IGNORED',
    severity: 'info',
    message: '`defaults` is not a mapping and is treated as absent',
    file,
    ...defaults.at,
  });
  return null;
}

/** The entries of a `projects` mapping in document order. */
export function entriesOf(projects: TreeMap, file: string, paths: PathContext): ProjectEntry[] {
  const entries: ProjectEntry[] = [];
  for (const [id, tree] of projects.entries) {
    const fields = tree.kind === 'map' ? tree : null;
    const origin: Origin = { file, keys: ['projects', id], at: tree.at };
    entries.push({ id, origin, path: projectPath(fields?.entries.get('path'), paths), fields });
  }
  return entries;
}

/** Whether a named config is a registry rather than a wrapped file (migration.md 4.2, last sentence but one). */
export function isRegistry(tree: TreeMap): boolean {
  const projects = mapAt(tree, 'projects');
  if (projects === null) return false;
  for (const entry of projects.entries.values()) {
    if (entry.kind !== 'map') continue;
    if (['projectId', 'registeredAt', 'source', 'storageKey'].some((key) => entry.entries.has(key))) return true;
    if (entry.entries.get('repo')?.kind === 'map') return true;
  }
  return false;
}

const Role = mapping({ agent: v.optional(v.string()), agentConfig: v.optional(mapping({})) });
const Plugin = mapping({ plugin: v.string() });

/** legacy-store.md 2.5: a file that breaks one of these is not used at all by the legacy tool. */
const Local = mapping({
  runtime: v.optional(v.string()),
  agent: v.optional(v.string()),
  workspace: v.optional(v.string()),
  agentRules: v.optional(v.string()),
  agentRulesFile: v.optional(v.string()),
  orchestratorRules: v.optional(v.string()),
  repo: v.optional(v.string()),
  defaultBranch: v.optional(v.string()),
  symlinks: v.optional(v.array(v.string())),
  postCreate: v.optional(v.array(v.string())),
  agentConfig: v.optional(
    mapping({
      permissions: v.optional(v.picklist(['permissionless', 'default', 'auto-edit', 'suggest', 'skip'])),
      model: v.optional(v.string()),
      orchestratorModel: v.optional(v.string()),
    }),
  ),
  orchestrator: v.optional(Role),
  worker: v.optional(Role),
  tracker: v.optional(Plugin),
  scm: v.optional(Plugin),
  orchestratorSessionStrategy: v.optional(
    v.picklist(['reuse', 'delete', 'ignore', 'delete-new', 'ignore-new', 'kill-previous']),
  ),
  opencodeIssueSessionStrategy: v.optional(v.picklist(['reuse', 'delete', 'ignore'])),
  reactions: v.optional(mapping({})),
  decomposer: v.optional(mapping({})),
});

export const LOCAL_NAMES = ['agent-orchestrator.yaml', 'agent-orchestrator.yml'] as const;

/** The config file of a folder: the first name that exists, even if it is broken or no file and the other is not (E28). */
export function localFile(folder: string, reader: SourceReader): string | null {
  for (const name of LOCAL_NAMES) {
    const file = join(folder, name);
    const known = reader.hasInOverlay(file);
    if (known === true) return file;
    if (known === false && reader.read(file, CONFIG_READ).kind === 'absent') continue;
    try {
      if (statSync(file, { throwIfNoEntry: false }) !== undefined) return file;
    } catch (error) {
      // One that may not be looked at is there all the same, and unreadable.
      if (errorCode(error) !== 'ENOTDIR' && errorCode(error) !== 'ELOOP') return file;
    }
  }
  return null;
}

/** The repository's own config, classified as in legacy-store.md 2.5 (E25 to E28, R11). */
export function readLocal(
  folder: string,
  reader: SourceReader,
  options: ConfigReadOptions,
  notes: Note[],
): LocalConfig {
  const file = localFile(folder, reader);
  if (file === null) return { kind: 'missing' };
  const parsed = parseConfig(file, reader, options);
  if (parsed === null) return { kind: 'missing' };
  if (!('tree' in parsed)) {
    return {
      kind: 'malformed',
      file,
      problem: parsed.problem,
      tree: null,
      ...(parsed.error === null ? {} : { at: parsed.error.at }),
    };
  }
  const { tree } = parsed;
  if (parsed.documents > 1) return { kind: 'malformed', file, problem: 'it holds several YAML documents', tree };
  if (tree === null) return { kind: 'invalid', file, problem: 'it is empty', tree };
  if (tree.kind !== 'map') return { kind: 'invalid', file, problem: 'it is not a mapping', at: tree.at, tree };
  const projects = tree.entries.get('projects');
  if (projects !== undefined) {
    const entries = projects.kind === 'map' ? entriesOf(projects, file, options.paths) : [];
    return { kind: 'wrapped', file, tree, defaults: defaultsOf(tree, file, notes), entries };
  }
  const problem = localProblem(tree);
  return problem === null ? { kind: 'loaded', file, tree } : { kind: 'invalid', file, tree, ...problem };
}

function localProblem(tree: TreeMap): { problem: string; at: { line: number; column: number } } | null {
  for (const key of ['agent', 'runtime', 'workspace', 'resolveError']) {
    const child = tree.entries.get(key);
    if (child === undefined) continue;
    if (key === 'resolveError') return { problem: 'it holds the key `resolveError`', at: child.at };
    if (child.kind === 'scalar' && child.value === '') return { problem: `\`${key}\` is an empty text`, at: child.at };
  }
  const parsed = v.safeParse(Local, plain(tree));
  if (parsed.success) return null;
  const issue = parsed.issues[0];
  const keys = issue.path?.map((item) => String(item.key)) ?? [];
  return { problem: `\`${keys.join('.') || 'the document'}\` has a wrong type or value`, at: placeOf(tree, keys) };
}

/** Where the value below `keys` stands, or its nearest existing parent. */
function placeOf(tree: Tree, keys: readonly string[]): { line: number; column: number } {
  let current: Tree = tree;
  for (const key of keys) {
    const child: Tree | undefined =
      current.kind === 'map'
        ? current.entries.get(key)
        : current.kind === 'list'
          ? current.items[Number(key)]
          : undefined;
    if (child === undefined) break;
    current = child;
  }
  return current.at;
}
