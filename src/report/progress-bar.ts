import type { Progress } from '../sessions/harness';
import type { Terminal } from './terminal';
import { sizeText } from './words';

/** A copy that is over sooner needs no bar (migration.md 11). */
const PATIENCE_MS = 1_000;
/** Between two pictures. */
const PAUSE_MS = 100;
const WIDEST_BAR = 30;
const NARROWEST_BAR = 5;

export interface BarTools {
  readonly terminal: Terminal;
  /** Bytes that will be copied. */
  readonly total: number;
  /** Milliseconds. */
  readonly now: () => number;
  readonly write: (text: string) => void;
}

export interface Bar extends Progress {
  /** Takes the bar away. */
  end(): void;
}

/** A bar in one line that is drawn over itself, on a terminal that allows it, for a copy that takes longer than a second. */
export function progressBar({ terminal, total, now, write }: BarTools): Bar {
  const started = now();
  let done = 0;
  let drawn: number | null = null;
  return {
    advance: (bytes) => {
      done += bytes;
      const at = now();
      if (!terminal.live || at - started < PATIENCE_MS) return;
      // The last picture stays while what was written is compared with its source, so it must be the whole.
      if (drawn !== null && at - drawn < PAUSE_MS && done < total) return;
      drawn = at;
      write(`\r${barText(Math.min(done, total), total, terminal)}\u001b[K`);
    },
    end: () => {
      if (drawn !== null) write('\r\u001b[K');
      drawn = null;
    },
  };
}

/** The line itself; narrower than the terminal, so that it never wraps. */
export function barText(done: number, total: number, terminal: Terminal): string {
  const share = total === 0 ? 1 : done / total;
  const numbers = `${String(Math.floor(share * 100)).padStart(3)}% of ${sizeText(total)}`;
  const title = 'Copying ';
  const room = Math.min(WIDEST_BAR, terminal.width - title.length - numbers.length - 2);
  if (room < NARROWEST_BAR) return `${title}${numbers.trimStart()}`.slice(0, terminal.width - 1);
  const full = Math.floor(share * room);
  const [on, off] = terminal.unicode ? ['█', '░'] : ['#', '-'];
  return `${title}${terminal.paint('cyan', on.repeat(full))}${terminal.paint('dim', off.repeat(room - full))} ${numbers}`;
}
