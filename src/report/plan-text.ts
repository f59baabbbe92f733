import type { Item } from '../contracts/outcome';
import type { Plan } from '../contracts/plan';
import { itemsText } from './items-text';
import { table } from './layout';
import { notesText } from './notes-text';
import { plannedItems } from './status';
import { counted, pathText, type TextContext } from './words';

export interface PlanTextOptions {
  /** Where the backup will be; null where none will be made; absent where nothing is said of it. */
  readonly backup?: string | null;
}

/**
 * The whole plan for a person (migration.md 11): from where to where, projects, orchestrators with agent, branch and
 * conversation, what is lossy or skipped and why, notes, and the place of the backup. Ends in a newline.
 */
export function planText(plan: Plan, context: TextContext, options: PlanTextOptions = {}): string {
  const { terminal } = context;
  const made = plan.schemaVersion === 0 ? '' : ` (${plan.createsDatabase ? 'new, ' : ''}version ${plan.schemaVersion})`;
  const rows = [
    { label: 'From', text: pathText(plan.legacyRoot, context) },
    { label: 'To', text: pathText(plan.database, context) + made },
  ];
  if (options.backup !== undefined) {
    rows.push({ label: 'Backup', text: options.backup === null ? 'none' : pathText(options.backup, context) });
  }
  const lines = [
    ...table(rows, terminal.width, 0),
    ...itemsText(plannedItems(plan), plan, 'plan', context),
    ...notesText(plan.notes, context),
  ];
  return `${lines.join('\n')}\n`;
}

/** What is asked before anything changes; without the choices, which the prompt adds. */
export function questionText(items: readonly Item[]): string {
  const count = (kind: Item['kind']): number =>
    items.filter((item) => item.kind === kind && item.outcome === 'created').length;
  return `Migrate ${counted(count('project'), 'project')} and ${counted(count('orchestrator'), 'orchestrator')}?`;
}
