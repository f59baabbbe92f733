import type { Answer } from './cli/answer';
import { gate, type Request } from './cli/gate';
import { streamFacts } from './cli/stream-facts';
import { thisMachine } from './cli/this-machine';
import { SOURCE_COMMIT, VERSION } from './cli/version';
import { EXIT } from './contracts/outcome';
import { type ColorChoice, type Terminal, terminalOf } from './report/terminal';
import { exitCodeAfter, failureText, openOutput } from './report/writer';
import type { Look } from './survey/standing';

// Whatever only some commands need is imported where it is needed: `--version` loads neither citty nor SQLite.

const { platform, home } = thisMachine();

const request = gate(process.argv.slice(2));
const json = request.kind === 'usage' ? request.json : request.flags.json;
/** A program that asks for a document reads it; a person may stand still in a pager. */
const hearsSignals = request.kind === 'run';
const stdout = openOutput(1, { hearsSignals, ...(json ? { patienceMs: 60_000 } : {}) });
const stderr = openOutput(2, { hearsSignals, withoutBraces: json });
let documentWritten = false;
/** `postinstall` never fails, not even when it is called wrongly (migration.md 9). */
const breaksNoInstall = (request.kind === 'run' || request.kind === 'usage') && request.command === 'postinstall';

function terminal(descriptor: 1 | 2): Terminal {
  const color: ColorChoice = request.kind === 'usage' ? 'auto' : request.flags.color;
  return terminalOf({ env: process.env, platform, color, ...streamFacts(descriptor) });
}

/** Help inside a document is read by programs: 80 columns, plain. */
const plain = (): Terminal => terminalOf({ env: {}, platform, isTTY: false, columns: 80, color: 'never' });

const currentTool = async () => (await import('./cli/tool')).currentTool();

const said = (text: string): Answer => ({ exitCode: EXIT.done, stdout: text, stderr: '' });

async function about(command: 'help' | 'version', text: string | null): Promise<Answer> {
  return (await import('./cli/about')).about(command, text, await currentTool());
}

/** What a command that may ask a question needs to know of this process. */
const surroundings = async () => ({
  machine: thisMachine(),
  tool: await currentTool(),
  terminal: terminal(1),
  errorTerminal: terminal(2),
  stderr,
  stdinIsTTY: streamFacts(0).isTTY,
  stderrIsTTY: streamFacts(2).isTTY,
});

async function answerTo(asked: Request): Promise<Answer> {
  if (asked.kind === 'version') return json ? about('version', null) : said(`${VERSION}\n`);
  if (asked.kind === 'help') {
    const { usage } = await import('./cli/commands');
    const text = await usage(asked.command, json ? plain() : terminal(1));
    return json ? about('help', text) : said(text);
  }
  if (asked.kind === 'usage') {
    const { usageFailure } = await import('./cli/failure');
    return usageFailure(asked, terminal(2), await currentTool());
  }
  if (asked.command === 'schema') {
    const { schema } = await import('./cli/schema');
    return schema(asked.flags, await currentTool(), terminal(1));
  }
  if (asked.command === 'completions') {
    const { completions } = await import('./cli/completions');
    return completions(asked.operand, json, await currentTool());
  }
  if (asked.command === 'doctor') {
    const { doctor } = await import('./cli/doctor');
    const { lookingHarnesses } = await import('./cli/look');
    const { thisIdentity, thisRuntime } = await import('./cli/this-runtime');
    const { commandRunner } = await import('./sessions/agents-command');
    const around = await surroundings();
    return doctor(asked.flags, {
      ...around,
      harnesses: lookingHarnesses(around.machine),
      identity: thisIdentity(),
      runtime: thisRuntime(around.tool),
      run: commandRunner(around.machine.platform),
    });
  }
  if (asked.command === 'migrate') {
    const { runMigrate } = await import('./cli/migrate');
    const { SILENT, verboseLog } = await import('./report/log');
    return runMigrate(asked.flags, {
      ...(await surroundings()),
      log: asked.flags.verbose ? verboseLog(stderr) : SILENT,
    });
  }
  if (asked.command === 'status') {
    const { status } = await import('./cli/status');
    const machine = thisMachine();
    const survey: Look = async (...place) => (await import('./cli/look')).lookAt(machine, ...place);
    const terminals = { terminal: terminal(1), errorTerminal: terminal(2) };
    return status(asked.flags, { machine, tool: currentTool, ...terminals, survey });
  }
  if (asked.command === 'explain') {
    const { explain } = await import('./cli/explain');
    const { lookingHarnesses } = await import('./cli/look');
    const around = await surroundings();
    return explain(asked.operand, asked.flags, { ...around, harnesses: lookingHarnesses(around.machine) });
  }
  if (asked.command === 'verify') {
    const { runVerify } = await import('./cli/verify');
    return runVerify(asked.flags, await surroundings());
  }
  if (asked.command === 'rollback') {
    const { runRollback } = await import('./cli/rollback');
    return runRollback(asked.flags, await surroundings());
  }
  if (asked.command === 'postinstall') {
    const { runPostinstall } = await import('./cli/postinstall');
    const { SILENT, verboseLog } = await import('./report/log');
    return runPostinstall(asked.flags, {
      ...(await surroundings()),
      log: asked.flags.verbose ? verboseLog(stderr) : SILENT,
    });
  }
  throw new Error(`no file in src/cli carries out ${asked.command}`);
}

/** An error while telling of an error must not look like success. */
const LAST_WORD: Answer = { exitCode: EXIT.failed, stdout: '', stderr: 'ao-migrate met an unexpected error.\n' };

async function unexpected(error: unknown): Promise<Answer> {
  // What could not be removed on the way, as a private copy, is tried once more.
  (await import('./sessions/sudden-end')).clearSuddenly();
  return crashed(error).catch(() => LAST_WORD);
}

async function crashed(error: unknown): Promise<Answer> {
  const { recordCrash } = await import('./cli/crash');
  const { unexpectedFailure } = await import('./cli/failure');
  const machine = thisMachine();
  const command = request.kind === 'run' || request.kind === 'usage' ? request.command : 'migrate';
  const crash = recordCrash(error, { machine, command, version: VERSION, sourceCommit: SOURCE_COMMIT });
  const context = { terminal: terminal(2), home, verbose: false, rollbackCommand: null };
  return unexpectedFailure(crash, command, json, context, await currentTool());
}

/** All that an install may say (migration.md 9). */
function inOneLine(text: string): string {
  return text === '' ? '' : `${text.trim().replace(/\s*\n\s*/g, ' ')}\n`;
}

async function report(answer: Answer): Promise<void> {
  // What a signal that comes while the answer is written ends with.
  process.exitCode = breaksNoInstall ? EXIT.done : answer.exitCode;
  await stderr.write(breaksNoInstall ? inOneLine(answer.stderr) : answer.stderr);
  if (answer.stdout !== '' && !(json && documentWritten)) {
    documentWritten = true;
    await stdout.write(answer.stdout);
  }
  const unwritten = failureText(stdout.failure);
  if (unwritten !== null) await stderr.write(unwritten);
  process.exitCode = breaksNoInstall ? EXIT.done : exitCodeAfter(answer.exitCode, stdout.failure);
  // The call that nobody took would keep the process alive.
  if (stdout.failure?.kind === 'error') process.exit();
}

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, async (error: unknown) => {
    await report(await unexpected(error));
    process.exit();
  });
}

try {
  await report(await answerTo(request));
} catch (error) {
  await report(await unexpected(error));
}
