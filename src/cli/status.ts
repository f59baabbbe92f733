import type { Machine } from '../contracts/machine';
import { EXIT } from '../contracts/outcome';
import { Refusal, UsageError } from '../contracts/refusals';
import type { Standing } from '../contracts/standing';
import type { Tool } from '../report/document';
import type { Terminal } from '../report/terminal';
import { type Look, standingOf } from '../survey/standing';
import type { Answer } from './answer';
import type { FlagValues } from './arguments';

// `status` starts fast: what only some answers need is imported where it is needed.

/** What the command needs of the process that it runs in. */
export interface StatusSurroundings {
  readonly machine: Machine;
  /** Asked for only where a document is written: it opens SQLite. */
  readonly tool: () => Promise<Tool>;
  readonly terminal: Terminal;
  readonly errorTerminal: Terminal;
  readonly survey: Look;
}

type StatusFlags = Pick<FlagValues, 'json' | 'verbose' | 'check' | 'from' | 'config' | 'data-dir'>;

/** `ao-migrate status`: is a migration pending, done, partial or undone, and who is running. Writes nothing. */
export async function status(flags: StatusFlags, around: StatusSurroundings): Promise<Answer> {
  const { machine, terminal } = around;
  let standing: Standing;
  try {
    standing = await standingOf({
      machine,
      from: flags.from ?? null,
      config: flags.config ?? null,
      dataDir: flags['data-dir'] ?? null,
      survey: around.survey,
    });
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof UsageError)) throw error;
    const isRefusal = error instanceof Refusal;
    const refusal = { code: isRefusal ? error.code : ('USAGE' as const), message: error.message, hint: error.hint };
    return failed(isRefusal ? 'refused' : 'usage', refusal, flags, around);
  }
  const found = flags.check && ['pending', 'partial', 'unreadable'].includes(standing.status);
  const exitCode = found ? EXIT.found : EXIT.done;
  if (flags.json) return { exitCode, stdout: await documentText(standing, around), stderr: '' };
  const { statusText } = await import('../report/status-text');
  const context = { terminal, home: machine.home, verbose: flags.verbose, rollbackCommand: null };
  return { exitCode, stdout: statusText(standing, context), stderr: '' };
}

async function failed(
  status: 'refused' | 'usage',
  refusal: NonNullable<Standing['refusal']>,
  flags: StatusFlags,
  around: StatusSurroundings,
): Promise<Answer> {
  const { unknownStanding } = await import('../report/status-document');
  const { refusalText } = await import('../report/refusal-text');
  const { usageText } = await import('../report/result-text');
  return {
    exitCode: status === 'refused' ? EXIT.refused : EXIT.usage,
    stdout: flags.json ? await documentText(unknownStanding(status, refusal), around) : '',
    stderr:
      status === 'refused'
        ? refusalText(refusal, { terminal: around.errorTerminal, home: around.machine.home })
        : usageText(new UsageError(refusal.message, refusal.hint), around.errorTerminal),
  };
}

async function documentText(standing: Standing, { tool }: StatusSurroundings): Promise<string> {
  const { jsonText } = await import('../report/document');
  const { statusDocument } = await import('../report/status-document');
  return jsonText(statusDocument(standing, await tool()));
}
