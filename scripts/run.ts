export type Environment = Readonly<Record<string, string | undefined>>;

/** How a command ended that was waited for. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end without a terminal and without the environment of this process. */
export function run(command: readonly string[], cwd: string, env: Environment): Ended {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd, env: { ...env }, stdin: 'ignore' });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** What a command prints. @throws Error with what it said where it fails */
export function must(command: readonly string[], cwd: string, env: Environment): string {
  const ended = run(command, cwd, env);
  if (ended.exitCode === 0) return ended.stdout;
  throw new Error(`${command.join(' ')} ended with ${ended.exitCode}:\n${ended.stderr}${ended.stdout}`);
}

/** As `run`, while this process goes on: it may be serving what the command asks for. */
export async function started(command: readonly string[], cwd: string, env: Environment): Promise<Ended> {
  const child = Bun.spawn([...command], { cwd, env: { ...env }, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { exitCode: await child.exited, stdout, stderr };
}
