/**
 * `bun scripts/docs-recordings.ts`: records what a person sees of a first run, a refusal and a rollback, with the compiled
 * executable in a real terminal (tmux), and writes it to docs/recordings. Paths are below `~` because the tool shows them
 * so; ids and times of the runs are replaced by fixed ones.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EXECUTABLE } from '../test/support/executable';
import { COMMON_FOLDER, realFixture } from '../test/support/home';
import { inTerminal, type TerminalOptions } from '../test/support/tmux';

export const RECORDINGS_FOLDER = resolve(import.meta.dir, '../docs/recordings');

/** What stands on the screen, by file name. */
export async function recordings(): Promise<ReadonlyMap<string, string>> {
  const home = realFixture('v2-stopped', COMMON_FOLDER);
  const shown = async (args: readonly string[], options: TerminalOptions = {}): Promise<string> => {
    const { screen, exitCode } = await inTerminal([EXECUTABLE, ...args], home, options);
    return `$ ${['ao-migrate', ...args].join(' ')}\n${steady(screen)}(exit code ${exitCode})\n`;
  };
  try {
    const running = join(home.path, '.agent-orchestrator', 'running.json');
    writeFileSync(running, JSON.stringify({ pid: process.pid }));
    const refusal = [await shown(['status']), await shown([])];
    rmSync(running);
    const yes = { answers: [{ when: '[Y/n]', keys: ['y', 'Enter'] }] };
    const first = [await shown([], yes), await shown(['status']), await shown([])];
    const rollback = [await shown(['rollback'], yes), await shown(['status'])];
    return new Map([
      ['first-run.txt', first.join('\n')],
      ['refusal.txt', refusal.join('\n')],
      ['rollback.txt', rollback.join('\n')],
    ]);
  } finally {
    home.remove();
  }
}

function steady(screen: string): string {
  return screen
    .replace(/\d{8}-\d{6}-[0-9a-f]{6}/g, '20260501-100000-0a1b2c')
    .replace(/legacy-\d{8}-\d{6}/g, 'legacy-20260501-100000')
    .replace(/pid \d+/g, 'pid 4711');
}

if (import.meta.main) {
  mkdirSync(RECORDINGS_FOLDER, { recursive: true });
  for (const [name, text] of await recordings()) writeFileSync(join(RECORDINGS_FOLDER, name), text);
}
