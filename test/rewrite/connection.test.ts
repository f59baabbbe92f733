import { constants, Database, SQLiteError } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  closeDatabase,
  isBusy,
  openDatabase,
  requireSqlite,
  sqliteCode,
  sqliteProblem,
  sqliteRefusal,
  sqliteVersion,
} from '../../src/rewrite/connection';
import { emptyHome, type Home } from '../support/home';

let home: Home;
beforeEach(() => {
  home = emptyHome();
});
afterEach(() => home.remove());

const thrown = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

test('a connection has foreign keys, waits as told, and makes no file unless told to', () => {
  const file = join(home.path, 'ao.db');
  expect(sqliteCode(thrown(() => openDatabase(file)))).toBe('SQLITE_CANTOPEN');
  expect(readdirSync(home.path)).toEqual([]);
  const db = openDatabase(file, { create: true, busyMs: 1234 });
  expect(db.query<{ foreign_keys: number }, []>('PRAGMA foreign_keys').get()?.foreign_keys).toBe(1);
  expect(db.query<{ timeout: number }, []>('PRAGMA busy_timeout').get()?.timeout).toBe(1234);
  expect(thrown(() => db.query('SELECT $a AS a').get({}))).toBeInstanceOf(Error);
  closeDatabase(db);
});

test('the last close leaves no -wal and no -shm, also where the library would keep them', () => {
  const file = join(home.path, 'ao.db');
  const db = openDatabase(file, { create: true });
  db.run('PRAGMA journal_mode = WAL');
  db.run('CREATE TABLE t (a)');
  const kept = new Int32Array([-1, 0]);
  db.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, kept);
  expect(kept[0]).toBe(0);
  db.query('SELECT * FROM t').all();
  db.prepare('INSERT INTO t VALUES (1)').run();
  expect(readdirSync(home.path).sort()).toEqual(['ao.db', 'ao.db-shm', 'ao.db-wal']);
  closeDatabase(db);
  expect(readdirSync(home.path)).toEqual(['ao.db']);
});

test('what SQLite must be able to do', () => {
  expect(() => requireSqlite()).not.toThrow();
  expect(sqliteVersion()).toMatch(/^3\.\d+\.\d+$/);
  expect(sqliteProblem('3.34.1', false)).toContain('3.34.1');
  expect(sqliteProblem('2.8.17', false)).toContain('2.8.17');
  expect(sqliteProblem('3.35.0', false)).toBeNull();
  expect(sqliteProblem('4.0.0', false)).toBeNull();
  expect(sqliteProblem('3.35.0', true)).toContain('JSON');
  expect(sqliteProblem('undefined', false)).toContain('undefined');
});

test('errors have the name of their primary code, and those that are refusals become one', () => {
  const db = new Database(':memory:');
  db.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b NOT NULL)');
  const constraint = thrown(() => db.run('INSERT INTO t (a) VALUES (1)'));
  db.close();
  expect(constraint).toBeInstanceOf(SQLiteError);
  expect(sqliteCode(constraint)).toBe('SQLITE_CONSTRAINT');
  expect(sqliteCode(new Error('database is locked'))).toBeNull();
  expect(isBusy(constraint)).toBe(false);
  expect(sqliteRefusal(constraint, 'x')).toBeNull();

  const file = join(home.path, 'text.db');
  writeFileSync(file, 'This is no database.\n'.repeat(100));
  const text = openDatabase(file);
  const notADatabase = thrown(() => text.query('SELECT * FROM sqlite_master').all());
  closeDatabase(text);
  expect(sqliteRefusal(notADatabase, file)).toMatchObject({ code: 'DB_CORRUPT' });
  expect(
    sqliteRefusal(
      thrown(() => openDatabase(home.path)),
      file,
    ),
  ).toMatchObject({ code: 'NOT_WRITABLE' });
});
