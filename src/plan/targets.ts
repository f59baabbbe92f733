import type { ExistingProject, HarnessId, RepositoryFacts, TargetFacts } from '../contracts/facts';
import type { Note } from '../contracts/notes';
import type { Outcome, PlannedProject, ProjectRow } from '../contracts/plan';
import { withoutCredentials } from '../repository/credentials';
import { differingKeys, encodeConfig } from '../rewrite/config';
import type { Draft } from './draft';
import type { DraftProject } from './projects';

/** What the plan must know besides the old store. Gathered once; the functions given are lookups, not I/O. */
export interface Facts {
  readonly target: TargetFacts;
  /** By project path. */
  readonly repositories: ReadonlyMap<string, RepositoryFacts>;
  /** Physical path of the managed worktree of a project's orchestrator (rewrite-target.md 5.4). */
  readonly managedPath: (projectId: string, prefix: string) => string;
  /** What the stored id of a conversation becomes in a managed path; null where it is no id of that agent. */
  readonly resumeId: (harness: HarnessId, storedId: string, managedPath: string) => string | null;
  /** Folders below which the daemon's own worktrees lie, by every path to them. */
  readonly managedRoots: readonly string[];
  /** The path with its links resolved, as far as it exists. Asked only where a conversation must be recovered. */
  readonly physicalPath: (path: string) => string;
}

/** The projects of the plan with what each needs for its orchestrator. */
export interface DecidedProject {
  readonly draft: DraftProject;
  readonly planned: PlannedProject;
  /** The row that the target has, if it has one. */
  readonly existing: ExistingProject | null;
  readonly notes: readonly Note[];
}

/** Second pure step: the rows of projects, and what the target already has of them (migration.md 5). */
export function decideProjects(draft: Draft, facts: Facts): DecidedProject[] {
  const byId = new Map(facts.target.projects.map((row) => [row.id, row]));
  const storeIds = new Set(draft.projects.filter(({ lost }) => !lost).map(({ id }) => id));
  const strangers = new Map<string, ExistingProject>();
  for (const row of facts.target.projects)
    if (!row.archived && !storeIds.has(row.id) && !strangers.has(row.path)) strangers.set(row.path, row);
  return draft.selected.map((project) => {
    const row = project.refusal === null ? projectRow(project, facts.repositories.get(project.path) ?? null) : null;
    const notes: Note[] = [...project.notes];
    const existing = byId.get(project.id) ?? null;
    const decided = decide(project, row, existing, strangers.get(project.path) ?? null, notes);
    const origin = facts.repositories.get(project.path)?.originUrl ?? null;
    const planned: PlannedProject = {
      id: project.id,
      row,
      ...decided,
      provenance: {
        ...project.provenance,
        repo_origin_url:
          origin !== null
            ? { rule: "origin of the repository's own configuration", from: [] }
            : { rule: project.registryUrl?.rule ?? 'none', from: project.registryUrl?.from ?? [] },
      },
    };
    return { draft: project, planned, existing, notes };
  });
}

function projectRow(project: DraftProject, repository: RepositoryFacts | null): ProjectRow {
  return {
    id: project.id,
    path: project.path,
    repo_origin_url: withoutCredentials(repository?.originUrl ?? project.registryUrl?.value ?? ''),
    display_name: project.displayName,
    registered_at: project.registeredAt,
    kind: 'single_repo',
    config: project.built.config,
  };
}

function decide(
  project: DraftProject,
  row: ProjectRow | null,
  existing: ExistingProject | null,
  /** An active row with the project's folder whose id the store does not know. */
  stranger: ExistingProject | null,
  notes: Note[],
): { outcome: Outcome; reason?: string; fields?: readonly string[] } {
  if (row === null) {
    const reason = project.refusal ?? 'it cannot be imported';
    return { outcome: project.lost ? 'conflict' : 'skipped', reason };
  }
  const conflict = (outcome: Outcome, reason: string): { outcome: Outcome; reason: string } => {
    notes.push({
      code: 'PROJECT_CONFLICT',
      severity: 'warn',
      id: project.id,
      message: reason,
      file: project.origin.file,
      ...project.origin.at,
    });
    return { outcome, reason };
  };
  if (existing !== null) {
    if (existing.archived)
      return conflict('skipped', 'the project was archived in the rewrite, so it and its orchestrator are skipped');
    const fields = differences(row, existing);
    if (fields.length === 0) return { outcome: 'identical' };
    notes.push({
      code: 'PROJECT_DIFFERS',
      severity: 'info',
      id: project.id,
      message: `the rewrite has it already, with another ${fields.join(', ')}`,
    });
    return { outcome: 'differs', fields };
  }
  if (stranger !== null)
    return conflict('conflict', `its folder belongs to the project \`${stranger.id}\` of the rewrite`);
  return { outcome: 'created' };
}

/** Columns in which an existing row differs, config by its decoded meaning; registered_at is never compared. */
function differences(row: ProjectRow, existing: ExistingProject): string[] {
  const fields: string[] = [];
  if (existing.path !== row.path) fields.push('path');
  if (existing.repoOriginUrl !== row.repo_origin_url) fields.push('repo_origin_url');
  if (existing.displayName !== row.display_name) fields.push('display_name');
  if ((existing.kind === '' ? 'single_repo' : existing.kind) !== row.kind) fields.push('kind');
  if (differingKeys(existing.config, encodeConfig(row.config)).length > 0) fields.push('config');
  return fields;
}
