/**
 * `bun run test:large`: a conversation of 20 MB and one of 2 GB, of Claude Code and of Codex, migrated by the compiled
 * executable. The peak of its memory must stay below 150 MB and be the same for both sizes within a tenth, and the copy
 * must be what its source was. Needs 5 GB in the temporary folder for some minutes, and Linux, whose kernel keeps the
 * peak. Writes docs/large.md. The last line is `N passed, N failed, N skipped`.
 */
import { Database } from 'bun:sqlite';
import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { arch, cpus, release as kernel, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buildForHost } from './build';

const ROOT = resolve(import.meta.dir, '..');
const MB = 1_000_000;
const SIZES = [20 * MB, 2_000 * MB] as const;
/** Runs of each size, of which the middle one counts: when the collector of garbage comes depends on what else the machine does. */
const RUNS = 3;
const LIMIT = 150 * MB;
/** How often the kernel is asked. The peak only grows, so only what comes in the last moment can be missed. */
const LOOK_MS = 5;
const ID = '0c9e3f10-51c2-7a77-8f6e-2b7d1e9a4c33';
const PROJECT = 'acme_00f7f1a4ad';

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** One of the agents whose conversations are copied here; OpenCode copies its own. */
interface Kind {
  readonly agent: 'claude-code' | 'codex';
  readonly recordKey: string;
  /** Path below the home. */
  place(worktree: string): string;
  firstRow(worktree: string): string;
  row(index: number, text: string, worktree: string): string;
}

const TIME = '2026-05-10T08:00:00.000Z';

const KINDS: readonly Kind[] = [
  {
    agent: 'claude-code',
    recordKey: 'claudeSessionUuid',
    place: (worktree) => join('.claude', 'projects', worktree.replace(/[^A-Za-z0-9]/g, '-'), `${ID}.jsonl`),
    firstRow: (cwd) =>
      JSON.stringify({ type: 'user', uuid: 'u', parentUuid: null, sessionId: ID, cwd, message: { role: 'user' } }),
    row: (index, text, cwd) =>
      JSON.stringify({
        type: index % 2 === 0 ? 'user' : 'assistant',
        uuid: `u${index}`,
        parentUuid: `u${index - 1}`,
        sessionId: ID,
        cwd,
        timestamp: TIME,
        message: { role: 'user', content: text },
      }),
  },
  {
    agent: 'codex',
    recordKey: 'codexThreadId',
    place: () => join('.codex', 'sessions', '2026', '05', '10', `rollout-2026-05-10T08-00-00-${ID}.jsonl`),
    firstRow: (cwd) =>
      JSON.stringify({ timestamp: TIME, type: 'session_meta', payload: { id: ID, cwd, source: 'cli' } }),
    row: (index, text, cwd) =>
      index % 50 === 0
        ? JSON.stringify({ timestamp: TIME, type: 'turn_context', payload: { cwd, model: 'm' } })
        : JSON.stringify({
            timestamp: TIME,
            type: 'response_item',
            payload: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
          }),
  },
];

interface Measured {
  readonly kind: Kind;
  readonly bytes: number;
  readonly peak: number;
  readonly seconds: number;
  /** Bytes done, at each of the times at which they were told. */
  readonly told: readonly number[];
  /** What is wrong with the copy; null if nothing is. */
  readonly problem: string | null;
}

/** A home with one conversation of about this many bytes, in rows of all lengths, one of them of 12 MB. */
function layOut(home: string, kind: Kind, size: number): { readonly source: string; readonly bytes: number } {
  const worktree = join(home, '.agent-orchestrator', 'projects', PROJECT, 'worktrees', 'acme-orchestrator');
  const repository = join(home, 'code', 'acme');
  for (const path of [worktree, repository]) mkdirSync(path, { recursive: true });
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  };
  const entry = { projectId: PROJECT, path: repository, sessionPrefix: 'acme' };
  write('.agent-orchestrator/config.yaml', JSON.stringify({ projects: { [PROJECT]: entry } }));
  const session = { kind: 'orchestrator', state: 'terminated', lastTransitionAt: TIME };
  const record = {
    role: 'orchestrator',
    agent: kind.agent,
    worktree,
    createdAt: TIME,
    lifecycle: { version: 2, session },
    [kind.recordKey]: ID,
  };
  write(`.agent-orchestrator/projects/${PROJECT}/sessions/acme-orchestrator.json`, JSON.stringify(record));

  const source = join(home, kind.place(worktree));
  mkdirSync(dirname(source), { recursive: true });
  const file = openSync(source, 'w', 0o600);
  let bytes = writeSync(file, `${kind.firstRow(worktree)}\n`);
  bytes += writeSync(file, `${kind.row(1, 'long '.repeat(2_400_000), worktree)}\n`);
  for (let index = 2; bytes < size; ) {
    const rows: string[] = [];
    for (const end = index + 500; index < end; index += 1)
      rows.push(kind.row(index, `said ${index} `.repeat(1 + ((index * 7919) % 400)), worktree));
    bytes += writeSync(file, `${rows.join('\n')}\n`);
  }
  closeSync(file);
  return { source, bytes };
}

async function measure(executable: string, work: string, kind: Kind, size: number): Promise<Measured> {
  const home = join(work, `${kind.agent}-${size}`);
  const { source, bytes } = layOut(home, kind, size);
  const original = await digest(source);
  const began = performance.now();
  const progress = join(home, 'progress.ndjson');
  const child = Bun.spawn([executable, '--yes', '--json', '--progress-file', progress], {
    cwd: home,
    env: { HOME: home, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home, LANG: 'C.UTF-8' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  let peak = 0;
  while (child.exitCode === null) {
    peak = Math.max(peak, peakOf(child.pid));
    await Bun.sleep(LOOK_MS);
  }
  const seconds = (performance.now() - began) / 1000;
  const document: { status?: unknown } = JSON.parse(await new Response(child.stdout).text());
  const problem =
    child.exitCode !== 0 || document.status !== 'migrated'
      ? `it ended with ${child.exitCode}, ${String(document.status)}`
      : (await digest(source)) === original
        ? await copyProblem(home, kind, source)
        : 'the original changed';
  const told = toldIn(readFileSync(progress, 'utf8'));
  rmSync(home, { recursive: true, force: true });
  return { kind, bytes, peak, seconds, told, problem };
}

function toldIn(progress: string): number[] {
  const events = progress
    .trimEnd()
    .split('\n')
    .map((line): { event: string; done?: number } => JSON.parse(line));
  return events.flatMap(({ event, done }) => (event === 'copy' && done !== undefined ? [done] : []));
}

/** A copy is told of ten times a second: never backwards, and at the end all of it. */
function isProgress(told: readonly number[], bytes: number): boolean {
  const least = bytes < 1_000 * MB ? 1 : 20;
  return told.length >= least && told.every((done, index) => done >= (told[index - 1] ?? 0)) && told.at(-1) === bytes;
}

/** The run with the middle peak; one that went wrong goes before all others. */
function middle(all: readonly Measured[]): Measured {
  const sorted = all.toSorted((a, b) => a.peak - b.peak);
  const chosen = all.find(({ problem }) => problem !== null) ?? sorted[Math.floor(sorted.length / 2)];
  if (chosen === undefined) throw new Error('nothing was measured');
  return chosen;
}

/** The most memory that a process ever had, bytes; 0 once it has gone. */
function peakOf(pid: number): number {
  try {
    const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}

/** Claude's copy is the same bytes; that of Codex has as many rows, of which the session's own and the last turn's differ. */
async function copyProblem(home: string, kind: Kind, source: string): Promise<string | null> {
  using database = new Database(join(home, '.ao', 'data', 'ao.db'), { readonly: true });
  const id = database
    .query<{ agent_session_id: string }, []>('SELECT agent_session_id FROM sessions')
    .get()?.agent_session_id;
  if (id === undefined || id === '') return 'there is no row with a conversation';
  const root = join(home, kind.agent === 'codex' ? '.codex' : '.claude');
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(`${id}.jsonl`));
  const copy = names.map((name) => join(root, name)).find((path) => path !== source);
  if (copy === undefined) return 'there is no copy';
  const [size, copied] = [statSync(source).size, statSync(copy).size];
  if (kind.agent === 'claude-code') return (await digest(copy)) === (await digest(source)) ? null : 'the copy differs';
  const [rows, copiedRows] = [await rowsOf(source), await rowsOf(copy)];
  if (rows !== copiedRows) return `the copy has ${copiedRows} of ${rows} rows`;
  return Math.abs(size - copied) < 1000 ? null : `the copy has ${copied} of ${size} bytes`;
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

async function rowsOf(path: string): Promise<number> {
  let rows = 0;
  for await (const chunk of createReadStream(path)) {
    if (!Buffer.isBuffer(chunk)) continue;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) rows += 1;
  }
  return rows;
}

/** Every claim with whether it holds. */
function claimsOf(measured: readonly Measured[]): (readonly [claim: string, holds: boolean])[] {
  const single = measured.flatMap(({ kind, bytes, peak, told, problem }) => {
    const name = `${kind.agent}, ${Math.round(bytes / MB)} MB`;
    return [
      [`${name}: the copy is whole${problem === null ? '' : ` (${problem})`}`, problem === null],
      [`${name}: a peak below ${LIMIT / MB} MB (${(peak / MB).toFixed(0)})`, peak > 0 && peak < LIMIT],
      [`${name}: progress up to its size (told ${told.length} times)`, isProgress(told, bytes)],
    ] as const;
  });
  const pairs = KINDS.map((kind) => {
    const peaks = measured.filter((each) => each.kind === kind).map(({ peak }) => peak);
    const [least, most] = [Math.min(...peaks), Math.max(...peaks)];
    return [`${kind.agent}: the same peak for both sizes within a tenth`, most <= least * 1.1] as const;
  });
  return [...single, ...pairs];
}

function largePage(measured: readonly Measured[]): string {
  const rows = measured.map(
    ({ kind, bytes, peak, seconds, told, problem }) =>
      `| ${kind.agent} | ${Math.round(bytes / MB)} MB | ${(peak / MB).toFixed(0)} MB | ${seconds.toFixed(1)} s | ${told.length} | ${problem ?? 'whole'} |`,
  );
  return `# Large conversations

Written by \`bun run test:large\` on ${new Date().toISOString().slice(0, 10)}, on Linux ${kernel()} ${arch()} with ${cpus().length} processors,
with the compiled executable. Each conversation is the only one of its store; its rows have all lengths up to 12 MB.
Of three runs of each the middle one counts. The peak is \`VmHWM\`, the most memory that the process ever had,
its own code included; the time is that of the whole migration: reading the conversation, copying and syncing it, comparing the copy with its source, and the database.
"Progress" is how often \`--progress-file\` told of the copy, which is ten times a second, up to its whole size.

| agent | conversation | peak | time | progress | copy |
|---|---:|---:|---:|---:|---|
${rows.join('\n')}

The limit is ${LIMIT / MB} MB, and a tenth between the two sizes of an agent. Conversations of OpenCode are not measured here:
OpenCode itself exports and imports them.
`;
}

async function main(work: string): Promise<boolean> {
  if (process.platform !== 'linux') throw new Error('this needs Linux');
  // A copy, because somebody may build meanwhile.
  const executable = join(work, 'ao-migrate');
  copyFileSync(buildForHost(), executable);
  const measured: Measured[] = [];
  for (const kind of KINDS) {
    for (const size of SIZES) {
      const all: Measured[] = [];
      for (let run = 0; run < RUNS; run += 1) all.push(await measure(executable, work, kind, size));
      measured.push(middle(all));
    }
  }
  writeFileSync(join(ROOT, 'docs', 'large.md'), largePage(measured));
  const claims = claimsOf(measured);
  for (const [claim, holds] of claims) say(`${holds ? 'ok    ' : 'FAILED'} ${claim}`);
  const failed = claims.filter(([, holds]) => !holds).length;
  say(`${claims.length - failed} passed, ${failed} failed, 0 skipped`);
  return failed === 0;
}

const work = mkdtempSync(join(tmpdir(), 'ao-migrate-large-'));
try {
  if (!(await main(work))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`test:large failed: ${error instanceof Error ? error.message : String(error)}\n`);
  say('0 passed, 1 failed, 0 skipped');
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
