import type { Answer } from './cli/answer';
import { gate, type Request } from './cli/gate';
import { thisMachine } from './cli/this-machine';
import { SOURCE_COMMIT, VERSION } from './cli/version';
import { EXIT } from './contracts/outcome';
import { type ColorChoice, type Terminal, terminalOf } from './report/terminal';
import { exitCodeAfter, failureText, openOutput } from './report/writer';

// Whatever only some commands need is imported where it is needed: `--version` loads neither citty nor SQLite.

const { platform, home } = thisMachine();

const request = gate(process.argv.slice(2));
const json = request.kind === 'usage' ? request.json : request.flags.json;
const stdout = openOutput(1);
const stderr = openOutput(2, { withoutBraces: json });
let documentWritten = false;

function terminal(stream: { isTTY?: boolean; columns?: number }): Terminal {
  const color: ColorChoice = request.kind === 'usage' ? 'auto' : request.flags.color;
  const { isTTY, columns } = stream;
  return terminalOf({ env: process.env, platform, isTTY: isTTY === true, columns, color });
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
  terminal: terminal(process.stdout),
  errorTerminal: terminal(process.stderr),
  stderr,
  stdinIsTTY: process.stdin.isTTY === true,
  stderrIsTTY: process.stderr.isTTY === true,
});

async function answerTo(asked: Request): Promise<Answer> {
  if (asked.kind === 'version') return json ? about('version', null) : said(`${VERSION}\n`);
  if (asked.kind === 'help') {
    const { usage } = await import('./cli/commands');
    const text = await usage(asked.command, json ? plain() : terminal(process.stdout));
    return json ? about('help', text) : said(text);
  }
  if (asked.kind === 'usage') {
    const { usageFailure } = await import('./cli/failure');
    return usageFailure(asked, terminal(process.stderr), await currentTool());
  }
  if (asked.command === 'schema') {
    const { schema } = await import('./cli/schema');
    return schema(asked.flags, await currentTool(), terminal(process.stdout));
  }
  if (asked.command === 'migrate') {
    const { runMigrate } = await import('./cli/migrate');
    const { SILENT, verboseLog } = await import('./report/log');
    return runMigrate(asked.flags, { ...(await surroundings()), log: asked.flags.verbose ? verboseLog(stderr) : SILENT });
  }
  if (asked.command === 'verify') {
    const { runVerify } = await import('./cli/verify');
    return runVerify(asked.flags, await surroundings());
  }
  if (asked.command === 'rollback') {
    const { runRollback } = await import('./cli/rollback');
    return runRollback(asked.flags, await surroundings());
  }
  throw new Error(`no file in src/cli carries out ${asked.command}`);
}

async function unexpected(error: unknown): Promise<Answer> {
  const { recordCrash } = await import('./cli/crash');
  const { unexpectedFailure } = await import('./cli/failure');
  const machine = thisMachine();
  const command = request.kind === 'run' || request.kind === 'usage' ? request.command : 'migrate';
  const crash = recordCrash(error, { machine, command, version: VERSION, sourceCommit: SOURCE_COMMIT });
  const context = { terminal: terminal(process.stderr), home, verbose: false, rollbackCommand: null };
  return unexpectedFailure(crash, command, json, context, await currentTool());
}

async function report(answer: Answer): Promise<void> {
  await stderr.write(answer.stderr);
  if (answer.stdout !== '' && !(json && documentWritten)) {
    documentWritten = true;
    await stdout.write(answer.stdout);
  }
  const unwritten = failureText(stdout.failure);
  if (unwritten !== null) await stderr.write(unwritten);
  process.exitCode = exitCodeAfter(answer.exitCode, stdout.failure);
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
