import { listenForSignals } from '../apply/interruption';
import type { Machine } from '../contracts/machine';
import { EXIT } from '../contracts/outcome';
import { UsageError } from '../contracts/refusals';
import { undo } from '../migrate/undo';
import { jsonText, type Tool } from '../report/document';
import { usageText } from '../report/result-text';
import { rollbackDocument, unstartedUndo } from '../report/rollback-document';
import { rollbackPlanText, rollbackQuestion, rollbackText } from '../report/rollback-text';
import type { Terminal } from '../report/terminal';
import type { TextContext } from '../report/words';
import type { Output } from '../report/writer';
import type { Answer } from './answer';
import type { FlagValues } from './arguments';
import { askHere, mustAsk } from './confirm';
import { endAtOnce, endSoon } from './end-at-once';

export interface RollbackSurroundings {
  readonly machine: Machine;
  readonly tool: Tool;
  readonly terminal: Terminal;
  readonly errorTerminal: Terminal;
  readonly stderr: Output;
  readonly stdinIsTTY: boolean;
  readonly stderrIsTTY: boolean;
}

/** `ao-migrate rollback`: undoes one run. Without a terminal, or with `--json`, it needs `--yes` (migration.md 11). */
export async function runRollback(flags: FlagValues, around: RollbackSurroundings): Promise<Answer> {
  const context: TextContext = {
    terminal: around.terminal,
    home: around.machine.home,
    verbose: flags.verbose,
    rollbackCommand: null,
  };
  const asks = mustAsk({
    stdinIsTTY: around.stdinIsTTY,
    stderrIsTTY: around.stderrIsTTY,
    json: flags.json,
    yes: flags.yes,
  });
  if (!flags['dry-run'] && !flags.yes && !asks) {
    return usage(
      new UsageError('rollback removes things and cannot ask here', 'Say --yes, or --dry-run to see what would go.'),
      flags,
      around,
    );
  }
  let planShown = false;
  const signals = listenForSignals({
    now: () => performance.now(),
    onSecond: () => endAtOnce(EXIT.sigint),
    onLate: endSoon,
  });
  try {
    const outcome = await undo(
      { run: flags.run ?? null, dryRun: flags['dry-run'], dataDir: flags['data-dir'] ?? null },
      {
        machine: around.machine,
        confirm: asks
          ? async (receipt, items) => {
              await around.stderr.write(
                `${rollbackPlanText(receipt.runId, items, { ...context, terminal: around.errorTerminal })}\n`,
              );
              planShown = true;
              return askHere(rollbackQuestion(items), around.errorTerminal, signals);
            }
          : null,
        interrupted: signals.check,
      },
    );
    if (flags.json)
      return { exitCode: outcome.exitCode, stdout: jsonText(rollbackDocument(outcome, around.tool)), stderr: '' };
    const isResult = outcome.exitCode === EXIT.done || outcome.status === 'partly-undone';
    const text = rollbackText(outcome, isResult ? context : { ...context, terminal: around.errorTerminal }, planShown);
    return { exitCode: outcome.exitCode, stdout: isResult ? text : '', stderr: isResult ? '' : text };
  } catch (error) {
    if (error instanceof UsageError) return usage(error, flags, around);
    throw error;
  } finally {
    signals.over();
  }
}

function usage(error: UsageError, flags: FlagValues, around: RollbackSurroundings): Answer {
  const refusal = { code: 'USAGE', message: error.message, hint: error.hint } as const;
  const outcome = unstartedUndo('usage', refusal, flags['dry-run']);
  return {
    exitCode: EXIT.usage,
    stdout: flags.json ? jsonText(rollbackDocument(outcome, around.tool)) : '',
    stderr: usageText(error, around.errorTerminal),
  };
}
