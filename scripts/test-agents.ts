/**
 * `bun run test:agents`: the real agents, from npm, each with a conversation of its own that is begun in an old worktree,
 * migrated by the compiled executable and resumed in the new one. Releases lie in a cache outside the tree
 * (XDG_CACHE_HOME); they run in throw-away homes without any network but loopback, against a model that is not there.
 *
 * Words after the command choose releases (`codex`, `codex@0.98.0`); only a run of all of them writes docs/agents.md.
 * `--keep` leaves the homes, screens and requests where they are. Linux, with npm, git, node, tmux, unshare and ip. The
 * last line is `N passed, N failed, N skipped`.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, release as kernel, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Outcome } from '../test/agents/case';
import { cacheFolder, installed } from '../test/agents/install';
import { agentsPage, type Tried } from '../test/agents/page';
import { nameOf, RELEASES, type Release } from '../test/agents/releases';
import { buildForHost } from './build';
import { childEnvironment } from './environment';
import { run } from './run';

const ROOT = resolve(import.meta.dir, '..');
const NEEDED = ['npm', 'git', 'node', 'tmux', 'unshare', 'ip'];
/** No network, own numbering of processes, and all of them end with the first. */
const BOX = ['unshare', '--map-root-user', '--net', '--pid', '--fork', '--mount-proc', '--kill-child'];
/** Longest that one release may take. */
const CASE_MS = 15 * 60_000;

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

async function boxed(release: Release, agent: string, executable: string, work: string): Promise<Outcome> {
  const folder = join(work, nameOf(release));
  const child = Bun.spawn(
    [...BOX, process.execPath, join(ROOT, 'test/agents/box.ts'), nameOf(release), folder, agent, executable],
    { cwd: ROOT, env: process.env, stdin: 'ignore', stdout: 'inherit', stderr: 'inherit', timeout: CASE_MS },
  );
  const exitCode = await child.exited;
  const file = join(folder, 'outcome.json');
  if (!existsSync(file)) return { steps: {}, problem: `the box ended with ${exitCode ?? child.signalCode}` };
  return JSON.parse(readFileSync(file, 'utf8'));
}

function chosen(words: readonly string[]): readonly Release[] {
  const unknown = words.find((word) => !RELEASES.some((each) => [each.harness, nameOf(each)].includes(word)));
  if (unknown !== undefined)
    throw new Error(`no release is called ${unknown}; there are ${RELEASES.map(nameOf).join(', ')}`);
  return RELEASES.filter((each) => words.length === 0 || words.includes(each.harness) || words.includes(nameOf(each)));
}

async function main(args: readonly string[], work: string): Promise<boolean> {
  const words = args.filter((each) => each !== '--keep');
  const releases = chosen(words);
  const missing = NEEDED.filter((name) => Bun.which(name) === null);
  if (process.platform !== 'linux' || missing.length > 0)
    throw new Error(
      `this needs Linux with ${NEEDED.join(', ')}${missing.length > 0 ? `; not found: ${missing.join(', ')}` : ''}`,
    );
  // A copy, because the run is long and somebody may build meanwhile.
  const executable = join(work, 'ao-migrate');
  copyFileSync(buildForHost(), executable);
  const env = childEnvironment(process.env, process.execPath, join(work, 'bin'));
  const tried: Tried[] = [];
  for (const release of releases) {
    const began = performance.now();
    const agent = installed(release, cacheFolder(process.env), env);
    const outcome = await boxed(release, agent, executable, work);
    tried.push({ release, outcome });
    const seconds = Math.round((performance.now() - began) / 1000);
    say(
      `${outcome.problem === null ? 'ok    ' : 'FAILED'} ${nameOf(release).padEnd(22)} ${seconds} s  ${Object.entries(
        outcome.steps,
      )
        .map(([step, what]) => `${step}: ${what}`)
        .join('; ')}`,
    );
    if (outcome.problem !== null) say(`       ${outcome.problem}`);
  }
  if (words.length === 0) {
    const commit = run(['git', 'rev-parse', '--short', 'HEAD'], ROOT, env).stdout.trim();
    const machine = `Linux ${kernel()} ${arch()}, ${cpus().length} processors`;
    const page = join(ROOT, 'docs', 'agents.md');
    writeFileSync(
      page,
      agentsPage(tried, { day: new Date().toISOString().slice(0, 10), machine, commit, bun: Bun.version }),
    );
    say(`\nwritten: ${page}`);
  }
  const failed = tried.filter(({ outcome }) => outcome.problem !== null).length;
  say(`${tried.length - failed} passed, ${failed} failed, 0 skipped`);
  return failed === 0;
}

const args = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'ao-migrate-agents-'));
try {
  if (!(await main(args, work))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`test:agents failed: ${error instanceof Error ? error.message : String(error)}\n`);
  say('0 passed, 1 failed, 0 skipped');
  process.exitCode = 1;
} finally {
  if (args.includes('--keep')) process.stderr.write(`kept: ${work}\n`);
  else rmSync(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
