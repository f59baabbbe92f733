import type { Check } from '../doctor/check';
import type { Diagnosis } from './doctor-document';
import { columns, hanging } from './layout';
import { refusalLines } from './refusal-text';
import type { Style } from './terminal';
import { counted, pathText, sentenceText, type TextContext } from './words';

const SIGNS: Readonly<Record<Check['state'], readonly [unicode: string, ascii: string, style: Style]>> = {
  pass: ['✓', '+', 'green'],
  warn: ['!', '!', 'yellow'],
  fail: ['✗', 'x', 'red'],
};

/** What `doctor` found, for a person, in one screen: the sum last, where the eye is. Ends in a newline. */
export function doctorText(diagnosis: Diagnosis, context: TextContext): string {
  const { terminal } = context;
  const { checks, bundle, refusal } = diagnosis;
  const start = Math.max(0, ...checks.map(({ title }) => columns(terminal.show(title)))) + 4;
  const lines = checks.flatMap((check) => checkLines(check, start, context));
  const [style, headline] = headlineOf(checks);
  if (checks.length > 0) lines.push('', ...painted(style, headline, context));
  if (refusal !== null) lines.push(...refusalLines(refusal, context));
  if (bundle !== null) {
    const what = `The support archive is ${pathText(bundle, context)}. Look into it before you send it, if you like.`;
    lines.push(...hanging('', what, terminal.width));
  }
  return `${lines.join('\n')}\n`;
}

/** Below this the text goes under its title. */
const LEAST = 30;

function checkLines(check: Check, start: number, context: TextContext): readonly string[] {
  const { terminal } = context;
  const { state, title, message, next, code } = check;
  const [unicode, ascii, style] = SIGNS[state];
  const name = `${terminal.unicode ? unicode : ascii} ${terminal.show(title)}`;
  const said = `${sentenceText(message, context)}${code === null ? '' : ` [${code}]`}`;
  const isBelow = terminal.width - start < LEAST;
  const hang = isBelow ? 4 : start;
  const pad = ' '.repeat(hang);
  const head = isBelow
    ? [...hanging('', name, terminal.width), ...hanging(pad, said, terminal.width)]
    : hanging(name + ' '.repeat(start - columns(name)), said, terminal.width);
  const arrow = terminal.unicode ? '→' : '->';
  const advice = next === null ? [] : hanging(`${pad}${arrow} `, sentenceText(next, context), terminal.width);
  const [first = '', ...rest] = head;
  return [terminal.paint(style, first.slice(0, 1)) + first.slice(1), ...rest, ...advice];
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
