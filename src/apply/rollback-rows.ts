import type { Database } from 'bun:sqlite';
import { attempt, TransactionEnded } from '../rewrite/savepoint';
import {
  configDigest,
  likeReceipt,
  type Receipt,
  type ReceiptProject,
  type ReceiptSession,
  textDigest,
} from './receipt';

/** What becomes of one row of the run. */
export interface RowVerdict {
  readonly kind: 'project' | 'orchestrator';
  readonly id: string;
  readonly outcome: 'removed' | 'refused' | 'absent';
  readonly reason?: string;
}

type Row = Record<string, unknown>;

/**
 * Deletes the rows of a run that may go (migration.md 8): those that are as the receipt says in every column, and that no
 * other row of any table refers to; a project stays as long as one of its sessions does. Foreign keys are on, and the
 * transaction stays open: what is returned comes true with its COMMIT. A row that the database itself keeps, by a trigger
 * of somebody else, is refused with the database's reason, and with a session its project; the others go. On an error the
 * transaction is gone.
 */
export function deleteRows(db: Database, receipt: Receipt): RowVerdict[] {
  const kept = new Map<string, string>();
  for (;;) {
    db.run('BEGIN IMMEDIATE');
    try {
      return deleteBut(db, receipt, kept);
    } catch (error) {
      if (db.inTransaction) db.run('ROLLBACK');
      if (!(error instanceof TransactionEnded)) throw error;
      // A trigger has taken all of it back: once more, without the row that it keeps.
    }
  }
}

/** @param kept reasons by kind and id; what turns out to be kept too is added */
function deleteBut(db: Database, receipt: Receipt, kept: Map<string, string>): RowVerdict[] {
  const references = foreignKeys(db);
  const deleted = (verdict: RowVerdict, work: () => string | null): RowVerdict => {
    if (verdict.outcome !== 'removed') return verdict;
    const key = `${verdict.kind} ${verdict.id}`;
    const reason = kept.get(key) ?? attempting(db, work, (why) => kept.set(key, why));
    return reason === null ? verdict : { ...verdict, outcome: 'refused', reason: `the database keeps it: ${reason}` };
  };
  const judged = receipt.sessions.map((session) => sessionVerdict(db, session, receipt.runId, references));
  const sessions = receipt.sessions.flatMap((session, index) => {
    const verdict = judged[index];
    return verdict === undefined ? [] : deleted(verdict, () => deleteSession(db, session));
  });
  const going = idsOf(sessions);
  const projects = receipt.projects.map((project) =>
    deleted(projectVerdict(db, project, receipt, references, going), () => deleteRow(db, 'projects', project.id)),
  );
  return [...projects, ...sessions];
}

function attempting(db: Database, work: () => string | null, onEnd: (reason: string) => void): string | null {
  try {
    return attempt(db, work);
  } catch (error) {
    if (error instanceof TransactionEnded) onEnd(error.message);
    throw error;
  }
}

function deleteSession(db: Database, { id, changes }: ReceiptSession): string | null {
  db.query('DELETE FROM session_worktrees WHERE session_id = ?').run(id);
  for (const seq of changes) db.query('DELETE FROM change_log WHERE seq = ? AND session_id = ?').run(seq, id);
  return deleteRow(db, 'sessions', id);
}

/** Null if the row went. A trigger can keep it without an error. */
function deleteRow(db: Database, table: 'projects' | 'sessions', id: string): string | null {
  db.query(`DELETE FROM ${table} WHERE id = ?`).run(id);
  return db.query(`SELECT 1 FROM ${table} WHERE id = ?`).get(id) === null ? null : 'a trigger ignores its removal';
}

function idsOf(verdicts: readonly RowVerdict[]): ReadonlySet<string> {
  return new Set(verdicts.flatMap(({ id, outcome }) => (outcome === 'removed' ? id : [])));
}

/** Whether a row that a rollback was to delete is still there, as the run had written it: one transaction takes them all. */
export function holdsAnyOf(
  db: Database,
  receipt: Receipt,
  { sessions, projects }: { readonly sessions: readonly string[]; readonly projects: readonly string[] },
): boolean {
  const isThere = (table: 'sessions' | 'projects', id: string, columns: Row, keys: readonly string[]): boolean => {
    const row = db.query<Row, [string]>(`SELECT * FROM ${table} WHERE id = ?`).get(id);
    return row !== null && keys.every((key) => row[key] === columns[key]);
  };
  return (
    receipt.sessions.some(
      ({ id, columns }) =>
        sessions.includes(id) && isThere('sessions', id, columns, ['project_id', 'num', 'created_at']),
    ) ||
    receipt.projects.some(
      ({ id, columns }) => projects.includes(id) && isThere('projects', id, columns, ['path', 'registered_at']),
    )
  );
}

/** The database is as one that the tool has just made, without any row of anybody: versions 0 to 12 and empty tables. */
export function onlyHolds(db: Database): boolean {
  const names = tables(db);
  if (!names.includes('goose_db_version')) return false;
  const versions = db
    .query<{ version: number }, []>('SELECT version_id AS version FROM goose_db_version ORDER BY version_id')
    .all();
  if (versions.length !== 13 || versions.some(({ version }, index) => version !== index)) return false;
  return names
    .filter((table) => table !== 'goose_db_version')
    .every((table) => db.query(`SELECT 1 FROM ${quoted(table)} LIMIT 1`).get() === null);
}

/** Tables that the run wrote to, with the column by which the rows of one item are found. */
const ITEM_TABLES = {
  projects: 'id',
  sessions: 'id',
  session_worktrees: 'session_id',
  change_log: 'session_id',
} as const;
type ItemTable = keyof typeof ITEM_TABLES;

interface Reference {
  readonly table: string;
  readonly to: ItemTable;
  /** Its one parameter is the id of the item: all rows of `table` that refer to rows of it in `to`. */
  readonly rows: string;
}

/**
 * Foreign keys anywhere that refer to a table of the run, cascading or not, by whatever columns. One whose parent columns
 * do not exist is left out: SQLite itself then refuses every removal from the parent.
 */
function foreignKeys(db: Database): Reference[] {
  return tables(db).flatMap((table) => {
    const parts = db
      .query<{ id: number; table: string; from: string; to: string | null }, [string]>(
        'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq',
      )
      .all(table);
    return [...Map.groupBy(parts, ({ id }) => id).values()].flatMap((key): Reference[] => {
      const to = key[0]?.table.toLowerCase();
      return to === undefined || !isItemTable(to) ? [] : referenceOf(db, table, to, key);
    });
  });
}

function referenceOf(
  db: Database,
  table: string,
  to: ItemTable,
  key: readonly { readonly from: string; readonly to: string | null }[],
): Reference[] {
  const columns = db
    .query<{ name: string; pk: number }, [string]>('SELECT name, pk FROM pragma_table_xinfo(?)')
    .all(to);
  const primary = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const names = new Set(columns.map(({ name }) => name.toLowerCase()));
  // Without columns of its own a foreign key means the primary key.
  const pairs = key.map(({ from, to: named }, index) => ({ from, parent: named ?? primary[index]?.name ?? '' }));
  if (pairs.some(({ parent }) => !names.has(parent.toLowerCase()))) return [];
  // The parent stands first, as in SQLite's own comparison: its collation counts.
  const alike = pairs.map(({ from, parent }) => `parent.${quoted(parent)} = child.${quoted(from)}`).join(' AND ');
  const rows = `SELECT child.* FROM ${to} AS parent CROSS JOIN ${quoted(table)} AS child ON ${alike} WHERE parent.${ITEM_TABLES[to]} = ?`;
  return [{ table, to, rows }];
}

function isItemTable(name: string): name is ItemTable {
  return Object.hasOwn(ITEM_TABLES, name);
}

function sessionVerdict(
  db: Database,
  session: ReceiptSession,
  runId: string,
  references: readonly Reference[],
): RowVerdict {
  const verdict = { kind: 'orchestrator', id: session.id } as const;
  const row = db.query<Row, [string]>('SELECT * FROM sessions WHERE id = ?').get(session.id);
  if (row === null) return { ...verdict, outcome: 'absent' };
  const { prompt, ...rest } = row;
  const changed = changedColumns(db, 'sessions', session.id, rest, session.columns, ['prompt']);
  if (textDigest(String(prompt ?? ''), runId) !== session.prompt) changed.push('prompt');
  if (changed.length > 0)
    return { ...verdict, outcome: 'refused', reason: `it was changed since: ${changed.join(', ')}` };
  for (const { table, rows } of references.filter(({ to }) => to !== 'projects')) {
    const found = db.query<Row, [string]>(rows).all(session.id);
    const foreign = found.filter((each) => !isOwn(table, each, session));
    if (foreign.length > 0)
      return { ...verdict, outcome: 'refused', reason: `${foreign.length} other row(s) of ${table} belong to it` };
  }
  return { ...verdict, outcome: 'removed' };
}

function isOwn(table: string, row: Row, session: ReceiptSession): boolean {
  if (table === 'sessions') return row.id === session.id;
  if (table === 'change_log') return typeof row.seq === 'number' && session.changes.includes(row.seq);
  if (table !== 'session_worktrees' || session.marker === null) return false;
  return Object.entries(session.marker).every(([column, value]) => row[column] === value);
}

function projectVerdict(
  db: Database,
  project: ReceiptProject,
  receipt: Receipt,
  references: readonly Reference[],
  going: ReadonlySet<string>,
): RowVerdict {
  const verdict = { kind: 'project', id: project.id } as const;
  const row = db.query<Row, [string]>('SELECT * FROM projects WHERE id = ?').get(project.id);
  if (row === null) return { ...verdict, outcome: 'absent' };
  const { config, ...rest } = likeReceipt(row, project, receipt.runId);
  const changed = changedColumns(db, 'projects', project.id, rest, project.columns, ['config']);
  if (configDigest(typeof config === 'string' ? config : null, receipt.runId) !== project.config)
    changed.push('config');
  if (changed.length > 0)
    return { ...verdict, outcome: 'refused', reason: `it was changed since: ${changed.join(', ')}` };
  const changes = new Set(receipt.sessions.flatMap(({ changes: seqs }) => seqs));
  for (const { table, rows } of references.filter(({ to }) => to === 'projects')) {
    const found = db.query<Row, [string]>(rows).all(project.id);
    const foreign = found.filter((each) => {
      if (table === 'projects') return each.id !== project.id;
      if (table === 'sessions') return typeof each.id !== 'string' || !going.has(each.id);
      return table !== 'change_log' || typeof each.seq !== 'number' || !changes.has(each.seq);
    });
    if (foreign.length > 0)
      return { ...verdict, outcome: 'refused', reason: `${foreign.length} other row(s) of ${table} belong to it` };
  }
  return { ...verdict, outcome: 'removed' };
}

/**
 * Columns that differ from the receipt. Those that the run did not name must still have their defaults, as far as these can
 * be known: what an expression has given (the time, something random) stands nowhere, and is no change.
 */
function changedColumns(
  db: Database,
  table: 'projects' | 'sessions',
  id: string,
  row: Row,
  written: Readonly<Record<string, unknown>>,
  except: readonly string[],
): string[] {
  const columns = db
    .query<{ name: string; dflt_value: string | null }, []>(`PRAGMA table_info(${table})`)
    .all()
    .filter(({ name }) => !except.includes(name));
  const expected = columns.flatMap(({ name, dflt_value }) => {
    const constant = Object.hasOwn(written, name) ? null : constantOf(dflt_value);
    return constant === null ? [] : [{ name, constant }];
  });
  const others = changedDefaults(db, table, id, expected);
  return columns
    .filter(({ name }) => (Object.hasOwn(written, name) ? row[name] !== written[name] : others.has(name)))
    .map(({ name }) => name);
}

/** SQLite compares them itself: it stores a default as the type of its column. */
function changedDefaults(
  db: Database,
  table: 'projects' | 'sessions',
  id: string,
  expected: readonly { readonly name: string; readonly constant: string }[],
): ReadonlySet<string> {
  if (expected.length === 0) return new Set();
  const alike = expected.map(
    ({ name, constant }) => `${quoted(name)} COLLATE BINARY IS ${constant} AS ${quoted(name)}`,
  );
  const found = db.query<Row, [string]>(`SELECT ${alike.join(', ')} FROM ${table} WHERE id = ?`).get(id);
  return new Set(expected.flatMap(({ name }) => (found?.[name] === 1 ? [] : name)));
}

const NUMBER = /^[+-]?\s*(?:0x[0-9a-f]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i;
const STRING = /^x?'(?:[^']|'')*'$/i;
const WORD = /^[a-z_]\w*$/i;

/** The default as an SQL literal; null where it is an expression. SQLite takes a bare or double-quoted word for a string. */
function constantOf(fallback: string | null): string | null {
  if (fallback === null || /^null$/i.test(fallback)) return 'NULL';
  if (NUMBER.test(fallback) || STRING.test(fallback)) return fallback;
  // Behind IS these words would ask whether a value is true, and seven is.
  if (/^true$/i.test(fallback)) return '1';
  if (/^false$/i.test(fallback)) return '0';
  if (/^current_(?:time|date|timestamp)$/i.test(fallback)) return null;
  if (WORD.test(fallback)) return literal(fallback);
  return /^"(?:[^"]|"")*"$/.test(fallback) ? literal(fallback.slice(1, -1).replaceAll('""', '"')) : null;
}

function tables(db: Database): string[] {
  return db
    .query<{ name: string }, []>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .all()
    .map(({ name }) => name);
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
