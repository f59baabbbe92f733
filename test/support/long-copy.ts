import { appendFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Home } from './home';

/** Makes one conversation of a home so large that its copy can be met while it is made. */
export function enlarge(home: Home, bytes: number): void {
  const [name = ''] = transcripts(home);
  const row = `${JSON.stringify({ type: 'assistant', message: { content: 'x'.repeat(100_000) } })}\n`;
  for (let done = 0; done < bytes; done += row.length * 100)
    appendFileSync(join(home.path, '.claude', 'projects', name), row.repeat(100));
}

/** Files of all conversations of Claude Code, those that are only begun included. */
function transcripts(home: Home): string[] {
  const all = readdirSync(join(home.path, '.claude', 'projects'), { recursive: true, withFileTypes: true });
  return all.filter((each) => each.isFile()).map((each) => join(basename(each.parentPath), each.name));
}

/** Calls `act` with the pid of a program as soon as it has begun to copy; false if it never did. */
export async function whenCopying(
  home: Home,
  pid: () => number | null,
  act: (pid: number) => Promise<void> | void,
): Promise<boolean> {
  const before = transcripts(home).length;
  for (const end = Date.now() + 120_000; Date.now() < end; await Bun.sleep(1)) {
    const running = pid();
    if (transcripts(home).length === before || running === null) continue;
    await act(running);
    return true;
  }
  return false;
}

/** Stops a program for longer than the second after which a copy counts as long, and lets it go on. */
export async function pause(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await Bun.sleep(1_300);
  process.kill(pid, 'SIGCONT');
}
