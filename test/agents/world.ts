import { Database } from 'bun:sqlite';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Environment, must } from '../../scripts/run';
import { ASK_DIRECTORY, type Asked } from './model';

const PROJECT = 'acme_00f7f1a4ad';
const ORCHESTRATOR = 'acme-orchestrator';
const BRANCH = 'orchestrator/acme-orchestrator';

/** The row of the orchestrator, as far as the daemon needs it to bring the session back. */
export interface RestoredRow {
  readonly agent_session_id: string;
  readonly workspace_path: string;
  readonly branch: string;
  readonly harness: string;
  /** Markers with which the daemon resumes it at its first start. */
  readonly markers: number;
}

/** A person's home on a machine that is thrown away: a repository, a legacy store, an old worktree. */
export class World {
  readonly home: string;
  readonly repository: string;
  readonly oldWorktree: string;
  readonly log: string;

  constructor(
    /** Private, empty at first. */
    readonly folder: string,
    readonly modelUrl: string,
    /** Folder of the release; its programs are the only ones of an agent on PATH. */
    readonly agentFolder: string,
    private readonly systemPath: string,
  ) {
    this.home = join(folder, 'home');
    this.repository = join(this.home, 'code', 'acme');
    this.oldWorktree = join(this.home, '.agent-orchestrator', 'projects', PROJECT, 'worktrees', ORCHESTRATOR);
    this.log = join(folder, 'requests.jsonl');
  }

  /** The environment of everything that runs here: nothing of the person's, and no network to be looked for. */
  get env(): Environment {
    return {
      HOME: this.home,
      PATH: [join(this.agentFolder, 'node_modules', '.bin'), this.systemPath, join(this.folder, 'bin')].join(':'),
      TMPDIR: join(this.folder, 'tmp'),
      // Where the tool looks for terminals; those of the test have sockets of their own.
      TMUX_TMPDIR: join(this.folder, 'tmux'),
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      SHELL: '/bin/bash',
      USER: 'tester',
      GIT_CONFIG_NOSYSTEM: '1',
      ANTHROPIC_BASE_URL: this.modelUrl,
      ANTHROPIC_API_KEY: CLAUDE_KEY,
      MODEL_KEY: 'none',
      DISABLE_TELEMETRY: '1',
      DISABLE_AUTOUPDATER: '1',
      DISABLE_ERROR_REPORTING: '1',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
      OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
    };
  }

  /** Makes the repository and, as the legacy tool does, the orchestrator's worktree on a branch of its own. */
  build(): void {
    for (const name of ['home', 'tmp', 'tmux', 'bin']) mkdirSync(join(this.folder, name), { recursive: true });
    // OpenCode fetches ripgrep from GitHub where PATH has none; one that finds nothing will do.
    writeFileSync(join(this.folder, 'bin', 'rg'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    writeFileSync(this.log, '');
    this.write('.gitconfig', '[user]\n\tname = Tester\n\temail = tester@example.org\n');
    mkdirSync(this.repository, { recursive: true });
    writeFileSync(join(this.repository, 'README.md'), '# acme\n');
    this.git('init', '-q', '-b', 'main');
    this.git('remote', 'add', 'origin', 'https://example.org/acme/acme.git');
    this.git('add', '.');
    this.git('commit', '-q', '-m', 'Begin');
    mkdirSync(dirname(this.oldWorktree), { recursive: true });
    this.git('worktree', 'add', '-q', '-b', BRANCH, this.oldWorktree, 'main');
  }

  /** The legacy store of a stopped orchestrator of this agent; the record holds the id under the agent's key. */
  store(agent: string, recordKey: string, id: string): void {
    this.write(
      '.agent-orchestrator/config.yaml',
      [
        'port: 3000',
        'defaults:',
        '  runtime: tmux',
        '  agent: claude-code',
        '  workspace: worktree',
        'projects:',
        `  ${PROJECT}:`,
        `    projectId: ${PROJECT}`,
        `    path: ${this.repository}`,
        '    repo: { owner: acme, name: acme, platform: github, originUrl: "https://example.org/acme/acme" }',
        '    defaultBranch: main',
        '    displayName: acme',
        '    sessionPrefix: acme',
        '',
      ].join('\n'),
    );
    const now = new Date().toISOString();
    const record = {
      worktree: this.oldWorktree,
      branch: BRANCH,
      tmuxName: ORCHESTRATOR,
      project: PROJECT,
      agent,
      role: 'orchestrator',
      createdAt: now,
      runtimeHandle: { id: ORCHESTRATOR, runtimeName: 'tmux', data: { workspacePath: this.oldWorktree } },
      lifecycle: {
        version: 2,
        session: { kind: 'orchestrator', state: 'terminated', reason: 'manually_killed', lastTransitionAt: now },
      },
      [recordKey]: id,
    };
    this.write(
      `.agent-orchestrator/projects/${PROJECT}/sessions/${ORCHESTRATOR}.json`,
      JSON.stringify(record, null, 2),
    );
  }

  /** The orchestrator's row; null if there is none. */
  row(): RestoredRow | null {
    const file = join(this.home, '.ao', 'data', 'ao.db');
    if (!existsSync(file)) return null;
    using database = new Database(file, { readonly: true });
    return database
      .query<RestoredRow, []>(
        `SELECT agent_session_id, workspace_path, branch, harness,
           (SELECT count(*) FROM session_worktrees w WHERE w.session_id = s.id AND w.state = 'removed') AS markers
         FROM sessions s WHERE kind = 'orchestrator'`,
      )
      .get();
  }

  /** Makes the managed worktree as the daemon's restore does (rewrite-target.md 5.4). */
  restoreWorktree({ workspace_path, branch }: RestoredRow): void {
    const isThere = this.git('branch', '--list', branch) !== '';
    const which = isThere ? [workspace_path, branch] : ['-b', branch, workspace_path, 'main'];
    this.git('worktree', 'add', '-q', ...which);
  }

  /** Takes the old worktree away, as its user does one day. */
  removeOldWorktree(): void {
    this.git('worktree', 'remove', '--force', this.oldWorktree);
  }

  git(...args: readonly string[]): string {
    return must(['git', ...args], this.repository, this.env);
  }

  /** Writes a file below the home. */
  write(name: string, text: string): void {
    const path = join(this.home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** What the agents have asked since the log had so many lines. */
  asked(since: number): Asked[] {
    const lines = readFileSync(this.log, 'utf8').split('\n').slice(since, -1);
    return lines.map((line): Asked => JSON.parse(line));
  }

  askedSoFar(): number {
    return readFileSync(this.log, 'utf8').split('\n').length - 1;
  }

  /** For people who look for what went wrong. */
  keepScreen(title: string, screen: string): void {
    appendFileSync(join(this.folder, 'screens.txt'), `==== ${title}\n${screen.replace(ASK_DIRECTORY, '[pwd]')}\n`);
  }
}

/** Not a key: only its form is looked at. */
export const CLAUDE_KEY = 'sk-fake-not-a-real-key-0000000000';
