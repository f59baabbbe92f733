import type { ExitCode } from '../contracts/outcome';
import { clearSuddenly } from '../sessions/sudden-end';

/**
 * Ends the process with nothing waited for: private copies and programs that it runs go with it, except for a take-over of
 * OpenCode, and its journal tells the next run what else is to be cleaned up.
 */
export function endAtOnce(exitCode: ExitCode): never {
  clearSuddenly();
  process.exit(exitCode);
}

/** Milliseconds in which a result that is being written can still be taken. */
const LAST_WORDS = 1_000;

/** Ends the process soon, with the exit code that is set by then: its work is done, and somebody asks it to go. */
export function endSoon(): void {
  setTimeout(() => {
    clearSuddenly();
    process.exit();
  }, LAST_WORDS).unref();
}
