import type { Database } from 'bun:sqlite';
import type { MarkerRow, Plan, ProjectRow, SessionRow } from '../contracts/plan';
import { encodeConfig } from './config';
import { attempt } from './savepoint';

/** What a run adds to the three tables. */
export interface RowSet {
  readonly projects: readonly ProjectRow[];
  readonly orchestrators: readonly OrchestratorRows[];
}
export interface OrchestratorRows {
  readonly session: SessionRow;
  readonly marker: MarkerRow | null;
}

/** A row that the database did not take, with the database's reason. */
export interface RowFailure {
  readonly kind: 'project' | 'orchestrator';
  readonly id: string;
  readonly reason: string;
}

export interface Inserted {
  /** The rows that went in. */
  readonly rows: RowSet;
  readonly failures: readonly RowFailure[];
  /** The rows of change_log that the database's triggers wrote for them, ascending. */
  readonly changes: readonly { readonly seq: number; readonly sessionId: string }[];
}

/** A row that is not as it was to be written. Names columns, never values: they may hold secrets. */
export interface RowDifference {
  readonly table: 'projects' | 'sessions' | 'session_worktrees';
  readonly id: string;
  /** Empty where the row is missing, or one is there that should not. */
  readonly columns: readonly string[];
}

type Table = RowDifference['table'];
type Value = string | number | null;
export type Columns = Readonly<Record<string, Value>>;

/** The rows that a plan wants created, in the order of the plan. */
export function plannedRows(plan: Pick<Plan, 'projects' | 'orchestrators'>): RowSet {
  return {
    projects: plan.projects.flatMap(({ outcome, row }) => (outcome === 'created' && row !== null ? [row] : [])),
    orchestrators: plan.orchestrators.flatMap(({ outcome, row: session, marker }) =>
      outcome === 'created' && session !== null ? [{ session, marker }] : [],
    ),
  };
}

/**
 * Inserts the rows, naming the tool's own columns only, inside the transaction that is open. Existing rows are never
 * changed. A project, or an orchestrator with its marker, that cannot be inserted is left out with the reason and stops no
 * other (migration.md 7). Throws the driver's error where the database itself is at fault (full, I/O, damaged).
 */
export function insertRows(db: Database, rows: RowSet): Inserted {
  const failures: RowFailure[] = [];
  const lastChange = newestChange(db);
  const taken = <T>(kind: RowFailure['kind'], id: string, whole: T, insert: () => void): T[] => {
    const reason = attempt(db, () => {
      insert();
      return null;
    });
    if (reason !== null) failures.push({ kind, id, reason });
    return reason === null ? [whole] : [];
  };
  const projects = rows.projects.flatMap((row) =>
    taken('project', row.id, row, () => insert(db, 'projects', projectColumns(row))),
  );
  const orchestrators = rows.orchestrators.flatMap((both) =>
    taken('orchestrator', both.session.id, both, () => {
      insert(db, 'sessions', sessionColumns(both.session));
      if (both.marker !== null) insert(db, 'session_worktrees', markerColumns(both.marker));
    }),
  );
  return { rows: { projects, orchestrators }, failures, changes: changesAfter(db, lastChange) };
}

/** Compares every column of the rows, value and type, with what is in the database; empty if all is as written. */
export function verifyRows(db: Database, rows: RowSet): RowDifference[] {
  return [
    ...rows.projects.flatMap((row) =>
      compare(db, 'projects', row.id, { id: row.id }, { ...projectColumns(row), archived_at: null }),
    ),
    ...rows.orchestrators.flatMap(({ session, marker }) => [
      ...compare(db, 'sessions', session.id, { id: session.id }, { ...sessionColumns(session), issue_id: '' }),
      ...compare(db, 'session_worktrees', session.id, { session_id: session.id }, marker && markerColumns(marker)),
    ]),
  ];
}

/** The difference in words, without any value. */
export function describeDifference({ table, id, columns }: RowDifference): string {
  return columns.length === 0
    ? `${table} ${id}: not as many rows as written`
    : `${table} ${id}: ${columns.join(', ')} differ`;
}

export function projectColumns(row: ProjectRow): Columns {
  return {
    id: row.id,
    path: row.path,
    repo_origin_url: row.repo_origin_url,
    display_name: row.display_name,
    registered_at: row.registered_at,
    config: encodeConfig(row.config),
    kind: row.kind,
  };
}

export function sessionColumns(row: SessionRow): Columns {
  return {
    id: row.id,
    project_id: row.project_id,
    num: row.num,
    kind: row.kind,
    harness: row.harness,
    activity_state: row.activity_state,
    activity_last_at: row.activity_last_at,
    is_terminated: row.is_terminated,
    branch: row.branch,
    workspace_path: row.workspace_path,
    runtime_handle_id: row.runtime_handle_id,
    agent_session_id: row.agent_session_id,
    prompt: row.prompt,
    created_at: row.created_at,
    updated_at: row.updated_at,
    display_name: row.display_name,
    first_signal_at: row.first_signal_at,
  };
}

export function markerColumns(row: MarkerRow): Columns {
  return {
    session_id: row.session_id,
    repo_name: row.repo_name,
    branch: row.branch,
    base_sha: row.base_sha,
    worktree_path: row.worktree_path,
    preserved_ref: row.preserved_ref,
    state: row.state,
  };
}

function insert(db: Database, table: Table, columns: Columns): void {
  const names = Object.keys(columns);
  const marks = names.map(() => '?').join(', ');
  db.query(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${marks})`).run(...Object.values(columns).map(stored));
}

function newestChange(db: Database): number {
  return db.query<{ seq: number }, []>('SELECT COALESCE(MAX(seq), 0) AS seq FROM change_log').get()?.seq ?? 0;
}

function changesAfter(db: Database, seq: number): Inserted['changes'] {
  return db
    .query<{ seq: number; sessionId: string }, [number]>(
      'SELECT seq, session_id AS sessionId FROM change_log WHERE seq > ? ORDER BY seq',
    )
    .all(seq);
}

/** `expected` null: no row must be there. */
function compare(db: Database, table: Table, id: string, key: Columns, expected: Columns | null): RowDifference[] {
  const names = Object.keys(expected ?? key);
  const [[keyName = '', keyValue = null] = []] = Object.entries(key);
  const found = db
    .query<Columns, [Value]>(`SELECT ${names.join(', ')} FROM ${table} WHERE ${keyName} = ?`)
    .all(stored(keyValue));
  const [row] = found;
  if (expected === null || row === undefined || found.length > 1) {
    return found.length === (expected === null ? 0 : 1) ? [] : [{ table, id, columns: [] }];
  }
  // The affinities of these columns leave no number that is equal and of another storage class.
  const columns = names.filter((name) => row[name] !== stored(expected[name] ?? null));
  return columns.length === 0 ? [] : [{ table, id, columns }];
}

/** SQLite keeps UTF-8, which has no half surrogate pairs: what is bound and what is compared are the same text. */
function stored(value: Value): Value {
  return typeof value === 'string' ? value.toWellFormed() : value;
}
