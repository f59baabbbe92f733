import { join } from 'node:path';
import type { ConfigFiles } from './config';
import { isDirectory } from './files';
import type { Location } from './location';
import { booleanOf, type ConfigEntry, integerOf } from './syntax';

/** What the repository's own config says of its form. Includes have no say in it, as in git. */
export interface RepositoryFormat {
  /** `core.bare`; null where it is not set. */
  readonly bare: boolean | null;
  readonly worktree: string | null;
  /** `config.worktree` counts. */
  readonly worktreeConfig: boolean;
  /** Hexadecimal digits of an object id. */
  readonly idLength: 40 | 64;
  /** Refs are files; false for reftable and whatever else may come. */
  readonly refFiles: boolean;
}

/** Extensions that change nothing that is read here, with the format version from which git accepts them. */
const EXTENSIONS: Readonly<Record<string, 0 | 1>> = {
  noop: 0,
  preciousobjects: 0,
  partialclone: 0,
  worktreeconfig: 0,
  'noop-v1': 1,
  objectformat: 1,
  compatobjectformat: 1,
  refstorage: 1,
  relativeworktrees: 1,
  submodulepathconfig: 1,
};

/** The format as git sees it from the git directory given, or null where git refuses the repository. */
export function readFormat(
  location: Pick<Location, 'gitDir' | 'commonDir'>,
  files: ConfigFiles,
): RepositoryFormat | null {
  const config = files.read(join(location.commonDir, 'config'));
  if (config.state === 'broken') return null;
  const format = decode(config.state === 'read' ? config.entries : []);
  if (format === null) return null;
  const refFiles = format.refFiles && !isDirectory(join(location.commonDir, 'reftable'));
  if (!format.worktreeConfig) return { ...format, refFiles };
  const own = files.read(join(location.gitDir, 'config.worktree'));
  if (own.state === 'broken') return null;
  const core = decodeCore(own.state === 'read' ? own.entries : []);
  return core === null
    ? null
    : { ...format, refFiles, bare: core.bare ?? format.bare, worktree: core.worktree ?? format.worktree };
}

function decode(entries: readonly ConfigEntry[]): RepositoryFormat | null {
  let version: number | null = null;
  const extensions = new Map<string, string | null>();
  for (const { key, value } of entries) {
    if (key === 'core.repositoryformatversion') {
      version = integerOf(value);
      if (version === null) return null;
    } else if (key.startsWith('extensions.')) {
      extensions.set(key.slice('extensions.'.length), value);
    }
  }
  if (version !== null && version > 1) return null;
  const core = decodeCore(entries);
  const worktreeConfig = extensions.has('worktreeconfig') && booleanOf(extensions.get('worktreeconfig') ?? null);
  const idLength = idLengthOf(extensions.get('objectformat'));
  if (core === null || worktreeConfig === null || idLength === null) return null;
  const refFiles = (extensions.get('refstorage') ?? 'files') === 'files';
  // A repository without a version is read as it is; git checks extensions only against one that is given.
  if (version !== null && refFiles && ![...extensions.keys()].every((name) => accepts(version, name))) return null;
  return { ...core, worktreeConfig, idLength, refFiles };
}

function accepts(version: number, extension: string): boolean {
  const since = Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
  return since === undefined ? version === 0 : version >= since;
}

function decodeCore(entries: readonly ConfigEntry[]): Pick<RepositoryFormat, 'bare' | 'worktree'> | null {
  let bare: boolean | null = null;
  let worktree: string | null = null;
  for (const { key, value } of entries) {
    if (key === 'core.bare') {
      bare = booleanOf(value);
      if (bare === null) return null;
    } else if (key === 'core.worktree') {
      if (value === null) return null;
      worktree = value;
    }
  }
  return { bare, worktree };
}

function idLengthOf(format: string | null | undefined): 40 | 64 | null {
  if (format === undefined || format === 'sha1') return 40;
  return format === 'sha256' ? 64 : null;
}
