import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, started } from '../../scripts/run';
import type { Home } from './home';

const ROOT = join(import.meta.dir, '..', '..');
const SUFFIX = process.platform === 'win32' ? '.exe' : '';

/** The compiled executable for this host, as `bun run build` makes it. */
export const EXECUTABLE = join(ROOT, 'dist', `${process.platform}-${process.arch}`, `ao-migrate${SUFFIX}`);

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * Runs the compiled executable with this home and nothing else of the environment; tmux looks for its server below the
 * home, so that terminals of this machine do not count.
 */
export function run(home: Home, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  if (!existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} is missing: run \`bun run build\` first`);
  const env = { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8' };
  return started([EXECUTABLE, ...args], options.cwd ?? home.path, { ...env, ...options.env });
}

/** The document of a run with `--json`. */
export async function runJson(
  home: Home,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended & { document: Record<string, unknown> }> {
  const done = await run(home, [...args, '--json'], options);
  const document: Record<string, unknown> = JSON.parse(done.stdout);
  return { ...done, document };
}
