import { EXIT, type RefusalReport } from '../contracts/outcome';
import type { VerifyOutcome } from '../verify/run-verify';
import { FORMAT_VERSION, insertedNothing, noteOf, refusalOf, TOOL, type Tool } from './document';
import type { VerifyDocument } from './verify-schema';

/** The document of `verify --json` (migration.md 8 and 10). */
export function verifyDocument(outcome: VerifyOutcome, tool: Tool): VerifyDocument {
  return {
    formatVersion: FORMAT_VERSION,
    tool: TOOL,
    version: tool.version,
    command: 'verify',
    status: outcome.status,
    ...insertedNothing(outcome.schemaVersion),
    runId: outcome.runId,
    checks: outcome.checks.map(({ kind, id, state, detail }) => ({
      kind,
      id,
      state,
      ...(detail === undefined ? {} : { detail }),
    })),
    notes: outcome.notes.map(noteOf),
    refusal: refusalOf(outcome.refusal),
    sqliteVersion: tool.sqliteVersion,
  };
}

/** A `verify` that ended before it knew anything. */
export function unstartedVerify(status: 'usage' | 'failed', refusal: RefusalReport): VerifyOutcome {
  return {
    status,
    exitCode: status === 'usage' ? EXIT.usage : EXIT.failed,
    runId: null,
    schemaVersion: 0,
    checks: [],
    notes: [],
    refusal,
  };
}
