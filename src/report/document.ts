import type { Note } from '../contracts/notes';
import type { Item, MigrateOutcome, RefusalReport } from '../contracts/outcome';
import type { CompletionsDocument } from './completions-schema';
import type { AboutDocument, MigrateDocument, SchemaDocument } from './schema';
import type { Locked } from './schema-parts';
import { leavesSomething, settledItems } from './status';

/** What every document says of the tool itself. */
export interface Tool {
  readonly version: string;
  /** Full commit, or null where it is unknown. */
  readonly sourceCommit: string | null;
  /** Null where SQLite cannot be used. */
  readonly sqliteVersion: string | null;
}

export const FORMAT_VERSION = 1;
export const TOOL = 'ao-migrate';

/** The document of `migrate --json`, for every way in which a run can end (migration.md 10). */
export function migrateDocument(
  outcome: MigrateOutcome,
  tool: Tool,
  command: MigrateDocument['command'] = 'migrate',
): MigrateDocument {
  const items = settledItems(outcome);
  const without = outcome.status === 'refused' || outcome.status === 'usage';
  const lasting = leavesSomething(outcome);
  return {
    formatVersion: FORMAT_VERSION,
    tool: TOOL,
    version: tool.version,
    command,
    status: outcome.status,
    dryRun: outcome.dryRun,
    runId: outcome.runId,
    planHash: outcome.planHash,
    dbCreated: outcome.dbCreated && (lasting || outcome.dryRun),
    schemaVersion: without ? 0 : outcome.schemaVersion,
    projects: counted(items, 'project'),
    orchestrators: { ...counted(items, 'orchestrator'), relocatedTranscripts: lasting ? outcome.relocated : 0 },
    refusal: refusalOf(outcome.refusal),
    items: items.map(itemOf),
    notes: outcome.notes.map(noteOf),
    backup: outcome.backup,
    receipt: outcome.receipt,
    timing: outcome.timing === null ? null : { ...outcome.timing },
    sqliteVersion: tool.sqliteVersion,
  };
}

/** The locked keys of a command that inserts nothing. `schemaVersion`: of the database, where the command has read it. */
export function insertedNothing(schemaVersion = 0): Locked {
  const none = { created: 0, skipped: 0, failed: 0 };
  return { dbCreated: false, schemaVersion, projects: none, orchestrators: { ...none, relocatedTranscripts: 0 } };
}

function counted(items: readonly Item[], kind: Item['kind']): { created: number; skipped: number; failed: number } {
  const counts = { created: 0, skipped: 0, failed: 0 };
  for (const item of items) {
    if (item.kind !== kind) continue;
    if (item.outcome === 'created' || item.outcome === 'failed') counts[item.outcome]++;
    else counts.skipped++;
  }
  return counts;
}

// Keys are named one by one: what another part adds to a value is not published by accident.
function itemOf({ kind, id, outcome, reason, fields, conversation }: Item): MigrateDocument['items'][number] {
  return {
    kind,
    id,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(fields === undefined ? {} : { fields: [...fields] }),
    ...(conversation === undefined ? {} : { conversation }),
  };
}

export function noteOf({ code, severity, id, message, file, line, column }: Note): MigrateDocument['notes'][number] {
  return {
    code,
    severity,
    ...(id === undefined ? {} : { id }),
    message,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  };
}

export function refusalOf(refusal: RefusalReport | null): RefusalReport | null {
  return refusal === null ? null : { code: refusal.code, message: refusal.message, hint: refusal.hint };
}

/** One embedded migration file. */
export interface EmbeddedMigration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

/** The document of `schema --json`; the files' text is in it only with `--sql`. */
export function schemaDocument(migrations: readonly EmbeddedMigration[], withSql: boolean, tool: Tool): SchemaDocument {
  return {
    ...schemaHead(tool),
    status: 'ok',
    ...insertedNothing(),
    refusal: null,
    embeddedVersion: Math.max(0, ...migrations.map((migration) => migration.version)),
    migrations: migrations.map(({ version, name, sha256, sql }) => ({
      version,
      name,
      sha256,
      ...(withSql ? { sql } : {}),
    })),
    sqliteVersion: tool.sqliteVersion,
  };
}

/** The document of a `schema --json` that could not run. */
export function schemaFailureDocument(status: 'usage' | 'failed', refusal: RefusalReport, tool: Tool): SchemaDocument {
  return {
    ...schemaHead(tool),
    status,
    ...insertedNothing(),
    refusal: refusalOf(refusal),
    embeddedVersion: 0,
    migrations: [],
    sqliteVersion: tool.sqliteVersion,
  };
}

/** The document of `completions --json`; without shell and script where it could not run. */
export function completionsDocument(
  {
    status,
    shell,
    script,
    refusal,
  }: Pick<CompletionsDocument, 'status' | 'shell' | 'script'> & {
    readonly refusal: RefusalReport | null;
  },
  tool: Tool,
): CompletionsDocument {
  return {
    formatVersion: FORMAT_VERSION,
    tool: TOOL,
    version: tool.version,
    command: 'completions',
    status,
    ...insertedNothing(),
    refusal: refusalOf(refusal),
    shell,
    script,
    sqliteVersion: tool.sqliteVersion,
  };
}

const schemaHead = (tool: Tool) =>
  ({ formatVersion: FORMAT_VERSION, tool: TOOL, version: tool.version, command: 'schema' }) as const;

/** The document of `--help --json` (with the text) and `--version --json`. */
export function aboutDocument(command: AboutDocument['command'], text: string | null, tool: Tool): AboutDocument {
  return {
    formatVersion: FORMAT_VERSION,
    tool: TOOL,
    version: tool.version,
    command,
    status: 'ok',
    ...insertedNothing(),
    sourceCommit: tool.sourceCommit,
    text,
    sqliteVersion: tool.sqliteVersion,
  };
}

const UNSAFE_IN_JSON = /[\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/**
 * A document as text: one object, indented, one newline behind it. JSON leaves DEL, the C1 controls and bidirectional
 * overrides as they are, and a terminal obeys them, so they are escaped too; the value stays the same.
 */
export function jsonText(document: object): string {
  const text = JSON.stringify(document, null, 2);
  return `${text.replace(UNSAFE_IN_JSON, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
