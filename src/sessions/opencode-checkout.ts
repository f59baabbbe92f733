import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { locate } from '../repository/location';
import { RefFiles } from '../repository/refs';
import type { EmptyHome } from './agents';
import { physical } from './physical';
import { ConversationFault } from './source';

/** Where a release before 1.2 is started so that it puts a conversation into the project of a repository. */
export interface StandIn {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * A folder in a temporary home that a release with JSON files takes for the worktree `directory` of the repository at
 * `projectPath`. Those releases keep sessions by project, which is the repository's first commit, and look for one
 * nowhere else; the directory they take from the file. The worktree itself does not exist yet, and a `.git` left in it
 * by an accident would keep the daemon from making it; the main checkout they would write to (`.git/opencode`). Where
 * `.git` is a file, as in every worktree, they ask git, which follows the environment.
 */
export async function standIn(home: EmptyHome, projectPath: string, directory: string): Promise<StandIn> {
  const repository = locate(physical(projectPath), new RefFiles());
  if (repository === 'none' || repository === 'broken') {
    throw new ConversationFault('CONVERSATION_UNREADABLE', `no git repository was found at ${projectPath}`);
  }
  const cwd = join(home.directory, 'checkout');
  await mkdir(cwd, { mode: 0o700 });
  await writeFile(join(cwd, '.git'), `gitdir: ${repository.commonDir}\n`, { mode: 0o600 });
  return { cwd, env: { GIT_DIR: repository.commonDir, GIT_WORK_TREE: directory } };
}
