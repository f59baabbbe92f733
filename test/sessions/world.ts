import { createHash } from 'node:crypto';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { ConversationFinding, ConversationRequest, FoundConversation } from '../../src/contracts/facts';
import type { ConversationCopy } from '../../src/contracts/plan';
import { terminalNames } from '../../src/plan/terminals';
import { type ClaudeDeps, claudeHarness } from '../../src/sessions/claude';
import { type CodexDeps, codexHarness } from '../../src/sessions/codex';
import type { Harness, SessionRoot } from '../../src/sessions/harness';
import { type Liveness, liveness, type TmuxSession } from '../../src/sessions/liveness';
import { PhysicalPaths } from '../../src/sessions/physical';
import { slug } from '../../src/sessions/slug';

export const FIXTURES = join(import.meta.dir, '..', 'fixtures', 'harness');
export const IDS = JSON.parse(readFileSync(join(FIXTURES, 'ids.json'), 'utf8')) as {
  readonly claude: Readonly<Record<'main' | 'zero' | 'nomsg' | 'torn' | 'snapshot', string>>;
  readonly codex: Readonly<Record<'main' | 'fork' | 'v077' | 'othercwd' | 'copy', string>>;
};

/** A temporary machine with one home, one old worktree and the directory in which the daemon will run the agent. */
export class World {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'ao-sessions-')));
  readonly home = join(this.path, 'home');
  readonly project = join(this.path, 'shop');
  readonly worktree = join(this.path, 'worktrees', 'sh-orchestrator');
  readonly managed = join(this.path, '.ao', 'data', 'worktrees', 'shop', 'orchestrator', 'sh-orchestrator');
  readonly claude = join(this.home, '.claude');
  readonly codex = join(this.home, '.codex');
  readonly proc = join(this.path, 'proc');
  readonly alive = new Set<number>();
  readonly tmux: TmuxSession[] = [];

  constructor() {
    for (const path of [this.home, this.project, this.worktree, this.proc]) mkdirSync(path, { recursive: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Puts a fixture tree below the home, with this world's paths in place of its tokens. */
  instantiate(tree: 'claude' | 'codex'): void {
    cpSync(join(FIXTURES, tree, 'home'), this.home, { recursive: true });
    const projects = join(this.claude, 'projects');
    if (tree === 'claude') renameSync(join(projects, '@OLDSLUG@'), this.folder(this.worktree));
    for (const path of filesBelow(join(this.home, tree === 'claude' ? '.claude' : '.codex'))) {
      writeFileSync(path, this.fill(readFileSync(path, 'utf8')));
      utimesSync(path, 1_700_000_000, 1_700_000_000);
    }
  }

  /** A fixture's expected file. */
  expected(path: string): Buffer {
    return Buffer.from(this.fill(readFileSync(join(FIXTURES, path), 'utf8')));
  }

  fill(text: string): string {
    return text
      .replaceAll('@OLDSLUG@', slug(this.worktree))
      .replaceAll('@OLD@', this.worktree)
      .replaceAll('@NEW@', this.managed)
      .replaceAll('@HOME@', this.home);
  }

  /** Folder of a directory below this root's `projects`. */
  folder(directory: string, root = this.claude): string {
    return join(root, 'projects', slug(directory));
  }

  write(path: string, content: string | Uint8Array, mtime?: number): string {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    if (mtime !== undefined) utimesSync(path, mtime, mtime);
    return path;
  }

  /** A transcript of two messages; `mtime` in seconds. */
  transcript(folder: string, id: string, rows: Rows = {}, mtime?: number): string {
    return this.write(join(folder, `${id}.jsonl`), transcriptText(id, { cwd: this.worktree, ...rows }), mtime);
  }

  root(path: string, more: Partial<SessionRoot> = {}): SessionRoot {
    return { path, destination: path, setting: null, local: true, ...more };
  }

  liveness(): Liveness {
    return liveness({
      paths: new PhysicalPaths(),
      platform: 'linux',
      pid: process.pid,
      procRoot: this.proc,
      isAlive: (pid) => this.alive.has(pid),
      tmuxSessions: async () => this.tmux,
    });
  }

  claudeHarness(deps: Partial<ClaudeDeps> = {}): Harness {
    return claudeHarness({
      platform: 'linux',
      env: {},
      liveness: this.liveness(),
      paths: new PhysicalPaths(),
      tag: 'ab12',
      roots: [this.root(this.claude)],
      options: { stripRoleSnapshot: false, countsCopies: false },
      ...deps,
    });
  }

  codexHarness(deps: Partial<CodexDeps> = {}): Harness {
    return codexHarness({
      liveness: this.liveness(),
      tag: 'ab12',
      roots: [this.root(this.codex)],
      countsCopies: false,
      ...deps,
    });
  }

  request(more: Partial<ConversationRequest> = {}): ConversationRequest {
    return {
      harness: 'claude-code',
      recordId: 'sh-orchestrator',
      storedId: null,
      worktree: this.worktree,
      workspacePaths: [],
      projectPath: this.project,
      mayRecover: true,
      byTime: false,
      createdAtMs: null,
      rivalsMs: [],
      isOthers: () => false,
      isTaken: () => false,
      tmuxNames: [],
      isTerminalName: terminalNames(['sh']),
      destinationCwd: this.managed,
      ...more,
    };
  }

  /** A process in the fake `/proc`. */
  process(
    pid: number,
    facts: { cwd?: string; comm?: string; argv?: string[]; startTicks?: string; open?: string[] },
  ): void {
    const directory = join(this.proc, `${pid}`);
    mkdirSync(join(directory, 'fd'), { recursive: true });
    symlinkSync(facts.cwd ?? '/', join(directory, 'cwd'));
    writeFileSync(join(directory, 'comm'), `${facts.comm ?? 'node'}\n`);
    writeFileSync(join(directory, 'cmdline'), (facts.argv ?? ['node']).map((each) => `${each}\0`).join(''));
    const fields = `S ${Array.from({ length: 18 }, (_, index) => index).join(' ')} ${facts.startTicks ?? '77'} 0 0`;
    writeFileSync(join(directory, 'stat'), `${pid} (a ) b) ${fields}\n`);
    for (const [index, path] of (facts.open ?? []).entries()) symlinkSync(path, join(directory, 'fd', `${index}`));
    this.alive.add(pid);
  }
}

export interface Rows {
  readonly cwd?: string | null;
  readonly at?: string;
  readonly isSidechain?: boolean | null;
  readonly words?: string;
}

export function transcriptText(id: string, { cwd, at, isSidechain, words }: Rows = {}): string {
  const row = (type: string) => ({
    parentUuid: null,
    ...(isSidechain === null ? {} : { isSidechain: isSidechain ?? false }),
    ...(cwd === null ? {} : { cwd }),
    sessionId: id,
    timestamp: at ?? '2026-05-01T08:00:00.000Z',
    type,
    message: { role: type, content: words ?? 'hello' },
  });
  return ['user', 'assistant'].map((type) => `${JSON.stringify(row(type))}\n`).join('');
}

/** A UUID that ends in a number. */
export function uuid(n: number): string {
  return `10000000-0000-4000-8000-${`${n}`.padStart(12, '0')}`;
}

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Bytes, mode and mtime of everything below a directory: what may never change. */
export function fingerprint(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  return Object.fromEntries(
    entries
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => {
        const stats = lstatSync(path, { bigint: true });
        const content = stats.isFile()
          ? createHash('sha256').update(readFileSync(path)).digest('hex')
          : stats.isSymbolicLink()
            ? readlinkSync(path)
            : '';
        return [relative(directory, path), `${stats.mode} ${stats.isDirectory() ? '' : stats.mtimeNs} ${content}`];
      }),
  );
}

export function assertFound(finding: ConversationFinding): FoundConversation {
  if (finding.state !== 'found') throw new Error(`expected a conversation, got ${JSON.stringify(finding)}`);
  return finding;
}

export function copyOf(found: FoundConversation, request: ConversationRequest): ConversationCopy {
  return {
    harness: request.harness,
    projectId: 'shop',
    sessionId: request.recordId,
    sourceId: found.sourceId,
    resumeId: found.resumeId,
    sourceCwd: request.worktree,
    destinationCwd: request.destinationCwd,
    projectPath: request.projectPath,
    files: found.files,
    size: found.size,
    messages: found.messages,
    destination: found.destination,
    ...(found.roleNote === undefined ? {} : { roleNote: found.roleNote }),
  };
}

export const NO_PROGRESS = { advance() {} };

/** Finds, stages and places; returns the copy and what was staged. */
export async function migrate(harness: Harness, request: ConversationRequest) {
  const found = assertFound(await harness.find(request));
  const copy = copyOf(found, request);
  const staged = await harness.stage(copy, NO_PROGRESS);
  await harness.place(staged);
  return { found, copy, staged };
}

/** Main file of a placed copy. */
export function mainPath(copy: ConversationCopy): string {
  return copy.files[0]?.destination ?? '';
}

export function codesOf(finding: ConversationFinding): string[] {
  return finding.notes.map((note) => note.code).sort();
}
