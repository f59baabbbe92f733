import { mkdir } from 'node:fs/promises';
import type { EmptyHome } from './agents';
import type { Command, CommandResult, RunCommand } from './agents-command';

/** One run of `opencode`. */
export type OpencodeRun = Omit<Command, 'program'>;

/**
 * Runs `opencode` without its user's configuration and without plugins. `OPENCODE_PURE` is what `--pure` sets: releases
 * that do not know the flag would refuse it, the variable they ignore.
 */
export async function runOpencode(
  run: RunCommand,
  home: EmptyHome,
  program: string,
  { env, ...rest }: OpencodeRun,
): Promise<CommandResult> {
  if (rest.cwd.startsWith(home.directory)) await mkdir(rest.cwd, { recursive: true, mode: 0o700 });
  const quiet = { OPENCODE_PURE: '1', OPENCODE_DISABLE_PROJECT_CONFIG: '1', OPENCODE_DISABLE_DEFAULT_PLUGINS: '1' };
  return run({ program, ...rest, env: { ...home.env, ...quiet, ...env } });
}

/** How a run ended, without a word of what it printed. */
export function ending(result: CommandResult): string {
  if (result.timedOut) return 'took too long and was stopped';
  if (result.failure !== null) return `could not be started (${result.failure})`;
  return result.exitCode === null ? 'was killed' : `ended with exit code ${result.exitCode}`;
}
