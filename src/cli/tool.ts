import { Database } from 'bun:sqlite';
import type { Tool } from '../report/document';
import { SOURCE_COMMIT, VERSION } from './version';

/** What the documents say of the tool, with the version of the SQLite in use (the system's own on macOS). */
export function currentTool(): Tool {
  return { version: VERSION, sourceCommit: SOURCE_COMMIT, sqliteVersion: sqliteVersion() };
}

/** Null where SQLite cannot be used at all: a document is still owed then. */
function sqliteVersion(): string | null {
  try {
    using database = new Database(':memory:');
    const row: unknown = database.query('SELECT sqlite_version() AS version').get();
    return typeof row === 'object' && row !== null && 'version' in row ? String(row.version) : null;
  } catch {
    return null;
  }
}
