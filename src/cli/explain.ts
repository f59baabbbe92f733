import { refuseRunInProgress } from '../apply/run-lock';
import { statePaths } from '../apply/state';
import { steadily } from '../apply/steady';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { EXIT } from '../contracts/outcome';
import { Refusal, UsageError } from '../contracts/refusals';
import { leafReader } from '../legacy/leaf-reader';
import { type LegacyLocation, locateLegacy } from '../legacy/locate';
import { ledgerOf } from '../plan/ledger';
import { jsonText, type Tool } from '../report/document';
import { type Explained, explainDocument, unexplained } from '../report/explain-document';
import { explainText } from '../report/explain-text';
import { refusalText } from '../report/refusal-text';
import { usageText } from '../report/result-text';
import type { Terminal } from '../report/terminal';
import type { TextContext } from '../report/words';
import { inspectTarget, openElsewhereNote } from '../rewrite/inspect';
import { migrationsDir, type TargetPaths, targetPaths } from '../rewrite/paths';
import { type Survey, type SurveyTools, survey } from '../survey/survey';
import type { Answer } from './answer';
import type { FlagValues } from './arguments';

/** What the command needs of the process that it runs in. */
export interface ExplainSurroundings {
  readonly machine: Machine;
  readonly tool: Tool;
  readonly terminal: Terminal;
  readonly errorTerminal: Terminal;
  /** The agents, for the store and the target that were found. */
  readonly harnesses: (location: LegacyLocation, target: TargetPaths) => SurveyTools['harnesses'];
}

type ExplainFlags = Pick<
  FlagValues,
  'json' | 'verbose' | 'from' | 'config' | 'data-dir' | 'project' | 'exclude' | 'only-live' | 'resume'
>;

/** `ao-migrate explain [PROJECT]`: where each value comes from and what became of each old one. Writes nothing. */
export async function explain(
  operand: string | null,
  flags: ExplainFlags,
  around: ExplainSurroundings,
): Promise<Answer> {
  const { tool, terminal } = around;
  try {
    const explained = await explainedOf(operand, flags, around);
    const context: TextContext = { terminal, home: around.machine.home, verbose: flags.verbose, rollbackCommand: null };
    const text = flags.json ? jsonText(explainDocument(explained, tool)) : explainText(explained, context);
    return { exitCode: EXIT.done, stdout: text, stderr: '' };
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof UsageError)) throw error;
    const isRefusal = error instanceof Refusal;
    const report = { code: isRefusal ? error.code : ('USAGE' as const), message: error.message, hint: error.hint };
    const document = explainDocument(unexplained(isRefusal ? 'refused' : 'usage', report), tool);
    return {
      exitCode: isRefusal ? EXIT.refused : EXIT.usage,
      stdout: flags.json ? jsonText(document) : '',
      stderr: isRefusal
        ? refusalText(report, { terminal: around.errorTerminal, home: around.machine.home })
        : usageText(error, around.errorTerminal),
    };
  }
}

async function explainedOf(
  operand: string | null,
  flags: ExplainFlags,
  { machine, harnesses }: ExplainSurroundings,
): Promise<Explained> {
  const location = locateLegacy(machine, { from: flags.from ?? null, config: flags.config ?? null });
  const legacyRoots = location.root === null ? [] : [location.root];
  const target = targetPaths(machine, { dataDir: flags['data-dir'] ?? null, legacyRoots });
  const options = {
    projects: operand === null ? flags.project : [operand, ...flags.project],
    exclude: flags.exclude,
    onlyLive: flags['only-live'],
    resume: flags.resume,
  };
  const tools = { machine, harnesses: harnesses(location, target), read: { keepRaw: true, pause: Bun.sleepSync } };
  const look = async (): Promise<{ found: Survey; open: Note | null }> => {
    const asked = { paths: target, ask: () => inspectTarget(target, machine) };
    const found = await survey(location, asked, options, tools);
    return { found, open: found.facts.target.exists ? openElsewhereNote(target.database) : null };
  };
  const seen = await steadily(migrationsDir(machine), look, () =>
    refuseRunInProgress(statePaths(machine, target.physicalDataDir)),
  ).catch((error: unknown) => {
    throw operandError(operand, error);
  });
  const { found, open } = seen;
  const ledger = ledgerOf({ ...found, leaves: leafReader(found.store) });
  const told = new Set(found.draft.selected.flatMap(({ id, prefix }) => [id, `${prefix}-orchestrator`]));
  const isAll = found.draft.selected.length === found.draft.projects.length;
  const notes = open === null ? found.plan.notes : [...found.plan.notes, open];
  return {
    status: 'ok',
    legacyRoot: location.root,
    database: target.database,
    schemaVersion: found.facts.target.version,
    ledger,
    notes: isAll ? notes : notes.filter(({ id }) => id !== undefined && told.has(id)),
    refusal: null,
  };
}

/** The plan knows the project as a flag; here it was the word behind the command. */
function operandError(operand: string | null, error: unknown): unknown {
  const flag = `--project ${operand}: `;
  if (operand === null || !(error instanceof UsageError) || !error.message.startsWith(flag)) return error;
  return new UsageError(`${operand}: ${error.message.slice(flag.length)}`, error.hint);
}
