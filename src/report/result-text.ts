import type { Item, MigrateOutcome } from '../contracts/outcome';
import { unusableOf, yieldsNothing } from '../contracts/plan';
import type { UsageError } from '../contracts/refusals';
import { itemsText } from './items-text';
import { hanging, table } from './layout';
import { notesText } from './notes-text';
import { type PlanTextOptions, planText } from './plan-text';
import { refusalLines } from './refusal-text';
import { settledItems } from './status';
import type { Style, Terminal } from './terminal';
import { counted, pathText, type TextContext } from './words';

export interface ResultTextOptions extends PlanTextOptions {
  /** A legacy store is there, if only an empty one; absent where it is not known. */
  readonly storeExists?: boolean;
  /** The projects were chosen with --project or --exclude. */
  readonly filtered?: boolean;
  /** The plan with its notes was shown before the question: only what came after it is told again. */
  readonly planShown?: boolean;
}

/** How a `migrate` ended, for a person; for every status (migration.md 10 and 11). Ends in a newline. */
export function resultText(outcome: MigrateOutcome, context: TextContext, options: ResultTextOptions = {}): string {
  const { terminal } = context;
  const [style, headline] = headlineOf(outcome, context, options);
  const head = hanging('', headline, terminal.width).map((line) => terminal.paint(style, line));
  const lines: string[] = [];
  if (outcome.dryRun && outcome.plan !== null && outcome.status !== 'nothing-to-migrate') {
    lines.push(planText({ ...outcome.plan, notes: outcome.notes }, context, options), ...head);
  } else if (tellsItems(outcome)) {
    lines.push(...head, ...itemsText(settledItems(outcome), outcome.plan, 'result', context));
    lines.push(...notesText(newNotes(outcome, options), context), ...placesText(outcome, context));
  } else {
    lines.push(...head, ...notesText(newNotes(outcome, options), context));
  }
  if (outcome.refusal !== null) lines.push(...refusalLines(outcome.refusal, context));
  lines.push(...nextText(outcome, context), ...timingText(outcome, terminal));
  return `${lines.join('\n')}\n`;
}

function tellsItems({ status }: MigrateOutcome): boolean {
  return status === 'migrated' || status === 'partial' || status === 'already-migrated' || status === 'put-back';
}

function newNotes({ notes, plan }: MigrateOutcome, { planShown }: ResultTextOptions): MigrateOutcome['notes'] {
  if (planShown !== true || plan === null) return notes;
  const shown = new Set(plan.notes.map((note) => JSON.stringify(note)));
  return notes.filter((note) => !shown.has(JSON.stringify(note)));
}

const createdOf = (items: readonly Item[], kind: Item['kind']): number =>
  items.filter((item) => item.kind === kind && item.outcome === 'created').length;

function headlineOf(
  outcome: MigrateOutcome,
  context: TextContext,
  { storeExists, filtered }: ResultTextOptions,
): readonly [Style, string] {
  const items = settledItems(outcome);
  const projects = createdOf(items, 'project');
  const orchestrators = createdOf(items, 'orchestrator');
  const done = `Migrated ${counted(projects, 'project')} and ${counted(orchestrators, 'orchestrator')}`;
  switch (outcome.status) {
    case 'migrated':
      return ['green', `${done}.`];
    case 'partial':
      if (outcome.dryRun || projects + orchestrators === 0) {
        return ['yellow', 'Not everything can be migrated now; nothing was changed. A later run completes it.'];
      }
      return ['yellow', `${done}; not everything could be. A later run completes it.`];
    case 'already-migrated':
      if (outcome.plan !== null && yieldsNothing(outcome.plan))
        return ['yellow', 'Nothing could be migrated: none of the projects can be; nothing was changed.'];
      return ['green', `${allText(outcome.plan === null ? 0 : unusableOf(outcome.plan).length)}; nothing was changed.`];
    case 'nothing-to-migrate':
      return [
        'green',
        `Nothing to migrate${filtered === true ? FILTERED : absenceText(outcome, context, storeExists)}; nothing was changed.`,
      ];
    case 'planned':
      return ['bold', 'Dry run: nothing was changed. Without --dry-run this plan is carried out.'];
    case 'declined':
      return ['bold', 'Declined; nothing was changed.'];
    case 'refused':
      return [
        'red',
        outcome.dryRun ? 'A real run would be refused; nothing was changed.' : 'Refused; nothing was changed.',
      ];
    case 'usage':
      return ['red', 'The command line cannot be carried out; nothing was changed.'];
    case 'failed':
      // Without a plan nothing had begun.
      return outcome.plan === null
        ? ['red', 'Failed before the first change.']
        : ['red', 'Failed, and not everything could be put back yet.'];
    case 'put-back':
      return ['red', 'Something went wrong, and everything was put back.'];
    case 'interrupted':
      return ['yellow', 'Interrupted; nothing was changed.'];
  }
}

function allText(unusable: number): string {
  if (unusable === 0) return 'Everything is there already';
  return `Everything that can be is there already, ${counted(unusable, 'project')} cannot be`;
}

/** A filter that names no project of the store is a usage error, so there are some. */
const FILTERED = ': --project and --exclude leave no project';

function absenceText({ plan }: MigrateOutcome, context: TextContext, storeExists: boolean | undefined): string {
  const root = plan === null ? null : pathText(plan.legacyRoot, context);
  if (storeExists === false) return root === null ? ': there is no old store' : `: there is no old store at ${root}`;
  return root === null ? ': there is no project' : `: there is no project in ${root}`;
}

function placesText(outcome: MigrateOutcome, context: TextContext): readonly string[] {
  const { backup, receipt } = outcome;
  const copies = receipt === null ? null : copiesText(outcome);
  const rows = [
    ...(backup === null ? [] : [{ label: 'Backup', text: pathText(backup, context) }]),
    ...(receipt === null ? [] : [{ label: 'Receipt', text: pathText(receipt, context) }]),
    ...(copies === null ? [] : [{ label: 'Copies', text: copies }]),
  ];
  return rows.length === 0 ? [] : ['', ...table(rows, context.terminal.width, 0)];
}

/**
 * A copy is one more place in which secrets lie (harness-sessions.md 6), and gives an id of Claude Code a second file, so
 * that in other folders the agent takes neither (1.4). Null where none was made.
 */
function copiesText(outcome: MigrateOutcome): string | null {
  const created = new Set(
    settledItems(outcome).flatMap((item) =>
      item.kind === 'orchestrator' && item.outcome === 'created' ? [item.id] : [],
    ),
  );
  const copied = (outcome.plan?.orchestrators ?? []).flatMap(({ id, copy }) =>
    copy?.destination === 'absent' && created.has(id) ? [copy.harness] : [],
  );
  if (copied.length === 0) return null;
  const text = 'hold what the conversations hold, secrets too; the receipt lists them.';
  return copied.includes('claude-code')
    ? `${text} From other folders \`claude --resume\` does not find their ids.`
    : text;
}

/** How to start and how to go back, where this run changed something. */
function nextText(outcome: MigrateOutcome, context: TextContext): readonly string[] {
  const items = settledItems(outcome);
  const inserted = createdOf(items, 'project') + createdOf(items, 'orchestrator') > 0;
  if (outcome.dryRun || !inserted) return [];
  const resumes = outcome.plan?.orchestrators.some(
    ({ id, marker }) =>
      marker !== null &&
      items.some((item) => item.kind === 'orchestrator' && item.id === id && item.outcome === 'created'),
  );
  const start = resumes === true ? 'Open the new app; it resumes the orchestrators.' : 'Open the new app.';
  const back = context.rollbackCommand === null ? '' : ` ${context.rollbackCommand} undoes this migration.`;
  const rows = [
    { label: 'To start', text: start },
    { label: 'To go back', text: `The old store is unchanged.${back}` },
  ];
  return ['', ...table(rows, context.terminal.width, 0)];
}

function timingText({ timing }: MigrateOutcome, terminal: Terminal): readonly string[] {
  if (timing === null) return [];
  const rows = Object.entries(timing).map(([phase, ms]) => ({ label: phase, text: `${ms.toFixed(1)} ms` }));
  return ['', terminal.paint('bold', 'Timing'), ...table(rows, terminal.width)];
}

/** A command line that was not understood: what is wrong and what was probably meant. Ends in a newline. */
export function usageText(error: UsageError, terminal: Terminal): string {
  const message = hanging('', terminal.show(error.message), terminal.width);
  const hint = hanging('', terminal.show(error.hint), terminal.width);
  return `${[...message.map((line) => terminal.paint('red', line)), ...hint].join('\n')}\n`;
}

/** The one line that a person sees of an unexpected error (migration.md 11); `details` is the file that holds the rest. */
export function unexpectedText(reference: string, details: string | null, context: TextContext): string {
  const where = details === null ? 'the details could not be kept' : `details: ${pathText(details, context)}`;
  return `${context.terminal.paint('red', `ao-migrate met an unexpected error, reference ${reference};`)} ${where}\n`;
}
