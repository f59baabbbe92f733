import { join } from 'node:path';
import * as v from 'valibot';
import type { LegacyStore, RegisteredProject } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import { type PathContext, projectPath } from './project-path';
import { dictionary, mapping } from './shape';
import type { SourceReader } from './source-reader';

const CAP = 16 * 1024 * 1024;

/** legacy-store.md 2.12: any wrong type anywhere voids the whole file, as the legacy tool does. */
const Preferences = mapping({
  version: v.literal(1),
  defaultProjectId: v.optional(v.string()),
  projectOrder: v.optional(v.array(v.string())),
  projects: v.optional(
    dictionary(
      mapping({
        pinned: v.optional(v.boolean()),
        enabled: v.optional(v.boolean()),
        displayName: v.optional(v.string()),
      }),
    ),
  ),
});

const Registered = mapping({
  version: v.literal(1),
  projects: v.array(mapping({ path: v.string(), addedAt: v.string(), configProjectKey: v.optional(v.string()) })),
});

export interface Portfolio {
  readonly preferences: LegacyStore['preferences'];
  readonly registered: readonly RegisteredProject[];
  readonly notes: readonly Note[];
}

/** Display names and registration dates kept beside the registry (E35, E36). */
export function readPortfolio(root: string, reader: SourceReader, paths: PathContext): Portfolio {
  const notes: Note[] = [];
  const preferencesFile = join(root, 'portfolio', 'preferences.json');
  const preferences = readJson(preferencesFile, Preferences, reader, notes, 'PREFERENCES_IGNORED');
  const displayNames = new Map<string, string>();
  for (const [id, entry] of preferences?.value.projects ?? []) {
    if (entry.displayName !== undefined && entry.displayName !== '')
      displayNames.set(id, entry.displayName.toWellFormed());
  }
  const registeredFile = join(root, 'portfolio', 'registered.json');
  const registered = readJson(registeredFile, Registered, reader, notes, 'REGISTERED_IGNORED');
  return {
    preferences: preferences === null ? null : { file: preferencesFile, displayNames, raw: preferences.raw },
    registered: (registered?.value.projects ?? []).map((project, index) => ({
      path: normalised(project.path, paths),
      addedAt: project.addedAt,
      configProjectKey: project.configProjectKey || null,
      origin: { file: registeredFile, keys: ['projects', index, 'addedAt'] },
    })),
    notes,
  };
}

/** legacy-store.md 2.12 compares normalised paths; what cannot be normalised stays as it is. */
function normalised(path: string, paths: PathContext): string {
  const at = { line: 1, column: 1 };
  return projectPath({ kind: 'scalar', value: path, source: path, at }, paths).resolved ?? path;
}

function readJson<S extends v.GenericSchema>(
  file: string,
  schema: S,
  reader: SourceReader,
  notes: Note[],
  code: 'PREFERENCES_IGNORED' | 'REGISTERED_IGNORED',
): { value: v.InferOutput<S>; raw: unknown } | null {
  const result = reader.read(file, { cap: CAP });
  if (result.kind === 'absent') return null;
  if (result.kind === 'unreadable') {
    notes.push({ code: 'FILE_UNREADABLE', severity: 'warn', message: `it cannot be read (${result.reason})`, file });
    return null;
  }
  let why: string;
  try {
    const raw: unknown = JSON.parse(result.text.replace(/^\uFEFF/, ''));
    const parsed = v.safeParse(schema, raw);
    if (parsed.success) return { value: parsed.output, raw };
    why = v.getDotPath(parsed.issues[0]) ?? 'the document';
  } catch {
    why = 'it is not JSON';
  }
  notes.push({ code, severity: 'info', message: `the file is ignored as a whole (${why})`, file });
  return null;
}
