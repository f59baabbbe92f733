import type { RepositoryFacts } from '../contracts/facts';
import type { Note } from '../contracts/notes';
import type { DraftOrchestrator } from './draft';

/** Which branch the row names, and whether the daemon could check it out by itself (migration.md 6.4). */
export interface BranchDecision {
  readonly branch: string;
  /** False where nobody may resume it unasked. */
  readonly mayResume: boolean;
  readonly rule: string;
  readonly fromRecord: boolean;
  readonly notes: readonly Note[];
}

export interface BranchQuestion {
  readonly draft: DraftOrchestrator;
  readonly repository: RepositoryFacts;
  /** The prefix under which the daemon files this project. */
  readonly daemonPrefix: string;
  readonly managedPath: string;
  /** Realpath of the record's worktree, or null where it is gone. */
  readonly worktreeReal: string | null;
}

/** The branch that a daemon makes for an orchestrator of its own (rewrite-target.md 5.4). */
export function fallbackBranch(prefix: string): string {
  return `ao/${prefix}-orchestrator`;
}

export function decideBranch({
  draft,
  repository,
  daemonPrefix,
  managedPath,
  worktreeReal,
}: BranchQuestion): BranchDecision {
  const { record, project } = draft;
  const id = project.id;
  const notes: Note[] = [];
  const fallback = fallbackBranch(daemonPrefix);
  if (worktreeReal !== null && !isProjectFolder(draft, worktreeReal)) {
    const at = record.branch === null ? '' : `, on the branch ${record.branch}`;
    notes.push({
      code: 'WORKTREE_LEFT',
      severity: 'info',
      id,
      message: `the legacy worktree ${record.worktree ?? worktreeReal} stays where it is${at}`,
    });
  }
  if (repository.git === 'unreadable') {
    notes.push({
      code: 'BRANCH_UNREADABLE',
      severity: 'warn',
      id,
      message: `the branches of ${project.path} cannot be read, so the session is not resumed by itself`,
    });
    return { branch: fallback, mayResume: false, rule: 'the refs cannot be read', fromRecord: false, notes };
  }
  const legacy = legacyBranch(draft, repository, worktreeReal, notes);
  if (legacy !== null)
    return {
      branch: legacy,
      mayResume: true,
      rule: 'as written; the repository has it and nothing holds it',
      fromRecord: true,
      notes,
    };
  const holder = repository.held.find(({ branch, by }) => branch === fallback && by !== managedPath);
  if (holder !== undefined) {
    notes.push({
      code: 'BRANCH_UNUSABLE',
      severity: 'warn',
      id,
      message: `the branch ${fallback} is checked out in ${holder.by}, so the session is not resumed by itself`,
    });
  } else if (repository.git === 'read' && !repository.hasMain && !repository.branches.has(fallback)) {
    notes.push({
      code: 'NO_MAIN_BRANCH',
      severity: 'warn',
      id,
      message: `the repository ${project.path} has no branch \`main\`; early daemons make new branches from it only`,
    });
  }
  return {
    branch: fallback,
    mayResume: holder === undefined,
    rule: "the rewrite's own branch",
    fromRecord: false,
    notes,
  };
}

function legacyBranch(
  draft: DraftOrchestrator,
  repository: RepositoryFacts,
  worktreeReal: string | null,
  notes: Note[],
): string | null {
  const { record, project } = draft;
  const { branch } = record;
  if (branch === null || branch === project.defaultBranch || isProjectFolder(draft, worktreeReal)) return null;
  if (repository.git !== 'read') return null;
  if (!repository.branches.has(branch)) {
    notes.push({
      code: 'BRANCH_MISSING',
      severity: 'info',
      id: project.id,
      message: `the repository no longer has the branch ${branch}`,
    });
    return null;
  }
  const holder = repository.held.find((each) => each.branch === branch);
  if (holder === undefined) return branch;
  const gone = holder.directoryExists ? '' : ', which is gone but still registered';
  notes.push({
    code: 'BRANCH_HELD',
    severity: 'info',
    id: project.id,
    message: `the branch ${branch} is held by ${holder.by}${gone}, so the session gets a branch of its own`,
  });
  return null;
}

/** C6: an early orchestrator worked in the project folder itself. */
export function isProjectFolder({ record, project }: DraftOrchestrator, worktreeReal: string | null): boolean {
  if (record.worktree === null) return false;
  const bare = record.worktree.length > 1 ? record.worktree.replace(/[\\/]+$/, '') : record.worktree;
  return (
    bare === project.path || (worktreeReal !== null && (worktreeReal === project.real || worktreeReal === project.path))
  );
}
