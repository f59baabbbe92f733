import { Database } from 'bun:sqlite';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Shape {
  readonly tables: Readonly<Record<string, TableShape>>;
  /** id, version_id, is_applied. */
  readonly version_rows: readonly (readonly [number, number, number])[];
}
interface TableShape {
  readonly columns: readonly ColumnShape[];
  readonly foreign_keys: readonly { table: string; from: string[]; to: string[]; on_delete: string }[];
  readonly indexes: readonly {
    name: string | null;
    origin: string;
    unique: number;
    columns: { name: string; desc: number }[];
    where: string | null;
  }[];
  readonly checks: readonly string[];
  readonly autoincrement: boolean;
}
interface ColumnShape {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
}

export interface SynthOptions {
  /** Default `wal`, which every daemon sets. */
  readonly journal?: 'wal' | 'delete';
  /** Versions without a row. */
  readonly gaps?: readonly number[];
  /** Versions with a row that were never run. */
  readonly burned?: readonly number[];
  /** SQL to run at the end, for rows or damage. */
  readonly sql?: string;
}

const SHAPES = join(import.meta.dir, '../fixtures/db');

/**
 * Makes a stand-in for a database of the rewrite at version 11, 12, 19 or 82 from the facts in fixtures/db: the tables of
 * version 12 as they look at that version, the version rows, and the two triggers on sessions. Other tables are absent.
 */
export function synthDatabase(file: string, version: 11 | 12 | 19 | 82, options: SynthOptions = {}): void {
  const shape: Shape = JSON.parse(readFileSync(join(SHAPES, `shape-v${version}.json`), 'utf8'));
  const { journal = 'wal', gaps = [], burned = [], sql = '' } = options;
  const db = new Database(file, { create: true, readwrite: true, strict: true });
  db.run('PRAGMA foreign_keys = ON');
  db.run(`PRAGMA journal_mode = ${journal}`);
  db.transaction(() => {
    for (const [name, table] of Object.entries(shape.tables).sort()) {
      db.run(tableSql(name, table));
      for (const index of indexSql(name, table)) db.run(index);
    }
    for (const trigger of TRIGGERS) db.run(trigger);
    const recorded = shape.version_rows.map(([, version_id]) => version_id).filter((each) => !gaps.includes(each));
    const insert = db.query('INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)');
    for (const each of [...recorded, ...burned]) insert.run(each);
  })();
  if (sql !== '') db.exec(sql);
  db.close(true);
}

function tableSql(name: string, { columns, foreign_keys, indexes, checks, autoincrement }: TableShape): string {
  const keys = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const parts = columns.map((column) => {
    const key = column.pk > 0 && keys.length === 1 ? ` PRIMARY KEY${autoincrement ? ' AUTOINCREMENT' : ''}` : '';
    const fallback = column.dflt_value === null ? '' : ` DEFAULT (${column.dflt_value})`;
    return `"${column.name}" ${column.type}${key}${column.notnull === 1 ? ' NOT NULL' : ''}${fallback}`;
  });
  if (keys.length > 1) parts.push(`PRIMARY KEY (${keys.map((key) => key.name).join(', ')})`);
  for (const index of indexes) {
    if (index.origin === 'u') parts.push(`UNIQUE (${index.columns.map((column) => column.name).join(', ')})`);
  }
  for (const { table, from, to, on_delete } of foreign_keys) {
    parts.push(`FOREIGN KEY (${from.join(', ')}) REFERENCES ${table} (${to.join(', ')}) ON DELETE ${on_delete}`);
  }
  for (const check of checks) parts.push(`CHECK (${check})`);
  return `CREATE TABLE ${name} (${parts.join(', ')})`;
}

function indexSql(table: string, { indexes }: TableShape): string[] {
  return indexes
    .filter(({ origin }) => origin === 'c')
    .map(({ name, unique, columns, where }) => {
      const parts = columns.map((column) => `${column.name}${column.desc === 1 ? ' DESC' : ''}`).join(', ');
      const only = where === null ? '' : ` WHERE ${where}`;
      return `CREATE ${unique === 1 ? 'UNIQUE ' : ''}INDEX ${name} ON ${table} (${parts})${only}`;
    });
}

const CHANGE = (
  event: string,
): string => `INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
  VALUES (NEW.project_id, NEW.id, '${event}',
    json_object('id', NEW.id, 'activity', NEW.activity_state,
      'isTerminated', json(CASE WHEN NEW.is_terminated THEN 'true' ELSE 'false' END)), NEW.updated_at)`;

const TRIGGERS = [
  `CREATE TRIGGER sessions_cdc_insert AFTER INSERT ON sessions BEGIN ${CHANGE('session_created')}; END`,
  `CREATE TRIGGER sessions_cdc_update AFTER UPDATE ON sessions
   WHEN OLD.activity_state <> NEW.activity_state OR OLD.is_terminated <> NEW.is_terminated
     OR (OLD.first_signal_at IS NULL AND NEW.first_signal_at IS NOT NULL)
   BEGIN ${CHANGE('session_updated')}; END`,
];
