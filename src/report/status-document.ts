import { NOTHING_KNOWN, type Standing } from '../contracts/standing';
import { FORMAT_VERSION, insertedNothing, noteOf, refusalOf, TOOL, type Tool } from './document';
import type { StatusDocument } from './status-schema';

/** The document of `status --json` (migration.md 10). */
export function statusDocument(standing: Standing, tool: Tool): StatusDocument {
  const { status, schemaVersion, legacyRoot, dataDir, running, lastRun, unfinished, postinstall, pending } = standing;
  const { notes, refusal } = standing;
  return {
    formatVersion: FORMAT_VERSION,
    tool: TOOL,
    version: tool.version,
    command: 'status',
    status,
    ...insertedNothing(schemaVersion),
    refusal: refusalOf(refusal),
    legacyRoot,
    dataDir,
    running: { legacy: running.legacy, daemon: running.daemon },
    lastRun:
      lastRun === null
        ? null
        : {
            runId: lastRun.runId,
            status: lastRun.status,
            outcome: lastRun.outcome,
            partlyUndone: lastRun.partlyUndone,
            startedAt: lastRun.startedAt,
            receipt: lastRun.receipt,
          },
    unfinished: [...unfinished],
    postinstall: postinstall === null ? null : { code: postinstall.code, time: postinstall.time },
    pending: pending === null ? null : { projects: pending.projects, orchestrators: pending.orchestrators },
    notes: notes.map(noteOf),
    sqliteVersion: tool.sqliteVersion,
  };
}

/** A `status` that ended before it knew anything. */
export function unknownStanding(status: 'refused' | 'usage' | 'failed', refusal: Standing['refusal']): Standing {
  return { ...NOTHING_KNOWN, status, refusal };
}
