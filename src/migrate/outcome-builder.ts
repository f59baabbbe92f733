import type { Applied } from '../apply/apply';
import type { PutBack } from '../apply/put-back';
import type { Note } from '../contracts/notes';
import { EXIT, type Item, type MigrateOutcome } from '../contracts/outcome';
import type { Plan } from '../contracts/plan';
import type { Refusal } from '../contracts/refusals';
import { exitCodeOf, plannedItems, statusOf } from '../report/status';
import type { Survey } from '../survey/survey';

/** What is known of one migration so far, and the outcome that each ending makes of it (migration.md 10). */
export class OutcomeBuilder {
  runId = '';
  survey: Survey | null = null;
  readonly notes: Note[] = [];

  constructor(private readonly dryRun: boolean) {}

  /** Everything that was to be done is done, or it was only to be planned. `postponed`: ids of sessions for a later run. */
  completed(
    plan: Plan,
    items: readonly Item[] = plannedItems(plan),
    postponed: readonly string[] = [],
  ): MigrateOutcome {
    const status = statusOf({ ending: 'completed', dryRun: this.dryRun, items, plan, postponed });
    return { ...this.#outcome(plan), status, exitCode: exitCodeOf(status, items), items };
  }

  /** The commit point is behind: what became of each item of the plan. */
  applied(plan: Plan, applied: Applied): MigrateOutcome {
    const failed = new Map<string, Pick<Item, 'outcome' | 'reason'>>();
    for (const { sessionId, reason, failed: raised } of applied.conversationFailures)
      failed.set(`orchestrator ${sessionId}`, { outcome: raised ? 'failed' : 'skipped', reason });
    for (const { kind, id, reason } of applied.rowFailures) {
      failed.set(`${kind} ${id}`, { outcome: 'failed', reason });
      this.notes.push({ code: 'ROW_FAILED', severity: 'warn', id, message: reason });
    }
    this.notes.push(...applied.notes, ...applied.placed.flatMap(({ notes }) => notes ?? []));
    const counted = withMessages(plan, applied);
    // Another item may have the same id: one that was not to be created.
    const items = plannedItems(counted).map(
      (item): Item => (item.outcome === 'created' ? { ...item, ...failed.get(`${item.kind} ${item.id}`) } : item),
    );
    const conversations = applied.placed.map(
      ({ copy }): Item => ({ kind: 'conversation', id: copy.resumeId, outcome: 'created' }),
    );
    const postponed = applied.conversationFailures.map(({ sessionId }) => sessionId);
    return {
      ...this.completed(counted, [...items, ...conversations], postponed),
      runId: this.runId,
      relocated: applied.placed.length,
      backup: applied.backup,
      receipt: applied.receipt,
    };
  }

  /** A refusal; a dry run shows its plan all the same (migration.md 2). */
  refused(refusal: Refusal): MigrateOutcome {
    const plan = this.dryRun ? (this.survey?.plan ?? null) : null;
    return {
      ...this.#outcome(plan),
      status: 'refused',
      exitCode: EXIT.refused,
      refusal: refusal.report,
    };
  }

  /** Before the commit point, and nothing is left of it. */
  ended(
    status: 'declined' | 'interrupted' | 'put-back' | 'failed',
    exitCode: MigrateOutcome['exitCode'],
    error: PutBack | null,
  ): MigrateOutcome {
    const plan = this.survey?.plan ?? null;
    return {
      ...this.#outcome(plan),
      status,
      exitCode,
      schemaVersion: plan === null || plan.createsDatabase ? 0 : plan.schemaVersion,
      refusal: error === null ? null : { code: 'UNEXPECTED', message: error.message, hint: error.hint },
    };
  }

  #outcome(plan: Plan | null): MigrateOutcome {
    return {
      status: 'failed',
      exitCode: EXIT.failed,
      dryRun: this.dryRun,
      plan,
      planHash: this.survey?.planHash ?? null,
      runId: null,
      dbCreated: plan?.createsDatabase ?? false,
      schemaVersion: plan?.schemaVersion ?? 0,
      items: plan === null ? [] : plannedItems(plan),
      relocated: 0,
      notes: [...this.notes, ...(plan?.notes ?? [])],
      refusal: null,
      backup: null,
      receipt: null,
      timing: null,
    };
  }
}

/** The plan with the numbers of messages that were counted while its conversations were copied. */
function withMessages(plan: Plan, { placed }: Applied): Plan {
  const counted = new Map(placed.map(({ copy }) => [copy.sessionId, copy.messages]));
  const orchestrators = plan.orchestrators.map((each) => {
    const messages = counted.get(each.id) ?? null;
    return each.copy === null || messages === null ? each : { ...each, copy: { ...each.copy, messages } };
  });
  return { ...plan, orchestrators };
}
