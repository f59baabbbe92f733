import { EXIT, type MigrateOutcome, type RefusalReport } from '../contracts/outcome';
import { doctorDocument, undiagnosed } from '../report/doctor-document';
import { completionsDocument, jsonText, migrateDocument, schemaFailureDocument, type Tool } from '../report/document';
import { explainDocument, unexplained } from '../report/explain-document';
import { unexpectedText, usageText } from '../report/result-text';
import { rollbackDocument, unstartedUndo } from '../report/rollback-document';
import { statusDocument, unknownStanding } from '../report/status-document';
import type { Terminal } from '../report/terminal';
import { unstartedVerify, verifyDocument } from '../report/verify-document';
import type { TextContext } from '../report/words';
import type { Answer } from './answer';
import type { CommandName } from './arguments';
import type { CrashRecord } from './crash';
import type { Request } from './gate';

/** A `migrate` that ended before it knew anything: nothing read, nothing planned, nothing done. */
export function emptyOutcome(
  end: Pick<MigrateOutcome, 'status' | 'exitCode' | 'refusal'> & { readonly dryRun?: boolean },
): MigrateOutcome {
  return {
    status: end.status,
    exitCode: end.exitCode,
    dryRun: end.dryRun ?? false,
    plan: null,
    planHash: null,
    runId: null,
    dbCreated: false,
    schemaVersion: 0,
    items: [],
    relocated: 0,
    notes: [],
    refusal: end.refusal,
    backup: null,
    receipt: null,
    timing: null,
  };
}

/** A command line that was refused, told on stderr and, for a caller that reads JSON, as the command's own document. */
export function usageFailure(request: Extract<Request, { kind: 'usage' }>, terminal: Terminal, tool: Tool): Answer {
  const { command, error, json } = request;
  const refusal: RefusalReport = { code: 'USAGE', message: error.message, hint: error.hint };
  return {
    exitCode: EXIT.usage,
    stdout: json ? failureDocument(command, 'usage', refusal, tool) : '',
    stderr: usageText(error, terminal),
  };
}

/**
 * An error that nobody expected: one line on stderr, and a document where one is owed. Only for errors before the first
 * change; what fails later has an outcome of its own (exit code 5 or 0).
 */
export function unexpectedFailure(
  crash: CrashRecord,
  command: CommandName,
  json: boolean,
  context: TextContext,
  tool: Tool,
): Answer {
  const details = crash.file === null ? '' : ` Details: ${crash.file}`;
  const refusal: RefusalReport = {
    code: 'UNEXPECTED',
    message: `${crash.summary} (reference ${crash.reference}).${details}`,
    hint: 'Run again; if it happens again, report the reference with the details.',
  };
  return {
    exitCode: EXIT.failed,
    stdout: json ? failureDocument(command, 'failed', refusal, tool) : '',
    stderr: unexpectedText(crash.reference, crash.file, context),
  };
}

/** The document of the command itself, so that a caller finds the keys that it reads. */
function failureDocument(command: CommandName, status: 'usage' | 'failed', refusal: RefusalReport, tool: Tool): string {
  return jsonText(failureOf(command, status, refusal, tool));
}

function failureOf(command: CommandName, status: 'usage' | 'failed', refusal: RefusalReport, tool: Tool): object {
  switch (command) {
    case 'schema':
      return schemaFailureDocument(status, refusal, tool);
    case 'explain':
      return explainDocument(unexplained(status, refusal), tool);
    case 'status':
      return statusDocument(unknownStanding(status, refusal), tool);
    case 'rollback':
      return rollbackDocument(unstartedUndo(status, refusal), tool);
    case 'verify':
      return verifyDocument(unstartedVerify(status, refusal), tool);
    case 'doctor':
      return doctorDocument(undiagnosed(status, refusal), tool);
    case 'completions':
      return completionsDocument({ status, refusal, shell: null, script: null }, tool);
    case 'migrate':
    case 'postinstall': {
      const exitCode = status === 'usage' ? EXIT.usage : EXIT.failed;
      return migrateDocument(emptyOutcome({ status, exitCode, refusal }), tool, command);
    }
  }
}
