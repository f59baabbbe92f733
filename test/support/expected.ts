import { Database } from 'bun:sqlite';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home';

type Row = Record<string, unknown>;

/** What a store must become: rows by table, and conversations by the directory that they belong to. */
export interface Expected {
  readonly projects: readonly Row[];
  readonly sessions: readonly Row[];
  readonly session_worktrees: readonly Row[];
  readonly conversations?: readonly { uuid: string; dest_cwd: string }[];
  readonly transcripts?: readonly { uuid: string; source_exists: boolean; dest_cwd: string }[];
  readonly onlyLive?: { readonly sessions: readonly string[] };
}

const FIXTURES = join(import.meta.dir, '..', 'fixtures');

export function expectedOf(kind: 'legacy' | 'real', name: string, home: Home, dataDir: string): Expected {
  const file =
    kind === 'legacy'
      ? join(FIXTURES, 'legacy', name, 'expected.json')
      : join(FIXTURES, 'real', `${name}.expected.json`);
  return JSON.parse(readFileSync(file, 'utf8').replaceAll('{{HOME}}', home.path).replaceAll('{{DATA_DIR}}', dataDir));
}

/** The rows of the three tables in the order of insertion, `config` decoded. */
export function rowsOf(database: string): { projects: Row[]; sessions: Row[]; session_worktrees: Row[] } {
  using db = new Database(database, { readonly: true });
  const all = (table: string): Row[] => db.query<Row, []>(`SELECT * FROM ${table} ORDER BY rowid`).all();
  return {
    projects: all('projects').map((row) => ({ ...row, config: JSON.parse(String(row.config)) })),
    sessions: all('sessions'),
    session_worktrees: all('session_worktrees'),
  };
}

/** Each expected row with only the columns that it names, as the database has them; undetermined columns do not count. */
export function restricted(actual: readonly Row[], expected: readonly Row[]): Row[] {
  return actual.map((row, index) =>
    Object.fromEntries(Object.keys(expected[index] ?? row).map((column) => [column, row[column]])),
  );
}

/** Path of a Claude conversation by the rule of short paths; the caller's paths are short. */
export function claudeFile(home: Home, cwd: string, uuid: string): string {
  return join(home.path, '.claude', 'projects', cwd.replace(/[^A-Za-z0-9]/g, '-'), `${uuid}.jsonl`);
}

export function isPrivateFile(path: string): boolean {
  return existsSync(path) && (statSync(path).mode & 0o777) === 0o600;
}
