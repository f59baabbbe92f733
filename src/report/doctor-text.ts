import type { Check } from '../doctor/check';
import type { Diagnosis } from './doctor-document';
import { hanging } from './layout';
import { refusalLines } from './result-text';
import type { Style } from './terminal';
import { counted, pathText, sentenceText, type TextContext } from './words';

const SIGNS: Readonly<Record<Check['state'], readonly [unicode: string, ascii: string, style: Style]>> = {
  pass: ['✓', '+', 'green'],
  warn: ['!', '!', 'yellow'],
  fail: ['✗', 'x', 'red'],
};

/** What `doctor` found, for a person, in one screen: what fails last, where the eye is. Ends in a newline. */
export function doctorText(diagnosis: Diagnosis, context: TextContext): string {
  const { terminal } = context;
  const { checks, bundle, refusal } = diagnosis;
  const lines = checks.flatMap((check) => checkLines(check, context));
  const [style, headline] = headlineOf(checks);
  if (checks.length > 0) lines.push('', ...painted(style, headline, context));
  if (refusal !== null) lines.push(...refusalLines(refusal, context));
  if (bundle !== null) {
    const what = `The support archive is ${pathText(bundle, context)}. Look into it before you send it, if you like.`;
    lines.push(...hanging('', what, terminal.width));
  }
  return `${lines.join('\n')}\n`;
}

function checkLines({ title, state, message, next, code }: Check, context: TextContext): readonly string[] {
  const { terminal } = context;
  const [unicode, ascii, style] = SIGNS[state];
  const sign = terminal.unicode ? unicode : ascii;
  const named = code === null ? '' : ` [${code}]`;
  const [first = '', ...rest] = hanging(
    '  ',
    `${terminal.show(title)}: ${sentenceText(message, context)}${named}`,
    terminal.width,
    4,
  );
  const lines = [terminal.paint(style, sign) + first.slice(1), ...rest];
  if (next === null) return lines;
  const arrow = terminal.unicode ? '→' : '->';
  return [...lines, ...hanging(`    ${arrow} `, sentenceText(next, context), terminal.width)];
}

function headlineOf(checks: readonly Check[]): readonly [Style, string] {
  const count = (state: Check['state']): number => checks.filter((check) => check.state === state).length;
  const [wrong, odd] = [count('fail'), count('warn')];
  const toLookAt = odd === 0 ? '' : `; ${counted(odd, 'thing')} to look at`;
  if (wrong > 0) return ['red', `${counted(wrong, 'thing')} must be put right first${toLookAt}.`];
  return odd === 0 ? ['green', 'Nothing is wrong.'] : ['green', `Nothing is wrong${toLookAt}.`];
}

function painted(style: Style, text: string, { terminal }: TextContext): readonly string[] {
  return hanging('', text, terminal.width).map((line) => terminal.paint(style, line));
}
