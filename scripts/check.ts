/**
 * `bun run check`: installs what is locked, checks types, lints, builds, and runs every test. The last line is
 * `N passed, N failed, N skipped` from the report of the tests; a step that fails counts as one failure more. Works
 * where no Bun is installed but the one that `npx` fetched, with an empty home, and leaves nothing outside the project, the temp
 * directory and Bun's cache.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openOutput } from '../src/report/writer';
import { childEnvironment, isolatedEnvironment } from './environment';
import { readReport, sumOf, sumText } from './junit';

const ROOT = resolve(import.meta.dir, '..');
const TEST_FILE = /[._](?:test|spec)\.[cm]?[jt]sx?$/;

interface Step {
  readonly name: string;
  /** Arguments of the Bun that runs this. */
  readonly arguments: readonly string[];
  /** Runs with a throw-away home: it looks for nothing there, or would leave a cache. */
  readonly isolated: boolean;
}

const INSTALL: Step = { name: 'install', arguments: ['install', '--frozen-lockfile'], isolated: false };
const STEPS: readonly Step[] = [
  { name: 'typecheck', arguments: ['node_modules/typescript/bin/tsc', '--noEmit'], isolated: true },
  { name: 'lint', arguments: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'], isolated: true },
  // Not isolated: git asks the person's settings whether it may look at this tree.
  { name: 'build', arguments: ['scripts/build.ts'], isolated: false },
];

const out = openOutput(1);

/** Runs one step with its output shown as it comes; its exit code. */
async function run(step: Step, env: Record<string, string | undefined>): Promise<number> {
  await out.write(`\n== ${step.name}\n`);
  const child = Bun.spawn([process.execPath, ...step.arguments], {
    cwd: ROOT,
    env,
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  });
  return child.exited;
}

function testFiles(): readonly string[] {
  return Array.from(new Bun.Glob('test/**/*').scanSync({ cwd: ROOT, onlyFiles: true }))
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => TEST_FILE.test(file) && !file.startsWith('test/fixtures/'))
    .sort();
}

async function check(work: string): Promise<boolean> {
  const shared = childEnvironment(process.env, process.execPath, join(work, 'bin'));
  const isolated = isolatedEnvironment(shared, join(work, 'home'));
  const carriedOut = (step: Step): Promise<number> => run(step, step.isolated ? isolated : shared);
  const failed: string[] = [];
  const installed = (await carriedOut(INSTALL)) === 0;
  if (!installed) failed.push(INSTALL.name);
  for (const step of installed ? STEPS : []) {
    if ((await carriedOut(step)) !== 0) failed.push(step.name);
  }
  const reportFile = join(work, 'junit.xml');
  const tests = ['test', '--timeout=180000', '--reporter=junit', `--reporter-outfile=${reportFile}`];
  const exitCode = installed ? await carriedOut({ name: 'test', arguments: tests, isolated: true }) : 1;
  const report = existsSync(reportFile) ? readReport(readFileSync(reportFile, 'utf8')) : null;
  const sum = sumOf(report, installed ? testFiles() : [], exitCode, failed.length);
  await out.write('\n');
  for (const name of failed) await out.write(`${name} failed\n`);
  for (const file of sum.missing) await out.write(`${file} did not run\n`);
  await out.write(`${sumText(sum)}\n`);
  return sum.failed === 0;
}

const work = mkdtempSync(join(tmpdir(), 'ao-migrate-check-'));
try {
  if (!(await check(work))) process.exitCode = 1;
} finally {
  try {
    rmSync(work, { recursive: true, force: true });
  } catch {
    // A test that failed may have left a directory that cannot be entered; the last line stays the last one.
  }
}
