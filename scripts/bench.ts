/**
 * `bun scripts/bench.ts [--sizes 1,10,100,1000] [--rounds 10] [--counted 100] [--json FILE] [--plot FILE] [--cold]` measures
 * the executable on seeded stores, in turn with two yardsticks: the floor (scripts/bench/floor.ts) and a compiled hello world.
 * Prints medians and ratios; the calls only of stores of up to `--counted` projects, because counting them slows a run down
 * tenfold. Round 0 of each size is the cold one; only with `--cold`, and only as root on Linux, it really is: that empties the
 * whole machine's cache. Nothing outside a temporary folder is written, but what `--json` and `--plot` name.
 */
import { Database } from 'bun:sqlite';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openOutput } from '../src/report/writer';
import type { Work } from './bench/floor';
import { type Calls, type Cost, callsOf, costOf, median, peakOf } from './bench/measure';
import { plot } from './bench/plot';
import { makeStore, USUAL } from './bench/store';
import { buildForHost } from './build';

const ROOT = resolve(import.meta.dir, '..');
const out = openOutput(1);

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1,10,100,1000' },
    rounds: { type: 'string', default: '10' },
    counted: { type: 'string', default: '100' },
    json: { type: 'string' },
    plot: { type: 'string' },
    cold: { type: 'boolean', default: false },
  },
});

/** In the order in which they are run, because some need what the one before left. */
const CASES = [
  'hello',
  '--version',
  'read',
  'dry run',
  'floor',
  'migrate',
  'second run',
  'status',
  'verify',
  'migrate with backup',
] as const;
type Case = (typeof CASES)[number];

interface Measured {
  readonly size: number;
  readonly name: Case;
  readonly cold: Cost;
  /** Medians of the warm rounds. */
  readonly wall: number;
  readonly cpu: number;
  /** Null where it cannot be told. */
  readonly peak: number | null;
  readonly calls: Calls | null;
}

/** What is compared with what, and how much more it may cost. */
const RATIOS: readonly (readonly [Case, Case, number])[] = [
  ['--version', 'hello', 2],
  ['status', 'hello', 2.5],
  ['dry run', 'read', 1.5],
  ['migrate', 'floor', 2],
  ['migrate with backup', 'floor', 3],
];

interface Bench {
  readonly work: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly tool: string;
  readonly floor: string;
  readonly hello: string;
}

function commandOf(bench: Bench, name: Case): readonly string[] {
  const { tool, work } = bench;
  const floor = [bench.floor, join(work, 'work.json'), join(bench.home, 'floor')];
  const commands: Readonly<Record<Case, readonly string[]>> = {
    hello: [bench.hello],
    '--version': [tool, '--version'],
    read: [...floor, 'read'],
    'dry run': [tool, 'migrate', '--dry-run', '--json'],
    floor,
    migrate: [tool, 'migrate', '--json', '--no-backup'],
    'second run': [tool, 'migrate', '--json', '--no-backup'],
    status: [tool, 'status', '--json'],
    verify: [tool, 'verify', '--json'],
    'migrate with backup': [tool, 'migrate', '--json'],
  };
  return commands[name];
}

let aside = 0;

/**
 * Puts aside what runs have written, so that the next one finds the store as it was made. Nothing is removed before the
 * end: ext4 passes over every inode that was freed within the last minutes, which makes new files cost ten times as much.
 */
function reset({ home, work }: Bench, folders: ReadonlySet<string>): void {
  aside += 1;
  const away = join(work, `aside-${aside}`);
  mkdirSync(away);
  const projects = join(home, '.claude', 'projects');
  const written = readdirSync(projects).filter((name) => !folders.has(name));
  for (const path of [join(home, '.ao'), join(home, 'floor'), ...written.map((name) => join(projects, name))]) {
    if (existsSync(path)) renameSync(path, join(away, basename(path)));
  }
}

/** What a migration of this store reads and writes, from the receipt and the database of one. */
async function workOf(bench: Bench): Promise<Work> {
  await costOf(commandOf(bench, 'migrate'), bench.env);
  const migrations = join(bench.home, '.ao', 'migrations');
  const name = readdirSync(migrations).find((each) => /^\d{8}-\d{6}-[0-9a-f]{6}\.json$/.test(each));
  const receipt: Receipt = JSON.parse(readFileSync(join(migrations, name ?? ''), 'utf8'));
  const db = new Database(receipt.database, { readonly: true });
  const rows = ['projects', 'sessions', 'session_worktrees'].flatMap((table) =>
    db
      .query<Work['rows'][number]['values'], []>(`SELECT * FROM ${table}`)
      .all()
      .map((values) => ({ table, values })),
  );
  db.close();
  return {
    files: receipt.sources.map(({ path }) => path),
    copies: receipt.conversations.flatMap(({ files }) =>
      files.map(({ source, destination }) => ({ source, destination: relative(bench.home, destination) })),
    ),
    rows,
  };
}

interface Receipt {
  readonly database: string;
  readonly sources: readonly { readonly path: string }[];
  readonly conversations: readonly {
    readonly files: readonly { readonly source: string; readonly destination: string }[];
  }[];
}

/** Only root may, and only Linux can; elsewhere the cold round is as cold as it comes. */
function emptyCache(): void {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
  } catch {
    // The store was just made, so most of it is in memory.
  }
}

async function measure(bench: Bench, size: number, rounds: number): Promise<Measured[]> {
  makeStore(bench.home, { ...USUAL, projects: size });
  const folders = new Set(readdirSync(join(bench.home, '.claude', 'projects')));
  writeFileSync(join(bench.work, 'work.json'), JSON.stringify(await workOf(bench)));
  const costs = new Map<Case, Cost[]>(CASES.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    reset(bench, folders);
    for (const name of CASES) {
      if (name === 'migrate with backup') reset(bench, folders);
      if (round === 0 && values.cold) emptyCache();
      costs.get(name)?.push(await costOf(commandOf(bench, name), bench.env));
    }
  }
  const trace = join(bench.work, 'trace');
  const isCounted = size <= Number(values.counted);
  const counted = isCounted
    ? await eachOnce(bench, folders, (command) => callsOf(command, bench.env, trace))
    : new Map<Case, Calls | null>();
  const peaks = await eachOnce(bench, folders, (command) => peakOf(command, bench.env, join(bench.work, 'peak')));
  const measured: Measured[] = [];
  for (const [name, [cold, ...warm]] of costs) {
    if (cold === undefined) continue;
    const of = (key: keyof Cost): number => median(warm.map((cost) => cost[key]));
    const [peak, calls] = [peaks.get(name) ?? null, counted.get(name) ?? null];
    measured.push({ size, name, cold, wall: of('wall'), cpu: of('cpu'), peak, calls });
  }
  return measured;
}

/** Runs every case once more, for what would slow down a run that is timed. */
async function eachOnce<T>(
  bench: Bench,
  folders: ReadonlySet<string>,
  run: (command: readonly string[]) => Promise<T>,
): Promise<Map<Case, T>> {
  const results = new Map<Case, T>();
  reset(bench, folders);
  for (const name of CASES) {
    if (name === 'migrate with backup') reset(bench, folders);
    results.set(name, await run(commandOf(bench, name)));
  }
  return results;
}

function compiled(work: string, name: string): string {
  const file = join(work, process.platform === 'win32' ? `${name}.exe` : name);
  const entry = join(ROOT, 'scripts', 'bench', `${name}.ts`);
  const done = Bun.spawnSync([process.execPath, 'build', '--compile', '--minify', entry, '--outfile', file], {
    cwd: work,
  });
  if (done.exitCode !== 0 || !existsSync(file)) throw new Error(`${name} was not built: ${done.stderr.toString()}`);
  return file;
}

function table(measured: readonly Measured[]): string {
  const megabytes = (bytes: number | null): string => (bytes === null ? '' : (bytes / 1024 ** 2).toFixed(1));
  const head =
    'projects | what | wall ms | cpu ms | cold ms | peak MB | calls | opened | syncs | read MB | written MB\n' +
    '---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:\n';
  const rows = measured.map(({ size, name, wall, cpu, cold, peak, calls }) => {
    const counts =
      calls === null
        ? ['', '', '', '', '']
        : [calls.total, calls.opened, calls.syncs, megabytes(calls.read), megabytes(calls.written)];
    return [size, name, wall.toFixed(0), cpu.toFixed(0), cold.wall.toFixed(0), megabytes(peak), ...counts].join(' | ');
  });
  return `${head}${rows.join('\n')}\n`;
}

function ratios(
  measured: readonly Measured[],
): { size: number; what: string; wall: number; cpu: number; limit: number }[] {
  const find = (size: number, name: Case) => measured.find((each) => each.size === size && each.name === name);
  return [...new Set(measured.map(({ size }) => size))].flatMap((size) =>
    RATIOS.flatMap(([name, yardstick, limit]) => {
      const [one, other] = [find(size, name), find(size, yardstick)];
      if (one === undefined || other === undefined) return [];
      return [{ size, what: `${name} / ${yardstick}`, wall: one.wall / other.wall, cpu: one.cpu / other.cpu, limit }];
    }),
  );
}

const work = mkdtempSync(join(tmpdir(), 'ao-migrate-bench-'));
try {
  const built = { tool: buildForHost(ROOT), floor: compiled(work, 'floor'), hello: compiled(work, 'hello') };
  const measured: Measured[] = [];
  for (const size of values.sizes.split(',').map(Number)) {
    const home = join(work, `home-${size}`);
    const env = { HOME: home, USERPROFILE: home, PATH: '/usr/bin:/bin', TMPDIR: work };
    measured.push(...(await measure({ work, home, env, ...built }, size, Number(values.rounds))));
  }
  await out.write(table(measured));
  await out.write('\nprojects | ratio | wall | cpu | at most\n---:|---|---:|---:|---:\n');
  for (const { size, what, wall, cpu, limit } of ratios(measured))
    await out.write(`${size} | ${what} | ${wall.toFixed(2)} | ${cpu.toFixed(2)} | ${limit}\n`);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ shape: USUAL, measured, ratios: ratios(measured) }, null, 2)}\n`);
  if (values.plot !== undefined) {
    const lines = CASES.filter((name) => name !== 'hello' && name !== '--version').map((name) => ({
      name,
      points: measured.flatMap((each) => (each.name === name ? [[each.size, each.cpu] as const] : [])),
    }));
    writeFileSync(values.plot, plot('median CPU time', 'ms', lines));
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
