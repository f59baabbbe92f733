/** Parts of a migration in the order in which they begin; one may come twice, where a plan was made again. */
export const PHASES = ['recover', 'plan', 'guard', 'ask', 'lock', 'backup', 'conversations', 'rows', 'commit'] as const;
export type Phase = (typeof PHASES)[number];

/** How long each phase took, all of its times together. */
export interface Stopwatch {
  readonly begin: (phase: Phase) => void;
  /** Milliseconds by phase, and `total`; the running phase ends here. */
  readonly read: () => Readonly<Record<string, number>>;
}

/** @param now milliseconds of a clock that never goes back */
export function stopwatch(now: () => number): Stopwatch {
  const started = now();
  const spent = new Map<Phase, number>();
  let running: { readonly phase: Phase; readonly since: number } | null = null;
  const end = (at: number): void => {
    if (running !== null) spent.set(running.phase, (spent.get(running.phase) ?? 0) + at - running.since);
    running = null;
  };
  return {
    begin: (phase) => {
      const at = now();
      end(at);
      running = { phase, since: at };
    },
    read: () => {
      const at = now();
      end(at);
      const times = PHASES.flatMap((phase) => (spent.has(phase) ? [[phase, spent.get(phase) ?? 0] as const] : []));
      return Object.fromEntries([...times, ['total', at - started] as const].map(([name, ms]) => [name, rounded(ms)]));
    },
  };
}

/** To a hundredth of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
