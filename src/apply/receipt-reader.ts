import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { RunSummary } from '../contracts/standing';
import { targetAt } from '../sessions/entry';
import { DatabaseFile, isUntouched } from './database-files';
import { runIds } from './run-ids';
import { type UnreadableReceipt, unreadableReceipt } from './unreadable-receipt';

/** What `status` needs of a receipt (migration.md 8); other keys may come and go. */
const Receipt = v.object({
  formatVersion: v.literal(1),
  runId: v.string(),
  status: v.picklist(['committing', 'done', 'undone']),
  physicalDataDir: v.string(),
  legacyRoot: v.string(),
  startedAt: v.optional(v.nullable(v.string())),
  outcome: v.optional(v.nullable(v.object({ status: v.string(), unusable: v.optional(v.number(), 0) }))),
  database: v.string(),
  schemaVersion: v.fallback(v.number(), 0),
  projects: v.optional(v.array(v.object({ id: v.string() })), []),
  sessions: v.optional(v.array(v.object({ id: v.string() })), []),
  sources: v.array(v.object({ path: v.string(), size: v.number(), mtimeMs: v.number() })),
  // Earlier builds wrote none of these, or some other.
  options: v.fallback(
    v.object({ onlyLive: v.boolean(), projects: v.array(v.string()), exclude: v.array(v.string()) }),
    { onlyLive: true, projects: [], exclude: [] },
  ),
  databaseFiles: v.fallback(v.array(DatabaseFile), []),
  removed: v.optional(v.unknown()),
});
type Receipt = v.InferOutput<typeof Receipt>;

const Begin = v.object({ physicalDataDir: v.optional(v.string()) });
const Postinstall = v.object({ code: v.optional(v.nullable(v.string())), time: v.optional(v.nullable(v.string())) });

/** A run with what tells whether it still describes the store. */
export interface RunRecord extends RunSummary {
  readonly legacyRoot: string;
  readonly database: string;
  /** Of the database when the run let it go. */
  readonly schemaVersion: number;
  /** Ids of the projects that it inserted. */
  readonly projects: readonly string[];
  /** Ids of the sessions that it inserted. */
  readonly sessions: readonly string[];
  readonly sources: Receipt['sources'];
  /** Nothing was filtered out of the run, and every project of the store could be taken, as far as its receipt says so. */
  readonly isWhole: boolean;
  /** The files of the database when the run let it go; none where that is not known. */
  readonly databaseFiles: readonly DatabaseFile[];
}

/** The earlier runs of one data directory. */
export interface PastRuns {
  /** Newest first. */
  readonly runs: readonly RunRecord[];
  /** Receipts that may be of further runs, newest first. */
  readonly unreadable: readonly UnreadableReceipt[];
}

/**
 * The newest run that is not undone (migration.md 8); where all are, the newest. Null also where that cannot be told,
 * because a receipt that would be before it cannot be understood.
 */
export function lastOf(past: PastRuns): RunRecord | null {
  return hidesLast(past) ? null : (standingRun(past) ?? past.runs[0] ?? null);
}

/** A receipt that cannot be understood may be that of the newest run that is not undone. */
export function hidesLast(past: PastRuns): boolean {
  const oldest = standingRun(past)?.runId ?? '';
  return past.unreadable.some(({ runId }) => runId > oldest);
}

function standingRun({ runs }: PastRuns): RunRecord | undefined {
  return runs.find(({ status }) => status !== 'undone');
}

/**
 * Whether what a run did is all that there is to do, told without the database: it left out nothing, no rollback has taken
 * anything of this or another run, and nobody has written to the database since. False is no more than "not known".
 *
 * @param past all runs of the data directory
 */
export function standsWhole(run: RunRecord, { runs, unreadable }: PastRuns): boolean {
  if (unreadable.length > 0 || runs.some(({ status, partlyUndone }) => status === 'undone' || partlyUndone))
    return false;
  return run.isWhole && isUntouched(run.database, run.databaseFiles);
}

/** What the receipts tell of the earlier runs of one data directory. */
export function pastRuns(migrations: string, physicalDataDir: string): PastRuns {
  const runs: RunRecord[] = [];
  const unreadable: UnreadableReceipt[] = [];
  for (const runId of knownIds(migrations, '.json')) {
    const file = join(migrations, `${runId}.json`);
    const text = textOf(file);
    const parsed = v.safeParse(Receipt, json(text));
    if (!parsed.success) {
      const found = text === '' && !existsSync(file) ? null : unreadableReceipt(file, runId, text, physicalDataDir);
      if (found !== null) unreadable.push(found);
      continue;
    }
    if (parsed.output.physicalDataDir !== physicalDataDir) continue;
    const { status, outcome, startedAt, legacyRoot, database, schemaVersion, projects, sessions, sources, options } =
      parsed.output;
    runs.push({
      runId,
      status,
      outcome: outcome?.status ?? null,
      startedAt: startedAt ?? null,
      receipt: file,
      partlyUndone: status !== 'undone' && parsed.output.removed !== undefined,
      legacyRoot,
      database,
      schemaVersion,
      projects: projects.map(({ id }) => id),
      sessions: sessions.map(({ id }) => id),
      sources,
      isWhole:
        !options.onlyLive &&
        options.projects.length === 0 &&
        options.exclude.length === 0 &&
        (outcome?.unusable ?? 0) === 0,
      databaseFiles: parsed.output.databaseFiles,
    });
  }
  return { runs, unreadable };
}

/** Ids of interrupted runs of one data directory, oldest first. */
export function unfinishedIds(migrations: string, physicalDataDir: string): string[] {
  return knownIds(migrations, '.journal')
    .filter((runId) => {
      const first = textOf(join(migrations, `${runId}.journal`)).split('\n', 1)[0] ?? '';
      const begin = v.safeParse(Begin, json(first));
      // A journal whose first line never reached the disk can be anybody's.
      return !begin.success || (begin.output.physicalDataDir ?? physicalDataDir) === physicalDataDir;
    })
    .reverse();
}

/**
 * What an install left behind where it did not migrate (migration.md 9), or null: also where a later run has done since what
 * the install did not. The file itself stays until the next install: a run removes nothing that it has not made.
 *
 * @param last the newest run of the data directory
 */
export function postinstallNote(
  migrations: string,
  last: Pick<RunRecord, 'startedAt'> | null,
): { code: string | null; time: string | null } | null {
  const parsed = v.safeParse(Postinstall, json(textOf(join(migrations, 'postinstall.json'))));
  if (!parsed.success) return null;
  const { code = null, time = null } = parsed.output;
  const isPast = Date.parse(last?.startedAt ?? '') > Date.parse(time ?? '');
  return isPast ? null : { code, time };
}

/** Every file that the run read is as it was then, by size and time. */
export function isUnchanged(sources: RunRecord['sources']): boolean {
  try {
    return sources.every(({ path, size, mtimeMs }) => {
      const now = targetAt(path);
      return now !== null && now.size === size && Math.floor(now.mtimeMs) === Math.floor(mtimeMs);
    });
  } catch {
    return false;
  }
}

/** None where the folder cannot be read: then both sides are looked at. */
function knownIds(migrations: string, suffix: '.json' | '.journal'): string[] {
  try {
    return runIds(migrations, suffix);
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return statSync(file).isFile() ? readFileSync(file, 'utf8') : '';
  } catch {
    return '';
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
