import type { Standing } from '../contracts/standing';
import { hanging, type Row, table } from './layout';
import { notesText } from './notes-text';
import { refusalLines } from './refusal-text';
import type { Style } from './terminal';
import { counted, listed, pathText, sentenceText, type TextContext } from './words';

/** Where the migration stands, for a person, in one screen. Ends in a newline. */
export function statusText(standing: Standing, context: TextContext): string {
  const { terminal } = context;
  const [style, headline] = headlineOf(standing);
  const lines = hanging('', headline, terminal.width).map((line) => terminal.paint(style, line));
  if (standing.refusal !== null) lines.push(...refusalLines(standing.refusal, context), '');
  lines.push(...table(rowsOf(standing, context), terminal.width, 0));
  lines.push(...notesText(standing.notes, context));
  return `${lines.join('\n')}\n`;
}

function headlineOf(standing: Standing): readonly [Style, string] {
  const { status, pending, unusable, yieldsNothing, hasStore, lastRun } = standing;
  if (!hasStore && lastRun !== null) {
    const absent = 'there is no old store here now';
    if (status === 'done') return ['green', `Done: the last run migrated its store; ${absent}.`];
    if (status === 'partial')
      return [
        'yellow',
        `Partly done: the last run left something, or what it wrote is no longer there, and ${absent}.`,
      ];
    if (status === 'undone') return ['yellow', `The migration was undone, and ${absent}.`];
  }
  switch (status) {
    case 'none':
      return ['green', 'There is no old store; nothing is to be migrated.'];
    case 'empty':
      return ['green', 'The old store has no projects; nothing is to be migrated.'];
    case 'done':
      if (yieldsNothing) return ['yellow', 'Nothing could be migrated: no project of the old store can be.'];
      return unusable.length === 0
        ? ['green', 'Done: everything is migrated.']
        : ['yellow', `Done: everything that can be is migrated, ${counted(unusable.length, 'project')} cannot be.`];
    case 'undone':
      return ['yellow', 'The migration was undone. `ao-migrate` migrates again.'];
    case 'partial':
      return [
        'yellow',
        'Partly done: something could not be migrated yet. `ao-migrate --dry-run` tells what and why, `ao-migrate` completes it.',
      ];
    case 'pending': {
      const projects = pending?.projects ?? 0;
      const orchestrators = pending?.orchestrators ?? 0;
      const what = listed([
        ...(projects > 0 ? [counted(projects, 'project')] : []),
        ...(orchestrators > 0 ? [counted(orchestrators, 'orchestrator')] : []),
      ]);
      return ['yellow', `Pending: ${what === '' ? 'something' : what} to migrate. Run \`ao-migrate\`.`];
    }
    case 'unreadable':
      return ['red', 'It cannot be told whether a migration is pending.'];
    default:
      return ['red', 'The status cannot be told; nothing was changed.'];
  }
}

function rowsOf(standing: Standing, context: TextContext): Row[] {
  const { legacyRoot, dataDir, running, lastRun, unfinished, postinstall } = standing;
  const { show } = context.terminal;
  const rows: Row[] = [];
  const add = (label: string, text: string | null): void => {
    if (text !== null) rows.push({ label, text });
  };
  add('Old store', legacyRoot === null || standing.status === 'none' ? null : pathText(legacyRoot, context));
  add('New app', dataDir === null ? null : pathText(dataDir, context));
  if (lastRun !== null) {
    const outcome = lastRun.outcome === null || lastRun.status === 'undone' ? '' : `, ${show(lastRun.outcome)}`;
    const undone = lastRun.partlyUndone ? ', undone in part' : '';
    add('Last run', `${lastRun.runId}: ${lastRun.status}${outcome}${undone} (${pathText(lastRun.receipt, context)})`);
  }
  for (const { id, reason } of standing.unusable) add('Project', `${show(id)}: ${sentenceText(reason, context)}`);
  for (const runId of unfinished) add('Interrupted', `${show(runId)}; the next run finishes or undoes it first`);
  add('Running', running.legacy === null ? null : show(running.legacy));
  add('Running', running.daemon === null ? null : show(running.daemon));
  if (postinstall !== null) {
    const time = postinstall.time === null ? '' : ` (${show(postinstall.time)})`;
    add('Install', `the last install did not migrate: ${show(postinstall.code ?? 'no reason is recorded')}${time}`);
  }
  return rows;
}
