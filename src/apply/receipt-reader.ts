import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { RunSummary } from '../contracts/standing';

/** What `status` needs of a receipt (migration.md 8); other keys may come and go. */
const Receipt = v.object({
  runId: v.string(),
  status: v.picklist(['committing', 'done', 'undone']),
  physicalDataDir: v.string(),
  legacyRoot: v.string(),
  startedAt: v.optional(v.nullable(v.string())),
  outcome: v.optional(v.nullable(v.object({ status: v.string() }))),
  database: v.string(),
  sessions: v.optional(v.array(v.object({ id: v.string() })), []),
  sources: v.array(v.object({ path: v.string(), size: v.number(), mtimeMs: v.number() })),
});
type Receipt = v.InferOutput<typeof Receipt>;

const Begin = v.object({ physicalDataDir: v.optional(v.string()) });
const Postinstall = v.object({ code: v.optional(v.nullable(v.string())), time: v.optional(v.nullable(v.string())) });

/** A run with what tells whether it still describes the store. */
export interface RunRecord extends RunSummary {
  readonly legacyRoot: string;
  readonly database: string;
  /** Ids of the sessions that it inserted. */
  readonly sessions: readonly string[];
  readonly sources: Receipt['sources'];
}

/** Runs of one data directory, newest first, each read when it is asked for; unreadable receipts are passed over. */
export function* runsOf(migrations: string, physicalDataDir: string): Generator<RunRecord> {
  for (const runId of runIds(migrations, 'json')) {
    const file = join(migrations, `${runId}.json`);
    const parsed = v.safeParse(Receipt, json(textOf(file)));
    if (!parsed.success || parsed.output.physicalDataDir !== physicalDataDir) continue;
    const { status, outcome, startedAt, legacyRoot, database, sessions, sources } = parsed.output;
    yield {
      runId,
      status,
      outcome: outcome?.status ?? null,
      startedAt: startedAt ?? null,
      receipt: file,
      legacyRoot,
      database,
      sessions: sessions.map(({ id }) => id),
      sources,
    };
  }
}

/** Ids of interrupted runs of one data directory, oldest first. */
export function unfinishedIds(migrations: string, physicalDataDir: string): string[] {
  return runIds(migrations, 'journal')
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
  return sources.every(({ path, size, mtimeMs }) => {
    const now = statSync(path, { throwIfNoEntry: false });
    return now !== undefined && now.size === size && Math.floor(now.mtimeMs) === Math.floor(mtimeMs);
  });
}

function runIds(migrations: string, extension: 'json' | 'journal'): string[] {
  const form = /^(\d{8}-\d{6}-[0-9a-f]{6})\.(json|journal)$/;
  try {
    return readdirSync(migrations)
      .flatMap((name) => {
        const match = form.exec(name);
        return match?.[1] !== undefined && match[2] === extension ? [match[1]] : [];
      })
      .sort()
      .reverse();
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
