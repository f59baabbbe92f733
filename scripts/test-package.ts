/**
 * `bun run test:package`: the long tests of what is published, from dist/release and dist/npm (`bun run build --all`,
 * `bun run package`). Every artifact is inspected; what can run here is run; the packages are published to a registry of
 * this machine and installed with npm, pnpm, Yarn 1, Yarn 4 and Bun. Installs what it needs below the user's cache.
 * `artifacts` or `packages` as the argument does one half, and the name of an installer behind it only that one.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { rowsOf } from '../test/support/expected';
import { fileServer } from '../test/support/file-server';
import { realFixture } from '../test/support/home';
import { embeddedTexts, executableProblems } from './inspect';
import { signatureProblems } from './macho-signature';
import { npmRegistry, publicationOf } from './npm-registry';
import { type Packed, packAll } from './package';
import { MANIFEST_FILE, type Manifest, publishedName } from './release-files';
import { type Outside, publishAll } from './release-steps';
import { must, run, started } from './run';
import { TARGETS } from './targets';
import { commandFor, tried } from './trial-executables';
import { account, type Environment, type Installer, installers, type Mode, project } from './trial-installs';
import { killed } from './trial-kill';
import { type Registry, startRegistry, trialTools } from './trial-tools';

const ROOT = resolve(import.meta.dir, '..');
const RELEASE = join(ROOT, 'dist', 'release');
const manifest: Manifest = JSON.parse(readFileSync(join(RELEASE, MANIFEST_FILE), 'utf8'));
const VERSION = manifest.version;
const work = mkdtempSync(join(tmpdir(), 'ao-migrate-trial-'));

let failed = 0;
let passed = 0;

/** One line of the report. */
function row(name: string, outcome: string, right = true): void {
  if (right) passed++;
  else failed++;
  process.stdout.write(`${right ? 'ok  ' : 'FAIL'} ${name.padEnd(44)} ${outcome}\n`);
}

async function attempt(name: string, work: () => Promise<string> | string): Promise<void> {
  try {
    row(name, await work());
  } catch (error) {
    row(name, (error instanceof Error ? error.message : String(error)).slice(0, 1500), false);
  }
}

async function artifacts(): Promise<void> {
  const embedded = { version: VERSION, commit: manifest.sourceCommit, texts: embeddedTexts(ROOT) };
  for (const target of TARGETS) {
    const bytes = readFileSync(join(RELEASE, publishedName(target)));
    await attempt(`${target.name} inspected`, () => {
      const problems = executableProblems(bytes, target, embedded);
      if (problems.length > 0) throw new Error(problems.join('; '));
      if (target.os === 'darwin') flipped(bytes);
      return `${bytes.length} bytes${target.os === 'darwin' ? ', every page hash, flipped bytes found' : ''}`;
    });
    const command = commandFor(target, RELEASE);
    if (command !== null) await attempt(`${target.name} run`, () => tried(command, VERSION, join(work, target.name)));
  }
}

/** One changed byte anywhere must be seen: at the ends, in the payload, in the signature. */
function flipped(bytes: Buffer): void {
  const places = [
    0,
    5000,
    Math.floor(bytes.length / 2),
    bytes.length - 2_000_000,
    bytes.length - 200_000,
    bytes.length - 1,
  ];
  for (const at of places) {
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const seen = signatureProblems(bytes, 'ao-migrate').length > 0;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    if (!seen) throw new Error(`a flipped byte at ${at} is not found`);
  }
}

const NOT_INSTALLED =
  /^ao-migrate: the executable for \S+ is not installed.* To fetch and check it, run: node "[^"]+fetch\.js"\n$/;

async function installed(installer: Installer, mode: Mode, registry: Registry, mirror: string): Promise<string> {
  const args = installer.modes[mode];
  if (args === undefined) return 'the installer has no such mode';
  const place = mkdtempSync(join(work, 'install-'));
  const env = account(
    join(place, 'home'),
    registry.address,
    mode === 'omitted, scripts allowed' ? { AO_MIGRATE_MIRROR: mirror } : {},
  );
  const folder = project(join(place, 'project'), mode);
  const install = await started([...installer.command, ...args], folder, env);
  if (install.exitCode !== 0) throw new Error(install.stdout + install.stderr);
  const ran = run([...installer.bin, '--version'], folder, env);
  const text = ran.stdout + ran.stderr;
  rmSync(place, { recursive: true, force: true });
  const works = mode !== 'omitted' && mode !== 'wrong platform';
  if (works && ran.stdout.trim() === VERSION) return 'works';
  if (!works && ran.exitCode !== 0 && NOT_INSTALLED.test(ran.stderr)) return 'says the one thing to do';
  throw new Error(text);
}

async function once(installer: Installer, registry: Registry): Promise<string> {
  if (installer.once.length === 0) return 'the installer has no such command';
  const place = mkdtempSync(join(work, 'once-'));
  const env = account(join(place, 'home'), registry.address);
  const ran = run([...installer.once, '--version'], project(join(place, 'project'), 'allowed'), env);
  rmSync(place, { recursive: true, force: true });
  if (ran.stdout.trim().split('\n').at(-1) === VERSION) return 'works';
  throw new Error(ran.stdout + ran.stderr);
}

/** A store with real orchestrators is migrated by installing the main package alone. */
async function global(installer: Installer, registry: Registry): Promise<string> {
  if (installer.global === null) return 'the installer has no global packages';
  const home = realFixture('v2-crashed');
  try {
    const env: Environment = account(home.path, registry.address, installer.global.env(home.path));
    must([...installer.command, ...installer.global.args], home.path, env);
    const command = join(home.path, installer.global.bin, 'ao-migrate');
    if (must([command, '--version'], home.path, env).trim() !== VERSION) throw new Error('it is not this version');
    const database = join(home.path, '.ao', 'data', 'ao.db');
    if (!existsSync(database))
      throw new Error(`nothing was migrated: ${run(['sh', '-c', 'cat .ao/migrations/*'], home.path, env).stdout}`);
    return `migrated ${rowsOf(database).sessions.length} orchestrators`;
  } finally {
    home.remove();
  }
}

/** Milliseconds of one run. */
interface Cost {
  readonly wall: number;
  readonly processor: number;
}

/** So many at least, for medians; on a machine that does other things too, more until one of each was undisturbed. */
const ROUNDS = { least: 60, most: 400 };

/** What the launcher takes beyond the executable, in turns with it: at best, by both clocks. @throws Error from 60 ms on */
async function launcherCost(registry: Registry): Promise<string> {
  const place = mkdtempSync(join(work, 'cost-'));
  const env = account(join(place, 'home'), registry.address);
  const folder = project(join(place, 'project'), 'blocked');
  must(['npm', 'install', 'ao-migrate', '--ignore-scripts'], folder, env);
  writeFileSync(join(folder, 'empty.js'), '');
  const timed = async (command: readonly string[]): Promise<Cost> => {
    const start = performance.now();
    const child = Bun.spawn([...command, '--version'], { cwd: folder, env, stdin: 'ignore', stdout: 'ignore' });
    await child.exited;
    return {
      wall: performance.now() - start,
      processor: Number(child.resourceUsage()?.cpuTime.total ?? Number.NaN) / 1000,
    };
  };
  const commands = {
    executable: [`node_modules/ao-migrate-${process.platform}-${process.arch}/bin/ao-migrate`],
    launcher: ['node', 'node_modules/ao-migrate/bin/ao-migrate.js'],
    node: ['node', 'empty.js'],
  };
  const costs: Record<keyof typeof commands, Cost[]> = { executable: [], launcher: [], node: [] };
  const ordered = (of: keyof typeof commands, clock: keyof Cost): number[] =>
    costs[of].map((cost) => cost[clock]).toSorted((a, b) => a - b);
  const added = (clock: keyof Cost, at: number): number =>
    (ordered('launcher', clock)[at] ?? 0) - (ordered('executable', clock)[at] ?? 0);
  const isSmall = (): boolean => added('wall', 0) < 60 && added('processor', 0) < 60;
  let rounds = 0;
  for (; rounds < ROUNDS.least || (rounds < ROUNDS.most && !isSmall()); rounds++) {
    costs.executable.push(await timed(commands.executable));
    costs.launcher.push(await timed(commands.launcher));
    costs.node.push(await timed(commands.node));
  }
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  const middle = Math.floor(rounds / 2);
  const words = `${ms(added('wall', 0))} by the clock, ${ms(added('processor', 0))} of processor time at best of ${rounds} (medians ${ms(added('wall', middle))}, ${ms(added('processor', middle))}; Node itself ${ms(ordered('node', 'wall')[0] ?? 0)})`;
  if (!isSmall()) throw new Error(words);
  return words;
}

/** A release to a real registry that stops after each package, and is started again each time. */
async function publishedInPieces(packed: readonly Packed[], env: Environment): Promise<string> {
  const publications = packed.map(publicationOf);
  const registry = npmRegistry(env);
  let stops = 0;
  for (;;) {
    let left = 1;
    const stopping: Outside = {
      published: registry.published,
      publish: async (...args) => {
        if (left-- === 0) throw new Error('stopped');
        await registry.publish(...args);
      },
    };
    const done = await publishAll(publications, stopping, () => {}).then(
      () => true,
      ({ message }: Error) => {
        if (message !== 'stopped') throw new Error(message);
        return false;
      },
    );
    const main = publications.at(-1);
    const isThere = main !== undefined && (await registry.published(main.name, main.version)) !== null;
    if (isThere !== done) throw new Error('the main package is there before its platforms');
    if (done) return `${publications.length} packages in ${stops + 1} goes, the main one last`;
    stops++;
  }
}

async function packages(): Promise<void> {
  const packed = packAll(ROOT);
  for (const { name, size } of packed)
    row(`${name} packed`, `${size} bytes`, size < (name === 'ao-migrate' ? 60_000 : 75_000_000));
  const registry = await startRegistry(trialTools(), join(work, 'registry'), 4873 + (process.pid % 1000));
  const mirror = await fileServer((request, response) => {
    const file = join(RELEASE, (request.url ?? '').replace(`/v${VERSION}/`, ''));
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  try {
    await attempt('published, stopped at every step', () =>
      publishedInPieces(packed, account(join(work, 'publisher'), registry.address)),
    );
    const modes: readonly Mode[] = ['allowed', 'blocked', 'omitted', 'omitted, scripts allowed', 'wrong platform'];
    const named = process.argv[3];
    for (const installer of installers(trialTools(), process.execPath)) {
      if (named !== undefined && installer.name !== named) continue;
      for (const mode of modes)
        await attempt(`${installer.name}: ${mode}`, () => installed(installer, mode, registry, mirror.address));
      await attempt(`${installer.name}: run once`, () => once(installer, registry));
      await attempt(`${installer.name}: global, with a store`, () => global(installer, registry));
      if (installer.name === 'npm')
        await attempt('npm: killed in the middle', () => killed(installer, registry.address));
    }
    await attempt('the launcher adds', () => launcherCost(registry));
  } finally {
    mirror.stop();
    await registry.stop();
  }
}

try {
  const only = process.argv[2];
  if (only === undefined || only === 'artifacts') await artifacts();
  if (only === undefined || only === 'packages') await packages();
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
if (failed > 0) process.exitCode = 1;
