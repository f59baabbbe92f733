import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { abandonRows, commitRows, prepareRows, releaseDatabase } from '../../src/rewrite/existing';
import { inspectTarget, readTarget } from '../../src/rewrite/inspect';
import { openExclusive, probeWriter } from '../../src/rewrite/lock';
import type { TargetPaths } from '../../src/rewrite/paths';
import type { RowSet } from '../../src/rewrite/rows';
import { killedWriter } from '../support/database-holder';
import { fingerprint } from '../support/fingerprint';
import { emptyHome, type Home, machineAt } from '../support/home';
import { synthDatabase } from '../support/synth-db';
import { orchestratorRows, projectRow } from '../support/target-rows';

const OLD = `INSERT INTO projects (id, path, registered_at, config) VALUES
    ('old', '/repos/old', '2026-01-02 03:04:05 +0545 +0545', '{"env":{"A":1}}');
  INSERT INTO sessions (id, project_id, num, kind, activity_last_at, created_at, updated_at, first_signal_at) VALUES
    ('old-1', 'old', 1, 'worker', '2026-01-02T03:04:05Z', '2026-01-02 03:04:05 +0530 IST m=+1.5', '2026-01-02', NULL);`;
const ROWS: RowSet = {
  projects: [projectRow('alpha'), projectRow('beta')],
  orchestrators: [orchestratorRows('alpha'), orchestratorRows('beta')],
};

let home: Home;
let paths: TargetPaths;
beforeEach(() => {
  home = emptyHome();
  paths = { dataDir: home.path, physicalDataDir: home.path, database: join(home.path, 'ao.db') };
});
afterEach(() => home.remove());

function reading<T>(sql: string): T[] {
  const db = new Database(paths.database, { readwrite: true });
  const rows = db.query<T, []>(sql).all();
  db.close(true);
  return rows;
}
const names = (): string[] => readdirSync(home.path).sort();

describe.each([
  [12, 'wal'],
  [12, 'delete'],
  [19, 'wal'],
  [82, 'wal'],
] as const)('into a database of version %d in %s mode', (version, journal) => {
  beforeEach(() => synthDatabase(paths.database, version, { journal, sql: OLD }));

  test('the rows arrive, and what is there stays as it is', () => {
    const before = [
      reading("SELECT * FROM projects WHERE id = 'old'"),
      reading("SELECT * FROM sessions WHERE id = 'old-1'"),
    ];
    probeWriter(paths.database);
    const db = openExclusive(paths.database);
    expect(readTarget(db, paths).version).toBe(version);
    const { inserted, problems } = prepareRows(db, ROWS);
    expect([problems, inserted.failures]).toEqual([[], []]);
    expect(inserted.changes.map(({ seq }) => seq)).toEqual([2, 3]);
    commitRows(db);
    releaseDatabase(db);
    expect(names()).toEqual(['ao.db']);
    expect(reading('SELECT id FROM projects ORDER BY id')).toEqual([{ id: 'alpha' }, { id: 'beta' }, { id: 'old' }]);
    expect(reading('SELECT id, num FROM sessions ORDER BY id')).toEqual([
      { id: 'al-orchestrator', num: 0 },
      { id: 'be-orchestrator', num: 0 },
      { id: 'old-1', num: 1 },
    ]);
    expect([
      reading("SELECT * FROM projects WHERE id = 'old'"),
      reading("SELECT * FROM sessions WHERE id = 'old-1'"),
    ]).toEqual(before);
    expect(reading('PRAGMA journal_mode')).toEqual([{ journal_mode: journal }]);
    expect(reading('PRAGMA foreign_key_check')).toEqual([]);
    expect(reading('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  });

  test('taken back, not a byte of it has changed', () => {
    const before = fingerprint(home.path)['./ao.db'];
    const db = openExclusive(paths.database);
    expect(prepareRows(db, ROWS).inserted.rows.projects).toHaveLength(2);
    abandonRows(db);
    abandonRows(db);
    releaseDatabase(db);
    expect(fingerprint(home.path)['./ao.db']).toBe(before);
    expect(names()).toEqual(['ao.db']);
  });
});

test('a run that is killed before the commit leaves nothing', async () => {
  synthDatabase(paths.database, 19);
  const insert = "INSERT INTO projects (id, path, registered_at) VALUES ('alpha', '/a', '2026-01-02')";
  await killedWriter(paths.database, ['PRAGMA locking_mode = EXCLUSIVE', 'BEGIN IMMEDIATE', insert]);
  expect((await inspectTarget(paths, machineAt(home.path))).projects).toEqual([]);
  const db = openExclusive(paths.database);
  expect(readTarget(db, paths).projects).toEqual([]);
  releaseDatabase(db);
});

test('what a database changes behind our back is found before the commit', () => {
  const sql = `${OLD} CREATE TRIGGER meddler AFTER INSERT ON sessions BEGIN
    UPDATE sessions SET branch = 'other', prompt = 'x' WHERE id = NEW.id AND NEW.id LIKE 'al-%'; END;`;
  synthDatabase(paths.database, 19, { sql });
  const db = openExclusive(paths.database);
  expect(prepareRows(db, ROWS).problems).toEqual(['sessions al-orchestrator: branch, prompt differ']);
  abandonRows(db);
  releaseDatabase(db);
});

test('an error of the database takes the transaction with it', () => {
  synthDatabase(paths.database, 19);
  const db = openExclusive(paths.database);
  db.run('PRAGMA max_page_count = 1');
  const big = projectRow('big', { display_name: 'x'.repeat(2_000_000) });
  expect(() => prepareRows(db, { projects: [projectRow('alpha'), big], orchestrators: [] })).toThrow('full');
  expect(db.inTransaction).toBe(false);
  expect(readTarget(db, paths).projects).toEqual([]);
  releaseDatabase(db);
});

test('so does one before the first row', () => {
  synthDatabase(paths.database, 19, { sql: 'DROP TABLE change_log' });
  const db = openExclusive(paths.database);
  expect(() => prepareRows(db, ROWS)).toThrow('change_log');
  expect(db.inTransaction).toBe(false);
  releaseDatabase(db);
});

test('on the held connection a schema that is not the one planned for is refused', () => {
  synthDatabase(paths.database, 12, { burned: [40] });
  const db = openExclusive(paths.database);
  expect(() => readTarget(db, paths)).toThrow('sessions.diff_base_sha');
  releaseDatabase(db);
});
