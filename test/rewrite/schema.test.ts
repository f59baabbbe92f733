import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyMigrations } from '../../src/rewrite/goose';
import { parseMigration } from '../../src/rewrite/goose-parser';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import { dumpSchema } from '../../src/verify/schema-dump';
import { replayTriggers } from '../support/trigger-replay';

const FOLDER = join(import.meta.dir, '../../migrations');
const FIXTURES = join(import.meta.dir, '../fixtures/schema');
const golden: unknown = JSON.parse(readFileSync(join(FIXTURES, 'schema-v12.golden.json'), 'utf8'));
const triggerGolden: unknown = JSON.parse(readFileSync(join(FIXTURES, 'trigger-golden.json'), 'utf8'));
const script = readFileSync(join(FIXTURES, 'trigger-script.sql'), 'utf8');

const HARNESSES_BEFORE_7 = "CHECK (harness IN ('', 'claude-code', 'codex', 'aider', 'opencode'))";
const HARNESSES =
  "CHECK (harness IN ('', 'claude-code', 'codex', 'aider', 'opencode', 'grok', 'droid', 'amp', 'agy', 'crush', " +
  "'cursor', 'qwen', 'copilot', 'goose', 'auggie', 'continue', 'devin', 'cline', 'kimi', 'kiro', 'kilocode', 'vibe', " +
  "'pi', 'autohand'))";

function databaseAt(version: number): Database {
  const db = new Database(':memory:');
  applyMigrations(db, MIGRATIONS.slice(0, version));
  return db;
}

function storedText(db: Database, name: string): string {
  return db.query<{ sql: string }, [string]>('SELECT sql FROM sqlite_master WHERE name = ?').get(name)?.sql ?? '';
}

describe('schema version 12', () => {
  test('equals the golden dump in every respect', () => {
    using db = databaseAt(12);
    expect(dumpSchema(db)).toEqual(golden as ReturnType<typeof dumpSchema>);
  });

  test('its triggers write the golden log', () => {
    using db = databaseAt(12);
    expect(replayTriggers(db, script)).toEqual(triggerGolden as ReturnType<typeof replayTriggers>);
  });

  test('is sound', () => {
    using db = databaseAt(12);
    expect(db.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    expect(db.query('PRAGMA foreign_key_check').all()).toEqual([]);
  });

  test.each([
    [1, HARNESSES_BEFORE_7],
    [6, HARNESSES_BEFORE_7],
    [7, HARNESSES],
    [12, HARNESSES],
  ])('at version %i the text that later versions of the daemon search for stands in sessions once', (version, text) => {
    using db = databaseAt(version);
    expect(storedText(db, 'sessions').split(text)).toHaveLength(2);
    expect(storedText(db, 'sessions').match(/harness IN/g)).toHaveLength(1);
  });

  test('of the two update triggers on pr the one for moves is the newer', () => {
    using db = databaseAt(12);
    const names = db.query<{ name: string }, []>(
      "SELECT name FROM sqlite_master WHERE tbl_name = 'pr' AND name LIKE '%update' ORDER BY rowid",
    );
    expect(names.all().map(({ name }) => name)).toEqual(['pr_cdc_update', 'pr_session_cdc_update']);
  });

  test('blocked stays a legal state', () => {
    using db = databaseAt(12);
    expect(storedText(db, 'sessions')).toContain("'waiting_input', 'blocked'");
  });

  test.each([
    ['a trigger less', 'DROP TRIGGER pr_cdc_insert'],
    ['an index more', 'CREATE INDEX extra ON pr (number)'],
    [
      'another order of an index',
      'DROP INDEX idx_notifications_status; CREATE INDEX idx_notifications_status ON notifications (status, created_at)',
    ],
    ['a column more', 'ALTER TABLE pr ADD COLUMN extra TEXT'],
    [
      'another default',
      "ALTER TABLE projects DROP COLUMN kind; ALTER TABLE projects ADD COLUMN kind TEXT NOT NULL DEFAULT 'workspace' CHECK (kind IN ('single_repo', 'workspace'))",
    ],
    [
      'another check',
      "ALTER TABLE projects DROP COLUMN kind; ALTER TABLE projects ADD COLUMN kind TEXT NOT NULL DEFAULT 'single_repo' CHECK (kind IN ('single_repo'))",
    ],
    [
      'another predicate',
      "DROP INDEX idx_notifications_unread_dedupe; CREATE UNIQUE INDEX idx_notifications_unread_dedupe ON notifications (session_id, type, pr_url) WHERE status = 'read'",
    ],
    [
      'another action',
      "DROP TABLE workspace_repos; CREATE TABLE workspace_repos (project_id TEXT NOT NULL REFERENCES projects (id), name TEXT NOT NULL, relative_path TEXT NOT NULL, repo_origin_url TEXT NOT NULL DEFAULT '', registered_at TIMESTAMP NOT NULL, PRIMARY KEY (project_id, name), UNIQUE (project_id, relative_path))",
    ],
    [
      'a condition more',
      'DROP TRIGGER pr_checks_cdc_update; CREATE TRIGGER pr_checks_cdc_update AFTER UPDATE ON pr_checks WHEN NEW.status <> OLD.status OR NEW.url <> OLD.url BEGIN SELECT 1; END',
    ],
    ['a version less', 'DELETE FROM goose_db_version WHERE version_id = 12'],
    ['a table less', 'DROP TABLE review_run'],
    ['a view', 'CREATE VIEW extra AS SELECT 1'],
  ])('%s is a difference', (_, sql) => {
    using db = databaseAt(12);
    db.run(sql);
    expect(dumpSchema(db)).not.toEqual(golden as ReturnType<typeof dumpSchema>);
  });
});

describe('rows that are there while versions are applied', () => {
  test('blocked sessions wait for input from version 2 on', () => {
    using db = databaseAt(1);
    insertSession(db, 'blocked');
    applyMigrations(db, MIGRATIONS.slice(0, 2));
    expect(db.query('SELECT activity_state FROM sessions').get()).toEqual({ activity_state: 'waiting_input' });
  });

  test.each([4, 6])('version %i keeps the log with its numbers', (version) => {
    using db = databaseAt(version - 1);
    insertSession(db, 'idle');
    db.run('UPDATE change_log SET seq = 41');
    applyMigrations(db, MIGRATIONS.slice(0, version));
    db.run("UPDATE sessions SET activity_state = 'active'");
    expect(db.query('SELECT seq, session_id, event_type FROM change_log').all()).toEqual([
      { seq: 41, session_id: 'p-1', event_type: 'session_created' },
      { seq: 42, session_id: 'p-1', event_type: 'session_updated' },
    ]);
  });

  test('version 10 takes the last activity for the first signal and logs nothing', () => {
    using db = databaseAt(9);
    insertSession(db, 'idle');
    applyMigrations(db, MIGRATIONS.slice(0, 10));
    expect(db.query('SELECT first_signal_at FROM sessions').get()).toEqual({ first_signal_at: 'T-activity' });
    expect(db.query('SELECT event_type FROM change_log').all()).toEqual([{ event_type: 'session_created' }]);
  });
});

function insertSession(db: Database, state: string): void {
  db.run("INSERT INTO projects (id, path, registered_at) VALUES ('p', '/p', 'T')");
  db.run(
    `INSERT INTO sessions (id, project_id, num, activity_state, activity_last_at, created_at, updated_at)
     VALUES ('p-1', 'p', 1, ?, 'T-activity', 'T', 'T')`,
    [state],
  );
}

describe('the embedded set', () => {
  test('is the folder, file for file and byte for byte', () => {
    const files = readdirSync(FOLDER).sort();
    expect(MIGRATIONS.map(({ name }) => name)).toEqual(files);
    for (const { name, sql, sha256 } of MIGRATIONS) {
      const bytes = readFileSync(join(FOLDER, name));
      expect(Buffer.from(sql, 'utf8').equals(bytes)).toBe(true);
      expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });

  test('holds versions 1 to 12 in order', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test('only version 7 runs without a transaction, and every file can be undone', () => {
    for (const { version, name, sql } of MIGRATIONS) {
      const { down, transactional } = parseMigration(name, sql);
      expect(transactional).toBe(version !== 7);
      expect(down).not.toEqual([]);
    }
  });

  test('no comment is stored in a database', () => {
    using db = databaseAt(12);
    expect(db.query("SELECT name FROM sqlite_master WHERE sql LIKE '%--%' OR sql LIKE '%/*%'").all()).toEqual([]);
  });
});
