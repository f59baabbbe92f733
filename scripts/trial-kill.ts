/** Killing a package manager in the middle of an install that migrates: what is left is whole, and the next one finishes. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rowsOf } from '../test/support/expected';
import { realFixture } from '../test/support/home';
import { snapshot } from '../test/support/tree';
import { must, run } from './run';
import { account, type Environment, type Installer } from './trial-installs';

/** When, in milliseconds: after the start of the installer, or after the first trace of the migration in the new state. */
const MOMENTS = [
  { after: 'start', wait: 300 },
  { after: 'start', wait: 1200 },
  { after: 'trace', wait: 0 },
  { after: 'trace', wait: 20 },
  { after: 'trace', wait: 60 },
  { after: 'trace', wait: 120 },
  { after: 'trace', wait: 250 },
] as const;

/** Nobody waits longer for the trace of a migration. */
const PATIENCE = 120_000;

/** Kills the installer alone (its children go on) and with all its children, at several moments. @throws Error */
export async function killed(installer: Installer, registry: string): Promise<string> {
  const { global } = installer;
  if (global === null) return 'the installer has no global packages';
  let begun = 0;
  for (const moment of MOMENTS) {
    for (const whole of [true, false]) {
      const home = realFixture('v2-crashed');
      try {
        const env = account(home.path, registry, global.env(home.path));
        const place = join(home.path, '.ao');
        const store = join(home.path, '.agent-orchestrator');
        const before = snapshot(store);
        const command = [...installer.command, ...global.args];
        await interrupt(command, home.path, env, moment, place, whole);
        if (existsSync(place)) begun++;
        const what = `killed ${moment.wait} ms after the ${moment.after}${whole ? ', with its children' : ''}`;
        const executable = join(home.path, global.bin, 'ao-migrate');
        finish(command, executable, home.path, env);
        const sessions = rowsOf(join(place, 'data', 'ao.db')).sessions.length;
        if (sessions !== 3) throw new Error(`${what}: ${sessions} sessions`);
        if (!Bun.deepEquals(snapshot(store), before)) throw new Error(`${what}: the old store has changed`);
        const strangers = readdirSync(join(place, 'migrations')).filter(
          (name) => !/^\d{8}-\d{6}-\w{6}\.json$/.test(name),
        );
        if (strangers.length > 0) throw new Error(`${what}: ${strangers.join(', ')} is left`);
        const verified = run([executable, 'verify'], home.path, env);
        if (verified.exitCode !== 0) throw new Error(`${what}: ${verified.stdout}${verified.stderr}`);
      } finally {
        home.remove();
      }
    }
  }
  return `${MOMENTS.length * 2} times, ${begun} of them within or after the migration; each time the next install finished`;
}

/** The next install; where the installer takes for whole what it has left itself, the person runs the command. */
function finish(command: readonly string[], executable: string, home: string, env: Environment): void {
  must(command, home, env);
  if (!existsSync(join(home, '.ao', 'data', 'ao.db'))) must([executable, '--yes'], home, env);
}

async function interrupt(
  command: readonly string[],
  cwd: string,
  env: Environment,
  { after, wait }: (typeof MOMENTS)[number],
  trace: string,
  whole: boolean,
): Promise<void> {
  // A group of its own, so that all of it can be ended and nothing else.
  const child = Bun.spawn(['setsid', ...command], { cwd, env: { ...env }, stdio: ['ignore', 'ignore', 'ignore'] });
  const start = performance.now();
  while (after === 'trace' && !existsSync(trace) && child.exitCode === null && performance.now() - start < PATIENCE)
    await Bun.sleep(2);
  await Bun.sleep(wait);
  try {
    process.kill(whole ? -child.pid : child.pid, 'SIGKILL');
  } catch {
    // It was faster.
  }
  await child.exited;
  const group = ['pgrep', '-g', String(child.pid)];
  while (run(group, cwd, env).exitCode === 0 && performance.now() - start < PATIENCE) await Bun.sleep(50);
}
