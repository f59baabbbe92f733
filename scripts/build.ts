/** `bun run build`: makes dist/<os>-<arch>/ao-migrate for this machine and shows that it runs. */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { childEnvironment } from './environment';
import { buildArguments, hostTarget, type Target } from './targets';

const ROOT = resolve(import.meta.dir, '..');

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Record<string, string | undefined>;

function run(command: readonly string[], cwd: string, env: Environment): Ended {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd, env, stdin: 'ignore' });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Builds for this machine; the path of the executable. Throws with a sentence for the person who builds. */
export function buildForHost(root: string = ROOT): string {
  const work = mkdtempSync(join(tmpdir(), 'ao-migrate-build-'));
  try {
    const target = hostTarget(process.platform, process.arch, isMusl(process.execPath));
    if (target === null) throw new Error(`no target for ${process.platform}-${process.arch}`);
    const env = childEnvironment(process.env, process.execPath, join(work, 'bin'));
    const stamp = { version: versionOf(root), commit: commitOf(root, env) };
    return built(root, target, stamp, env, work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function built(
  root: string,
  target: Target,
  stamp: { readonly version: string; readonly commit: string },
  env: Environment,
  work: string,
): string {
  // Beside its final place, so that a half-written or dead executable never stands there and the rename cannot fail.
  const partial = join(root, 'dist', `.partial-${process.pid}`);
  const final = join(root, 'dist', target.name);
  try {
    const file = join(partial, target.file);
    mkdirSync(partial, { recursive: true });
    const ended = run([process.execPath, ...buildArguments(target, 'src/main.ts', file, stamp)], root, env);
    if (ended.exitCode !== 0 || ended.stderr !== '') {
      // A dead executable can come with exit code 0 and a line on stderr.
      throw new Error(`bun build ended with ${ended.exitCode} and said:\n${ended.stderr}${ended.stdout}`);
    }
    proved(file, stamp.version, work);
    rmSync(final, { recursive: true, force: true });
    renameSync(partial, final);
    return join(final, target.file);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Runs the executable in a directory that tries to take it over; both files must be without effect. */
function proved(file: string, version: string, work: string): void {
  const [hostile, harmless] = [join(work, 'hostile'), join(work, 'harmless')];
  for (const folder of [hostile, harmless]) mkdirSync(folder);
  const marker = join(hostile, 'preloaded');
  writeFileSync(join(hostile, 'bunfig.toml'), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(hostile, 'preload.ts'), `require('node:fs').writeFileSync(${JSON.stringify(marker)}, '');\n`);
  // The help text is as wide as COLUMNS says, so a .env that is read would be seen.
  writeFileSync(join(hostile, '.env'), 'COLUMNS=40\n');
  const env = { HOME: work, USERPROFILE: work, SystemRoot: process.env.SystemRoot };
  const answer = run([file, '--version'], hostile, env);
  if (answer.exitCode !== 0 || answer.stdout !== `${version}\n` || answer.stderr !== '') {
    throw new Error(`the executable does not start: --version gave ${JSON.stringify(answer)}`);
  }
  const [inside, outside] = [hostile, harmless].map((folder) => run([file, '--help'], folder, env).stdout);
  const narrow = run([file, '--help'], harmless, { ...env, COLUMNS: '40' }).stdout;
  if (inside !== outside || inside === narrow) throw new Error('the executable reads .env of its working directory');
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

function versionOf(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json has no version');
}

/** The commit, marked where the tree differs from it; empty outside a repository or without git. */
function commitOf(root: string, env: Environment): string {
  const git = Bun.which('git', { PATH: env.PATH ?? '' });
  if (git === null) return '';
  const commit = run([git, 'rev-parse', '--verify', 'HEAD'], root, env);
  if (commit.exitCode !== 0) return '';
  const changes = run([git, 'status', '--porcelain'], root, env);
  return commit.stdout.trim() + (changes.stdout === '' ? '' : '-dirty');
}

if (import.meta.main) {
  try {
    const file = buildForHost();
    process.stdout.write(`${file} (${(statSync(file).size / 1e6).toFixed(0)} MB)\n`);
  } catch (error) {
    process.stderr.write(`build failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
