import type { RefusalReport } from '../contracts/outcome';
import { hanging } from './layout';
import { refusalLines } from './result-text';
import type { TextContext } from './words';

/** A refusal of a command that only looks: what, why, and what to do. Ends in a newline. */
export function refusalText(refusal: RefusalReport, context: Pick<TextContext, 'terminal' | 'home'>): string {
  const { terminal } = context;
  const head = hanging('', 'Refused; nothing was changed.', terminal.width).map((line) => terminal.paint('red', line));
  return `${[...head, ...refusalLines(refusal, context)].join('\n')}\n`;
}
