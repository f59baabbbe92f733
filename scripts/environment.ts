import { mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';

type Environment = Record<string, string | undefined>;

/** What people may have set for the agents and both daemons; a test run must not see it. */
const OF_THE_PERSON = /^(AO_|CLAUDE_|CODEX_|OPENCODE|XDG_)/;

/** Variables through which somebody's shell would reach into a Bun that we start (distribution.md 1). */
const OF_THE_RUNTIME = /^(BUN_|NODE_OPTIONS$)/;

/**
 * The environment for commands that the scripts start: this very Bun under the name `bun` in front on PATH, because a
 * machine may have none but the one that `npx` fetched, whose file can be called `bun.exe` anywhere; nothing in it that
 * changes how Bun runs.
 *
 * @param folder a private directory for the link, made if absent
 */
export function childEnvironment(env: Environment, execPath: string, folder: string): Environment {
  const kept = Object.entries(env).filter(([name]) => !OF_THE_RUNTIME.test(name));
  return { ...Object.fromEntries(kept), PATH: [linked(execPath, folder), env.PATH ?? ''].join(delimiter) };
}

function linked(execPath: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  // Windows makes no links without a privilege, and there the file is called bun.exe anyway.
  if (process.platform === 'win32') return join(execPath, '..');
  symlinkSync(execPath, join(folder, 'bun'));
  return folder;
}

/** For tests and tools: besides, a home of their own, and no settings of the agents. Temporary files stay where they go. */
export function isolatedEnvironment(env: Environment, home: string): Environment {
  const kept = Object.entries(env).filter(([name]) => !OF_THE_PERSON.test(name));
  mkdirSync(home, { recursive: true });
  return { ...Object.fromEntries(kept), HOME: home, USERPROFILE: home };
}
