import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from '../../scripts/run';
import { snapshot } from '../support/tree';
import type { Driver } from './driver';
import type { World } from './world';

/** Codex. */
export const CODEX: Driver = {
  harness: 'codex',
  recordKey: 'codexThreadId',
  ready: /^\s*› /m,
  menu: /working directory|Trust this folder|Do you trust|Unarchive and resume|Update available|Press enter to continue/i,
  configure(world) {
    world.write(
      '.codex/config.toml',
      [
        'model = "mock-model"',
        'model_provider = "mock"',
        '[model_providers.mock]',
        'name = "mock"',
        `base_url = "${world.modelUrl}/v1"`,
        'env_key = "MODEL_KEY"',
        'wire_api = "responses"',
        '',
      ].join('\n'),
    );
  },
  begin: (world) => ['codex', ...flags(world, world.oldWorktree)],
  prepare: () => undefined,
  resume: (world, id, worktree) => ['codex', 'resume', ...flags(world, worktree), id],
  resumeOnce: null,
  conversationIn(world, directory) {
    const ids = rollouts(world).flatMap((path) => {
      const [first = '{}'] = readFileSync(path, 'utf8').split('\n', 1);
      const { payload }: { payload?: { id?: string; cwd?: string } } = JSON.parse(first);
      return payload?.cwd === directory && payload.id !== undefined ? [payload.id] : [];
    });
    const [id] = ids;
    if (id === undefined) throw new Error(`no rollout was begun in ${directory}`);
    return id;
  },
  parts(world, id) {
    const paths = rollouts(world).filter((path) => basename(path).includes(id));
    return Object.fromEntries(
      paths.flatMap((path) => Object.entries(snapshot(path)).map(([, state]) => [path, state])),
    );
  },
};

function rollouts(world: World): string[] {
  const root = join(world.home, '.codex', 'sessions');
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /rollout-.*\.jsonl(\.zst)?$/.test(name))
    .map((name) => join(root, name))
    .sort();
}

/**
 * What the daemon puts between `resume` and the id. A release that does not know `--dangerously-bypass-hook-trust` ends
 * with a usage error, whatever it should resume; there it is left out, and the hooks that it is for with it.
 */
function flags(world: World, worktree: string): string[] {
  const { stdout } = run(['codex', 'resume', '--help'], world.home, world.env);
  const flag = '--dangerously-bypass-hook-trust';
  const hooks = [flag, '-c', 'hooks.SessionStart=[{hooks=[{type="command",command="true",timeout=5}]}]'];
  return [
    '-c',
    'check_for_update_on_startup=false',
    '-c',
    'notice.hide_rate_limit_model_nudge=true',
    ...(stdout.includes(flag) ? hooks : []),
    '--dangerously-bypass-approvals-and-sandbox',
    '-c',
    `projects={${JSON.stringify(worktree)}={trust_level="trusted"}}`,
  ];
}
