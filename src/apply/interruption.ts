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
  stop(): void;
  /** Aborted when the first signal comes: ends a question at once. */
  readonly signal: AbortSignal;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Listens until `stop`. A second SIGINT ends the process at once: the journal lets the next run clean up. */
export function listenForSignals(onSecond: () => never): Interruption {
  let seen: (typeof SIGNALS)[number] | null = null;
  let interrupts = 0;
  const abort = new AbortController();
  const handlers = SIGNALS.map((signal) => {
    const handler = (): void => {
      if (signal === 'SIGINT') interrupts += 1;
      if (interrupts > 1) onSecond();
      seen ??= signal;
      abort.abort();
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return {
    signal: abort.signal,
    check: () => {
      if (seen !== null) throw new Interrupted(seen);
    },
    stop: () => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}

/** Returns when a signal that has come by now was heard: long work without a pause hears none. */
export function signalsSeen(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
