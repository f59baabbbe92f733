import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Machine } from '../contracts/machine';
import { decodeConfig } from '../rewrite/config';
import { markerColumns, projectColumns, type RowSet, sessionColumns } from '../rewrite/rows';
import { sha256Hex } from '../sessions/sha256';
import { isSystemError } from '../sessions/source';
import { DatabaseFile } from './database-files';
import { writeDurably } from './durable';
import { jsonPieces } from './json-pieces';
import { RUN_ID, runIds } from './run-ids';
import type { StatePaths } from './state';

const Value = v.union([v.string(), v.number(), v.null()]);
const Columns = v.record(v.string(), Value);

const Project = v.object({
  id: v.string(),
  /** Every column that was written but `config`, which may hold secrets. */
  columns: Columns,
  /** Digest of the decoded config, see `configDigest`. */
  config: v.string(),
});

const Session = v.object({
  id: v.string(),
  projectId: v.string(),
  /** Every column that was written but `prompt`. */
  columns: Columns,
  prompt: v.string(),
  marker: v.nullable(Columns),
  /** Rows of change_log that the database's triggers wrote for this session. */
  changes: v.array(v.number()),
});

const ConversationFile = v.object({
  source: v.string(),
  destination: v.string(),
  size: v.number(),
  sourceSha256: v.string(),
  trimmedSha256: v.string(),
  sha256: v.string(),
});

/** A file that was in place before a run, by the bytes that it then had. */
const StandingFile = v.object({ destination: v.string(), size: v.number(), sha256: v.string() });
export type StandingFile = v.InferOutput<typeof StandingFile>;

const Conversation = v.object({
  sessionId: v.string(),
  projectId: v.string(),
  harness: v.picklist(['claude-code', 'codex', 'opencode']),
  sourceId: v.string(),
  resumeId: v.string(),
  destinationCwd: v.string(),
  /** Put there by this run; false where it was in place before. */
  placed: v.boolean(),
  files: v.array(ConversationFile),
  /** What was found in place of it, which the row refers to all the same; absent in receipts of 0.1.0's first builds. */
  standing: v.optional(v.array(StandingFile)),
  /** How much of it an agent took into a store of its own (OpenCode); absent in receipts of 0.1.0's first builds. */
  counts: v.optional(v.object({ messages: v.number(), parts: v.number() })),
  createdDirectories: v.array(v.string()),
});

const Ids = v.array(v.string());

/** What rollbacks have taken of a run, or found gone, while something else of it had to stay; conversations by session. */
export const RemovedItems = v.object({ projects: Ids, sessions: Ids, conversations: Ids });
export type RemovedItems = v.InferOutput<typeof RemovedItems>;

/** What one run did: enough to verify and to undo it, and never a secret (migration.md 8). */
export const Receipt = v.object({
  formatVersion: v.literal(1),
  runId: v.pipe(v.string(), v.regex(RUN_ID)),
  tool: v.string(),
  version: v.string(),
  status: v.picklist(['committing', 'done', 'undone']),
  startedAt: v.string(),
  finishedAt: v.nullable(v.string()),
  legacyRoot: v.string(),
  dataDir: v.string(),
  physicalDataDir: v.string(),
  database: v.string(),
  dbCreated: v.boolean(),
  schemaVersion: v.number(),
  planHash: v.string(),
  /** What was asked for, as far as the rows depend on it: verify derives them anew. */
  options: v.object({
    from: v.nullable(v.string()),
    config: v.nullable(v.string()),
    cwd: v.string(),
    onlyLive: v.boolean(),
    resume: v.picklist(['auto', 'manual']),
    /** Which projects were asked for and which were left out; absent in receipts of 0.1.0's first builds. */
    projects: v.optional(Ids),
    exclude: v.optional(Ids),
    /** The global config that was read or looked for; absent in receipts of 0.1.0's first builds. */
    registry: v.optional(v.nullable(v.string())),
    /** Variables that said where something is, as far as they were set; absent in the same. */
    environment: v.optional(v.record(v.string(), v.string())),
  }),
  /** How the run ended, and how many projects of the store could become no row. */
  outcome: v.object({ status: v.string(), unusable: v.optional(v.number(), 0) }),
  /** The files of the database when the run let it go; absent where that is not known. */
  databaseFiles: v.optional(v.array(DatabaseFile)),
  /** Absent where no rollback has left the run in part. */
  removed: v.optional(RemovedItems),
  createdDirectories: v.array(v.string()),
  stale: v.array(v.object({ original: v.string(), aside: v.string() })),
  backup: v.nullable(v.string()),
  projects: v.array(Project),
  sessions: v.array(Session),
  conversations: v.array(Conversation),
  sources: v.array(v.object({ path: v.string(), sha256: v.string(), size: v.number(), mtimeMs: v.number() })),
});
export type Receipt = v.InferOutput<typeof Receipt>;
export type ReceiptConversation = v.InferOutput<typeof Conversation>;
export type ReceiptProject = v.InferOutput<typeof Project>;
export type ReceiptSession = v.InferOutput<typeof Session>;

/** Which variables name a place that is read: configs, and the folders of the agents. */
const PLACES = [
  'AO_GLOBAL_CONFIG',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'CLAUDE_CONFIG_DIR',
  'CODEX_HOME',
  'OPENCODE_DB',
] as const;

/** Those of them that are set to a path, for the receipt: anything else, an address with a password in it, names no place. */
export function placesOf(env: Machine['env']): Record<string, string> {
  return Object.fromEntries(
    PLACES.flatMap((name) => {
      const value = env[name];
      return value === undefined || value === '' || /:\/\//.test(value) ? [] : [[name, value]];
    }),
  );
}

/** The machine as the run found it: its working directory, and where its variables said that things are. */
export function machineOfRun({ options }: Receipt, machine: Machine): Machine {
  const { cwd, environment } = options;
  if (environment === undefined) return { ...machine, cwd };
  const others = Object.entries(machine.env).filter(([name]) => !PLACES.some((each) => each === name));
  return { ...machine, cwd, env: { ...Object.fromEntries(others), ...environment } };
}

/** The receipt without what rollbacks have taken of the run already: nothing, where all of it is undone. */
export function remainderOf(receipt: Receipt): Receipt {
  if (receipt.status === 'undone') return { ...receipt, projects: [], sessions: [], conversations: [] };
  const { removed } = receipt;
  if (removed === undefined) return receipt;
  return {
    ...receipt,
    projects: receipt.projects.filter(({ id }) => !removed.projects.includes(id)),
    sessions: receipt.sessions.filter(({ id }) => !removed.sessions.includes(id)),
    conversations: receipt.conversations.filter(({ sessionId }) => !removed.conversations.includes(sessionId)),
  };
}

/**
 * Writes down what a rollback has done with a run: undone, or what went of it beside what had gone before. Where nothing
 * went the receipt stays untouched.
 */
export function writeRolledBack(paths: StatePaths, receipt: Receipt, removed: RemovedItems | 'all'): void {
  if (removed === 'all') writeReceipt(paths, { ...receipt, status: 'undone' });
  else if (Object.values(removed).some((ids) => ids.length > 0)) writeReceipt(paths, withRemoved(receipt, removed));
}

function withRemoved(receipt: Receipt, removed: RemovedItems): Receipt {
  const before = receipt.removed ?? { projects: [], sessions: [], conversations: [] };
  const both = (kind: keyof RemovedItems): string[] => [...new Set([...before[kind], ...removed[kind]])];
  return {
    ...receipt,
    removed: { projects: both('projects'), sessions: both('sessions'), conversations: both('conversations') },
  };
}

/**
 * Digest of what a config means to the daemon, salted with the run: rollback and verify compare by it, and nobody can look
 * up a value of `env` in it.
 */
export function configDigest(config: string | null, runId: string): string {
  const { decodes, config: decoded } = decodeConfig(config);
  const text = JSON.stringify(decodes ? decoded : null, (_, value: unknown) =>
    value instanceof Map ? [...value] : value,
  );
  return textDigest(text, runId);
}

export function textDigest(text: string, runId: string): string {
  return sha256Hex(`${runId}\0${text}`);
}

/** Stands before the digest of an origin URL with a query or fragment, which is where tokens hide (migration.md 10). */
const DIGEST = 'digest:';

function keptOrigin(url: unknown, runId: string): unknown {
  return typeof url === 'string' && /[?#]/.test(url) ? `${DIGEST}${textDigest(url, runId)}` : url;
}

/** A project's row as the receipt would keep it, to be compared with what it does. */
export function likeReceipt<Row extends Readonly<Record<string, unknown>>>(
  row: Row,
  { columns }: ReceiptProject,
  runId: string,
): Row {
  const kept = columns.repo_origin_url;
  const isDigest = typeof kept === 'string' && kept.startsWith(DIGEST);
  return isDigest ? { ...row, repo_origin_url: keptOrigin(row.repo_origin_url, runId) } : row;
}

/** The rows as the receipt keeps them: what may be secret only as a digest. */
export function receiptRows(
  rows: RowSet,
  changes: readonly { readonly seq: number; readonly sessionId: string }[],
  runId: string,
): Pick<Receipt, 'projects' | 'sessions'> {
  const bySession = Map.groupBy(changes, ({ sessionId }) => sessionId);
  return {
    projects: rows.projects.map((row) => {
      const { config, ...columns } = projectColumns(row);
      const kept = { ...columns, repo_origin_url: String(keptOrigin(columns.repo_origin_url, runId) ?? '') };
      return { id: row.id, columns: kept, config: configDigest(typeof config === 'string' ? config : null, runId) };
    }),
    sessions: rows.orchestrators.map(({ session, marker }) => {
      const { prompt, ...columns } = sessionColumns(session);
      return {
        id: session.id,
        projectId: session.project_id,
        columns,
        prompt: textDigest(String(prompt ?? ''), runId),
        marker: marker === null ? null : markerColumns(marker),
        changes: (bySession.get(session.id) ?? []).map(({ seq }) => seq),
      };
    }),
  };
}

export function receiptFile(paths: StatePaths, runId: string): string {
  return join(paths.migrations, `${runId}.json`);
}

/** Replaces the receipt of a run, whole. */
export function writeReceipt(paths: StatePaths, receipt: Receipt): void {
  const file = receiptFile(paths, receipt.runId);
  writeDurably(file, jsonPieces(receipt), partialReceipt(paths, receipt.runId));
}

/**
 * The receipt of a run for somebody who acts by it: null where there is none.
 *
 * @throws where it is there and cannot be read or understood
 */
export function requireReceipt(paths: StatePaths, runId: string): Receipt | null {
  let text: string;
  try {
    text = readFileSync(receiptFile(paths, runId), 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  }
  const receipt = parsedReceipt(text);
  if (receipt === null) throw new Error(`the receipt ${receiptFile(paths, runId)} cannot be understood`);
  return receipt;
}

/** The receipt of a run, null where there is none or it cannot be read. */
export function readReceipt(paths: StatePaths, runId: string): Receipt | null {
  try {
    return parsedReceipt(readFileSync(receiptFile(paths, runId), 'utf8'));
  } catch {
    return null;
  }
}

/** Null where the text is no receipt, or one that this build does not understand. */
export function parsedReceipt(text: string): Receipt | null {
  try {
    const found = v.safeParse(Receipt, JSON.parse(text));
    return found.success ? found.output : null;
  } catch {
    return null;
  }
}

/** A receipt goes with what an accident left of it. */
export function removeReceipt(paths: StatePaths, runId: string): void {
  rmSync(receiptFile(paths, runId), { force: true });
  rmSync(partialReceipt(paths, runId), { force: true });
}

function partialReceipt(paths: StatePaths, runId: string): string {
  return join(paths.migrations, `.${runId}.json.partial`);
}

/** Receipts of one data directory, newest first. */
export function receiptsOf(paths: StatePaths, physicalDataDir: string): Receipt[] {
  return runIds(paths.migrations, '.json')
    .flatMap((runId) => readReceipt(paths, runId) ?? [])
    .filter((receipt) => receipt.physicalDataDir === physicalDataDir);
}
