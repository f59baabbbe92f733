import { Interrupted, type Interruption } from '../apply/interruption';
import { wrapped } from '../report/layout';
import type { Terminal } from '../report/terminal';
import { turn } from '../sessions/in-parallel';

export interface Asking {
  readonly stdinIsTTY: boolean;
  readonly stderrIsTTY: boolean;
  readonly json: boolean;
  readonly yes: boolean;
}

/** `migrate` asks only a person who can see the question and answer it; else it goes on as with `--yes` (migration.md 11). */
export function mustAsk({ stdinIsTTY, stderrIsTTY, json, yes }: Asking): boolean {
  return stdinIsTTY && stderrIsTTY && !json && !yes;
}

export interface QuestionStreams {
  readonly input: NodeJS.ReadableStream;
  /** Standard error: standard output may be a file. */
  readonly output: NodeJS.WritableStream;
  /** The terminal obeys cursor movements, so that the line can be edited and Ctrl-C arrives as a key. */
  readonly live: boolean;
  /** Columns. */
  readonly width: number;
  /** Aborted by the caller's signal handler while the question stands, with the Interrupted that says which signal came. */
  readonly interrupted?: AbortSignal;
}

const ANSWERS: Readonly<Record<string, boolean>> = { '': true, y: true, yes: true, n: false, no: false };
/** Answers that are neither yes nor no before it counts as a decline. */
const TRIES = 3;

/**
 * Asks `question` and resolves to the answer: Enter is yes; no, end of input and three unclear answers are no
 * (migration.md 11). The input is left paused, so that it does not keep the process alive.
 *
 * @throws Interrupted on a signal, and on Ctrl-C, which a live terminal sends as a key
 */
export async function confirm(question: string, streams: QuestionStreams): Promise<boolean> {
  const { input, output, live, width, interrupted } = streams;
  // A terminal that is closed takes nothing any more; its end of input or its signal ends the question.
  output.on('error', () => {});
  // Most runs ask nobody.
  const { createInterface } = await import('node:readline');
  interrupted?.throwIfAborted();
  // Two columns are left for the answer.
  const lines = wrapped(`${question} [Y/n]`, width - 2);
  output.write(
    lines
      .slice(0, -1)
      .map((line) => `${line}\n`)
      .join(''),
  );
  const prompt = createInterface({ input, output, terminal: live, historySize: 0 });
  return new Promise((resolve, reject) => {
    let tries = 0;
    let answer = false;
    let answered = false;
    const end = (decision: boolean): void => {
      answer = decision;
      answered = true;
      prompt.close();
    };
    const interrupt = (reason: unknown): void => {
      output.write('\n');
      reject(reason);
      end(false);
    };
    const abort = (): void => interrupt(interrupted?.reason);
    interrupted?.addEventListener('abort', abort, { once: true });
    prompt.on('SIGINT', () => interrupt(new Interrupted('SIGINT')));
    prompt.on('close', () => {
      interrupted?.removeEventListener('abort', abort);
      // Without an answer the cursor still stands behind the question.
      if (!answered) output.write('\n');
      resolve(answer);
    });
    prompt.on('line', (line) => {
      if (answered) return;
      const word = line.trim().toLowerCase();
      const decision = Object.hasOwn(ANSWERS, word) ? ANSWERS[word] : undefined;
      tries++;
      if (decision !== undefined) end(decision);
      else if (tries >= TRIES) end(false);
      else {
        prompt.setPrompt('Please answer y or n: ');
        prompt.prompt();
      }
    });
    prompt.setPrompt(`${lines.at(-1)} `);
    prompt.prompt();
  });
}

/**
 * Asks the person at this process's terminal, as `confirm` does. A terminal that is closed meanwhile is no end of input.
 *
 * @throws Interrupted
 */
export async function askHere(question: string, terminal: Terminal, signals: Interruption): Promise<boolean> {
  const { live, width } = terminal;
  const input = process.stdin;
  let isClosed = false;
  const setMode = input.setRawMode.bind(input);
  // readline sets it back when the question ends, and expects no error.
  input.setRawMode = (isRaw) => {
    try {
      return setMode(isRaw);
    } catch {
      isClosed = true;
      return input;
    }
  };
  const agreed = await confirm(question, { input, output: process.stderr, live, width, interrupted: signals.signal });
  // The input ends now and then before the signal arrives.
  await turn();
  signals.check();
  if (isClosed) throw new Interrupted('SIGHUP');
  return agreed;
}
