import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { applyMigrations, pendingVersions } from '../../src/rewrite/goose';
import { type Migration, migrationFile } from '../../src/rewrite/migration';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import { migrationProblem } from '../support/migration-problem';

function file(version: number, ...lines: string[]): Migration {
  return migrationFile(`${version}_x.sql`, ['-- +goose Up', ...lines].join('\n'));
}

function tables(db: Database): string[] {
  const query = db.query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
  return query.all().map(({ name }) => name);
}

function versions(db: Database): number[] {
  const query = db.query<{ version_id: number }, []>('SELECT version_id FROM goose_db_version ORDER BY id');
  return query.all().map(({ version_id }) => version_id);
}

const CREATE_A = file(1, 'CREATE TABLE a (x);');
const CREATE_B = file(2, 'CREATE TABLE b (x);');
const CREATE_C = file(3, 'CREATE TABLE c (x);');

describe('version rows', () => {
  test('are those of goose: 0 to 12 under the ids 1 to 13', () => {
    using db = new Database(':memory:');
    expect(applyMigrations(db, MIGRATIONS)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(
      db.query('SELECT id, version_id, typeof(is_applied) AS type, is_applied FROM goose_db_version').all(),
    ).toEqual(
      Array.from({ length: 13 }, (_, version) => ({
        id: version + 1,
        version_id: version,
        type: 'integer',
        is_applied: 1,
      })),
    );
    expect(db.query('SELECT name, seq FROM sqlite_sequence ORDER BY name').all()).toEqual([
      { name: 'change_log', seq: 0 },
      { name: 'goose_db_version', seq: 13 },
    ]);
  });

  test('carry the time as SQLite writes it', () => {
    using db = new Database(':memory:');
    applyMigrations(db, [CREATE_A]);
    for (const { tstamp } of db.query<{ tstamp: string }, []>('SELECT tstamp FROM goose_db_version').all()) {
      expect(tstamp).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    }
  });

  test('are there even if no file is', () => {
    using db = new Database(':memory:');
    expect(applyMigrations(db, [])).toEqual([]);
    expect(versions(db)).toEqual([0]);
  });
});

describe('what is due', () => {
  test('nothing, a second time', () => {
    using db = new Database(':memory:');
    applyMigrations(db, MIGRATIONS);
    const before = db.serialize();
    expect(applyMigrations(db, MIGRATIONS)).toEqual([]);
    expect(db.serialize().equals(before)).toBe(true);
  });

  test('the versions above the newest one', () => {
    using db = new Database(':memory:');
    applyMigrations(db, MIGRATIONS.slice(0, 6));
    expect(applyMigrations(db, MIGRATIONS)).toEqual([7, 8, 9, 10, 11, 12]);
  });

  test('in the order of versions, whatever the order of files', () => {
    using db = new Database(':memory:');
    expect(applyMigrations(db, [file(10, 'CREATE INDEX i ON a (x);'), CREATE_B, CREATE_A])).toEqual([1, 2, 10]);
    expect(versions(db)).toEqual([0, 1, 2, 10]);
  });

  test.each<[string, [number, boolean][], number[]]>([
    ['all, in a new database', [[0, true]], [1, 2, 3]],
    [
      'those above',
      [
        [1, true],
        [0, true],
      ],
      [2, 3],
    ],
    [
      'none that has a row, even one that was undone',
      [
        [3, false],
        [2, true],
        [1, true],
        [0, true],
      ],
      [],
    ],
    [
      'none below foreign versions that leave no gap',
      [
        [7, true],
        [3, true],
        [2, true],
        [1, true],
        [0, true],
      ],
      [],
    ],
  ])('%s', (_, recorded, expected) => {
    expect(
      pendingVersions(
        recorded.map(([version, applied]) => ({ version, applied })),
        [1, 2, 3],
      ),
    ).toEqual(expected);
  });

  test('missing versions below the newest one stop it', () => {
    const recorded = [3, 1, 0].map((version) => ({ version, applied: true }));
    expect(migrationProblem(() => pendingVersions(recorded, [1, 2, 3, 4]))).toBe(
      'goose_db_version: found 1 missing migrations before current version 3: 2',
    );
  });

  test.each<[string, [number, boolean][]]>([
    ['an empty table', []],
    [
      'a table in which the newest row of each version is not applied',
      [
        [1, false],
        [0, false],
        [1, true],
        [0, true],
      ],
    ],
  ])('%s stops it', (_, recorded) => {
    expect(
      migrationProblem(() =>
        pendingVersions(
          recorded.map(([version, applied]) => ({ version, applied })),
          [1],
        ),
      ),
    ).toBe('goose_db_version: no version is recorded as applied');
  });

  test('the table is read as goose reads it', () => {
    using db = new Database(':memory:');
    applyMigrations(db, [CREATE_A]);
    db.run('INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, 0), (0, 0)');
    expect(migrationProblem(() => applyMigrations(db, [CREATE_A]))).toBe(
      'goose_db_version: no version is recorded as applied',
    );
  });
});

describe('nothing is run', () => {
  test('if two files have one version', () => {
    using db = new Database(':memory:');
    const twin = migrationFile('01_y.sql', '-- +goose Up\nCREATE TABLE b (x);');
    expect(migrationProblem(() => applyMigrations(db, [CREATE_A, twin]))).toBe('01_y.sql: the same version as 1_x.sql');
    expect(tables(db)).toEqual([]);
  });

  test('if a later file is invalid', () => {
    using db = new Database(':memory:');
    expect(migrationProblem(() => applyMigrations(db, [CREATE_A, file(2, 'SELECT 1')]))).toBe(
      '2_x.sql:2: the statement that begins here has no semicolon at its end',
    );
    expect(tables(db)).toEqual([]);
  });

  test('in an open transaction', () => {
    using db = new Database(':memory:');
    db.run('BEGIN');
    expect(migrationProblem(() => applyMigrations(db, [CREATE_A]))).toBe(
      'goose_db_version: a transaction is already open',
    );
    db.run('ROLLBACK');
    expect(tables(db)).toEqual([]);
  });
});

describe('a statement that fails', () => {
  const failing = ['CREATE TABLE b (x);', '', 'INSERT INTO nowhere', 'VALUES (1);', 'CREATE TABLE c (x);'];

  test('takes its file back with its version row, and no other', () => {
    using db = new Database(':memory:');
    expect(migrationProblem(() => applyMigrations(db, [CREATE_A, file(2, ...failing), CREATE_C]))).toBe(
      '2_x.sql:4: no such table: nowhere',
    );
    expect(tables(db)).toEqual(['a', 'goose_db_version', 'sqlite_sequence']);
    expect(versions(db)).toEqual([0, 1]);
    expect(db.inTransaction).toBe(false);
  });

  test('leaves what came before it if the file has no transaction', () => {
    using db = new Database(':memory:');
    const bare = file(2, '-- +goose NO TRANSACTION', ...failing);
    expect(migrationProblem(() => applyMigrations(db, [CREATE_A, bare]))).toBe('2_x.sql:5: no such table: nowhere');
    expect(tables(db)).toEqual(['a', 'b', 'goose_db_version', 'sqlite_sequence']);
    expect(versions(db)).toEqual([0, 1]);
  });
});

test('a file without transaction may do what none allows', () => {
  using db = new Database(':memory:');
  db.run('PRAGMA foreign_keys = ON');
  applyMigrations(db, [file(1, '-- +goose NO TRANSACTION', 'PRAGMA foreign_keys = OFF;')]);
  expect(db.query('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: 0 });
  expect(versions(db)).toEqual([0, 1]);
});

test('a span of several statements is run whole', () => {
  using db = new Database(':memory:');
  const span = ['-- +goose StatementBegin', 'CREATE TABLE a (x);', 'CREATE TABLE b (x);', '-- +goose StatementEnd'];
  applyMigrations(db, [file(1, ...span)]);
  expect(tables(db)).toEqual(['a', 'b', 'goose_db_version', 'sqlite_sequence']);
});
