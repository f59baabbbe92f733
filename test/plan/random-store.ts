import { stringify } from 'yaml';
import { type Home, write } from '../support/home';

/** A repeatable source of choices. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2654435761) >>> 0 || 1;
  }
  roll(sides: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state = (this.#state ^ (this.#state << 5)) >>> 0;
    return this.#state % sides;
  }
  chance(percent: number): boolean {
    return this.roll(100) < percent;
  }
  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.roll(items.length)] ?? items[0];
  }
}

type Value = string | number | boolean | null | Value[] | { [key: string]: Value };

/** What people and tools write in odd places, too. */
function oddity(dice: Dice, depth = 0): Value {
  const flat: readonly [Value, ...Value[]] = [
    '',
    'text',
    'true',
    7,
    -1.5,
    true,
    null,
    [],
    {},
    'a b',
    'ünï',
    '<<',
    '~/x',
  ];
  if (depth > 2 || dice.chance(70)) return dice.pick(flat);
  if (dice.chance(50)) return [oddity(dice, depth + 1), oddity(dice, depth + 1)];
  return { [dice.pick(['a', 'plugin', 'token', '0', 'env'])]: oddity(dice, depth + 1), b: oddity(dice, depth + 1) };
}

function object(dice: Dice, choices: Readonly<Record<string, () => Value>>, percent: number): { [key: string]: Value } {
  const made: { [key: string]: Value } = {};
  for (const [key, value] of Object.entries(choices)) {
    if (dice.chance(percent)) made[key] = dice.chance(12) ? oddity(dice) : value();
  }
  if (dice.chance(15)) made[dice.pick(['mystery', '_x', '<<', '1'])] = oddity(dice);
  return made;
}

function behaviour(dice: Dice): { [key: string]: Value } {
  const agent = (): Value => dice.pick(['claude-code', 'codex', 'opencode', 'kimicode', 'aider', 'nobody']);
  const agentConfig = (): Value =>
    object(
      dice,
      {
        permissions: () => dice.pick(['permissionless', 'skip', 'auto-edit', 'default', 'suggest', 'yolo']),
        model: () => dice.pick(['big', 'small']),
        orchestratorModel: () => 'boss',
        grokSessionId: () => 'g-1',
      },
      40,
    );
  const role = (): Value => object(dice, { agent, agentConfig }, 50);
  return object(
    dice,
    {
      agent,
      runtime: () => dice.pick(['tmux', 'docker']),
      workspace: () => dice.pick(['worktree', 'clone']),
      agentConfig,
      worker: role,
      orchestrator: role,
      env: () => ({ A: dice.pick<Value>(['1', 2, null]), B: 'two' }),
      symlinks: () => ['.env', dice.pick(['/abs', '../up', 'ok'])],
      postCreate: () => ['make it'],
      agentRules: () => 'be kind',
      agentRulesFile: () => dice.pick(['RULES.md', '/abs']),
      orchestratorRules: () => 'lead',
      tracker: () => ({ plugin: 'linear', team: 'x' }),
      scm: () => ({ plugin: 'github' }),
      reactions: () => ({ ci: { auto: true } }),
      orchestratorSessionStrategy: () => dice.pick(['reuse', 'delete']),
    },
    35,
  );
}

function record(dice: Dice, id: string, project: string): { [key: string]: Value } {
  const date = (): Value => dice.pick(['2026-05-10T08:00:00.000Z', '2026-05-11T09:30:00Z', 'never', '']);
  const lifecycle = (): Value => {
    const made = {
      version: 2,
      session: object(
        dice,
        {
          kind: () => dice.pick(['orchestrator', 'worker']),
          state: () => dice.pick(['working', 'idle', 'terminated', 'done', 'gone']),
          startedAt: date,
          lastTransitionAt: date,
          completedAt: () => null,
        },
        70,
      ),
      pr: { state: 'none', number: null },
      runtime: object(dice, { state: () => 'alive', lastObservedAt: date, handle: () => null, tmuxName: () => id }, 70),
    };
    return dice.chance(20) ? JSON.stringify(made) : made;
  };
  return object(
    dice,
    {
      role: () => 'orchestrator',
      agent: () => dice.pick(['claude-code', 'codex', 'opencode', 'aider']),
      project: () => dice.pick([project, 'p1']),
      worktree: () => `{{HOME}}/wt/${id}`,
      branch: () => `orchestrator/${id}`,
      status: () => dice.pick(['working', 'killed', 'done']),
      lifecycle,
      statePayload: lifecycle,
      stateVersion: () => '2',
      createdAt: date,
      restoredAt: date,
      tmuxName: () => id,
      runtimeHandle: () => ({ id, runtimeName: 'tmux', data: { workspacePath: '/w', createdAt: 1 } }),
      claudeSessionUuid: () => '0c9e3f10-51c2-4a77-8f6e-2b7d1e9a4c33',
      codexThreadId: () => '019a0000-0000-7000-8000-000000000000',
      opencodeSessionId: () => 'ses_abcdef0123456789',
      displayName: () => 'Boss',
      userPrompt: () => 'do it',
      issue: () => '42',
      dashboard: () => ({ port: 3000 }),
      lastCiFingerprint: () => 'f',
    },
    65,
  );
}

const lines = (fields: { [key: string]: Value }): string =>
  Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join('\n');

/** Writes a store that is like real ones in most places and odd in some. The same seed writes the same store. */
export function randomStore(home: Home, seed: number): void {
  const dice = new Dice(seed);
  const root = '.agent-orchestrator';
  const ids = Array.from({ length: 1 + dice.roll(4) }, (_, index) => `p${index + 1}`);
  const files: Record<string, string> = {};
  const projects: { [key: string]: Value } = {};
  for (const id of ids) {
    const path = dice.chance(85)
      ? `{{HOME}}/repos/${dice.pick([id, 'shared'])}`
      : dice.pick(['relative', '~/repos/x', '']);
    projects[id] = dice.chance(5)
      ? oddity(dice)
      : {
          path,
          ...object(
            dice,
            {
              projectId: () => id,
              repo: () =>
                dice.pick<Value>(['acme/app', { owner: 'a', name: 'b', originUrl: 'https://u:p@github.com/a/b' }]),
              defaultBranch: () => dice.pick(['main', 'develop']),
              registeredAt: () => dice.pick<Value>([1777000000, '2026-01-01', 'x']),
              displayName: () => dice.pick(['Name', id, '']),
              name: () => 'Old name',
              sessionPrefix: () => dice.pick(['px', 'a b', id]),
              storageKey: () => '0123456789ab',
              source: () => 'local',
            },
            50,
          ),
          ...(dice.chance(30) ? behaviour(dice) : {}),
        };
    const kind = dice.roll(10);
    const local = `${path.replace('{{HOME}}/', '')}/agent-orchestrator.${dice.pick(['yaml', 'yml'])}`;
    if (path.startsWith('{{HOME}}') && kind < 6) {
      files[local] =
        kind < 4
          ? stringify(behaviour(dice))
          : kind === 4
            ? stringify({
                defaults: behaviour(dice),
                top: 1,
                projects: { [id]: { path, name: 'w', ...behaviour(dice) }, other: {} },
              })
            : dice.pick(['agent: [', '', '- list', 'a: 1\n---\nb: 2\n']);
    }
    for (const each of [`${id}-orchestrator`, 'px-orchestrator', `${id}-1`]) {
      if (dice.chance(50)) {
        files[`${root}/projects/${dice.pick([id, id, 'lost'])}/sessions/${each}.json`] = dice.chance(8)
          ? dice.pick(['', '{', '[]', '"x"'])
          : JSON.stringify(record(dice, each, id), null, dice.roll(3));
      }
      if (dice.chance(20)) files[`${root}/0123456789ab-${id}/sessions/${each}`] = lines(record(dice, each, id));
      if (dice.chance(10))
        files[`${root}/0123456789ab/sessions/archive/${each}_20260420T143052Z`] = lines(record(dice, each, id));
    }
    if (dice.chance(10)) files[`${root}/projects/${id}/orchestrator.json`] = JSON.stringify(record(dice, id, id));
    if (dice.chance(20)) files[`${root}/0123456789ab-${id}/.origin`] = `${path}/agent-orchestrator.yaml`;
  }
  const config: { [key: string]: Value } = object(
    dice,
    {
      port: () => 3000,
      defaults: () => behaviour(dice),
      notifiers: () => ({ slack: { plugin: 'slack', webhookUrl: 'https://hooks.example/T/B' } }),
      notificationRouting: () => ({ urgent: ['desktop'] }),
      reactions: () => ({}),
      observability: () => ({ logLevel: 'warn', stderr: false }),
    },
    60,
  );
  config.projects = projects;
  if (dice.chance(92)) files[`${root}/config.yaml`] = stringify(config);
  if (dice.chance(50)) {
    const of = { p1: { pinned: dice.chance(50), enabled: dice.chance(50), displayName: 'Pretty' }, nobody: {} };
    files[`${root}/portfolio/preferences.json`] = JSON.stringify({
      version: dice.pick([1, 1, 2]),
      projectOrder: ['p1'],
      projects: of,
    });
  }
  if (dice.chance(50)) {
    const one = { path: '{{HOME}}/repos/p1', addedAt: '2026-03-05T07:08:09.000Z', extra: {} };
    files[`${root}/portfolio/registered.json`] = JSON.stringify({
      version: 1,
      projects: [one, { ...one, configProjectKey: 'p2' }],
    });
  }
  if (dice.chance(20))
    files[`${root}/running.json`] = JSON.stringify({
      pid: 999999999,
      configPath: '{{HOME}}/repos/p1/agent-orchestrator.yaml',
    });
  write(home, files);
}
