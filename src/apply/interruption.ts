/** A signal asked the run to stop; thrown only where everything can still be put back. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(signal);
  }
}

/** Remembers a signal until the run reaches a safe point (migration.md 7, signals). */
export interface Interruption {
  /** @throws Interrupted if a signal has come */
  check(): void;
  /** The work has ended and its exit code stands: a signal from now on neither changes that nor kills (migration.md 10). */
  over(): void;
  stop(): void;
  /** Aborted when the first signal comes, with its Interrupted for a reason: ends a question at once. */
  readonly signal: AbortSignal;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * One Ctrl-C can arrive twice: from the terminal, and from a parent that hands on what it got itself. Milliseconds; a
 * person who means it presses again later than that.
 */
const ONE_KEY_PRESS = 500;

export interface SignalHandling {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Told of the first signal. */
  readonly onFirst?: () => void;
  /** Ends the process at once, on a second SIGINT: the journal lets the next run clean up. */
  readonly onSecond: () => never;
  /** Told of each signal after `over`. */
  readonly onLate: () => void;
}

/** Listens to the end of the process, unless `stop` gives the signals back to the system before. */
export function listenForSignals({ now, onFirst, onSecond, onLate }: SignalHandling): Interruption {
  let seen: (typeof SIGNALS)[number] | null = null;
  let firstInterrupt: number | null = null;
  let isOver = false;
  const abort = new AbortController();
  const handlers = SIGNALS.map((signal) => {
    const handler = (): void => {
      if (isOver) {
        onLate();
        return;
      }
      if (signal === 'SIGINT') {
        if (firstInterrupt !== null && now() - firstInterrupt >= ONE_KEY_PRESS) onSecond();
        firstInterrupt ??= now();
      }
      const isFirst = seen === null;
      seen ??= signal;
      abort.abort(new Interrupted(seen));
      if (isFirst) onFirst?.();
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return {
    signal: abort.signal,
    check: () => {
      if (seen !== null) throw new Interrupted(seen);
    },
    over: () => {
      isOver = true;
    },
    stop: () => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}
