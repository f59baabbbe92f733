/** One call that succeeded, as a trace has it; unfinished lines are joined with what resumed them. */
export interface TracedCall {
  readonly name: string;
  /** The text between the brackets. */
  readonly args: string;
  readonly thread: string;
  /** False where a syncfs only begins here, while other threads go on. */
  readonly ended: boolean;
}

/** Calls of a trace in the order in which they ended, those that failed left out; where a syncfs takes its time, its beginning too. */
export function succeededCalls(text: string): TracedCall[] {
  const pending = new Map<string, { name: string; args: string }>();
  const calls: TracedCall[] = [];
  for (const line of text.split('\n')) {
    const resumed = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)/.exec(line);
    if (resumed !== null) {
      const [, thread = '', name = '', rest = '', result = ''] = resumed;
      const begun = pending.get(`${thread} ${name}`);
      if (begun !== undefined && !result.startsWith('-'))
        calls.push({ name, args: begun.args + rest, thread, ended: true });
      continue;
    }
    const unfinished = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/.exec(line);
    if (unfinished !== null) {
      const [, thread = '', name = '', args = ''] = unfinished;
      pending.set(`${thread} ${name}`, { name, args });
      if (name === 'syncfs') calls.push({ name, args, thread, ended: false });
      continue;
    }
    const whole = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/.exec(line);
    if (whole === null) continue;
    const [, thread = '', name = '', args = '', result = '-'] = whole;
    if (!result.startsWith('-')) calls.push({ name, args, thread, ended: true });
  }
  return calls;
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, v: 11, f: 12, '\\': 92, '"': 34 };

/** The quoted strings of a line, as bytes. */
export function strings(args: string): Buffer[] {
  return Array.from(args.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, quoted = '']) => {
    const bytes: number[] = [];
    for (const [, octal, letter, plain] of quoted.matchAll(/\\([0-7]{1,3})|\\(.)|([^\\])/g)) {
      if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
      else if (letter !== undefined) bytes.push(ESCAPES[letter] ?? letter.charCodeAt(0));
      else if (plain !== undefined) bytes.push(plain.charCodeAt(0) & 0xff);
    }
    return Buffer.from(bytes);
  });
}
