import { existsSync } from 'node:fs';
import { listenForSignals } from '../apply/interruption';
import type { Machine } from '../contracts/machine';
import { EXIT, type MigrateOutcome } from '../contracts/outcome';
import type { Plan } from '../contracts/plan';
import { UsageError } from '../contracts/refusals';
import { type MigrateFlags, migrate } from '../migrate/migrate';
import { jsonText, migrateDocument, type Tool } from '../report/document';
import type { Log } from '../report/log';
import { planText, questionText } from '../report/plan-text';
import { resultText, usageText } from '../report/result-text';
import { plannedItems } from '../report/status';
import type { Terminal } from '../report/terminal';
import type { TextContext } from '../report/words';
import type { Output } from '../report/writer';
import { isTakingOver } from '../sessions/take-over';
import type { Answer } from './answer';
import type { FlagValues } from './arguments';
import { askHere, mustAsk } from './confirm';
import { endAtOnce, endSoon } from './end-at-once';
import { emptyOutcome } from './failure';
import { observer } from './observer';
import { openProgress, type ProgressOutput } from './progress-output';

/** What the command needs of the process that it runs in. */
export interface MigrateSurroundings {
  readonly machine: Machine;
  readonly tool: Tool;
  readonly terminal: Terminal;
  /** The terminal that the plan, the question and refusals go to. */
  readonly errorTerminal: Terminal;
  readonly stderr: Output;
  readonly log: Log;
  readonly stdinIsTTY: boolean;
  readonly stderrIsTTY: boolean;
}

/** Why nothing seems to happen after a Ctrl-C. */
const TAKING_OVER = `Waiting for OpenCode: it takes its conversations over into a database, which must not be cut off.
Ctrl-C again ends ao-migrate and lets OpenCode finish by itself.
`;

/** `ao-migrate migrate`: the whole of migration.md 7. */
export async function runMigrate(flags: FlagValues, around: MigrateSurroundings): Promise<Answer> {
  const context: TextContext = {
    terminal: around.terminal,
    home: around.machine.home,
    verbose: flags.verbose,
    rollbackCommand: 'ao-migrate rollback',
  };
  const spoken: TextContext = { ...context, terminal: around.errorTerminal };
  const asks =
    !flags['dry-run'] &&
    mustAsk({ stdinIsTTY: around.stdinIsTTY, stderrIsTTY: around.stderrIsTTY, json: flags.json, yes: flags.yes });
  const signals = listenForSignals({
    now: () => performance.now(),
    onFirst: () => {
      if (around.stderrIsTTY && isTakingOver()) void around.stderr.write(`\n${TAKING_OVER}`);
    },
    onSecond: () => endAtOnce(EXIT.sigint),
    onLate: endSoon,
  });
  let planShown = false;
  let output: ProgressOutput | null = null;
  const ask = async (plan: Plan, backup: string | null): Promise<boolean> => {
    await around.stderr.write(`${planText(plan, spoken, { backup })}\n`);
    planShown = true;
    return askHere(questionText(plannedItems(plan)), around.errorTerminal, signals);
  };
  try {
    output = openProgress(flags, around.machine);
    const watching = observer({
      flags,
      output,
      terminal: around.errorTerminal,
      stderr: around.stderr,
      now: () => performance.now(),
    });
    const ended = await migrate(chosen(flags), {
      machine: around.machine,
      version: around.tool.version,
      confirm: asks ? ask : null,
      tellsMessages: flags['dry-run'] || !flags.json ? 'with the plan' : 'with the result',
      progress: watching.progress,
      phase: watching.phase,
      interrupted: signals.check,
      debug: (area, message) => around.log.debug(area, message),
    });
    return answer(watching.end(ended), flags, around, context, spoken, planShown);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const refusal = { code: 'USAGE', message: error.message, hint: error.hint } as const;
    const outcome = emptyOutcome({ status: 'usage', exitCode: EXIT.usage, refusal, dryRun: flags['dry-run'] });
    return {
      exitCode: EXIT.usage,
      stdout: flags.json ? jsonText(migrateDocument(outcome, around.tool)) : '',
      stderr: usageText(error, around.errorTerminal),
    };
  } finally {
    output?.close();
    signals.over();
  }
}

function answer(
  outcome: MigrateOutcome,
  flags: FlagValues,
  around: MigrateSurroundings,
  context: TextContext,
  spoken: TextContext,
  planShown: boolean,
): Answer {
  if (flags.json)
    return { exitCode: outcome.exitCode, stdout: jsonText(migrateDocument(outcome, around.tool)), stderr: '' };
  const isResult = outcome.exitCode === EXIT.done || outcome.status === 'partial';
  const text = resultText(outcome, isResult ? context : spoken, {
    planShown,
    filtered: flags.project.length + flags.exclude.length > 0,
    ...(outcome.plan === null ? {} : { storeExists: existsSync(outcome.plan.legacyRoot) }),
  });
  return { exitCode: outcome.exitCode, stdout: isResult ? text : '', stderr: isResult ? '' : text };
}

/** The flags of a command line, as the migration takes them. */
export function chosen(flags: FlagValues): MigrateFlags {
  return {
    projects: flags.project,
    exclude: flags.exclude,
    onlyLive: flags['only-live'],
    resume: flags.resume,
    dryRun: flags['dry-run'],
    from: flags.from ?? null,
    config: flags.config ?? null,
    dataDir: flags['data-dir'] ?? null,
    forceMigrate: flags['force-migrate'],
    strict: flags.strict,
    backup: !flags['no-backup'],
    stripRoleSnapshot: flags['strip-role-snapshot'],
  };
}
