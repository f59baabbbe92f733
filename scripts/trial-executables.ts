/** Running the published executables that this machine can run, itself or with an emulator. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expectedOf, restricted, rowsOf } from '../test/support/expected';
import { realFixture } from '../test/support/home';
import { proved, thisTarget } from './build';
import { publishedName } from './release-files';
import { type Ended, run } from './run';
import type { Target } from './targets';

/** Where Debian's libc6-arm64-cross lays the loader and the C library. */
const ARM64_ROOT = '/usr/aarch64-linux-gnu';
const STORES = ['v2-stopped', 'v2-crashed', 'v1a-upgraded-stopped', 'v1b-converted-stopped'] as const;

/** The command that runs a target's executable here, or null. */
export function commandFor(target: Target, release: string): readonly string[] | null {
  const file = join(release, publishedName(target));
  if (target.name === thisTarget()?.name) return [file];
  const emulator = Bun.which('qemu-aarch64');
  const emulated = target.name === 'linux-arm64' && process.platform === 'linux' && emulator !== null;
  return emulated && existsSync(ARM64_ROOT) ? [emulator, '-L', ARM64_ROOT, file] : null;
}

/** Version, help, a hostile directory, exit codes, and the migration of stores that real releases left. @throws Error */
export function tried(command: readonly string[], version: string, work: string): string {
  mkdirSync(work, { recursive: true });
  proved(command, version, work);
  rmSync(work, { recursive: true, force: true });
  for (const store of STORES) migrated(command, store);
  return `version, help, hostile directory, ${STORES.length} stores, exit codes 0 2 3`;
}

function migrated(command: readonly string[], store: string): void {
  const home = realFixture(store);
  try {
    const dataDir = join(home.path, '.ao', 'data');
    const start = (...args: string[]): Ended =>
      run([...command, ...args], home.path, { HOME: home.path, PATH: process.env.PATH, TMUX_TMPDIR: home.path });
    const demand = (what: string, right: boolean, ended: Ended): void => {
      if (!right) throw new Error(`${store}: ${what}: ${JSON.stringify(ended)}`);
    };
    const usage = start('--dry-rum');
    demand('a mistyped flag', usage.exitCode === 2 && !existsSync(dataDir), usage);
    const refused = start('--yes', '--data-dir', join(home.path, '.agent-orchestrator', 'data'));
    demand('a data directory inside of the store', refused.exitCode === 3, refused);
    const done = start('--yes', '--json');
    demand('the migration', done.exitCode === 0 && done.stderr === '', done);
    const expected = expectedOf('real', store, home, dataDir);
    const actual = rowsOf(join(dataDir, 'ao.db'));
    const same = (a: unknown, b: unknown): boolean => Bun.deepEquals(a, b);
    demand('its projects', same(restricted(actual.projects, expected.projects), [...expected.projects]), done);
    demand('its sessions', same(restricted(actual.sessions, expected.sessions), [...expected.sessions]), done);
    const again = start('--yes', '--json');
    demand('the second run', again.stdout.includes('"already-migrated"'), again);
  } finally {
    home.remove();
  }
}
