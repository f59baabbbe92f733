import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home';

const ROOT = join(import.meta.dir, '..', '..');
const SUFFIX = process.platform === 'win32' ? '.exe' : '';

/** The compiled executable for this host, as `bun run build` makes it. */
export const EXECUTABLE = join(ROOT, 'dist', `${process.platform}-${process.arch}`, `ao-migrate${SUFFIX}`);

/** How a run ended. */
export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * Runs the compiled executable with this home and nothing else of the environment; tmux looks for its server below the
 * home, so that terminals of this machine do not count.
 */
export async function run(home: Home, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  if (!existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} is missing: run \`bun run build\` first`);
  const child = Bun.spawn([EXECUTABLE, ...args], {
    cwd: options.cwd ?? home.path,
    env: { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8', ...options.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/** The document of a run with `--json`. */
export async function runJson(
  home: Home,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Run & { document: Record<string, unknown> }> {
  const done = await run(home, [...args, '--json'], options);
  const document: Record<string, unknown> = JSON.parse(done.stdout);
  return { ...done, document };
}
