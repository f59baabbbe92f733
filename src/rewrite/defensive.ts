import type { Database } from 'bun:sqlite';
import type { Statement } from './goose-parser';

/** An edit of the stored text of one table: `find` stands in it exactly once and gives way to `put`. */
export interface SchemaEdit {
  readonly table: string;
  readonly find: string;
  readonly put: string;
}

interface StoredObject {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

// The one form of a schema edit that is understood. It must be the whole span: what is not matched here would be lost.
const LITERAL = "'((?:[^']|'')*)'";
const SCHEMA_EDIT = new RegExp(
  [
    '^PRAGMA writable_schema = ON;',
    `UPDATE sqlite_master SET sql = replace\\( ?sql, ${LITERAL}, ${LITERAL} ?\\)`,
    "WHERE type = 'table' AND name = '(\\w+)';",
    'PRAGMA writable_schema = RESET;$',
  ]
    .join(' ')
    .replaceAll(' ?', '\\s*')
    .replaceAll(' ', '\\s+'),
);

/**
 * The edit that a script makes in the stored schema; null if it makes none. Throws an `Error` where the script uses
 * `writable_schema` in any other form: the driver would ignore the pragma without a word.
 */
export function readSchemaEdit(statements: readonly Statement[]): SchemaEdit | null {
  if (!statements.some(({ sql }) => /\bwritable_schema\b/i.test(sql))) return null;
  const [only, ...others] = statements;
  const match = others.length === 0 ? SCHEMA_EDIT.exec(only?.sql ?? '') : null;
  const [, find, put, table] = match ?? [];
  if (find === undefined || put === undefined || table === undefined) {
    throw new Error('an edit of the stored schema in a form that is not known here');
  }
  return { table, find: find.replaceAll("''", "'"), put: put.replaceAll("''", "'") };
}

/**
 * Does what an edit through `writable_schema` does, for a driver that cannot (schema-v12.md 4).
 *
 * bun:sqlite opens every connection in SQLite's defensive mode, in which `PRAGMA writable_schema = ON` is ignored and
 * sqlite_master cannot be changed; it has no call for sqlite3_db_config to leave that mode, and Apple's own library, which
 * it uses on macOS, is defensive as well. So the table is dropped and made again from its edited text, and its indexes and
 * triggers from theirs. SQLite stores the text of a CREATE TABLE as it was given, so the result is the same byte for byte,
 * which the daemon's later versions depend on. This loses rows, hence only an empty table is taken.
 *
 * Call it inside a transaction, with foreign keys off, so that the DROP leaves the tables that refer to this one out of the
 * matter. Throws an `Error` if the table is missing or has rows, if the text is not found exactly once, or if what is
 * stored afterwards is not what it should be; the caller then rolls back.
 */
export function editStoredTable(db: Database, { table, find, put }: SchemaEdit): void {
  const before = storedObjects(db, table);
  const stored = before.find(({ type }) => type === 'table');
  if (stored === undefined) throw new Error(`no table ${table}`);
  const parts = stored.sql.split(find);
  if (parts.length !== 2) {
    throw new Error(`the text to replace stands ${parts.length - 1} times, not once, in the definition of ${table}`);
  }
  if (hasRows(db, table)) throw new Error(`${table} has rows; its definition can only be replaced while it is empty`);

  const after = before.map((object) => (object === stored ? { ...object, sql: parts.join(put) } : object));
  db.run(`DROP TABLE "${table}"`);
  for (const { sql } of after) db.run(sql);
  if (!Bun.deepEquals(storedObjects(db, table), after)) {
    throw new Error(`${table} was not stored as it was defined`);
  }
}

/** A table with its indexes and triggers, in the order in which they were made, without those that SQLite makes by itself. */
function storedObjects(db: Database, table: string): StoredObject[] {
  using statement = db.prepare<StoredObject, [string]>(
    `SELECT type, name, sql FROM sqlite_master
     WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL
     ORDER BY type = 'table' DESC, rowid`,
  );
  return statement.all(table);
}

function hasRows(db: Database, table: string): boolean {
  using statement = db.prepare(`SELECT 1 FROM "${table}" LIMIT 1`);
  return statement.get() !== null;
}
