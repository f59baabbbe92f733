import { lstatSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BranchHolder } from '../contracts/facts';
import { errorCode, exists, isDirectory, readText } from './files';
import { branchOf, isBranchName, type LooseRefs, readHead } from './refs';
import { trimEnd } from './text';

/** A worktree that `git worktree add` registered, whether or not its directory is still there. */
export interface RegisteredWorktree {
  /** `worktrees/<id>` in the common directory. */
  readonly adminDir: string;
  /** Absolute directory of the worktree as the repository names it. */
  readonly path: string;
}

/** The worktrees that a common directory registers, sorted by their id; null where they cannot be read. */
export function registeredWorktrees(commonDir: string): readonly RegisteredWorktree[] | null {
  const folder = join(commonDir, 'worktrees');
  let ids: string[];
  try {
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return [];
    ids = readdirSync(folder).sort();
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(errorCode(error)) ? [] : null;
  }
  const worktrees: RegisteredWorktree[] = [];
  for (const id of ids) {
    const adminDir = join(folder, id);
    // git passes over an entry whose `gitdir` is missing or empty, and lets its branch be taken.
    const file = readText(join(adminDir, 'gitdir'));
    if (file.state === 'unreadable') return null;
    if (file.state !== 'read' || file.text === '') continue;
    const path = trimEnd(file.text).replace(/\/\.git$/, '');
    worktrees.push({ adminDir, path: resolve(adminDir, path) });
  }
  return worktrees;
}

/** A checkout: the git directory of its own, and the directory in which the files lie. */
export interface Checkout {
  readonly gitDir: string;
  readonly path: string;
}

/**
 * The branches that a checkout holds (migration.md 6.4): its HEAD, born or not, and those to which an interrupted rebase or
 * bisect will return. In that order, each once; null where a file that could name one cannot be read.
 */
export function branchesHeldBy(checkout: Checkout, commonDir: string, refs: LooseRefs): readonly BranchHolder[] | null {
  const { gitDir, path } = checkout;
  const head = readHead({ gitDir, commonDir }, refs);
  if (head === 'unreadable') return null;
  const branches = new Set<string>();
  const branch = head.ref === null ? null : branchOf(head.ref);
  if (branch !== null) branches.add(branch);
  const names = ['rebase-merge/head-name', 'rebase-apply/head-name'];
  if (exists(join(gitDir, 'BISECT_LOG'))) names.push('BISECT_START');
  for (const name of names) {
    const file = readText(join(gitDir, name));
    if (file.state === 'unreadable') return null;
    const named = file.state === 'read' ? returnBranch(file.text) : null;
    if (named !== null) branches.add(named);
  }
  if (branches.size === 0) return [];
  const directoryExists = isDirectory(path);
  return [...branches].map((name) => ({ branch: name, by: path, directoryExists }));
}

/** The branch that such a file names, with or without `refs/heads/`; null for `detached HEAD`, an object id or other refs. */
function returnBranch(text: string): string | null {
  const line = trimEnd(text, (char) => char === '\n');
  if (line.startsWith('refs/')) return branchOf(line);
  return isBranchName(line) && !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(line) ? line : null;
}
