import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { digestOf } from '../apply/file-state';
import { configDigest, type Receipt, textDigest } from '../apply/receipt';
import type { RepositoryFacts } from '../contracts/facts';
import type { LegacyStore } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import type { Provenance } from '../contracts/plan';
import { type Draft, draftPlan } from '../plan/draft';
import { decideProjects, type Facts } from '../plan/targets';
import { RUN_TIME } from '../plan/timestamps';
import { readRepository } from '../repository/repository';
import { encodeConfig } from '../rewrite/config';
import { absentTarget } from '../rewrite/inspect';
import type { Moved } from './store-of-run';
import type { Check } from './verify';

/** Files of the store, as they are named now, that no longer are what the run read. Their times do not count. */
export function changedSources(receipt: Receipt, moved: Moved): string[] {
  return receipt.sources.flatMap(({ path, sha256, size }) => {
    const now = moved(path);
    return isSame(now, sha256, size) ? [] : now;
  });
}

function isSame(path: string, sha256: string, size: number): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch {
    return false;
  }
  try {
    const stat = fstatSync(descriptor);
    return stat.isFile() && stat.size === size && digestOf(path) === sha256;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Derives the rows anew from a legacy store and compares them with what the run wrote (migration.md 8). What the state of
 * the repository or of the conversations decided at that time (branch, marker, resume id) is not derived again.
 */
export function checkDerivation(store: LegacyStore, receipt: Receipt, machine: Machine): Check[] {
  const draft = draftPlan(store, {
    projects: [],
    exclude: [],
    onlyLive: receipt.options.onlyLive,
    nowMs: machine.now().getTime(),
  });
  return [...projectChecks(draft, receipt, machine), ...sessionChecks(draft, receipt)];
}

function projectChecks(draft: Draft, receipt: Receipt, machine: Machine): Check[] {
  const repositories = new Map<string, RepositoryFacts>();
  const ids = new Set(receipt.projects.map(({ id }) => id));
  for (const { id, path } of draft.projects)
    if (ids.has(id) && !repositories.has(path)) repositories.set(path, readRepository(path, [], machine));
  const facts: Facts = {
    target: absentTarget(receipt),
    repositories,
    managedPath: () => '',
    managedRoots: [],
    resumeId: () => null,
    physicalPath: (path) => path,
  };
  // Two configs may name one project, of which one counts.
  const rows = new Map(
    decideProjects(draft, facts).flatMap(({ planned: { id, row, provenance } }) =>
      row === null ? [] : [[id, { row, provenance }] as const],
    ),
  );
  return receipt.projects.flatMap(({ id, columns, config }): Check[] => {
    const check = { kind: 'project', id } as const;
    const found = rows.get(id);
    if (found === undefined)
      return [{ ...check, state: 'damaged', detail: 'the legacy store no longer yields this project' }];
    const { row, provenance } = found;
    // The origin is the repository's own and may have been changed there since.
    const derived = {
      id: row.id,
      path: row.path,
      display_name: row.display_name,
      kind: row.kind,
      registered_at: row.registered_at,
    };
    const different = differences(derived, columns, provenance);
    if (configDigest(encodeConfig(row.config), receipt.runId) !== config) different.push('config');
    return different.length === 0
      ? []
      : [{ ...check, state: 'damaged', detail: `the legacy store yields another ${different.join(', ')}` }];
  });
}

function sessionChecks(draft: Draft, receipt: Receipt): Check[] {
  const importable = draft.orchestrators.filter(({ project }) => project.refusal === null);
  const drafts = new Map(importable.map((each) => [`${each.project.id}\0${each.sessionId}`, each]));
  return receipt.sessions.flatMap(({ id, columns, prompt, projectId }): Check[] => {
    const check = { kind: 'orchestrator', id } as const;
    const found = drafts.get(`${projectId}\0${id}`);
    if (found === undefined)
      return [{ ...check, state: 'damaged', detail: 'the legacy store no longer yields this orchestrator' }];
    const derived = {
      harness: found.harness,
      created_at: found.times.createdAt,
      updated_at: found.times.updatedAt,
      activity_last_at: found.times.activityAt,
      first_signal_at: found.times.activityAt,
      display_name: found.record.displayName ?? '',
    };
    const different = differences(derived, columns, found.provenance);
    if (textDigest(found.record.userPrompt ?? '', receipt.runId) !== prompt) different.push('prompt');
    return different.length === 0
      ? []
      : [{ ...check, state: 'damaged', detail: `the legacy store yields another ${different.join(', ')}` }];
  });
}

/** Columns that the store yields otherwise now. A date that came from the clock is not derivable. */
function differences(
  derived: Readonly<Record<string, unknown>>,
  columns: Readonly<Record<string, unknown>>,
  provenance: Readonly<Record<string, Provenance>>,
): string[] {
  return Object.keys(derived).filter(
    (column) => columns[column] !== derived[column] && provenance[column]?.rule !== RUN_TIME,
  );
}
