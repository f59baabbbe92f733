import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../contracts/machine';
import type { TmuxSession } from '../sessions/liveness';

/** tmux answers within milliseconds; one that hangs must not stop a migration. */
const TIMEOUT_MS = 2_000;

/**
 * The tmux sessions of this user; none where there is no tmux, no server, or no answer in time. tmux is only started
 * where a server's socket stands: else it would make the folder for one, and a dry run writes nothing.
 */
export async function listTmuxSessions(machine: Machine): Promise<readonly TmuxSession[]> {
  if (machine.platform === 'win32' || !existsSync(socketOf(machine))) return [];
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

/** The socket that tmux itself would use: the one of the terminal that this runs in, else the user's default one. */
function socketOf(machine: Machine): string {
  const inside = machine.env.TMUX?.split(',')[0];
  if (inside !== undefined && inside !== '') return inside;
  return join(machine.env.TMUX_TMPDIR || '/tmp', `tmux-${machine.uid ?? 0}`, 'default');
}
