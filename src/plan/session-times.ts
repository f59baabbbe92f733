import type { SessionRecord } from '../contracts/legacy';
import type { Provenance } from '../contracts/plan';
import { daemonTime } from '../rewrite/time';
import { fromFileTime, parseInstant, RUN_TIME } from './timestamps';

const FILE_TIME = 'modification time of the record';

/** The times of a session row, with their sources (legacy-store.md 4.8). */
export interface SessionTimes {
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly activityAt: string;
  readonly createdAtMs: number | null;
}

/** created_at, updated_at, activity: the first valid date of each list (legacy-store.md 4.8). */
export function sessionTimes(
  record: SessionRecord,
  nowMs: number,
): {
  value: SessionTimes;
  invalid: string[];
  provenance: Record<string, Provenance>;
} {
  const { startedAt, lastTransitionAt, lastObservedAt } = record.lifecycle;
  const invalid: string[] = [];
  const first = (...sources: (readonly [key: string, text: string | null])[]): { time: number; key: string } | null => {
    for (const [key, text] of sources) {
      const time = parseInstant(text);
      if (time !== null) return { time, key };
      if (text !== null && !invalid.includes(key)) invalid.push(key);
    }
    return null;
  };
  const written = first(['createdAt', record.createdAt]);
  const fileTime = fromFileTime(record.mtimeMs);
  const modified = fileTime === null ? { time: nowMs, key: RUN_TIME } : { time: fileTime, key: FILE_TIME };
  const created = written ?? first(['lifecycle.session.startedAt', startedAt]) ?? modified;
  const moved = first(['lifecycle.session.lastTransitionAt', lastTransitionAt]);
  const updated = moved ?? created;
  const active = moved ?? first(['lifecycle.runtime.lastObservedAt', lastObservedAt]) ?? created;
  const why = ({ key }: { key: string }): Provenance =>
    key === RUN_TIME || key === FILE_TIME
      ? { rule: key, from: [] }
      : { rule: 'as written', from: [{ file: record.file, keys: key.split('.') }] };
  return {
    value: {
      createdAt: daemonTime(created.time),
      updatedAt: daemonTime(updated.time),
      activityAt: daemonTime(active.time),
      createdAtMs: written?.time ?? null,
    },
    invalid,
    provenance: {
      created_at: why(created),
      updated_at: why(updated),
      activity_last_at: why(active),
      first_signal_at: why(active),
    },
  };
}
