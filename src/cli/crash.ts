import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../contracts/machine';

/** What is kept of an unexpected error: a reference to quote, and the file with the details, if it could be written. */
export interface CrashRecord {
  readonly reference: string;
  readonly file: string | null;
  /** The error in one sentence that holds no data of the store. */
  readonly summary: string;
}

export interface CrashContext {
  readonly machine: Pick<Machine, 'home' | 'tempDir' | 'now' | 'randomHex' | 'platform'>;
  readonly command: string;
  readonly version: string;
  readonly sourceCommit: string | null;
}

const LONGEST_MESSAGE = 300;

/**
 * Puts the details of an unexpected error into a new private file of the system's temp directory; never into the data
 * directory or the home, where an error must leave nothing. Never throws.
 */
export function recordCrash(error: unknown, context: CrashContext): CrashRecord {
  const { machine } = context;
  const reference = machine.randomHex(4);
  const file = join(machine.tempDir, `ao-migrate-${reference}.txt`);
  const summary = summaryOf(error, machine.home);
  try {
    writeFileSync(file, crashText(error, reference, context), { flag: 'wx', mode: 0o600 });
    return { reference, file, summary };
  } catch {
    return { reference, file: null, summary };
  }
}

function crashText(error: unknown, reference: string, context: CrashContext): string {
  const { machine, command, version, sourceCommit } = context;
  const causes = error instanceof Error && error.cause !== undefined ? [error.cause] : [];
  return `${[
    `reference ${reference}`,
    `time ${machine.now().toISOString()}`,
    `ao-migrate ${version}, commit ${sourceCommit ?? 'unknown'}, ${machine.platform}, command ${command}`,
    ...[error, ...causes].flatMap((one) => [summaryOf(one, machine.home), ...framesOf(one, machine.home)]),
  ].join('\n')}\n`;
}

/**
 * Name and message of an error, as far as the message cannot quote a file of the store (migration.md 10: no env value in
 * any output). A system error quotes a path and SQLite a column; parsers and validators quote what they read, so of
 * any other message only what stands outside quotes is kept, and of a syntax or validation error nothing.
 */
function summaryOf(error: unknown, home: string | null): string {
  if (!(error instanceof Error)) return 'a value that is no error was thrown';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  const name = code === null ? error.name : `${error.name} ${code}`;
  if (/Syntax|YAML|Vali|Zod|Parse/.test(`${error.name} ${error.constructor.name}`)) return name;
  const first = (error.message.split('\n')[0] ?? '').slice(0, LONGEST_MESSAGE);
  const known = code !== null && /^(E[A-Z0-9]+|SQLITE_[A-Z_]+)$/.test(code);
  return `${name}: ${withoutHome(known ? first : first.replace(/(["'`]).*\1/g, '$1...$1'), home)}`;
}

function framesOf(error: unknown, home: string | null): readonly string[] {
  if (!(error instanceof Error) || error.stack === undefined) return [];
  // The message stands in front of the frames and may have lines of its own that look like one.
  const frames = error.stack
    .replace(error.message, '')
    .split('\n')
    .filter((line) => /^\s+at \S/.test(line));
  return frames.map((line) => withoutHome(line, home));
}

function withoutHome(text: string, home: string | null): string {
  return home === null || home.length < 2 ? text : text.replaceAll(home, '~');
}
