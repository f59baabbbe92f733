import { EXIT, type ExitCode, type Item, type MigrateOutcome, type MigrateStatus } from '../contracts/outcome';
import { leavesRest, type Plan } from '../contracts/plan';

/** How a run came to its end; `completed`: the plan was carried out, or there was nothing to do, or only shown. */
export type Ending = 'completed' | 'refused' | 'usage' | 'declined' | 'interrupted' | 'failed' | 'put-back';

export interface Judged {
  readonly ending: Ending;
  readonly dryRun: boolean;
  readonly items: readonly Item[];
  readonly plan: Plan | null;
  /** Ids of orchestrators that turned out only while copying to be for a later run. */
  readonly postponed?: readonly string[];
}

/**
 * `status` of the `migrate` document: the first that applies, in the order of migration.md 10. A dry run that would
 * insert a row is `planned`; one that would not has the status of the real run.
 */
export function statusOf(judged: Judged): MigrateStatus {
  if (judged.ending !== 'completed') return judged.ending;
  const inserts = judged.items.some((item) => item.outcome === 'created' && item.kind !== 'conversation');
  if (judged.dryRun && inserts) return 'planned';
  if (isPartial(judged)) return 'partial';
  if (inserts) return 'migrated';
  return judged.items.some((item) => item.kind === 'project') ? 'already-migrated' : 'nothing-to-migrate';
}

function isPartial({ items, plan, postponed }: Judged): boolean {
  return (
    items.some((item) => item.outcome === 'failed') ||
    (plan !== null && leavesRest(plan)) ||
    (postponed?.length ?? 0) > 0
  );
}

/**
 * Exit code of a status (migration.md 2).
 *
 * @param signal code of the signal that ended an interrupted run
 */
export function exitCodeOf(status: MigrateStatus, items: readonly Item[], signal: 130 | 143 = EXIT.sigint): ExitCode {
  switch (status) {
    case 'usage':
    case 'declined':
      return EXIT.usage;
    case 'refused':
      return EXIT.refused;
    case 'failed':
      return EXIT.failed;
    case 'put-back':
      return EXIT.putBack;
    case 'interrupted':
      return signal;
    default:
      return items.some((item) => item.outcome === 'failed') ? EXIT.failed : EXIT.done;
  }
}

const NOT_DONE: Partial<Record<MigrateStatus, string>> = {
  declined: 'declined',
  refused: 'the run was refused',
  interrupted: 'interrupted',
  failed: 'the run failed before it',
  'put-back': 'put back',
};

/** Whether a run can have left anything behind: not a dry run, and not one that was stopped or undone. */
export function leavesSomething(outcome: Pick<MigrateOutcome, 'status' | 'dryRun'>): boolean {
  return !outcome.dryRun && outcome.status !== 'usage' && NOT_DONE[outcome.status] === undefined;
}

/**
 * The items as they are in truth: where a real run ended without a lasting change, what the plan would have created was
 * not, and counts as skipped. A refused dry run keeps its plan, which it shows whole (migration.md 2).
 */
export function settledItems(outcome: Pick<MigrateOutcome, 'status' | 'dryRun' | 'items'>): readonly Item[] {
  const why = outcome.dryRun ? undefined : NOT_DONE[outcome.status];
  if (why === undefined) return outcome.items;
  return outcome.items.map((item) =>
    item.outcome === 'created' ? { ...item, outcome: 'skipped', reason: item.reason ?? why } : item,
  );
}

/** The items of a plan, as a dry run and a run that ended before its first change report them. */
export function plannedItems(plan: Plan): readonly Item[] {
  const of = (kind: Item['kind'], planned: Plan['projects'][number] | Plan['orchestrators'][number]): Item => ({
    kind,
    id: planned.id,
    outcome: planned.outcome,
    ...(planned.reason === undefined ? {} : { reason: planned.reason }),
    ...(planned.fields === undefined ? {} : { fields: planned.fields }),
  });
  return [
    ...plan.projects.map((project) => of('project', project)),
    ...plan.orchestrators.map((orchestrator): Item => {
      const item = of('orchestrator', orchestrator);
      if (orchestrator.copy === null) return item;
      const { harness, size, messages } = orchestrator.copy;
      return { ...item, conversation: { harness, size, messages } };
    }),
  ];
}
