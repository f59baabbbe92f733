/** What decides on the form of a text. */
export interface StreamFacts {
  readonly isTTY: boolean;
  /** Undefined where the stream does not know. */
  readonly columns: number | undefined;
}

const NOT_A_TERMINAL: StreamFacts = { isTTY: false, columns: undefined };
const STREAMS = { 0: 'stdin', 1: 'stdout', 2: 'stderr' } as const;

/**
 * Facts of a standard stream. `process.stdout` is touched only where it is a terminal: making that object takes three
 * times as long as everything else that `status` does. Modules are required where they are needed, for the same reason.
 */
export function streamFacts(descriptor: keyof typeof STREAMS): StreamFacts {
  if (process.platform !== 'win32' && !mayBeTerminal(descriptor)) return NOT_A_TERMINAL;
  const stream: { isTTY?: boolean; columns?: number } = process[STREAMS[descriptor]];
  return { isTTY: stream.isTTY === true, columns: stream.columns };
}

/** A terminal is a character device, and not the one that swallows everything. */
function mayBeTerminal(descriptor: number): boolean {
  const { fstatSync, statSync }: typeof import('node:fs') = require('node:fs');
  try {
    const found = fstatSync(descriptor);
    return found.isCharacterDevice() && found.rdev !== statSync('/dev/null', { throwIfNoEntry: false })?.rdev;
  } catch {
    return false;
  }
}
