/**
 * A seeded legacy store of the shape in which the older importers were measured: for each project a registry entry, a
 * repository with settings, 20 session records, and one orchestrator with a Claude conversation of 256 KB.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomOf } from '../random';

export interface StoreShape {
  readonly projects: number;
  readonly recordsEach: number;
  /** Bytes of each conversation. */
  readonly conversation: number;
  readonly seed: number;
}

export const USUAL: Omit<StoreShape, 'projects'> = { recordsEach: 20, conversation: 256 * 1024, seed: 1 };

const put = (file: string, text: string): void => {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
};

/** Lays the store out below an empty home. */
export function makeStore(home: string, shape: StoreShape): void {
  const next = randomOf(shape.seed);
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('');
  const base = join(home, '.agent-orchestrator');
  const entries: string[] = [];
  for (let index = 0; index < shape.projects; index++) {
    const name = `repo-${index}`;
    const id = `${name}_${hex(10)}`;
    const prefix = `r${index}`;
    const folder = join(home, 'code', name);
    entries.push(
      `  ${id}:\n    projectId: ${id}\n    path: ${folder}\n    repo:\n      owner: acme\n      name: ${name}\n      platform: github\n      originUrl: https://github.com/acme/${name}\n    defaultBranch: main\n    source: ao-project-add\n    registeredAt: ${1_777_000_000 + index}\n    displayName: ${name}\n    sessionPrefix: ${prefix}\n`,
    );
    put(
      join(folder, 'agent-orchestrator.yaml'),
      'agentRules: Keep commits small.\nenv:\n  CI: "1"\nsymlinks: [.env]\n',
    );
    put(join(folder, '.git', 'HEAD'), 'ref: refs/heads/main\n');
    put(
      join(folder, '.git', 'config'),
      `[core]\n\tbare = false\n[remote "origin"]\n\turl = https://github.com/acme/${name}.git\n`,
    );
    put(join(folder, '.git', 'refs', 'heads', 'main'), `${hex(40)}\n`);
    mkdirSync(join(folder, '.git', 'objects'));
    const sessions = join(base, 'projects', id, 'sessions');
    const uuid = `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
    for (let number = 0; number < shape.recordsEach; number++) {
      const isOrchestrator = number === 0;
      const sid = isOrchestrator ? `${prefix}-orchestrator` : `${prefix}-${number}`;
      const worktree = join(base, 'projects', id, 'worktrees', sid);
      put(
        join(sessions, `${sid}.json`),
        `${JSON.stringify(record(sid, id, worktree, isOrchestrator, uuid), null, 2)}\n`,
      );
    }
    const worktree = join(base, 'projects', id, 'worktrees', `${prefix}-orchestrator`);
    put(
      join(home, '.claude', 'projects', worktree.replace(/[^A-Za-z0-9]/g, '-'), `${uuid}.jsonl`),
      transcript(uuid, worktree, shape.conversation),
    );
  }
  put(
    join(base, 'config.yaml'),
    `port: 3000\ndefaults:\n  runtime: tmux\n  agent: claude-code\n  workspace: worktree\nprojects:\n${entries.join('')}`,
  );
}

function record(sid: string, project: string, worktree: string, isOrchestrator: boolean, uuid: string): object {
  const at = '2026-05-11T09:30:00.000Z';
  return {
    worktree,
    branch: isOrchestrator ? `orchestrator/${sid}` : `session/${sid}`,
    tmuxName: sid,
    project,
    agent: 'claude-code',
    createdAt: '2026-05-10T08:00:00.000Z',
    runtimeHandle: { id: sid, runtimeName: 'tmux', data: { createdAt: 1_778_400_000_000, workspacePath: worktree } },
    lifecycle: {
      version: 2,
      session: {
        kind: isOrchestrator ? 'orchestrator' : 'worker',
        state: 'terminated',
        reason: 'manually_killed',
        startedAt: at,
        completedAt: null,
        terminatedAt: at,
        lastTransitionAt: at,
      },
      pr: { state: 'none', reason: 'not_created', number: null, url: null, lastObservedAt: null },
      runtime: { state: 'missing', reason: 'manual_kill_requested', lastObservedAt: at, handle: null, tmuxName: sid },
    },
    ...(isOrchestrator
      ? { role: 'orchestrator', claudeSessionUuid: uuid }
      : { userPrompt: 'Fix the bug in the parser and add a test.' }),
    displayName: sid,
  };
}

function transcript(uuid: string, cwd: string, bytes: number): string {
  const rows: string[] = [];
  let size = 0;
  for (let index = 0; size < bytes; index++) {
    const type = index % 2 === 0 ? 'user' : 'assistant';
    const text = 'All work and no play makes a dull log. '.repeat(40);
    const row = JSON.stringify({
      parentUuid: index === 0 ? null : `u${index - 1}`,
      isSidechain: false,
      cwd,
      sessionId: uuid,
      version: '2.1.329',
      uuid: `u${index}`,
      timestamp: '2026-05-10T08:00:00.000Z',
      type,
      message: { role: type, content: text },
    });
    rows.push(row);
    size += row.length + 1;
  }
  return `${rows.join('\n')}\n`;
}
