import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyMigrations } from '../../src/rewrite/goose';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import { dumpSchema } from '../../src/verify/schema-dump';
import { GOOSE, goose } from '../support/goose-cli';
import { replayTriggers } from '../support/trigger-replay';

/** Milliseconds. */
const TIMEOUT = 180_000;
const FIXTURES = join(import.meta.dir, '../fixtures/schema');
const golden: ReturnType<typeof dumpSchema> = JSON.parse(
  readFileSync(join(FIXTURES, 'schema-v12.golden.json'), 'utf8'),
);
const triggerGolden: ReturnType<typeof replayTriggers> = JSON.parse(
  readFileSync(join(FIXTURES, 'trigger-golden.json'), 'utf8'),
);
const script = readFileSync(join(FIXTURES, 'trigger-script.sql'), 'utf8');

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ao-migrate-goose-test-'));
  file = join(folder, 'ao.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function applyOurs(version = 12): void {
  using db = new Database(file, { create: true });
  applyMigrations(db, MIGRATIONS.slice(0, version));
}

test.skipIf(GOOSE === null)(
  'real goose makes the same database from the same files',
  async () => {
    expect(await goose(file, 'up')).toContain('goose: successfully migrated database to version: 12');
    using theirs = new Database(file, { readonly: true });
    using ours = new Database(':memory:');
    applyMigrations(ours, MIGRATIONS);
    expect(dumpSchema(theirs)).toEqual(golden);
    expect(dumpSchema(theirs)).toEqual(dumpSchema(ours));
    expect(replayTriggers(theirs, script)).toEqual(triggerGolden);
    expect(storedTexts(theirs)).toEqual(storedTexts(ours));
  },
  TIMEOUT,
);

test.skipIf(GOOSE === null)(
  'real goose finds nothing to do in a database made here, and changes nothing',
  async () => {
    applyOurs();
    const before = readFileSync(file);
    expect(await goose(file, 'up')).toContain('goose: no migrations to run. current version: 12');
    const status = await goose(file, 'status');
    expect(status.match(/\.sql$/gm)).toHaveLength(12);
    expect(status).not.toContain('Pending');
    expect(readFileSync(file).equals(before)).toBe(true);
  },
  TIMEOUT,
);

test.skipIf(GOOSE === null)(
  'real goose goes on from where the runner stopped',
  async () => {
    applyOurs(6);
    expect(await goose(file, 'up')).toContain('goose: successfully migrated database to version: 12');
    using db = new Database(file, { readonly: true });
    expect(dumpSchema(db)).toEqual(golden);
  },
  TIMEOUT,
);

test.skipIf(GOOSE === null)(
  'real goose can undo every file and apply it again',
  async () => {
    applyOurs();
    await goose(file, 'down-to', '0');
    using db = new Database(file);
    expect(Object.keys(dumpSchema(db).tables)).toEqual(['goose_db_version']);
    await goose(file, 'up');
    // The version rows of the second time have higher ids.
    expect({ ...dumpSchema(db), version_rows: golden.version_rows }).toEqual(golden);
  },
  TIMEOUT,
);

/** Every stored text but that of goose's own table, which each makes in its own words. */
function storedTexts(db: Database): unknown[] {
  const query =
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name <> 'goose_db_version' ORDER BY type, name";
  return db.query(query).all();
}
