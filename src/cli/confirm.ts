import { Interrupted } from '../apply/interruption';
import { wrapped } from '../report/layout';

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
  /** Aborted by the caller's signal handler while the question stands: a decline. */
  readonly interrupted?: AbortSignal;
}

const ANSWERS: Readonly<Record<string, boolean>> = { '': true, y: true, yes: true, n: false, no: false };
/** Answers that are neither yes nor no before it counts as a decline. */
const TRIES = 3;

/**
 * Asks `question` and resolves to the answer: Enter is yes; no, end of input, Ctrl-C and three unclear answers are no
 * (migration.md 11). The input is left paused, so that it does not keep the process alive.
 */
export async function confirm(question: string, streams: QuestionStreams): Promise<boolean> {
  const { input, output, live, width, interrupted } = streams;
  // Most runs ask nobody.
  const { createInterface } = await import('node:readline');
  if (interrupted?.aborted === true) return false;
  // Two columns are left for the answer.
  const lines = wrapped(`${question} [Y/n]`, width - 2);
  output.write(
    lines
      .slice(0, -1)
      .map((line) => `${line}\n`)
      .join(''),
  );
  const prompt = createInterface({ input, output, terminal: live, historySize: 0 });
  return new Promise((resolve) => {
    let tries = 0;
    let answer = false;
    let answered = false;
    const end = (decision: boolean): void => {
      answer = decision;
      answered = true;
      prompt.close();
    };
    const abort = (): void => {
      output.write('\n');
      end(false);
    };
    interrupted?.addEventListener('abort', abort, { once: true });
    prompt.on('SIGINT', abort);
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

/** Ctrl-C while the question stood is a decline. */
export function wasInterrupted(check: () => void): boolean {
  try {
    check();
    return false;
  } catch (error) {
    if (error instanceof Interrupted) return true;
    throw error;
  }
}
