import type { MigrateStatus } from '../contracts/outcome';
import type { Phase } from '../migrate/phases';
import type { Progress } from '../sessions/harness';

/** One line of `--progress ndjson`. `ms`: milliseconds since the program began. */
export type ProgressEvent =
  | { readonly event: 'phase'; readonly phase: Phase; readonly ms: number }
  /** Bytes of conversations. */
  | { readonly event: 'copy'; readonly done: number; readonly total: number; readonly ms: number }
  | { readonly event: 'end'; readonly status: MigrateStatus; readonly exitCode: number; readonly ms: number };

/** Between two events of a copy; the first and the last are always told. */
const PAUSE_MS = 100;

export interface ProgressEvents {
  readonly phase: (phase: Phase) => void;
  readonly copying: (total: number) => Progress;
  readonly end: (status: MigrateStatus, exitCode: number) => void;
}

/** @param now milliseconds since the program began */
export function progressEvents(now: () => number, write: (event: ProgressEvent) => void): ProgressEvents {
  const ms = (): number => Math.round(now());
  return {
    phase: (phase) => write({ event: 'phase', phase, ms: ms() }),
    copying: (total) => {
      let done = 0;
      let told: number | null = null;
      return {
        advance: (bytes) => {
          done += bytes;
          const at = now();
          if (told !== null && done < total && at - told < PAUSE_MS) return;
          told = at;
          write({ event: 'copy', done, total, ms: ms() });
        },
      };
    },
    end: (status, exitCode) => write({ event: 'end', status, exitCode, ms: ms() }),
  };
}
