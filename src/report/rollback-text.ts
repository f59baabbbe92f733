import type { RollbackItem } from '../apply/rollback-items';
import type { UndoOutcome } from '../migrate/undo';
import { hanging, table } from './layout';
import { notesText } from './notes-text';
import { refusalLines } from './refusal-text';
import type { Style } from './terminal';
import { counted, listed, pathText, sentenceText, type TextContext } from './words';

const SIGNS = { removed: '-', refused: '!', absent: '=', left: '=' } as const;
const NOUNS = {
  project: 'project',
  orchestrator: 'orchestrator',
  conversation: 'conversation',
  database: 'database',
} as const;

/** What a rollback removes, in the words of the plan. Ends in a newline. */
export function rollbackPlanText(runId: string, items: readonly RollbackItem[], context: TextContext): string {
  return `${[`The run ${runId} made:`, ...itemLines(items, context)].join('\n')}\n`;
}

export function rollbackQuestion(items: readonly RollbackItem[]): string {
  const count = (kind: RollbackItem['kind']): number =>
    items.filter((item) => item.kind === kind && item.outcome === 'removed').length;
  const nouns = (['project', 'orchestrator', 'conversation'] as const).filter((kind) => count(kind) > 0);
  const file = count('database') > 0 ? ['the database'] : [];
  const what = listed([...nouns.map((kind) => counted(count(kind), kind)), ...file]);
  return what === '' ? 'Nothing is left to remove; mark the run as undone?' : `Remove ${what}?`;
}

/** How a rollback ended, for a person. Ends in a newline. */
export function rollbackText(outcome: UndoOutcome, context: TextContext, planShown: boolean): string {
  const { terminal } = context;
  const [style, headline] = headlineOf(outcome);
  const lines = hanging('', headline, terminal.width).map((line) => terminal.paint(style, line));
  if (!planShown || outcome.status === 'undone' || outcome.status === 'partly-undone')
    lines.push(...itemLines(outcome.items, context));
  lines.push(...notesText(outcome.notes, context));
  if (outcome.refusal !== null) lines.push(...refusalLines(outcome.refusal, context));
  if (outcome.backup !== null && (outcome.status === 'undone' || outcome.status === 'partly-undone')) {
    lines.push(
      '',
      ...table([{ label: 'Backup', text: `${pathText(outcome.backup, context)} (stays)` }], terminal.width, 0),
    );
  }
  return `${lines.join('\n')}\n`;
}

function headlineOf({ status, runId }: UndoOutcome): readonly [Style, string] {
  switch (status) {
    case 'undone':
      return ['green', `The run ${runId} is undone. The old store was never changed.`];
    case 'partly-undone':
      return ['yellow', `The run ${runId} is undone in part; what has been changed since stays.`];
    case 'nothing-to-undo':
      return ['green', 'There is nothing to undo.'];
    case 'planned':
      return ['bold', `Dry run: nothing was changed. Without --dry-run the run ${runId} would be undone like this:`];
    case 'declined':
      return ['bold', 'Declined; nothing was changed.'];
    case 'refused':
      return ['red', 'Refused; nothing was changed.'];
    case 'interrupted':
      return ['bold', 'Interrupted; nothing of the run was removed.'];
    default:
      return ['red', 'Not undone.'];
  }
}

function itemLines(items: readonly RollbackItem[], context: TextContext): string[] {
  return items.flatMap(({ kind, id, outcome, reason }) => {
    const said = { removed: '', refused: ' stays', absent: ' was gone already', left: ' stays' }[outcome];
    const why = reason === undefined ? '' : `: ${sentenceText(reason, context)}`;
    // A database has its path for a name.
    return hanging(
      `  ${SIGNS[outcome]} `,
      `${NOUNS[kind]} ${pathText(id, context)}${said}${why}`,
      context.terminal.width,
    );
  });
}
