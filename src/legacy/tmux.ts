import type { Machine } from '../contracts/machine';
import type { TmuxSession } from './activity';

/** tmux answers within milliseconds; one that hangs must not stop a migration. */
const TIMEOUT_MS = 2_000;

/** The tmux sessions of this user; none where there is no tmux, no server, or no answer in time. */
export async function listTmuxSessions(machine: Machine): Promise<readonly TmuxSession[]> {
  if (machine.platform === 'win32') return [];
  const executable = Bun.which('tmux', { PATH: machine.env.PATH ?? '' });
  if (executable === null) return [];
  try {
    const child = Bun.spawn([executable, 'list-sessions', '-F', '#{session_name}\t#{session_path}'], {
      env: { ...machine.env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    const text = await new Response(child.stdout).text();
    await child.exited;
    return text.split('\n').flatMap((line) => {
      const split = line.indexOf('\t');
      return split > 0 ? [{ name: line.slice(0, split), path: line.slice(split + 1) }] : [];
    });
  } catch {
    return [];
  }
}
