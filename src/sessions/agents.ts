import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HarnessId } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import { findBinary, packageVersion } from './agents-binary';
import type { RunCommand } from './agents-command';
import { compareVersions, opencodeResumeProblem, parseVersion, type Version } from './opencode-versions';
import { temporaryDirectory } from './temporary';

/** What is installed of one agent. */
export interface InstalledAgent {
  readonly harness: HarnessId;
  /** Absolute path; null where PATH has none. */
  readonly binary: string | null;
  /** `1.2.3`; null where there is none or it could not be found out. */
  readonly version: string | null;
  /** Why the version is not known although there is a binary. */
  readonly problem: string | null;
}

/** The first Codex whose `resume --help` was seen to list the flag; 0.130.0 did not. */
const FIRST_HOOK_TRUST: Version = [0, 131, 0];

/** Longest that an agent may take to say its version where that is only to be shown. All are asked at once. */
const SHOWN_MS = 5_000;
/** The same where a conversation waits for the answer: a native build on a busy machine was seen to need 5 s. */
const NEEDED_MS = 20_000;

/**
 * Asks for the versions of agents (migration.md 6.5): from the package that the binary belongs to, else from
 * `--version`, run where it can neither read nor write anything of its user's. Never throws, and takes little more than 5 s.
 */
export function askVersions(machine: Machine, which: readonly HarnessId[], run: RunCommand): Promise<InstalledAgent[]> {
  return Promise.all([...new Set(which)].map((harness) => askVersion(machine, harness, run, SHOWN_MS)));
}

/** One of them, with more patience. Never throws. */
export async function askVersion(
  machine: Machine,
  harness: HarnessId,
  run: RunCommand,
  timeoutMs = NEEDED_MS,
): Promise<InstalledAgent> {
  const binary = await findBinary(harness, machine);
  if (binary === null) return { harness, binary, version: null, problem: null };
  const unknown = (problem: string): InstalledAgent => ({ harness, binary, version: null, problem });
  try {
    const text = (await packageVersion(harness, binary)) ?? (await versionOutput(machine, binary, run, timeoutMs));
    const version = parseVersion(text);
    return version === null
      ? unknown('it does not say its version')
      : { harness, binary, version: version.join('.'), problem: null };
  } catch (error) {
    return unknown(error instanceof Error ? error.message : String(error));
  }
}

async function versionOutput(machine: Machine, binary: string, run: RunCommand, timeoutMs: number): Promise<string> {
  return withEmptyHome(machine, async (home) => {
    const result = await run({
      program: binary,
      args: ['--version'],
      cwd: home.directory,
      env: home.env,
      stdoutFile: null,
      timeoutMs,
    });
    if (result.timedOut) throw new Error('it does not say its version in time');
    return result.stdout;
  });
}

/** A place in which an agent finds nothing and leaves nothing. */
export interface EmptyHome {
  readonly directory: string;
  /** The machine's environment without what would lead an agent elsewhere. */
  readonly env: Record<string, string>;
  /** As `TemporaryDirectory.hold`. */
  readonly hold: () => () => void;
}

/**
 * Calls `use` with a home made for it, 0700, in the system's temporary folder, and removes it on every way out unless it
 * is held. HOME, XDG_*, CLAUDE_CONFIG_DIR and CODEX_HOME lie in it; so does TMPDIR, because native builds unpack
 * libraries there and leave them behind.
 */
export async function withEmptyHome<T>(machine: Machine, use: (home: EmptyHome) => Promise<T>): Promise<T> {
  const { path: directory, remove, hold } = await temporaryDirectory('empty', machine);
  try {
    await mkdir(join(directory, 'tmp'), { mode: 0o700 });
    return await use({ directory, env: emptyEnvironment(machine.env, directory), hold });
  } finally {
    await remove();
  }
}

/** Variables by which an agent finds its files, is configured, or is told that it runs inside another one. */
const LEADING =
  /^(HOME|USERPROFILE|APPDATA|LOCALAPPDATA|TMPDIR|TMP|TEMP|XDG_.*|CLAUDE.*|ANTHROPIC_.*|CODEX_.*|OPENCODE_?.*|AO_.*)$/i;

export function emptyEnvironment(env: Machine['env'], directory: string): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !LEADING.test(name)) clean[name] = value;
  }
  const temporary = join(directory, 'tmp');
  return {
    ...clean,
    HOME: directory,
    USERPROFILE: directory,
    APPDATA: join(directory, 'appdata'),
    LOCALAPPDATA: join(directory, 'localappdata'),
    TMPDIR: temporary,
    TMP: temporary,
    TEMP: temporary,
    XDG_CONFIG_HOME: join(directory, 'config'),
    XDG_DATA_HOME: join(directory, 'data'),
    XDG_STATE_HOME: join(directory, 'state'),
    XDG_CACHE_HOME: join(directory, 'cache'),
    CLAUDE_CONFIG_DIR: join(directory, 'claude'),
    CODEX_HOME: join(directory, 'codex'),
    // None of these may look for a newer release, or for anything else, on the network.
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
  };
}

/**
 * Why a resume of a conversation that we placed, with the daemon's own command line (rewrite-target.md 5.7), fails on this
 * release of its agent, or null: what was measured of the real releases, and nothing else. Every release of Claude Code
 * that was run (1.0.128 to 2.1.329) resumes what we place; so does Codex, once it knows all flags.
 */
export function resumeProblem(harness: HarnessId, version: string): string | null {
  const parsed = parseVersion(version);
  if (parsed === null) return null;
  if (harness === 'codex' && compareVersions(parsed, FIRST_HOOK_TRUST) < 0)
    return 'it ends at once where the new app starts it, because it does not know the flag --dangerously-bypass-hook-trust; releases from 0.131 on do';
  return harness === 'opencode' ? opencodeResumeProblem(parsed) : null;
}
