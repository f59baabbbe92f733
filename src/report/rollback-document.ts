import { EXIT, type RefusalReport } from '../contracts/outcome';
import type { UndoOutcome } from '../migrate/undo';
import { FORMAT_VERSION, insertedNothing, noteOf, refusalOf, TOOL, type Tool } from './document';
import type { RollbackDocument } from './rollback-schema';

/** The document of `rollback --json` (migration.md 8 and 10). */
export function rollbackDocument(outcome: UndoOutcome, tool: Tool): RollbackDocument {
  return {
    formatVersion: FORMAT_VERSION,
    tool: TOOL,
    version: tool.version,
    command: 'rollback',
    status: outcome.status,
    dryRun: outcome.dryRun,
    ...insertedNothing(outcome.schemaVersion),
    runId: outcome.runId,
    items: outcome.items.map(({ kind, id, outcome: what, reason }) => ({
      kind,
      id,
      outcome: what,
      ...(reason === undefined ? {} : { reason }),
    })),
    notes: outcome.notes.map(noteOf),
    refusal: refusalOf(outcome.refusal),
    backup: outcome.backup,
    sqliteVersion: tool.sqliteVersion,
  };
}

/** A `rollback` that ended before it knew anything. */
export function unstartedUndo(status: 'usage' | 'failed', refusal: RefusalReport, dryRun = false): UndoOutcome {
  return {
    status,
    exitCode: status === 'usage' ? EXIT.usage : EXIT.failed,
    dryRun,
    runId: null,
    schemaVersion: 0,
    items: [],
    notes: [],
    backup: null,
    receipt: null,
    refusal,
  };
}
