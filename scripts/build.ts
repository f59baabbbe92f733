/**
 * `bun run build` makes dist/<os>-<arch>/ao-migrate for this machine and shows that it runs. `--all` makes all eight
 * (distribution.md 2) and what is published beside them in dist/release; `--target=NAME` one of them; `--twice` builds
 * each a second time elsewhere and compares; `--no-archives` leaves the compressed files out.
 */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MAPS } from './components';
import { childEnvironment } from './environment';
import { embeddedTexts, executableProblems, SIGNATURE_IDENTIFIER } from './inspect';
import { signAdHoc } from './macho-signature';
import { type Environment, run } from './run';
import { RUNTIME_VERSION, runtimeFile } from './runtime';
import { type Stamp, stampOf } from './stamp';
import { buildArguments, hostTarget, TARGETS, type Target } from './targets';

const ROOT = resolve(import.meta.dir, '..');

/** Where the builds of one call happen. */
interface Workshop {
  readonly root: string;
  /** Private and temporary. */
  readonly work: string;
  readonly env: Environment;
  readonly stamp: Stamp;
}

function withWorkshop<T>(root: string, use: (workshop: Workshop) => T): T {
  const work = mkdtempSync(join(tmpdir(), 'ao-migrate-build-'));
  try {
    const env = childEnvironment(process.env, process.execPath, join(work, 'bin'));
    return use({ root, work, env, stamp: stampOf(root, env) });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Builds for this machine; the path of the executable. Throws with a sentence for the person who builds. */
export function buildForHost(root: string = ROOT): string {
  return withWorkshop(root, (workshop) => {
    const target = thisTarget();
    if (target === null) throw new Error(`no target for ${process.platform}-${process.arch}`);
    return built(target, workshop, null);
  });
}

/** The target of this machine, or null. */
export function thisTarget(): Target | null {
  return hostTarget(process.platform, process.arch, isMusl(process.execPath));
}

/**
 * Builds targets one after another, each from the pinned Bun of its own package and inspected.
 *
 * @param twice builds each again in another place, and throws where the two differ
 */
export function buildTargets(
  targets: readonly Target[],
  { twice, said }: { readonly twice: boolean; readonly said: (line: string) => void },
  root: string = ROOT,
): void {
  if (Bun.version !== RUNTIME_VERSION) throw new Error(`build with Bun ${RUNTIME_VERSION}, not ${Bun.version}`);
  withWorkshop(root, (workshop) => {
    const texts = embeddedTexts(root);
    for (const target of targets) {
      const base = runtimeFile(target, join(root, '.cache'), workshop.env);
      const bytes = readFileSync(built(target, workshop, base));
      const problems = executableProblems(bytes, target, { ...workshop.stamp, texts });
      if (problems.length > 0) throw new Error(`${target.name}: ${problems.join('; ')}`);
      const sha256 = new Bun.CryptoHasher('sha256').update(bytes).digest('hex');
      if (twice && !bytes.equals(readFileSync(compiled(target, workshop, base, join(workshop.work, target.name))))) {
        throw new Error(`${target.name}: two builds differ`);
      }
      said(`${target.name.padEnd(18)}${String(bytes.length).padStart(12)}  ${sha256}${twice ? '  (twice)' : ''}`);
    }
  });
}

/** Compiles, proves where it can run here, and puts it in its place. */
function built(target: Target, workshop: Workshop, base: string | null): string {
  const { root, work, stamp } = workshop;
  // Beside its final place, so that a half-written or dead executable never stands there and the rename cannot fail.
  const partial = join(root, 'dist', `.partial-${process.pid}`);
  const final = join(root, 'dist', target.name);
  try {
    const file = compiled(target, workshop, base, partial);
    if (target === thisTarget()) proved([file], stamp.version, work);
    rmSync(final, { recursive: true, force: true });
    renameSync(partial, final);
    return join(final, target.file);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** @param base the Bun that goes in; null for the one that runs this */
function compiled(target: Target, { root, env, stamp }: Workshop, base: string | null, folder: string): string {
  const file = join(folder, target.file);
  mkdirSync(folder, { recursive: true });
  const args = buildArguments(target, 'src/main.ts', file, stamp);
  const ended = run(
    [process.execPath, ...args, ...(base === null ? [] : [`--compile-executable-path=${base}`])],
    root,
    env,
  );
  if (ended.exitCode !== 0 || ended.stderr !== '') {
    // A dead executable can come with exit code 0 and a line on stderr.
    throw new Error(`bun build ended with ${ended.exitCode} and said:\n${ended.stderr}${ended.stdout}`);
  }
  // The executable has its own copies; what is inside, and whose it is, is read from these (scripts/components.ts).
  mkdirSync(join(folder, MAPS));
  const maps = readdirSync(folder).filter((name) => name.endsWith('.map'));
  for (const name of maps) renameSync(join(folder, name), join(folder, MAPS, name));
  // On a Mac the compiler may sign by itself; the same file must come out wherever it is built.
  if (target.os === 'darwin') writeFileSync(file, signAdHoc(readFileSync(file), SIGNATURE_IDENTIFIER), { mode: 0o755 });
  return file;
}

/**
 * Runs an executable in a directory that tries to take it over; what lies there must be without effect.
 *
 * @param command the executable, behind an emulator where one is needed
 */
export function proved(command: readonly string[], version: string, work: string): void {
  const [hostile, harmless] = [join(work, 'hostile'), join(work, 'harmless')];
  for (const folder of [hostile, harmless]) mkdirSync(folder, { recursive: true });
  const marker = join(hostile, 'preloaded');
  writeFileSync(join(hostile, 'bunfig.toml'), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(hostile, 'preload.ts'), `require('node:fs').writeFileSync(${JSON.stringify(marker)}, '');\n`);
  // The help text is as wide as COLUMNS says, so a .env that is read would be seen.
  writeFileSync(join(hostile, '.env'), 'COLUMNS=40\n');
  const env = { HOME: work, USERPROFILE: work, SystemRoot: process.env.SystemRoot };
  const answer = run([...command, '--version'], hostile, env);
  if (answer.exitCode !== 0 || answer.stdout !== `${version}\n` || answer.stderr !== '') {
    throw new Error(`the executable does not start: --version gave ${JSON.stringify(answer)}`);
  }
  const help = (folder: string, more: Environment = {}): string =>
    run([...command, '--help'], folder, { ...env, ...more }).stdout;
  const inside = help(hostile);
  if (inside !== help(harmless) || inside === help(harmless, { COLUMNS: '40' })) {
    throw new Error('the executable reads .env of its working directory');
  }
  if (statSync(marker, { throwIfNoEntry: false }) !== undefined) {
    throw new Error('the executable runs the preload of a bunfig.toml in its working directory');
  }
}

/** Whether this Bun, and so what it builds for the host, is linked against musl: its loader is named in its header. */
function isMusl(execPath: string): boolean {
  if (process.platform !== 'linux') return false;
  const file = openSync(execPath, 'r');
  try {
    const header = Buffer.alloc(65_536);
    readSync(file, header);
    return header.includes('ld-musl-');
  } finally {
    closeSync(file);
  }
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** @throws Error for an argument that is not in the head of this file */
async function main(args: readonly string[]): Promise<void> {
  const named = args.flatMap((arg) => (arg.startsWith('--target=') ? [arg.slice('--target='.length)] : []));
  const known = ['--all', '--twice', '--no-archives'];
  const foreign = args.find((arg) => !known.includes(arg) && !arg.startsWith('--target='));
  if (foreign !== undefined) throw new Error(`unknown argument ${foreign}`);
  const all = args.includes('--all');
  if (!all && named.length === 0) {
    const file = buildForHost();
    say(`${file} (${(statSync(file).size / 1e6).toFixed(0)} MB)`);
    return;
  }
  const targets = TARGETS.filter(({ name }) => all || named.includes(name));
  const missing = named.find((name) => !TARGETS.some((target) => target.name === name));
  if (missing !== undefined) throw new Error(`no target is called ${missing}`);
  buildTargets(targets, { twice: args.includes('--twice'), said: say });
  if (!all) return;
  const { writeReleaseFiles } = await import('./release-files');
  await writeReleaseFiles(ROOT, { archives: !args.includes('--no-archives'), said: say });
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`build failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
