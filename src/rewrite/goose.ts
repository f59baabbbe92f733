import type { Database } from 'bun:sqlite';
import { editStoredTable, readSchemaEdit, type SchemaEdit } from './defensive';
import { parseMigration, type Statement } from './goose-parser';
import { type Migration, MigrationError } from './migration';

/** One row of goose_db_version. */
export interface VersionRow {
  readonly version: number;
  readonly applied: boolean;
}

/** A file that is ready to run. */
interface Step {
  readonly migration: Migration;
  readonly statements: readonly Statement[];
  readonly transactional: boolean;
  readonly edit: SchemaEdit | null;
}

const VERSION_TABLE = `CREATE TABLE goose_db_version (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL,
    is_applied INTEGER NOT NULL,
    tstamp     TIMESTAMP DEFAULT (datetime('now'))
)`;

/**
 * Brings a database to the newest of the given versions, as `goose.Up` does (rewrite-target.md 1), and returns the versions
 * applied, ascending. A new database gets the version table with its row for version 0 first. Each file runs in a
 * transaction of its own together with its version row; a file with NO TRANSACTION runs statement by statement. Pragmas
 * are the caller's; foreign keys are as before on every way out.
 *
 * Meant for a database under construction, which is thrown away on an error. Throws `MigrationError`, with the file and
 * where possible the line, for an invalid file (before anything is run), a statement that fails, versions that are missing
 * below the newest one recorded, or an open transaction.
 */
export function applyMigrations(db: Database, migrations: readonly Migration[]): number[] {
  return [...migrationSteps(db, migrations)];
}

/** The same a version at a time, each told when it is applied, for a caller that has something else to do in between. */
export function* migrationSteps(db: Database, migrations: readonly Migration[]): Generator<number> {
  if (db.inTransaction) throw new MigrationError('goose_db_version', null, 'a transaction is already open');
  const steps = inOrder(migrations).map(prepare);
  const pending = new Set(pendingVersions(recordedVersions(db), steps.map(versionOf)));
  const due = steps.filter((step) => pending.has(versionOf(step)));
  for (const step of due) {
    run(db, step);
    yield versionOf(step);
  }
}

/**
 * The versions to run, by the rule of rewrite-target.md 1.3 without AllowMissing. `recorded` is newest row first. A version
 * with any row counts as known, whatever the row says. Throws `MigrationError`.
 */
export function pendingVersions(recorded: readonly VersionRow[], available: readonly number[]): number[] {
  // Newest row of a version decides; with none applied, goose finds no current version and gives up.
  const current = recorded.find(
    (row, index) => row.applied && recorded.findIndex(({ version }) => version === row.version) === index,
  );
  if (current === undefined) throw new MigrationError('goose_db_version', null, 'no version is recorded as applied');
  const known = new Set(recorded.map(({ version }) => version));
  const top = Math.max(...known);
  const unknown = available.filter((version) => !known.has(version));
  const missing = unknown.filter((version) => version < top);
  if (missing.length > 0) {
    throw new MigrationError(
      'goose_db_version',
      null,
      `found ${missing.length} missing migrations before current version ${top}: ${missing.join(', ')}`,
    );
  }
  return unknown;
}

function inOrder(migrations: readonly Migration[]): Migration[] {
  const sorted = migrations.toSorted((a, b) => a.version - b.version);
  for (const [index, { version, name }] of sorted.entries()) {
    const previous = sorted[index - 1];
    if (previous?.version === version) throw new MigrationError(name, null, `the same version as ${previous.name}`);
  }
  return sorted;
}

function prepare(migration: Migration): Step {
  const { up, transactional } = parseMigration(migration.name, migration.sql);
  const edit = naming(migration.name, up[0]?.line ?? null, () => readSchemaEdit(up));
  return { migration, statements: up, transactional, edit };
}

function versionOf(step: Step): number {
  return step.migration.version;
}

/** Newest row first. Makes the table if there is none, in its own transaction, as goose does. */
function recordedVersions(db: Database): VersionRow[] {
  using table = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'");
  if (table.get() === null) {
    db.transaction(() => {
      db.run(VERSION_TABLE);
      record(db, 0);
    })();
  }
  using rows = db.prepare<{ version_id: number; is_applied: number }, []>(
    'SELECT version_id, is_applied FROM goose_db_version ORDER BY id DESC',
  );
  return rows.all().map(({ version_id, is_applied }) => ({ version: version_id, applied: is_applied !== 0 }));
}

function record(db: Database, version: number): void {
  db.run('INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)', [version]);
}

function run(db: Database, step: Step): void {
  const { migration, statements, transactional, edit } = step;
  const work = () => {
    if (edit === null) for (const statement of statements) execute(db, migration.name, statement);
    else naming(migration.name, statements[0]?.line ?? null, () => editStoredTable(db, edit));
    record(db, migration.version);
  };
  // What stands in for an edit of the stored schema can run in a transaction, unlike the edit itself.
  if (edit !== null) withoutForeignKeys(db, () => db.transaction(work)());
  else if (transactional) db.transaction(work)();
  else work();
}

function execute(db: Database, file: string, { sql, line }: Statement): void {
  naming(file, line, () => db.run(sql));
}

/** Inside a transaction the pragma is ignored, so this goes around it. */
function withoutForeignKeys(db: Database, work: () => void): void {
  using pragma = db.prepare<{ foreign_keys: number }, []>('PRAGMA foreign_keys');
  const enforced = pragma.get()?.foreign_keys === 1;
  if (enforced) db.run('PRAGMA foreign_keys = OFF');
  try {
    work();
  } finally {
    if (enforced) db.run('PRAGMA foreign_keys = ON');
  }
}

/** Puts file and line on whatever the work throws. */
function naming<T>(file: string, line: number | null, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new MigrationError(file, line, error instanceof Error ? error.message : String(error), { cause: error });
  }
}
