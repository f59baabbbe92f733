import { afterEach, describe, expect, test } from 'bun:test';
import { lossyNotes, lossyRefusal } from '../../src/plan/lossy';
import { emptyHome, type Home, legacyFixture, write } from '../support/home';
import { surveyed } from '../support/surveyed';

const homes: Home[] = [];
afterEach(() => {
  for (const home of homes.splice(0)) home.remove();
});

async function refusal(
  files: { config?: string; local?: string; preferences?: string },
  options: Parameters<typeof surveyed>[1] = {},
): Promise<string | null> {
  const home = emptyHome();
  homes.push(home);
  const config = files.config ?? 'projects: {app: {path: "{{HOME}}/app"}, other: {path: "{{HOME}}/other"}}\n';
  write(home, {
    '.agent-orchestrator/config.yaml': config,
    ...(files.local === undefined ? {} : { 'app/agent-orchestrator.yaml': files.local }),
    ...(files.preferences === undefined ? {} : { '.agent-orchestrator/portfolio/preferences.json': files.preferences }),
  });
  const { survey } = await surveyed(home.path, options);
  return lossyRefusal(survey.plan)?.message ?? null;
}

describe('--strict', () => {
  const LOST: Record<string, Parameters<typeof refusal>[0]> = {
    'permission suggest': { local: 'agentConfig: {permissions: suggest}' },
    'role permission outside the list': { local: 'worker: {agentConfig: {permissions: yolo}}' },
    'a runtime that is not the default': { local: 'runtime: docker' },
    'a workspace that is not the default': { local: 'workspace: clone' },
    'runtime in defaults': { config: 'defaults: {runtime: docker}\nprojects: {app: {path: "{{HOME}}/app"}}\n' },
    'a tracker': { local: 'tracker: {plugin: linear}' },
    reactions: { local: 'reactions: {ci: {auto: true}}' },
    'a strategy': { local: 'orchestratorSessionStrategy: delete' },
    'an agent that nobody knows': { local: 'agent: homemade' },
    'an env value that is no text': { local: 'env: {A: [1]}' },
    'a link that leaves the repository': { local: 'symlinks: [../x]' },
    'an extra key of agentConfig': { local: 'agentConfig: {subagent: x}' },
    'a broken file': { local: 'agent: [' },
    'a role that is no mapping': { config: 'projects: {app: {path: "{{HOME}}/app", worker: codex}}\n' },
    'defaults of a role that are no mapping': {
      config: 'defaults: {worker: codex}\nprojects: {app: {path: "{{HOME}}/app"}}\n',
    },
    pinned: { preferences: '{"version": 1, "projects": {"app": {"pinned": true}}}' },
    'not enabled': { preferences: '{"version": 1, "projects": {"app": {"enabled": false}}}' },
  };
  for (const [name, files] of Object.entries(LOST)) {
    test(`refuses: ${name}`, async () => {
      expect(await refusal(files)).toContain('app: ');
      // Only selected projects count.
      if (files.config === undefined) expect(await refusal(files, { projects: ['other'] })).toBeNull();
    });
  }

  const KEPT: Record<string, Parameters<typeof refusal>[0]> = {
    'settings that are carried': {
      local:
        'agent: codex\nenv: {A: 1}\nsymlinks: [.env]\nagentConfig: {permissions: auto-edit, model: m}\nagentRules: r',
    },
    'legacy defaults': {
      local:
        'runtime: tmux\nworkspace: worktree\norchestratorSessionStrategy: reuse\nopencodeIssueSessionStrategy: reuse\nreactions: {}',
    },
    'settings of the whole machine': {
      config:
        'port: 4000\nnotifiers: {s: {plugin: slack}}\nnotificationRouting: {urgent: [s]}\nreactions: {x: {y: 1}}\nreadyThresholdMs: 1\nprojectOrder: [app]\ndefaults: {notifiers: [s], runtime: tmux}\nprojects: {app: {path: "{{HOME}}/app"}}\n',
    },
    'a mode of the orchestrator': { local: 'orchestrator: {agentConfig: {permissions: suggest}}' },
    'a renamed agent': { local: 'agent: kimicode' },
    'an empty file': { local: '# nothing' },
    'empty values': {
      config:
        'projects: {app: {path: "{{HOME}}/app", runtime: , tracker: {}, agentConfig: {subagent: ""}, symlinks: , env: , agent: , worker: }}\n',
    },
    'preferences that say nothing': {
      preferences: '{"version": 1, "projectOrder": ["app"], "projects": {"app": {"pinned": false, "enabled": true}}}',
    },
    'preferences of another project': { preferences: '{"version": 1, "projects": {"nobody": {"pinned": true}}}' },
    'a project that is skipped': { config: 'projects: {app: {path: relative, runtime: docker}}\n' },
  };
  for (const [name, files] of Object.entries(KEPT)) {
    test(`goes on: ${name}`, async () => {
      expect(await refusal(files)).toBeNull();
    });
  }

  test('tells values with their place, and never a secret', async () => {
    const message = await refusal({ local: 'env: {KEY: {deep: hunter2secret}}\nruntime: docker\n' });
    expect(message).toContain('the variable `KEY` of `env`');
    expect(message).toContain('agent-orchestrator.yaml:2');
    expect(message).not.toContain('hunter2secret');
  });

  test('the notes of a fixture', async () => {
    const home = legacyFixture('02-typical-three');
    homes.push(home);
    const { survey } = await surveyed(home.path);
    expect(lossyNotes(survey.plan).map(({ id, code }) => [id, code])).toEqual([
      ['harbor_0a1b2c3d4e', 'SETTING_NO_COUNTERPART'],
      ['beacon_1b2c3d4e5f', 'PERMISSION_DEGRADED'],
      ['quill', 'SETTING_NO_COUNTERPART'],
    ]);
  });
});
