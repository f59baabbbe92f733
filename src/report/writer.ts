/** Why an output did not take everything. `closed`: the reader went away (EPIPE), which is its right. */
export type OutputFailure =
  | { readonly kind: 'closed' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

/** One of the two standard streams. `write` resolves when all is written or the output has failed; it never rejects. */
export interface Output {
  write(text: string): Promise<void>;
  readonly failure: OutputFailure | null;
}

/** Writes some of the bytes and says how many; rejects with a system error. */
export type WriteCall = (descriptor: number, bytes: Uint8Array) => Promise<number>;

/** Bun's own call: `node:fs` alone would cost `--version` as much as the whole start. */
const bunWrite: WriteCall = (descriptor, bytes) => Bun.write(Bun.file(descriptor), bytes);

/** Few bytes Bun writes on the main thread, which would then wait for the reader and hear no signal. */
const poolWrite: WriteCall = async (descriptor, bytes) => {
  const { write } = await import('node:fs');
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, (error, taken) => (error === null ? resolve(taken) : reject(error)));
  });
};

export interface OutputOptions {
  /** Stderr of a `--json` run: no brace may appear there, because callers join both streams (migration.md 10). */
  readonly withoutBraces?: boolean;
  /** Milliseconds that a reader may take nothing at all before it is given up; without it he may take his time. */
  readonly patienceMs?: number;
  /** Signals are heard while a reader who may take his time keeps even a short text waiting. */
  readonly hearsSignals?: boolean;
  readonly writeCall?: WriteCall;
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

/** Bytes per call: keeps one copy of a large document out of the kernel's way, and is far above any pipe. */
const CHUNK = 1 << 20;
/** Bytes that a pipe takes before anybody reads. */
const PIPE = 1 << 16;
/** Bytes per call to a reader who may be given up: so few that a slow one takes them in time. */
const SMALL_CHUNK = 1 << 13;
const LONGEST_PAUSE = 50;
/** As the system calls it when somebody does not answer. */
const TIMED_OUT = 'ETIMEDOUT';
/** Writes of no byte in a row, after which a device is taken as broken. */
const FRUITLESS = 200;

/**
 * The one way to a standard stream. `process.stdout` loses what lies behind 64 KiB when the process ends, and
 * `console.log` to a full disk counts as success, so the descriptor is written directly until all is taken
 * (distribution.md 1). The call is an asynchronous one: a reader that waits must not keep signals from being handled.
 */
export function openOutput(descriptor: number, options: OutputOptions = {}): Output {
  const { patienceMs } = options;
  const sleep = options.sleep ?? Bun.sleep;
  const encoder = new TextEncoder();
  let failure: OutputFailure | null = null;
  let last: Promise<void> = Promise.resolve();

  const writeAll = async (text: string): Promise<void> => {
    const bytes = encoder.encode(options.withoutBraces === true ? withoutBraces(text) : text);
    // What a pipe holds as a whole keeps nobody waiting.
    const limit = bytes.length > PIPE ? patienceMs : undefined;
    const inPool = limit !== undefined || options.hearsSignals === true;
    const call = options.writeCall ?? (inPool ? poolWrite : bunWrite);
    const writeCall: WriteCall = limit === undefined ? call : (to, some) => inTime(call(to, some), limit);
    const chunk = limit === undefined ? CHUNK : SMALL_CHUNK;
    let done = 0;
    let waits = 0;
    let fruitless = 0;
    let waitedMs = 0;
    while (failure === null && done < bytes.length) {
      try {
        const taken = await writeCall(descriptor, bytes.subarray(done, done + chunk));
        done += taken;
        waits = taken > 0 ? 0 : waits + 1;
        fruitless = taken > 0 ? 0 : fruitless + 1;
        if (fruitless > FRUITLESS) failure = { kind: 'error', code: 'EIO', message: 'nothing is taken' };
      } catch (error) {
        if (isBusy(error)) waits++;
        else failure = failureOf(error);
      }
      if (waits === 0) waitedMs = 0;
      if (waits === 0 || failure !== null) continue;
      const pause = Math.min(LONGEST_PAUSE, waits);
      waitedMs += pause;
      if (limit !== undefined && waitedMs > limit) failure = failureOf(tooLate());
      else await sleep(pause);
    }
  };

  return {
    get failure() {
      return failure;
    },
    write(text) {
      last = last.then(() => writeAll(text));
      return last;
    },
  };
}

function tooLate(): Error {
  return Object.assign(new Error('nobody reads it'), { code: TIMED_OUT });
}

async function inTime(work: Promise<number>, patienceMs: number): Promise<number> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooLate()), patienceMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The exit code that is true after the report: what could not be told was not done well (distribution.md 1). */
export function exitCodeAfter<Code extends number>(code: Code, stdout: OutputFailure | null): Code | 1 {
  return code === 0 && stdout?.kind === 'error' ? 1 : code;
}

/** One line for stderr where the report could not be written; null where there is nothing to say. */
export function failureText(stdout: OutputFailure | null): string | null {
  return stdout?.kind === 'error' ? `The result could not be written to standard output (${stdout.code}).\n` : null;
}

export function withoutBraces(text: string): string {
  return text.replaceAll('{', '(').replaceAll('}', ')');
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EIO';

/** A pipe that somebody else made non-blocking is full for now; a signal came between. */
function isBusy(error: unknown): boolean {
  return ['EAGAIN', 'EWOULDBLOCK', 'EINTR'].includes(codeOf(error));
}

function failureOf(error: unknown): OutputFailure {
  const code = codeOf(error);
  if (code === 'EPIPE' || code === 'EOF') return { kind: 'closed' };
  return { kind: 'error', code, message: error instanceof Error ? error.message : String(error) };
}
