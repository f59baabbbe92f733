import { Database } from 'bun:sqlite';

/** What the probe script leaves behind; the form of fixtures/schema/trigger-golden.json. */
export interface TriggerReplay {
  readonly format: 'ao-trigger-golden/1';
  readonly statements: number;
  /** How many entries each statement adds to change_log. */
  readonly events_per_statement: readonly number[];
  readonly change_log: readonly unknown[];
  readonly row_counts: Readonly<Record<string, number>>;
  readonly foreign_key_check: readonly unknown[];
}

const COUNTED = [
  'projects',
  'sessions',
  'pr',
  'pr_checks',
  'pr_comment',
  'pr_review_threads',
  'workspace_repos',
  'session_worktrees',
  'notifications',
  'review',
  'review_run',
];

/** Runs the probe on a private copy of a database without user rows. */
export function replayTriggers(db: Database, script: string): TriggerReplay {
  using copy = Database.deserialize(db.serialize());
  copy.run('PRAGMA foreign_keys = ON');
  const events = statementsOf(script).map((statement) => {
    const before = count(copy, 'change_log');
    copy.run(statement);
    return count(copy, 'change_log') - before;
  });
  return {
    format: 'ao-trigger-golden/1',
    statements: events.length,
    events_per_statement: events,
    change_log: copy
      .query<{ created_at: string }, []>(
        'SELECT seq, project_id, session_id, event_type, payload, created_at FROM change_log ORDER BY seq',
      )
      .all()
      .map((entry) => ({ ...entry, created_at: withoutWallClock(entry.created_at) })),
    row_counts: Object.fromEntries(COUNTED.map((table) => [table, count(copy, table)])),
    foreign_key_check: copy.query('PRAGMA foreign_key_check').all(),
  };
}

/** The script has no trigger bodies, so a statement ends with its line. */
function statementsOf(script: string): string[] {
  return script
    .split('\n')
    .map((line) => line.replace(/(^|;)\s*--.*$/, '$1'))
    .join('\n')
    .split(/;$/m)
    .filter((statement) => statement.trim() !== '');
}

function withoutWallClock(stamp: string): string {
  return /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(stamp) ? '<utc-wall-clock YYYY-MM-DD HH:MM:SS>' : stamp;
}

function count(db: Database, table: string): number {
  return db.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0;
}
