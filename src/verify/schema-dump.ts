import type { Database } from 'bun:sqlite';

/** What two databases must have in common to be of one schema; the form of fixtures/schema/schema-v12.golden.json. */
export interface SchemaDump {
  readonly format: 'ao-schema-dump/1';
  readonly tables: Readonly<Record<string, TableDump>>;
  readonly triggers: readonly TriggerDump[];
  readonly views: readonly string[];
  /** id, version_id, is_applied. */
  readonly version_rows: readonly (readonly [number, number, number])[];
  /** Byte for byte, because later versions of the daemon search for it. */
  readonly sessions_harness_check: string | null;
  readonly user_version: unknown;
  readonly application_id: unknown;
  readonly encoding: unknown;
}

interface TableDump {
  readonly columns: readonly unknown[];
  readonly foreign_keys: readonly ForeignKeyDump[];
  readonly indexes: readonly IndexDump[];
  readonly checks: readonly string[];
  readonly autoincrement: boolean;
  readonly without_rowid: boolean;
  readonly strict: boolean;
}

interface ForeignKeyDump {
  readonly table: string;
  readonly from: readonly string[];
  readonly to: readonly (string | null)[];
  readonly on_update: string;
  readonly on_delete: string;
  readonly match: string;
}

interface IndexDump {
  /** Null where SQLite chose it. */
  readonly name: string | null;
  readonly origin: string;
  readonly unique: number;
  readonly partial: number;
  readonly columns: readonly unknown[];
  readonly where: string | null;
}

interface TriggerDump {
  readonly name: string;
  readonly table: string;
  readonly timing: string;
  readonly event: string;
  readonly of: string | null;
  readonly has_when: boolean;
  readonly when_columns: readonly string[];
}

interface StoredObject {
  readonly type: string;
  readonly name: string;
  readonly tbl_name: string;
  readonly sql: string | null;
}

/** Reads the schema as SQLite understands it; of the stored text only what no pragma tells. */
export function dumpSchema(db: Database): SchemaDump {
  const stored = rows<StoredObject>(db, 'SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name');
  const tables = stored.filter(({ type, name }) => type === 'table' && !name.startsWith('sqlite_'));
  const sessions = tables.find(({ name }) => name === 'sessions');
  return {
    format: 'ao-schema-dump/1',
    tables: Object.fromEntries(tables.map((table) => [table.name, dumpTable(db, table, stored)])),
    triggers: stored.filter(({ type }) => type === 'trigger').map(dumpTrigger),
    views: stored.filter(({ type }) => type === 'view').map(({ name }) => name),
    version_rows: tables.some(({ name }) => name === 'goose_db_version')
      ? rows<{ id: number; version_id: number; is_applied: number }>(
          db,
          'SELECT id, version_id, is_applied FROM goose_db_version ORDER BY id',
        ).map(({ id, version_id, is_applied }) => [id, version_id, is_applied] as const)
      : [],
    sessions_harness_check: sessions?.sql?.match(/CHECK \(harness IN \([^)]*\)\)/)?.[0] ?? null,
    user_version: pragma(db, 'user_version'),
    application_id: pragma(db, 'application_id'),
    encoding: pragma(db, 'encoding'),
  };
}

function dumpTable(db: Database, { name, sql }: StoredObject, stored: readonly StoredObject[]): TableDump {
  const text = collapse(withoutComments(sql ?? ''));
  return {
    columns: rows(db, 'SELECT cid, name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)', name),
    foreign_keys: foreignKeys(db, name),
    indexes: indexes(db, name, stored),
    checks: checkBodies(text),
    autoincrement: /\bAUTOINCREMENT\b/i.test(text),
    without_rowid: /\)[^)]*\bWITHOUT ROWID\b[^)]*$/i.test(text),
    strict: /\)[^)]*\bSTRICT\b[^)]*$/i.test(text),
  };
}

function foreignKeys(db: Database, table: string): ForeignKeyDump[] {
  const parts = rows<{
    id: number;
    table: string;
    from: string;
    to: string | null;
    on_update: string;
    on_delete: string;
    match: string;
  }>(db, 'SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq', table);
  return [...Map.groupBy(parts, ({ id }) => id).values()]
    .flatMap((columns) => {
      const [first] = columns;
      if (first === undefined) return [];
      const { on_update, on_delete, match } = first;
      const [from, to] = [columns.map((column) => column.from), columns.map((column) => column.to)];
      return [{ table: first.table, from, to, on_update, on_delete, match }];
    })
    .sort((a, b) => compare([...a.from, a.table].join('\0'), [...b.from, b.table].join('\0')));
}

function indexes(db: Database, table: string, stored: readonly StoredObject[]): IndexDump[] {
  return rows<{ name: string; origin: string; unique: number; partial: number }>(
    db,
    'SELECT name, origin, "unique", partial FROM pragma_index_list(?)',
    table,
  )
    .map(({ name, origin, unique, partial }) => ({
      name: origin === 'c' ? name : null,
      origin,
      unique,
      partial,
      columns: rows(db, 'SELECT seqno, name, desc, coll FROM pragma_index_xinfo(?) WHERE key', name),
      where: predicate(stored.find((object) => object.type === 'index' && object.name === name)?.sql ?? ''),
    }))
    .sort((a, b) => compare(sortKey(a), sortKey(b)));
}

function sortKey({ origin, name, columns }: IndexDump): string {
  return [origin, name ?? '', JSON.stringify(columns)].join('\0');
}

function predicate(sql: string): string | null {
  return collapse(withoutComments(sql)).match(/\)\s*WHERE\s+(.*)$/i)?.[1] ?? null;
}

function dumpTrigger({ name, tbl_name, sql }: StoredObject): TriggerDump {
  const [head = '', body = ''] = collapse(withoutComments(sql ?? '')).split(/\bBEGIN\b(.*)/i);
  const [, timing, event, of] =
    head.match(/^CREATE TRIGGER \S+ (?:(BEFORE|AFTER|INSTEAD OF) )?(INSERT|UPDATE|DELETE)(?: OF (.+?))? ON /i) ?? [];
  if (event === undefined || body === '') throw new Error(`trigger ${name}: not understood: ${head}`);
  const when = head.match(/\bWHEN\b(.*)$/i)?.[1];
  const columns = [...(when ?? '').matchAll(/\bNEW\.(\w+)/gi)].map(([, column]) => column ?? '');
  return {
    name,
    table: tbl_name,
    timing: (timing ?? 'BEFORE').toUpperCase(),
    event: event.toUpperCase(),
    of: of ?? null,
    has_when: when !== undefined,
    when_columns: [...new Set(columns)].sort(),
  };
}

/** What stands in the parentheses of every CHECK, blanks made alike. */
function checkBodies(text: string): string[] {
  return [...text.matchAll(/\bCHECK\s*\(/gi)]
    .map((match) => text.slice(match.index + match[0].length, closing(text, match.index + match[0].length)))
    .map((body) => body.trim().replace(/\( /g, '(').replace(/ \)/g, ')').replace(/ ?, ?/g, ', '))
    .sort();
}

/** Place of the parenthesis that closes the one before `from`. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (const token of text.slice(from).matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]/g)) {
    if (token[0] === '(') depth += 1;
    if (token[0] === ')') depth -= 1;
    if (depth === 0) return from + token.index;
  }
  return text.length;
}

function withoutComments(sql: string): string {
  return sql.replace(/('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`)|--[^\n]*|\/\*[\s\S]*?\*\//g, (_, quoted) => quoted ?? '');
}

function collapse(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function pragma(db: Database, name: string): unknown {
  return rows<Record<string, unknown>>(db, `PRAGMA ${name}`)[0]?.[name];
}

function rows<T>(db: Database, sql: string, ...parameters: string[]): T[] {
  using statement = db.prepare<T, string[]>(sql);
  return statement.all(...parameters);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
