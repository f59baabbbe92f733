import type { HarnessId } from '../contracts/facts';
import type { Terminal } from './terminal';

/** What the human texts depend on beside the value that they tell. */
export interface TextContext {
  readonly terminal: Terminal;
  /** Shown as `~`; null if unknown. */
  readonly home: string | null;
  /** Tell every note, and every project that is already there. */
  readonly verbose: boolean;
  /** The command that undoes a run, if this build has one. */
  readonly rollbackCommand: string | null;
}

const AGENTS: Readonly<Record<HarnessId, string>> = {
  'claude-code': 'Claude Code',
  codex: 'Codex',
  opencode: 'OpenCode',
};

export function agentName(harness: HarnessId): string {
  return AGENTS[harness];
}

/** `1 project`, `2 projects`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const UNITS = ['KB', 'MB', 'GB', 'TB'] as const;

/** Bytes in decimal units, as file managers tell them. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return counted(bytes, 'byte');
  let value = bytes;
  let unit: string = 'KB';
  for (const next of UNITS) {
    value /= 1000;
    unit = next;
    if (value < 999.5) break;
  }
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

/** What showing a path takes. */
type Shown = Pick<TextContext, 'home' | 'terminal'>;

/** A path as a person writes it: below the home with `~`, and safe to print. */
export function pathText(path: string, { home, terminal }: Shown): string {
  if (home === null || home === '' || !path.startsWith(home)) return terminal.show(path);
  const rest = path.slice(home.length);
  const below = rest === '' || rest.startsWith('/') || rest.startsWith('\\');
  return terminal.show(below ? `~${rest}` : path);
}

/** A sentence with paths in it, each as `pathText` shows it. */
export function sentenceText(text: string, { home, terminal }: Shown): string {
  // Of a home of one letter, `/`, nothing would be left to read.
  if (home === null || home.length < 2) return terminal.show(text);
  const literal = home.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const whole = new RegExp(`(?<![\\w./\\\\-])${literal}(?![\\w-]|\\.\\w)`, 'g');
  return terminal.show(text.replace(whole, '~'));
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
