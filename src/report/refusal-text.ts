import type { RefusalReport } from '../contracts/outcome';
import { hanging } from './layout';
import { refusalLines } from './result-text';
import type { Terminal } from './terminal';

/** A refusal of a command that only looks: what, why, and what to do. Ends in a newline. */
export function refusalText(refusal: RefusalReport, terminal: Terminal): string {
  const head = hanging('', 'Refused; nothing was changed.', terminal.width).map((line) => terminal.paint('red', line));
  return `${[...head, ...refusalLines(refusal, terminal)].join('\n')}\n`;
}
