import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { readSchemaEdit } from '../../src/rewrite/defensive';
import { applyMigrations } from '../../src/rewrite/goose';
import { parseMigration } from '../../src/rewrite/goose-parser';
import { type Migration, migrationFile } from '../../src/rewrite/migration';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import { migrationProblem } from '../support/migration-problem';

const FIRST = migrationFile(
  '1_x.sql',
  `-- +goose Up
CREATE TABLE other (x);
CREATE TABLE t (
    a TEXT CHECK (a IN ('it''s')), -- a comment, stored
    b TEXT UNIQUE
);
CREATE INDEX t_b ON t (b DESC) WHERE b <> '';
-- +goose StatementBegin
CREATE TRIGGER t_insert AFTER INSERT ON T
BEGIN
    INSERT INTO other VALUES (NEW.a);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER other_insert AFTER INSERT ON other
BEGIN
    SELECT a FROM t;
END;
-- +goose StatementEnd
`,
);
const SPAN = schemaEdit("'IN (''it''''s'')'", "'IN (''it''''s'', ''$&'')'");
const EDIT = noTransaction(SPAN);

function schemaEdit(find: string, put: string, table = 't'): string {
  return [
    'PRAGMA writable_schema = ON;',
    `UPDATE sqlite_master SET sql = replace(sql, ${find}, ${put}) WHERE type = 'table' AND name = '${table}';`,
    'PRAGMA writable_schema = RESET;',
  ].join('\n');
}

function noTransaction(...spans: string[]): Migration {
  const body = spans.map((span) => `-- +goose StatementBegin\n${span}\n-- +goose StatementEnd\n`).join('');
  return migrationFile('2_x.sql', `-- +goose NO TRANSACTION\n-- +goose Up\n${body}`);
}

function schema(db: Database): Record<string, string> {
  const query = db.query<{ name: string; sql: string }, []>(
    "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'goose%'",
  );
  return Object.fromEntries(query.all().map(({ name, sql }) => [name, sql]));
}

test('the stand-in is needed: this driver does not let a schema be edited', () => {
  using db = new Database(':memory:');
  const [statement] = parseMigration(EDIT.name, EDIT.sql).up;
  expect(() => db.run(statement?.sql ?? '')).toThrow('table sqlite_master may not be modified');
});

describe('the edit of a stored table', () => {
  test('changes its text and nothing else, byte for byte', () => {
    using db = new Database(':memory:');
    applyMigrations(db, [FIRST]);
    const before = schema(db);
    expect(applyMigrations(db, [FIRST, EDIT])).toEqual([2]);
    expect(schema(db)).toEqual({ ...before, t: (before.t ?? '').replace("'it''s'", () => "'it''s', '$&'") });
    expect(db.query('SELECT version_id FROM goose_db_version').all()).toHaveLength(3);
  });

  test('is in force', () => {
    using db = new Database(':memory:');
    applyMigrations(db, [FIRST, EDIT]);
    db.run("INSERT INTO t (a) VALUES ('it''s'), ('$&')");
    expect(() => db.run("INSERT INTO t (a) VALUES ('x')")).toThrow('CHECK constraint failed');
    expect(db.query('SELECT x FROM other').all()).toEqual([{ x: "it's" }, { x: '$&' }]);
  });

  test('happens with foreign keys off, and leaves them as they were', () => {
    for (const enforced of [0, 1]) {
      using db = new Database(':memory:');
      applyMigrations(db, [FIRST]);
      db.run(`CREATE TRIGGER witness AFTER INSERT ON goose_db_version
              BEGIN INSERT INTO other SELECT foreign_keys FROM pragma_foreign_keys; END`);
      db.run(`PRAGMA foreign_keys = ${enforced}`);
      applyMigrations(db, [FIRST, EDIT]);
      expect(db.query('SELECT x FROM other').all()).toEqual([{ x: 0 }]);
      expect(db.query('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: enforced });
    }
  });

  test('does not touch the tables that refer to it', () => {
    using db = new Database(':memory:');
    db.run('CREATE TABLE child (b REFERENCES t (b) ON DELETE CASCADE)');
    db.run("INSERT INTO child VALUES ('x')");
    db.run('PRAGMA foreign_keys = ON');
    applyMigrations(db, [FIRST, EDIT]);
    expect(db.query('SELECT b FROM child').all()).toEqual([{ b: 'x' }]);
  });

  test.each([
    [
      'the table has rows',
      "INSERT INTO t (b) VALUES ('x')",
      SPAN,
      't has rows; its definition can only be replaced while it is empty',
    ],
    [
      'the text is not there',
      '',
      schemaEdit("'nowhere'", "'x'"),
      'the text to replace stands 0 times, not once, in the definition of t',
    ],
    [
      'the text is there twice',
      '',
      schemaEdit("'TEXT'", "'INTEGER'"),
      'the text to replace stands 2 times, not once, in the definition of t',
    ],
    ['the table is not there', '', schemaEdit("'TEXT'", "'INTEGER'", 'u'), 'no table u'],
    ['the name is that of an index', '', schemaEdit("'DESC'", "'ASC'", 't_b'), 'no table t_b'],
    ['the new text is no table', '', schemaEdit("'b TEXT UNIQUE'", "'b TEXT ('"), 'near ")": syntax error'],
    ['the new text is another table', '', schemaEdit("'TABLE t ('", "'TABLE u ('"), 'no such table: main.t'],
    [
      'the new text is not stored as given',
      '',
      schemaEdit("'CREATE TABLE t'", "'CREATE  TABLE t'"),
      't was not stored as it was defined',
    ],
  ])('is refused where %s, and everything stays', (_, sql, span, message) => {
    using db = new Database(':memory:');
    db.run('PRAGMA foreign_keys = ON');
    applyMigrations(db, [FIRST]);
    if (sql !== '') db.run(sql);
    const before = db.serialize();
    expect(migrationProblem(() => applyMigrations(db, [FIRST, noTransaction(span)]))).toBe(`2_x.sql:4: ${message}`);
    expect(db.serialize().equals(before)).toBe(true);
    expect(db.query('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: 1 });
  });
});

describe('the form of an edit', () => {
  test('is read from file 7', () => {
    const seventh = MIGRATIONS.find(({ version }) => version === 7);
    const edit = readSchemaEdit(parseMigration(seventh?.name ?? '', seventh?.sql ?? '').up);
    expect(edit?.table).toBe('sessions');
    expect(edit?.find).toBe("CHECK (harness IN ('', 'claude-code', 'codex', 'aider', 'opencode'))");
    expect(edit?.put).toStartWith("CHECK (harness IN ('', 'claude-code', 'codex', 'aider', 'opencode', 'grok', ");
  });

  test('is looked for in every file, and only file 7 has one', () => {
    const edits = MIGRATIONS.filter(({ name, sql }) => readSchemaEdit(parseMigration(name, sql).up) !== null);
    expect(edits.map(({ version }) => version)).toEqual([7]);
  });

  test.each([
    ['an edit by another function', SPAN.replace('replace(', 'printf(')],
    ['an edit of several tables', SPAN.replace(" AND name = 't'", '')],
    ['an edit that does not reset', SPAN.replace('PRAGMA writable_schema = RESET;', '')],
    ['an edit with something before it', `SELECT 1;\n${SPAN}`],
    ['an edit with something after it', `${SPAN}\nSELECT 1;`],
    ['a literal that is not closed', schemaEdit("'a'', 'b'", "'c'")],
    ['the pragma alone, in any case', 'pragma WRITABLE_SCHEMA = 1;'],
  ])('%s is refused before anything is run', (_, span) => {
    using db = new Database(':memory:');
    expect(migrationProblem(() => applyMigrations(db, [FIRST, noTransaction(span)]))).toBe(
      '2_x.sql:4: an edit of the stored schema in a form that is not known here',
    );
    expect(schema(db)).toEqual({});
  });

  test('an edit beside another statement is refused', () => {
    using db = new Database(':memory:');
    expect(migrationProblem(() => applyMigrations(db, [FIRST, noTransaction(SPAN, 'SELECT 1;')]))).toEndWith(
      'not known here',
    );
  });
});
