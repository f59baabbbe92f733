import { bytesToCopy } from '../apply/conversations';
import type { MigrateOutcome } from '../contracts/outcome';
import type { Plan } from '../contracts/plan';
import { type Phase, stopwatch } from '../migrate/phases';
import { type Bar, progressBar } from '../report/progress-bar';
import { progressEvents } from '../report/progress-events';
import type { Terminal } from '../report/terminal';
import type { Output } from '../report/writer';
import type { Progress } from '../sessions/harness';
import type { FlagValues } from './arguments';
import type { ProgressOutput } from './progress-output';

export interface ObserverTools {
  readonly flags: Pick<FlagValues, 'json' | 'progress' | 'timing'>;
  readonly output: ProgressOutput | null;
  readonly terminal: Terminal;
  readonly stderr: Output;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Tells how far a migration is: to a person as a bar, to a program as NDJSON, and afterwards as times. */
export interface Observer {
  readonly phase: (phase: Phase) => void;
  readonly progress: (plan: Plan) => Progress;
  /** Takes the bar away, tells the end, and gives the outcome its times. */
  readonly end: (outcome: MigrateOutcome) => MigrateOutcome;
}

export function observer({ flags, output, terminal, stderr, now }: ObserverTools): Observer {
  const started = now();
  const watch = stopwatch(now);
  const events = output === null ? null : progressEvents(() => now() - started, output.write);
  const hasBar = events === null && flags.progress === 'auto' && !flags.json;
  let bar: Bar | null = null;
  return {
    phase: (phase) => {
      if (phase !== 'conversations') bar?.end();
      watch.begin(phase);
      events?.phase(phase);
    },
    progress: (plan) => {
      const total = bytesToCopy(plan);
      if (events !== null) return events.copying(total);
      if (!hasBar) return { advance: () => undefined };
      bar = progressBar({ terminal, total, now, write: (text) => void stderr.write(text) });
      return bar;
    },
    end: (outcome) => {
      bar?.end();
      events?.end(outcome.status, outcome.exitCode);
      return flags.timing ? { ...outcome, timing: watch.read() } : outcome;
    },
  };
}
