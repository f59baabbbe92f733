import type { RefusalReport } from '../contracts/outcome';
import { hanging, table } from './layout';
import { sentenceText, type TextContext } from './words';

/** A refusal of a command that only looks: what, why, and what to do. Ends in a newline. */
export function refusalText(refusal: RefusalReport, context: Pick<TextContext, 'terminal' | 'home'>): string {
  const { terminal } = context;
  const head = hanging('', 'Refused; nothing was changed.', terminal.width).map((line) => terminal.paint('red', line));
  return `${[...head, ...refusalLines(refusal, context)].join('\n')}\n`;
}

/** Why, and what to do, with the code to look up. */
export function refusalLines(
  refusal: RefusalReport,
  context: Pick<TextContext, 'terminal' | 'home'>,
): readonly string[] {
  const rows = [
    { label: 'Why', text: `${sentenceText(refusal.message, context)} [${refusal.code}]` },
    { label: 'What to do', text: sentenceText(refusal.hint, context) },
  ];
  return table(rows, context.terminal.width, 0);
}
