import type { Database } from 'bun:sqlite';
import { digestOf } from '../apply/file-state';
import {
  configDigest,
  likeReceipt,
  type Receipt,
  type ReceiptConversation,
  type ReceiptProject,
  type ReceiptSession,
  remainderOf,
  type StandingFile,
  textDigest,
} from '../apply/receipt';
import type { Machine } from '../contracts/machine';
import { decodeConfig } from '../rewrite/config';
import { sqliteCode } from '../rewrite/connection';
import { holdsColumns, judgeSchema, readSchema, SCHEMA_VERSION, type SchemaReading } from '../rewrite/schema-guard';
import { entryAt } from '../sessions/entry';
import { errorCode } from '../sessions/system-error';
import { KeptConversations } from './kept-conversations';
import { schemaDifferences } from './schema-differences';

/**
 * One thing that was checked. `changed-since`: the daemon or its user has gone on with it, as expected; `damaged`: it is
 * not what the run wrote, and nothing that a daemon does explains it; `undone`: a rollback has taken it (migration.md 8).
 */
export interface Check {
  readonly kind: 'database' | 'schema' | 'project' | 'orchestrator' | 'conversation' | 'source';
  readonly id: string;
  readonly state: 'ok' | 'changed-since' | 'undone' | 'damaged';
  readonly detail?: string;
}

type Row = Record<string, unknown>;

/** Everything about one run that can be checked in the database: soundness, schema, rows. The connection is a private copy's. */
export function checkDatabase(db: Database, receipt: Receipt): Check[] {
  const broken = integrity(db, receipt.database);
  if (broken !== null) return [broken];
  const reading = readSchema(db);
  const whole = [orphans(db, receipt.database), ...schemaChecks(db, reading, receipt.database)];
  // Of a file that is empty, or of another program, its schema says all.
  if (!holdsColumns(reading)) return whole;
  return [
    ...whole,
    ...receipt.projects.map((project) => checkProject(db, project, receipt.runId)),
    ...receipt.sessions.map((session) => checkSession(db, session, receipt.runId)),
  ];
}

/** Damage of the file itself, after which nothing read from it counts; null where there is none. */
function integrity(db: Database, id: string): Check | null {
  const found = db
    .query<{ integrity_check: string }, []>('PRAGMA integrity_check(5)')
    .all()
    .map((row) => row.integrity_check);
  return found[0] === 'ok'
    ? null
    : { kind: 'database', id, state: 'damaged', detail: `integrity_check: ${found.join('; ')}` };
}

function orphans(db: Database, id: string): Check {
  let found: readonly { table: string }[];
  try {
    found = db.query<{ table: string }, []>('PRAGMA foreign_key_check').all();
  } catch (error) {
    // A reference to columns that are no key cannot even be followed.
    if (sqliteCode(error) !== 'SQLITE_ERROR' || !(error instanceof Error)) throw error;
    return { kind: 'database', id, state: 'damaged', detail: `foreign_key_check: ${error.message}` };
  }
  if (found.length === 0) return { kind: 'database', id, state: 'ok' };
  const tables = [...new Set(found.map(({ table }) => table))].join(', ');
  return {
    kind: 'database',
    id,
    state: 'damaged',
    detail: `foreign_key_check: ${found.length} row(s) of ${tables} refer to nothing`,
  };
}

/** Equality with version 12 is demanded at 12 only; a newer schema must still take our rows (rewrite-target.md 8.5). */
function schemaChecks(db: Database, reading: SchemaReading, id: string): Check[] {
  let version: number;
  try {
    version = judgeSchema(reading, id);
  } catch (error) {
    return [{ kind: 'schema', id, state: 'damaged', detail: error instanceof Error ? error.message : String(error) }];
  }
  if (version > SCHEMA_VERSION)
    return [
      { kind: 'schema', id: `version ${version}`, state: 'changed-since', detail: 'a newer daemon has upgraded it' },
    ];
  const differences = schemaDifferences(db);
  return [
    differences.length === 0
      ? { kind: 'schema', id: `version ${version}`, state: 'ok' }
      : { kind: 'schema', id: `version ${version}`, state: 'damaged', detail: differences.slice(0, 5).join('; ') },
  ];
}

/** Columns of a project that its user may change. */
const USER_COLUMNS = new Set(['display_name', 'archived_at']);

function checkProject(db: Database, project: ReceiptProject, runId: string): Check {
  const check = { kind: 'project', id: project.id } as const;
  const found = db.query<Row, [string]>('SELECT * FROM projects WHERE id = ?').get(project.id);
  if (found === null) return { ...check, state: 'damaged', detail: 'its row is missing' };
  const row = likeReceipt(found, project, runId);
  const changed = Object.keys(project.columns).filter((column) => row[column] !== project.columns[column]);
  const damaged = changed.filter((column) => !USER_COLUMNS.has(column));
  const config = typeof row.config === 'string' ? row.config : null;
  if (configDigest(config, runId) !== project.config) {
    if (!decodeConfig(config).decodes) damaged.push('config (it no longer decodes)');
    else changed.push('config');
  }
  if (row.archived_at !== null) changed.push('archived_at');
  if (damaged.length > 0) return { ...check, state: 'damaged', detail: `other than written: ${damaged.join(', ')}` };
  return changed.length > 0
    ? { ...check, state: 'changed-since', detail: changed.join(', ') }
    : { ...check, state: 'ok' };
}

/** What no daemon changes in a session. */
const FIXED_COLUMNS = ['id', 'project_id', 'num', 'kind'];

function checkSession(db: Database, session: ReceiptSession, runId: string): Check {
  const check = { kind: 'orchestrator', id: session.id } as const;
  const row = db.query<Row, [string]>('SELECT * FROM sessions WHERE id = ?').get(session.id);
  if (row === null) return { ...check, state: 'damaged', detail: 'its row is missing' };
  const changed = Object.keys(session.columns).filter((column) => row[column] !== session.columns[column]);
  if (textDigest(String(row.prompt ?? ''), runId) !== session.prompt) changed.push('prompt');
  const marker = db
    .query<Row, [string]>("SELECT * FROM session_worktrees WHERE session_id = ? AND repo_name = '__root__'")
    .get(session.id);
  if (!sameMarker(marker, session.marker)) changed.push('resume marker');
  if (changed.length === 0) return { ...check, state: 'ok' };
  if (row.updated_at === session.columns.updated_at)
    return { ...check, state: 'damaged', detail: `changed, but not by a daemon: ${changed.join(', ')}` };
  const fixed = changed.filter((column) => FIXED_COLUMNS.includes(column));
  if (fixed.length > 0) return { ...check, state: 'damaged', detail: `other than written: ${fixed.join(', ')}` };
  return { ...check, state: 'changed-since', detail: changed.join(', ') };
}

function sameMarker(row: Row | null, written: ReceiptSession['marker']): boolean {
  if (row === null || written === null) return row === null && written === null;
  return Object.entries(written).every(([column, value]) => row[column] === value);
}

/** What rollbacks have taken of the run: that it is missing is no damage. */
export function undoneChecks(receipt: Receipt): Check[] {
  const rest = remainderOf(receipt);
  const state = 'undone' as const;
  const gone = <T>(all: readonly T[], left: readonly T[]): T[] => all.filter((each) => !left.includes(each));
  return [
    ...gone(receipt.projects, rest.projects).map(({ id }) => ({ kind: 'project' as const, id, state })),
    ...gone(receipt.sessions, rest.sessions).map(({ id }) => ({ kind: 'orchestrator' as const, id, state })),
    ...gone(receipt.conversations, rest.conversations).flatMap(({ resumeId, placed }) =>
      placed ? [{ kind: 'conversation' as const, id: resumeId, state }] : [],
    ),
  ];
}

/**
 * The conversations on disk: files must still begin with the bytes that were written, OpenCode must have its own. One that
 * was in place before the run is looked at as long as the run's row refers to it (migration.md 7).
 */
export async function checkConversations(receipt: Receipt, machine: Machine): Promise<Check[]> {
  const kept = new KeptConversations(receipt, machine);
  const rows = new Set(receipt.sessions.map(({ id }) => id));
  const checks: Check[] = [];
  for (const conversation of receipt.conversations) {
    const { harness, placed, sessionId } = conversation;
    if (!placed && !rows.has(sessionId)) continue;
    if (harness === 'opencode') checks.push(await kept.check(conversation));
    else if (placed) checks.push(checkFiles(conversation, conversation.files));
    else if (conversation.standing !== undefined) checks.push(checkFiles(conversation, conversation.standing));
  }
  return checks;
}

function checkFiles({ resumeId }: ReceiptConversation, files: readonly StandingFile[]): Check {
  const check = { kind: 'conversation', id: resumeId } as const;
  let grown = false;
  for (const file of files) {
    const found = standOf(file);
    if (found !== 'as written' && found !== 'grown') return { ...check, state: 'damaged', detail: found };
    grown ||= found === 'grown';
  }
  return grown ? { ...check, state: 'changed-since', detail: 'it has grown' } : { ...check, state: 'ok' };
}

/** What became of one file of a conversation; else what is wrong with it. */
function standOf({ destination, size, sha256 }: StandingFile): string {
  try {
    const stat = entryAt(destination);
    if (stat === null) return `${destination} is missing`;
    if (!stat.isFile()) return `${destination} is not a regular file`;
    if (stat.size < size || digestOf(destination, size) !== sha256)
      return `${destination} no longer begins with what was written`;
    return stat.size > size ? 'grown' : 'as written';
  } catch (error) {
    return `${destination} cannot be read (${errorCode(error)})`;
  }
}
