import type { VerifyOutcome } from '../verify/run-verify';
import type { Check } from '../verify/verify';
import { hanging } from './layout';
import { notesText } from './notes-text';
import { refusalLines } from './refusal-text';
import type { Style } from './terminal';
import { pathText, sentenceText, type TextContext } from './words';

const SIGNS = { ok: '=', 'changed-since': '~', undone: '-', damaged: '!' } as const;

const NEXT =
  'A new run does not mend this. `ao-migrate rollback` undoes what is still whole; the backup of the run holds the rest. ' +
  'If you did not change it yourself, send support the file of `ao-migrate doctor --bundle FILE`.';

/** What `verify` found, for a person: damage first, then what has been gone on with; what is as written only in number. */
export function verifyText(outcome: VerifyOutcome, context: TextContext): string {
  const { terminal, verbose } = context;
  const [style, headline] = headlineOf(outcome);
  const lines = hanging('', headline, terminal.width).map((line) => terminal.paint(style, line));
  for (const state of ['damaged', 'changed-since', 'undone', 'ok'] as const) {
    const checks = outcome.checks.filter((check) => check.state === state);
    if (state === 'ok' && !verbose) {
      if (checks.length > 0) lines.push(`  = ${checks.length} as written`);
      continue;
    }
    for (const check of checks) lines.push(...hanging(`  ${SIGNS[state]} `, checkLine(check, context), terminal.width));
  }
  if (outcome.status === 'found') lines.push('', ...hanging(`${terminal.unicode ? '→' : '->'} `, NEXT, terminal.width));
  lines.push(...notesText(outcome.notes, context));
  if (outcome.refusal !== null) lines.push(...refusalLines(outcome.refusal, context));
  return `${lines.join('\n')}\n`;
}

function checkLine({ kind, id, state, detail }: Check, context: TextContext): string {
  const said = state === 'changed-since' ? 'changed since' : state;
  const why = detail === undefined ? '' : ` (${sentenceText(detail, context)})`;
  // A file, a store and a database have their path for a name.
  return `${kind} ${pathText(id, context)}: ${said}${why}`;
}

function headlineOf({ status, runId, checks }: VerifyOutcome): readonly [Style, string] {
  switch (status) {
    case 'ok':
      if (checks.some(({ state }) => state === 'undone'))
        return ['green', `What a rollback left of the run ${runId} is in order; what it has removed is told below.`];
      return checks.some(({ state }) => state === 'changed-since')
        ? ['green', `All that the run ${runId} wrote is in order; what has changed since is told below.`]
        : ['green', `All that the run ${runId} wrote is as it was written.`];
    case 'found':
      return ['red', `The run ${runId} is not as it was written.`];
    case 'nothing':
      return ['green', 'There is no run to verify.'];
    default:
      return ['red', 'Not verified.'];
  }
}
