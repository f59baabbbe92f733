import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { started } from '../../scripts/run';

const VERSION = 'v3.27.1';
const DRIVERS_LEFT_OUT = [
  'postgres',
  'mysql',
  'clickhouse',
  'mssql',
  'vertica',
  'ydb',
  'libsql',
  'spanner',
  'starrocks',
  'turso',
  'duckdb',
];

const GO = Bun.which('go');

/**
 * The program; null where `go` is not there or cannot build it, as without a network, which is then told. Built before any
 * test begins: how long that takes depends on the line and on what else the machine does.
 */
export const GOOSE: string | null = GO === null ? null : await build(GO).catch(untold);

function untold(error: unknown): null {
  process.stderr.write(`goose could not be built, nothing is compared with it: ${error}\n`);
  return null;
}

/** Runs real goose on a database file with the repository's migrations; returns what it printed. Throws if it fails. */
export async function goose(database: string, ...command: string[]): Promise<string> {
  if (GOOSE === null) throw new Error('there is no goose');
  const migrations = join(import.meta.dir, '../../migrations');
  const home = join(database, '..');
  return await run([GOOSE, '-dir', migrations, 'sqlite3', database, ...command], { HOME: home });
}

/** The program, from the cache if an earlier run built it. Everything that go writes stays in the cache folder. */
async function build(go: string): Promise<string> {
  const extension = process.platform === 'win32' ? '.exe' : '';
  // By user: what another one has built may be closed to this one.
  const name = `ao-migrate-goose-${VERSION}-${userInfo().uid}`;
  const cache = join(process.env.XDG_CACHE_HOME ?? tmpdir(), name);
  const program = join(cache, `goose${extension}`);
  if (await exists(program)) return program;

  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'build-'));
  try {
    const tags = DRIVERS_LEFT_OUT.map((driver) => `no_${driver}`).join(' ');
    const flags = [process.env.GOFLAGS, '-modcacherw'].filter(Boolean).join(' ');
    await run([go, 'install', `-tags=${tags}`, `github.com/pressly/goose/v3/cmd/goose@${VERSION}`], {
      HOME: work,
      USERPROFILE: work,
      XDG_CACHE_HOME: join(work, 'cache'),
      XDG_CONFIG_HOME: join(work, 'config'),
      GOPATH: join(work, 'go'),
      GOMODCACHE: join(work, 'modules'),
      GOCACHE: join(work, 'objects'),
      GOBIN: join(work, 'bin'),
      // Without it the modules would be write-protected, and the folder could not be removed.
      GOFLAGS: flags,
    });
    // Renamed into place, so that a second run at the same time never finds half a program.
    await rename(join(work, 'bin', `goose${extension}`), program);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return program;
}

async function run(command: string[], environment: Record<string, string>): Promise<string> {
  const { exitCode, stdout, stderr } = await started(command, process.cwd(), { ...process.env, ...environment });
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: status ${exitCode}\n${stdout}${stderr}`);
  return stdout + stderr;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
