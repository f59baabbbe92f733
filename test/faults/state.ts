import { Database } from 'bun:sqlite';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Row = Record<string, unknown>;

/** What a home holds, as far as two ways to the same end must agree: names, kinds, modes, bytes and rows, without times. */
export interface State {
  readonly tree: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, readonly Row[]>> | null;
  /** Soundness: never empty in words, always empty in a good state. */
  readonly problems: readonly string[];
}

const DATABASE = '.ao/data/ao.db';
const TABLES = ['projects', 'sessions', 'session_worktrees', 'change_log', 'goose_db_version'];
/** What two runs never have in common. */
const OWN_COLUMNS = new Set(['seq', 'tstamp']);

export interface StateOptions {
  /** Receipts, backups and what lies in them count too: for what must be as it was before. */
  readonly whole: boolean;
}

export function stateOf(home: string, { whole }: StateOptions): State {
  const problems: string[] = [];
  const tree: Record<string, string> = {};
  const walk = (path: string, name: string): void => {
    const stat = lstatSync(path);
    const mode = (stat.mode & 0o7777).toString(8);
    const shown = whole ? name : name.replaceAll(/\d{8}-\d{6}-[0-9a-f]{6}/g, '<run>');
    if (stat.isSymbolicLink()) tree[shown] = `link ${readlinkSync(path)}`;
    else if (stat.isDirectory()) {
      tree[shown] = `directory ${mode}`;
      for (const child of readdirSync(path).sort()) {
        const next = name === '' ? child : `${name}/${child}`;
        if (!whole && isExpected(next)) continue;
        walk(join(path, child), next);
      }
    } else if (isBeside(name) && existsSync(join(home, DATABASE))) return;
    else if (name === DATABASE) tree[shown] = `database ${mode}`;
    else if (stat.isFile())
      tree[shown] = `file ${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    else tree[shown] = `other ${mode}`;
  };
  walk(home, '');
  if (existsSync(join(home, '.ao'))) problems.push(...receiptProblems(home));
  return { tree, rows: rowsOf(join(home, DATABASE), problems), problems };
}

/** Files that SQLite keeps beside a database: their content counts with the rows. */
function isBeside(name: string): boolean {
  return name === `${DATABASE}-wal` || name === `${DATABASE}-shm` || name === `${DATABASE}-journal`;
}

/** Receipts and backups under their final names. */
function isExpected(name: string): boolean {
  return (
    /^\.ao\/migrations\/\d{8}-\d{6}-[0-9a-f]{6}\.json$/.test(name) ||
    /^\.ao\/backups\/legacy-\d{8}-\d{6}(-\d+)?$/.test(name)
  );
}

function receiptProblems(home: string): string[] {
  const folder = join(home, '.ao', 'migrations');
  const isFolder = lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  const names = isFolder ? readdirSync(folder).filter((name) => /^\d.*\.json$/.test(name)) : [];
  return names.flatMap((name) => {
    const receipt: { status?: string; backup?: string | null } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    return [
      ...(receipt.status === 'committing' ? [`receipt ${name} is still committing`] : []),
      ...(typeof receipt.backup === 'string'
        ? backupProblems(receipt.backup).map((problem) => `the backup of receipt ${name} ${problem}`)
        : []),
    ];
  });
}

/** Whether a backup holds what its manifest says. */
function backupProblems(backup: string): string[] {
  const manifest = join(backup, 'manifest.json');
  if (!existsSync(manifest)) return ['is not there'];
  try {
    const { files }: { files: { file: string; sha256: string }[] } = JSON.parse(readFileSync(manifest, 'utf8'));
    return files
      .filter(({ file, sha256 }) => {
        const path = join(backup, file);
        return !existsSync(path) || createHash('sha256').update(readFileSync(path)).digest('hex') !== sha256;
      })
      .map(({ file }) => `has not the ${file} of its manifest`);
  } catch {
    return ['has a manifest that cannot be read'];
  }
}

/** Rows of the tables in an order that does not depend on who came first. */
function rowsOf(database: string, problems: string[]): State['rows'] {
  if (!existsSync(database)) return null;
  // From a copy: to open it would change what lies beside it.
  const folder = mkdtempSync(join(tmpdir(), 'ao-migrate-rows-'));
  try {
    for (const part of ['', '-wal', '-journal'])
      if (existsSync(database + part)) copyFileSync(database + part, join(folder, `ao.db${part}`));
    using db = new Database(join(folder, 'ao.db'), { readwrite: true });
    const all = (table: string): Row[] =>
      db
        .query<Row, []>(`SELECT * FROM ${table}`)
        .all()
        .map((row) => Object.fromEntries(Object.entries(row).filter(([column]) => !OWN_COLUMNS.has(column))))
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    const sound = db.query<{ integrity_check: string }, []>('PRAGMA integrity_check').get()?.integrity_check;
    if (sound !== 'ok') problems.push(`integrity_check: ${sound}`);
    if (db.query('PRAGMA foreign_key_check').all().length > 0) problems.push('foreign_key_check found something');
    const versions = all('goose_db_version').map(({ id, ...rest }) => (id === undefined ? rest : rest));
    return { ...Object.fromEntries(TABLES.map((table) => [table, all(table)])), goose_db_version: versions };
  } catch (error) {
    problems.push(`the database cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is other in `actual` than in `expected`, in words; empty if nothing is. */
export function differences(expected: State, actual: State, except: (name: string) => boolean = () => false): string[] {
  const found: string[] = [...actual.problems];
  const names = new Set([...Object.keys(expected.tree), ...Object.keys(actual.tree)]);
  for (const name of [...names].sort()) {
    if (except(name)) continue;
    const [before, after] = [expected.tree[name], actual.tree[name]];
    if (before !== after) found.push(`${name}: ${before ?? 'absent'} expected, ${after ?? 'absent'} found`);
  }
  if (!Bun.deepEquals(expected.rows, actual.rows)) {
    for (const table of TABLES) {
      const [before, after] = [expected.rows?.[table], actual.rows?.[table]];
      if (!Bun.deepEquals(before, after))
        found.push(
          `rows of ${table}: ${before?.length ?? 'none'} expected, ${after?.length ?? 'none'} found, or other ones`,
        );
    }
  }
  return found;
}
