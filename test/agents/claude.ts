import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { snapshot } from '../support/tree';
import type { Driver } from './driver';
import { CLAUDE_KEY, type World } from './world';

/** Claude Code. */
export const CLAUDE: Driver = {
  harness: 'claude-code',
  recordKey: 'claudeSessionUuid',
  ready: /^\s*(│ )?[❯>]/m,
  menu: /Accessing workspace|Do you trust|Yes, I trust|Resume from summary|custom API key|Select login/,
  configure(world) {
    writeSettings(world, [world.oldWorktree]);
    world.write('.claude/settings.json', JSON.stringify({ permissions: { allow: ['Bash(pwd)'] } }));
  },
  begin: () => ['claude', '--append-system-prompt', 'You are the old orchestrator.'],
  prepare: (world, worktree) => writeSettings(world, [world.oldWorktree, worktree]),
  resume: (_, id) => [
    'claude',
    '--permission-mode',
    'acceptEdits',
    '--append-system-prompt',
    'You are the new orchestrator.',
    '--resume',
    id,
  ],
  resumeOnce: (id, prompt) => ['claude', '--resume', id, '-p', prompt],
  conversationIn(world, directory) {
    const folder = slugFolder(world, directory);
    const ids = readdirSync(folder).flatMap((name) => /^([0-9a-f-]{36})\.jsonl$/.exec(name)?.[1] ?? []);
    const [id] = ids.filter((each) => readFileSync(join(folder, `${each}.jsonl`), 'utf8').includes('"type":"user"'));
    if (id === undefined) throw new Error(`no conversation in ${folder}`);
    return id;
  },
  parts: (world) => snapshot(slugFolder(world, world.oldWorktree)),
};

/** The rule of short paths (harness-sessions.md 1.1); written again here, because it is what the test is about. */
function slugFolder(world: World, directory: string): string {
  return join(world.home, '.claude', 'projects', directory.replace(/[^A-Za-z0-9]/g, '-'));
}

/** First steps done, key approved, and the directories trusted: the last the daemon does too, before each start. */
function writeSettings(world: World, trusted: readonly string[]): void {
  const projects = Object.fromEntries(trusted.map((path) => [path, { hasTrustDialogAccepted: true }]));
  const customApiKeyResponses = { approved: [CLAUDE_KEY.slice(-20)], rejected: [] };
  world.write(
    '.claude.json',
    JSON.stringify({ hasCompletedOnboarding: true, theme: 'dark', customApiKeyResponses, projects }),
  );
}
