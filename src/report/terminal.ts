import { printable, printableAscii } from './printable';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type ColorChoice = 'auto' | 'always' | 'never';

/** One output stream as the text has to know it. */
export interface Terminal {
  /** A terminal, not a file or pipe. */
  readonly interactive: boolean;
  /** Lines may be overwritten: a terminal that obeys cursor movements. */
  readonly live: boolean;
  readonly color: boolean;
  /** Glyphs and names beyond ASCII can be shown. */
  readonly unicode: boolean;
  /** Columns to fill at most. */
  readonly width: number;
  paint(style: Style, text: string): string;
  /** A name or message from elsewhere, safe to print and within what the terminal can show. */
  show(text: string): string;
}

/** What decides on a `Terminal`: the environment and facts of the stream, nothing read from the process here. */
export interface TerminalFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: 'linux' | 'darwin' | 'win32';
  readonly isTTY: boolean;
  /** As the stream tells it; undefined or 0 where it does not know. */
  readonly columns: number | undefined;
  readonly color: ColorChoice;
}

const CODES: Readonly<Record<Style, readonly [open: number, close: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

const DEFAULT_WIDTH = 80;
/** Longer lines are harder to read than wrapped ones. */
const WIDEST = 100;
const NARROWEST = 20;

/** Colour, glyphs and width of one stream (migration.md 11). `--color` wins over NO_COLOR, which wins over the rest. */
export function terminalOf(facts: TerminalFacts): Terminal {
  const color = hasColor(facts);
  const unicode = hasUnicode(facts);
  return {
    interactive: facts.isTTY,
    live: facts.isTTY && !isDumb(facts),
    color,
    unicode,
    width: widthOf(facts),
    paint: (style, text) => {
      const [open, close] = CODES[style];
      return color && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text;
    },
    show: unicode ? printable : printableAscii,
  };
}

function isDumb({ env, platform }: TerminalFacts): boolean {
  // Windows consoles set no TERM and understand escape sequences all the same.
  return env.TERM === 'dumb' || (platform !== 'win32' && (env.TERM ?? '') === '');
}

function hasColor(facts: TerminalFacts): boolean {
  if (facts.color !== 'auto') return facts.color === 'always';
  return facts.isTTY && (facts.env.NO_COLOR ?? '') === '' && !isDumb(facts);
}

function hasUnicode({ env, platform }: TerminalFacts): boolean {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '');
  if (locale !== undefined) return /utf-?8/i.test(locale);
  // The old console's fonts lack the glyphs; Windows Terminal names itself.
  return platform === 'win32' && (env.WT_SESSION ?? '') !== '';
}

function widthOf({ columns, env }: TerminalFacts): number {
  // COLUMNS is how a person tells a pipe its width, as other tools understand it.
  const told = /^\d{1,4}$/.test(env.COLUMNS ?? '') ? Number(env.COLUMNS) : 0;
  const width = columns !== undefined && columns > 0 ? columns : told > 0 ? told : DEFAULT_WIDTH;
  return Math.min(WIDEST, Math.max(NARROWEST, width));
}
