import { isAbsolute } from 'node:path';
import type { BranchHolder, RepositoryFacts } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import { ConfigFiles, readConfig } from './config';
import { isDirectory, pathFrom, physical } from './files';
import { type RepositoryFormat, readFormat } from './format';
import { branchesHeldBy, registeredWorktrees } from './holders';
import { type Location, locate, mainTop } from './location';
import { existingRefs, headBranch, isBranchName, LooseRefs, RefFiles } from './refs';
import { originUrl } from './remote';

const MAIN = ['refs/heads/main', 'refs/remotes/origin/main'] as const;

/**
 * What a project's repository says of itself (migration.md 5, 6.4, R12), read from its files alone: git is not run, nothing
 * is written, nothing but regular files is opened. `branches`: short names whose existence is asked for. Never throws;
 * whatever git could not read or would refuse is `unreadable`.
 */
export function readRepository(
  path: string,
  branches: readonly string[],
  machine: Pick<Machine, 'home'>,
): RepositoryFacts {
  const directory = isAbsolute(path) && isDirectory(path) ? physical(path) : null;
  if (directory === null) return { ...nothing(path, 'none'), exists: false };
  const refFiles = new RefFiles();
  const location = locate(directory, refFiles);
  if (location === 'none') return nothing(path, 'none');
  if (location === 'broken') return nothing(path, 'unreadable');
  const files = new ConfigFiles();
  const format = readFormat(location, files);
  if (format === null || !isUsable(location, format)) return nothing(path, 'unreadable');
  const loose = new LooseRefs(refFiles, format.idLength);
  const unreadable = { ...nothing(path, 'unreadable'), originUrl: readOrigin(location, format, files, loose, machine) };
  if (!format.refFiles) return unreadable;
  const names = branches.filter(isBranchName);
  const refs = existingRefs(location, [...MAIN, ...names.map((name) => `refs/heads/${name}`)], loose);
  const held = heldBranches(location, format, files, loose);
  if (refs === null || held === null) return unreadable;
  return {
    ...unreadable,
    git: 'read',
    hasMain: MAIN.some((ref) => refs.has(ref)),
    branches: new Set(names.filter((name) => refs.has(`refs/heads/${name}`))),
    held,
  };
}

function nothing(path: string, git: RepositoryFacts['git']): RepositoryFacts {
  return { path, exists: true, git, originUrl: null, hasMain: false, branches: new Set(), held: [] };
}

/** git enters a working tree that is given relative to the repository, and stops where it is missing. */
function isUsable(location: Location, { worktree }: RepositoryFormat): boolean {
  if (worktree === null || location.linked || location.top === null || isAbsolute(worktree)) return true;
  return isDirectory(pathFrom(location.gitDir, worktree));
}

function readOrigin(
  location: Location,
  format: RepositoryFormat,
  files: ConfigFiles,
  loose: LooseRefs,
  machine: Pick<Machine, 'home'>,
): string | null {
  const entries = readConfig({
    location,
    files,
    worktreeConfig: format.worktreeConfig,
    home: machine.home,
    branch: () => (format.refFiles ? headBranch(location, loose) : null),
  });
  return entries === null ? null : originUrl(entries, location.commonDir);
}

/** Main checkout first, then worktrees by id; null where they cannot be listed. */
function heldBranches(
  location: Location,
  format: RepositoryFormat,
  files: ConfigFiles,
  loose: LooseRefs,
): readonly BranchHolder[] | null {
  const { commonDir } = location;
  const worktrees = registeredWorktrees(commonDir);
  if (worktrees === null) return null;
  const checkouts = worktrees.map(({ adminDir, path }) => ({ gitDir: adminDir, path }));
  const bare = format.bare ?? (!location.linked && location.top === null && mainTop(location, null) === null);
  if (!bare) {
    const main = location.linked ? readFormat({ gitDir: commonDir, commonDir }, files) : format;
    checkouts.unshift({ gitDir: commonDir, path: mainTop(location, main?.worktree ?? null) ?? commonDir });
  }
  const held: BranchHolder[] = [];
  for (const checkout of checkouts) {
    const branches = branchesHeldBy(checkout, commonDir, loose);
    if (branches === null) return null;
    held.push(...branches);
  }
  return held;
}
