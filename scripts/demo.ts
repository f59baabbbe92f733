/**
 * `bun run demo`: the main job on a store that a real legacy release left behind, from end to end with the compiled
 * executable: dry run, migration, and the same once more. Everything happens in a new temporary home, which stays there
 * to be looked at.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { realFixture } from '../test/support/home';
import { childEnvironment } from './environment';

const ROOT = resolve(import.meta.dir, '..');
const say = (text: string): boolean => process.stdout.write(`${text}\n`);

async function run(
  command: readonly string[],
  env: Record<string, string | undefined>,
  cwd: string,
  quiet = false,
): Promise<number> {
  const child = Bun.spawn([...command], {
    cwd,
    env,
    stdin: 'ignore',
    stdout: quiet ? 'pipe' : 'inherit',
    stderr: 'inherit',
  });
  return child.exited;
}

/** A step that must succeed; the demo shows nothing if it does not. */
async function must(name: string, command: readonly string[], env: Record<string, string | undefined>): Promise<void> {
  if ((await run(command, env, ROOT, true)) !== 0)
    throw new Error(`${name} failed: run \`${command.join(' ')}\` to see why`);
}

async function demo(work: string): Promise<void> {
  const env = childEnvironment(process.env, process.execPath, join(work, 'bin'));
  say('Installing what is locked, and compiling the executable for this machine …');
  await must('install', [process.execPath, 'install', '--frozen-lockfile'], env);
  const { buildForHost } = await import('./build');
  const executable = buildForHost();

  const home = realFixture('v2-crashed').path;
  say(`\nA home as release 0.9.2 left it: ${home}`);
  say('  code/acme, code/My App, code/web-app    three repositories with settings of their own');
  say('  .agent-orchestrator/config.yaml         the registry');
  say('  .agent-orchestrator/projects/…          acme and My App were live when the power went, web-app was stopped');
  say('  .claude/projects/…                      their conversations\n');

  // Nothing of this person's own environment, and no terminals of theirs.
  const tools = {
    HOME: home,
    PATH: process.env.PATH ?? '',
    TMUX_TMPDIR: join(work, 'tmux'),
    LANG: process.env.LANG ?? 'C.UTF-8',
    TERM: process.env.TERM ?? 'dumb',
  };
  mkdirSync(tools.TMUX_TMPDIR);
  const shown = [
    ['What would happen', ['--dry-run']],
    ['The migration', ['--yes']],
    ['The same once more: nothing to do', ['--yes']],
  ] as const;
  for (const [title, args] of shown) {
    say(`\n==== ${title}\n$ ao-migrate ${args.join(' ')}\n`);
    const exitCode = await run([executable, ...args], tools, home);
    if (exitCode !== 0) throw new Error(`ao-migrate ${args.join(' ')} ended with ${exitCode}`);
  }
  say('\n==== To look at');
  say(`the executable    ${executable}`);
  say(`the new database  ${join(home, '.ao', 'data', 'ao.db')}`);
  say(`receipt, backup   ${join(home, '.ao', 'migrations')}, ${join(home, '.ao', 'backups')}`);
  say(`the conversations ${join(home, '.claude', 'projects')}`);
  say(`the old store     ${join(home, '.agent-orchestrator')} (unchanged)`);
}

const work = mkdtempSync(join(tmpdir(), 'ao-migrate-demo-'));
try {
  await demo(work);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
