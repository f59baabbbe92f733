/** What must not outlive the process, newest last: private directories, programs that it runs. */
const works = new Set<() => void>();

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;
type SignalName = keyof typeof CODES;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let listening: readonly (readonly [SignalName, () => void])[] = [];

/**
 * Has `work` done if the process must end at once, where nothing can be waited for. While anything is waiting so, a signal
 * that nobody else listens to ends the process with its code (migration.md 2) instead of killing it.
 *
 * @returns takes it back, because it is done
 */
export function atSuddenEnd(work: () => void): () => void {
  works.add(work);
  if (listening.length === 0) listen();
  return () => {
    works.delete(work);
    if (works.size > 0) return;
    for (const [signal, handler] of listening) process.off(signal, handler);
    listening = [];
  };
}

/** Does all that is waiting, newest first: a program ends before the directory goes in which it writes. Never throws. */
export function clearSuddenly(): void {
  for (const work of [...works].reverse()) {
    works.delete(work);
    try {
      work();
    } catch {
      // The next run removes what a process that is gone has left.
    }
  }
}

function listen(): void {
  listening = SIGNALS.map((signal) => {
    const handler = (): void => {
      // A command that listens itself ends at its next safe point.
      if (process.listenerCount(signal) > 1) return;
      clearSuddenly();
      process.exit(CODES[signal]);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
}
