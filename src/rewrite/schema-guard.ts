import type { Database } from 'bun:sqlite';
import type { MarkerRow, ProjectRow, SessionRow } from '../contracts/plan';
import { Refusal } from '../contracts/refusals';
import { sqliteCode } from './connection';
import { insertRows } from './rows';
import { daemonTime } from './time';

/** The version that the tool makes, and the oldest that it takes. */
export const SCHEMA_VERSION = 12;
/** The newest version that was looked at (rewrite-target.md 8). */
export const NEWEST_KNOWN_VERSION = 82;

/** The columns of version 12 in the tables that the tool writes (schema-v12.md 2.F). */
export const V12_COLUMNS = {
  projects: ['id', 'path', 'repo_origin_url', 'display_name', 'registered_at', 'archived_at', 'config', 'kind'],
  sessions: [
    'id',
    'project_id',
    'num',
    'issue_id',
    'kind',
    'harness',
    'activity_state',
    'activity_last_at',
    'is_terminated',
    'branch',
    'workspace_path',
    'runtime_handle_id',
    'agent_session_id',
    'prompt',
    'created_at',
    'updated_at',
    'display_name',
    'first_signal_at',
  ],
  session_worktrees: ['session_id', 'repo_name', 'branch', 'base_sha', 'worktree_path', 'preserved_ref', 'state'],
} as const;

/** Columns that later versions add to `sessions` (rewrite-target.md 8.2). */
const LATER_COLUMNS: ReadonlyMap<number, readonly string[]> = new Map([
  [17, ['preview_url']],
  [19, ['preview_revision']],
  [30, ['cleanup_generation']],
  [33, ['runtime_launch_id']],
  [34, ['workspace_repo_path']],
  [35, ['terminate_on_pr_merge']],
  [40, ['diff_base_sha', 'diff_base_ref']],
  [42, ['reviewer_harness']],
  [43, ['is_pinned', 'pinned_at']],
  [66, ['session_mode', 'provider_conversation_id', 'controller_generation']],
  [81, ['browser_capability_verifier']],
]);

/** Tables of which the columns are read. */
const READ_TABLES: ReadonlySet<string> = new Set(['goose_db_version', ...Object.keys(V12_COLUMNS)]);

export interface Column {
  readonly name: string;
  /** NOT NULL without a default: an insert that does not name it fails. */
  readonly demanded: boolean;
}

/** What the guard needs to know of a database's schema. */
export interface SchemaReading {
  /** Every `version_id` recorded, whatever `is_applied` says; null where there is no version table (rewrite-target.md 1.3). */
  readonly versions: readonly number[] | null;
  /** Tables of the database; columns only of those that matter here. */
  readonly tables: ReadonlyMap<string, readonly Column[]>;
}

/** Reads the schema of an open database. Throws the driver's error where the file is no database. */
export function readSchema(db: Database): SchemaReading {
  const names = db
    .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .all()
    .map(({ name }) => name);
  const tables = new Map(names.map((name) => [name, READ_TABLES.has(name) ? columnsOf(db, name) : []]));
  const hasVersions = tables.get('goose_db_version')?.some(({ name }) => name === 'version_id') === true;
  if (!hasVersions) return { versions: null, tables };
  const versions = db
    .query<{ version: unknown }, []>('SELECT DISTINCT version_id AS version FROM goose_db_version ORDER BY 1')
    .all()
    .map(({ version }) => Number(version));
  return { versions, tables };
}

/** The version is known, and is too low. */
export class SchemaTooOld extends Refusal {
  constructor(
    database: string,
    readonly version: number,
  ) {
    super('SCHEMA_TOO_OLD', `${database} is at version ${version}, older than version ${SCHEMA_VERSION}.`);
  }
}

/**
 * The newest recorded version of a database that the tool can write to (rewrite-target.md 8.5). Throws
 * `Refusal('SCHEMA_TOO_OLD')` or `Refusal('SCHEMA_UNKNOWN')`, by migration.md 3.
 */
export function judgeSchema(reading: SchemaReading, database: string): number {
  const newest = knownVersion(reading, database);
  for (const [table, known] of Object.entries(V12_COLUMNS)) {
    const names = new Set<string>(known);
    const strange = reading.tables.get(table)?.find(({ name, demanded }) => demanded && !names.has(name));
    if (strange === undefined) continue;
    const why = `demands a value for ${table}.${strange.name}, which is not known here`;
    throw new Refusal('SCHEMA_UNKNOWN', `${database} ${why}.`);
  }
  return newest;
}

/** The same for who inserts nothing: a column that demands a value is in nobody's way then. Throws as `judgeSchema`. */
export function knownVersion({ versions, tables }: SchemaReading, database: string): number {
  const unknown = (why: string, hint?: string): Refusal => new Refusal('SCHEMA_UNKNOWN', `${database} ${why}.`, hint);
  if (versions === null) throw unknown('is not a database of the new app: it has no version table');
  if (versions.length === 0) throw unknown('has an empty version table');
  if (!versions.every(Number.isSafeInteger)) throw unknown('has a version table with something else than numbers');
  const newest = Math.max(0, ...versions);
  const recorded = new Set(versions);
  const gap = firstMissing(recorded, Math.min(newest, SCHEMA_VERSION));
  if (gap !== null) throw unknown(`does not record version ${gap}, but a later one`);
  // Goose is used by other programs too: version 1 made these two tables, before it there were none.
  const ours = tables.has('projects') && tables.has('sessions');
  if (newest >= 1 ? !ours : tables.has('projects') || tables.has('sessions')) {
    throw unknown('is not a database of the new app: its tables and its version table do not agree');
  }
  if (newest < SCHEMA_VERSION) {
    throw new SchemaTooOld(database, newest);
  }
  const lacking = lackingColumns(recorded, tables);
  if (lacking !== null) {
    const hint = 'Start the newest app once, it repairs its database by itself; then run again.';
    throw unknown(`records version ${lacking.version} but has no column ${lacking.column}`, hint);
  }
  return newest;
}

/** The newest version that the database of the rewrite records; 0 where it cannot be told. Never throws. */
export function recordedVersion(db: Database): number {
  try {
    return judgeSchema(readSchema(db), '');
  } catch (error) {
    return error instanceof SchemaTooOld ? error.version : 0;
  }
}

/**
 * Tries whether the database accepts the kinds of rows that the tool writes, and takes them back. Only for a private copy:
 * it writes. Throws `Refusal('SCHEMA_UNKNOWN')` with the database's reason.
 */
export function probeRows(db: Database, database: string, id: string): void {
  db.run('BEGIN');
  try {
    const { failures } = insertRows(db, probes(id));
    const [first] = failures;
    if (first !== undefined) {
      throw new Refusal(
        'SCHEMA_UNKNOWN',
        `${database} does not accept the rows that would be written: ${first.reason}.`,
      );
    }
  } catch (error) {
    if (sqliteCode(error) !== 'SQLITE_ERROR') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal('SCHEMA_UNKNOWN', `${database} is not a database of the new app: ${reason}.`);
  } finally {
    if (db.inTransaction) db.run('ROLLBACK');
  }
}

function probes(id: string): Parameters<typeof insertRows>[1] {
  const at = daemonTime(0);
  const project = (harness: string): ProjectRow => ({
    id: `${id}-${harness}`,
    path: `/${id}`,
    repo_origin_url: '',
    display_name: '',
    registered_at: at,
    kind: 'single_repo',
    config: { sessionPrefix: id },
  });
  const session = (harness: SessionRow['harness']): SessionRow => ({
    id: `${id}-${harness}-orchestrator`,
    project_id: `${id}-${harness}`,
    num: 0,
    kind: 'orchestrator',
    harness,
    activity_state: 'exited',
    activity_last_at: at,
    is_terminated: 1,
    branch: id,
    workspace_path: `/${id}`,
    runtime_handle_id: '',
    agent_session_id: '',
    prompt: '',
    created_at: at,
    updated_at: at,
    display_name: '',
    first_signal_at: at,
  });
  const marker = (session_id: string): MarkerRow => ({
    session_id,
    repo_name: '__root__',
    branch: id,
    base_sha: '',
    worktree_path: `/${id}`,
    preserved_ref: '',
    state: 'removed',
  });
  const sessions = (['claude-code', 'codex', 'opencode'] as const).map(session);
  return {
    projects: sessions.map(({ harness }) => project(harness)),
    orchestrators: sessions.map((row) => ({ session: row, marker: marker(row.id) })),
  };
}

function firstMissing(recorded: ReadonlySet<number>, newest: number): number | null {
  for (let version = 1; version <= newest; version += 1) if (!recorded.has(version)) return version;
  return null;
}

/** Whether every column that the tool writes is there, whatever the version table says: the rows can be asked for then. */
export function holdsColumns({ tables }: SchemaReading): boolean {
  return lackingOfV12(tables) === null;
}

/** The first column that a recorded version should have brought and that is not there. */
function lackingColumns(
  recorded: ReadonlySet<number>,
  tables: SchemaReading['tables'],
): { readonly version: number; readonly column: string } | null {
  const column = lackingOfV12(tables);
  if (column !== null) return { version: SCHEMA_VERSION, column };
  for (const [version, wanted] of LATER_COLUMNS) {
    const later = recorded.has(version) ? lackingOf(tables, 'sessions', wanted) : null;
    if (later !== null) return { version, column: later };
  }
  return null;
}

function lackingOfV12(tables: SchemaReading['tables']): string | null {
  for (const [table, wanted] of Object.entries(V12_COLUMNS)) {
    const column = lackingOf(tables, table, wanted);
    if (column !== null) return column;
  }
  return null;
}

function lackingOf(tables: SchemaReading['tables'], table: string, wanted: readonly string[]): string | null {
  const names = new Set(tables.get(table)?.map(({ name }) => name));
  const missing = wanted.find((name) => !names.has(name));
  return missing === undefined ? null : `${table}.${missing}`;
}

function columnsOf(db: Database, table: string): Column[] {
  return db
    .query<{ name: string; notnull: number; dflt_value: unknown; hidden: number }, [string]>(
      'SELECT name, "notnull", dflt_value, hidden FROM pragma_table_xinfo(?)',
    )
    .all(table)
    .map(({ name, notnull, dflt_value, hidden }) => ({
      name,
      demanded: notnull === 1 && dflt_value === null && hidden === 0,
    }));
}
