import type { Machine } from '../contracts/machine';
import { EXIT } from '../contracts/outcome';
import { UsageError } from '../contracts/refusals';
import { jsonText, type Tool } from '../report/document';
import { usageText } from '../report/result-text';
import type { Terminal } from '../report/terminal';
import { unstartedVerify, verifyDocument } from '../report/verify-document';
import { verifyText } from '../report/verify-text';
import { verify } from '../verify/run-verify';
import type { Answer } from './answer';
import type { FlagValues } from './arguments';

export interface VerifySurroundings {
  readonly machine: Machine;
  readonly tool: Tool;
  readonly terminal: Terminal;
}

/** `ao-migrate verify`: exit code 4 where something is damaged. */
export async function runVerify(flags: FlagValues, around: VerifySurroundings): Promise<Answer> {
  try {
    const outcome = await verify(
      {
        run: flags.run ?? null,
        dataDir: flags['data-dir'] ?? null,
        from: flags.from ?? null,
        config: flags.config ?? null,
      },
      around.machine,
    );
    if (flags.json)
      return { exitCode: outcome.exitCode, stdout: jsonText(verifyDocument(outcome, around.tool)), stderr: '' };
    const text = verifyText(outcome, {
      terminal: around.terminal,
      home: around.machine.home,
      verbose: flags.verbose,
      rollbackCommand: null,
    });
    return outcome.status === 'refused'
      ? { exitCode: outcome.exitCode, stdout: '', stderr: text }
      : { exitCode: outcome.exitCode, stdout: text, stderr: '' };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const refusal = { code: 'USAGE', message: error.message, hint: error.hint } as const;
    const outcome = unstartedVerify('usage', refusal);
    return {
      exitCode: EXIT.usage,
      stdout: flags.json ? jsonText(verifyDocument(outcome, around.tool)) : '',
      stderr: usageText(error, around.terminal),
    };
  }
}
