import { dirname, join } from 'node:path';
import * as v from 'valibot';
import type { V1Directory } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import { list } from './directory';
import type { LegacyLocation } from './locate';
import { dictionary, mapping } from './shape';
import type { SourceReader } from './source-reader';

const JSON_CAP = 64 * 1024 * 1024;
/** An `.origin` holds one path. */
const ORIGIN_CAP = 64 * 1024;
/** Claude keeps one key for every folder that it ever ran in. */
const MAX_CLAUDE_FOLDERS = 10_000;

const Running = mapping({ configPath: v.string() });

/** The config that the legacy daemon was started with. */
export function runningConfig(file: string, reader: SourceReader): string | null {
  return readJson(file, reader, Running, false)?.configPath ?? null;
}

/** Texts of `.origin`, of converted directories too. */
export function originTexts(root: string, v1: readonly V1Directory[], reader: SourceReader): string[] {
  const origins = new Map(v1.map(({ name, origin }) => [name, origin]));
  for (const { name, isDirectory } of list(root)) {
    if (!isDirectory || !/^[0-9a-f]{12}(?:-.+)?\.migrated$/.test(name)) continue;
    const file = reader.read(join(root, name, '.origin'), { cap: ORIGIN_CAP });
    if (file.kind === 'text') origins.set(name, file.text.trim());
  }
  const sorted = [...origins].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.flatMap(([, text]) => (text === null || text === '' ? [] : [text]));
}

/** A folder and its parents. */
export function* upwards(start: string): Generator<string> {
  let folder = start;
  for (;;) {
    yield folder;
    const parent = dirname(folder);
    if (parent === folder) return;
    folder = parent;
  }
}

const ClaudeJson = mapping({ projects: dictionary(v.unknown()) });

/** Folders that Claude has run in; beside the store for one that was copied here, never the supporter's own. */
export function claudeFolders(location: LegacyLocation, machine: Machine, reader: SourceReader): string[] {
  const configDir = machine.env.CLAUDE_CONFIG_DIR;
  const files: string[] = [];
  if (location.foreign) {
    if (location.root !== null) files.push(join(dirname(location.root), '.claude.json'));
  } else {
    if (configDir !== undefined && configDir !== '') files.push(join(configDir, '.claude.json'));
    if (location.home !== '') files.push(join(location.home, '.claude.json'));
  }
  const folders: string[] = [];
  for (const file of files) {
    const content = readJson(file, reader, ClaudeJson, true);
    if (content !== null) folders.push(...[...content.projects.keys()].slice(0, MAX_CLAUDE_FOLDERS));
  }
  return folders.filter((folder) => folder.startsWith('/') || /^[A-Za-z]:[\\/]/.test(folder));
}

function readJson<S extends v.GenericSchema>(
  file: string,
  reader: SourceReader,
  schema: S,
  untracked: boolean,
): v.InferOutput<S> | null {
  const result = reader.read(file, { cap: JSON_CAP, untracked });
  if (result.kind !== 'text') return null;
  try {
    const parsed = v.safeParse(schema, JSON.parse(result.text.replace(/^\uFEFF/, '')));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
