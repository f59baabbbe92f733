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
