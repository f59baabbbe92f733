import { afterEach, describe, expect, test } from 'bun:test';
import type { ConversationFinding } from '../../src/contracts/facts';
import type { LegacyStore } from '../../src/contracts/legacy';
import { UsageError } from '../../src/contracts/refusals';
import { draftPlan } from '../../src/plan/draft';
import { encodeConfig } from '../../src/rewrite/config';
import {
  codes,
  draftOf,
  type Files,
  found,
  NOW,
  oneProject,
  orchestrator,
  type PlanOptions,
  planOf,
  registry,
  removeHomes,
} from '../support/store';

afterEach(removeHomes);

const STORED = 'bc6650a6-a81a-492c-9142-a294d19ddbf4';

const app = (fields: Record<string, unknown> = {}, more: Files = {}) => draftOf(oneProject(orchestrator(fields), more));
const plan = (options: PlanOptions = {}, fields: Record<string, unknown> = {}, more: Files = {}) => {
  const drafted = app(fields, more);
  return { ...planOf(drafted, options), home: drafted.home };
};

describe('5 rows of projects and what the target has', () => {
  const rowOf = () => {
    const drafted = app();
    const { row } = planOf(drafted).project('app');
    if (row === null) throw new Error('no row');
    const { path, repo_origin_url, display_name, config } = row;
    return {
      drafted,
      same: { path, repoOriginUrl: repo_origin_url, displayName: display_name, config: encodeConfig(config) },
    };
  };

  test('a new one is created', () => {
    const { project, plan: whole } = plan();
    expect(project('app')).toMatchObject({ outcome: 'created', row: { kind: 'single_repo', repo_origin_url: '' } });
    expect(whole).toMatchObject({ hasActions: true, createsDatabase: true, schemaVersion: 12 });
  });

  test('an equal one is identical, config by its meaning; registered_at does not count', () => {
    const { drafted, same } = rowOf();
    expect(planOf(drafted, { projects: [same] }).project('app')).toMatchObject({ outcome: 'identical' });
    const spaced = JSON.stringify({ ...JSON.parse(same.config), agentRules: '', unknown: 1, env: {} }, null, 1);
    expect(planOf(drafted, { projects: [{ ...same, config: spaced, kind: '' }] }).project('app').outcome).toBe(
      'identical',
    );
  });

  test('another one differs, with the columns, and nothing of it is changed', () => {
    const { drafted, same } = rowOf();
    const other = planOf(drafted, { projects: [{ ...same, displayName: 'X', config: null }] });
    expect(other.project('app')).toMatchObject({ outcome: 'differs', fields: ['display_name', 'config'] });
    expect(other.orchestrator('app').outcome).toBe('created');
  });

  test('an archived one is skipped with its orchestrator', () => {
    const { drafted, same } = rowOf();
    const archived = planOf(drafted, { projects: [{ ...same, archived: true }] });
    expect(archived.project('app').outcome).toBe('skipped');
    expect(archived.orchestrator('app')).toMatchObject({ outcome: 'skipped' });
    expect(archived.orchestrator('app').reason).toStartWith('PROJECT_CONFLICT');
    expect(archived.plan.hasActions).toBe(false);
  });

  test('a folder of an active row that the store does not know is a conflict, of one that it knows is none', () => {
    const { drafted, same } = rowOf();
    const at = (...rows: { id: string; archived?: boolean }[]) =>
      planOf(drafted, { projects: rows.map((row) => ({ ...same, ...row })) }).project('app').outcome;
    expect(at({ id: 'stranger' })).toBe('conflict');
    expect(at({ id: 'stranger', archived: true })).toBe('created');
    const two = draftOf({ 'AO/config.yaml': registry({ app: '/srv/x', b: '/srv/x' }) });
    const rows = [{ id: 'b', path: '/srv/x' }];
    expect(planOf(two, { projects: rows }).project('app').outcome).toBe('created');
    expect(planOf(two, { projects: [...rows, { id: 'stranger', path: '/srv/x' }] }).project('app').outcome).toBe(
      'conflict',
    );
    // An unselected project is still one of the store.
    const excluded = draftOf(
      { 'AO/config.yaml': registry({ app: '/srv/x', b: '/srv/x' }) },
      { draft: { exclude: ['b'] } },
    );
    expect(planOf(excluded, { projects: rows }).project('app').outcome).toBe('created');
  });

  test('the origin of the repository comes before that of the registry; credentials stay behind', () => {
    const drafted = draftOf({
      'AO/config.yaml': registry({ app: { path: '/srv/app', repo: { originUrl: 'https://u:p@github.com/a/b' } } }),
    });
    const url = (originUrl: string | null) =>
      planOf(drafted, { repository: { originUrl } }).project('app').row?.repo_origin_url;
    expect(url(null)).toBe('https://github.com/a/b');
    expect(url('https://token@git.example.org/x.git')).toBe('https://git.example.org/x.git');
    expect(url('ssh://git:pw@host/x')).toBe('ssh://git@host/x');
    expect(url('git@host:x/y.git')).toBe('git@host:x/y.git');
  });

  test('--project and --exclude select, an unknown id is a usage error', () => {
    const files = { 'AO/config.yaml': registry({ a: '/a', b: '/b', c: '/c' }) };
    const ids = (projects: string[], exclude: string[] = []) =>
      draftOf(files, { draft: { projects, exclude } }).draft.selected.map(({ id }) => id);
    expect(ids(['c', 'a'])).toEqual(['a', 'c']);
    expect(ids([], ['b'])).toEqual(['a', 'c']);
    expect(ids(['a', 'b'], ['b'])).toEqual(['a']);
    expect(() => ids(['x'])).toThrow(UsageError);
    expect(() => ids([], ['x'])).toThrow(UsageError);
  });
});

describe('6.3 rows of orchestrators', () => {
  test('the row and the marker', () => {
    const { orchestrator: of } = plan({}, { displayName: 'Boss', userPrompt: 'go' });
    expect(of('app')).toMatchObject({
      id: 'app-orchestrator',
      outcome: 'created',
      row: {
        num: 0,
        kind: 'orchestrator',
        harness: 'claude-code',
        activity_state: 'exited',
        is_terminated: 1,
        runtime_handle_id: '',
        workspace_path: '/data/worktrees/app/orchestrator/app-orchestrator',
        branch: 'ao/app-orchestrator',
        agent_session_id: 'id-1',
        display_name: 'Boss',
        prompt: 'go',
        created_at: '2026-05-10 08:00:00 +0000 UTC',
        updated_at: '2026-05-11 09:30:00 +0000 UTC',
        first_signal_at: '2026-05-11 09:30:00 +0000 UTC',
      },
      marker: {
        repo_name: '__root__',
        state: 'removed',
        branch: 'ao/app-orchestrator',
        base_sha: '',
        preserved_ref: '',
      },
    });
  });

  test('no marker with --resume manual, without a conversation, or beside another orchestrator', () => {
    expect(plan({ resume: 'manual' }).orchestrator('app')).toMatchObject({ outcome: 'created', marker: null });
    const missing = { 'app-orchestrator': { state: 'missing', reason: 'x', notes: [] } } as const;
    expect(plan({ findings: missing }).orchestrator('app')).toMatchObject({
      marker: null,
      copy: null,
      row: { agent_session_id: '' },
    });
    const beside = (session: object) => plan({ sessions: [{ id: 'app-1', num: 1, ...session }] });
    expect(beside({ terminated: false }).orchestrator('app').marker).toBeNull();
    expect(beside({ marked: true }).orchestrator('app').marker).toBeNull();
    expect(codes(beside({ terminated: false }).plan.notes)).toContain('ORCHESTRATOR_EXISTS');
    expect(beside({}).orchestrator('app').marker).not.toBeNull();
    expect(beside({ kind: 'worker', terminated: false }).orchestrator('app').marker).not.toBeNull();
    expect(beside({ projectId: 'other', terminated: false }).orchestrator('app').marker).not.toBeNull();
  });

  test('a conversation that cannot be placed now: no row, a later run completes it', () => {
    const blocked = (failed: boolean) =>
      plan({
        findings: {
          'app-orchestrator': { state: 'blocked', code: 'CONVERSATION_CONFLICT', reason: 'r', failed, notes: [] },
        },
      });
    expect(blocked(false).orchestrator('app')).toMatchObject({ outcome: 'skipped', row: null, later: true });
    expect(blocked(true).orchestrator('app').outcome).toBe('failed');
    expect(blocked(false).project('app').outcome).toBe('created');
  });

  test('an id or a number that is taken', () => {
    const { drafted, columns } = (() => {
      const drafted = app();
      const row = planOf(drafted).orchestrator('app').row;
      return { drafted, columns: { ...row } };
    })();
    const beside = (session: object) => planOf(drafted, { sessions: [session] });
    expect(beside({ columns, num: 0 }).orchestrator('app')).toMatchObject({
      outcome: 'identical',
      row: null,
      copy: null,
    });
    expect(beside({ columns: { ...columns, display_name: 'x' }, num: 0 }).orchestrator('app')).toMatchObject({
      outcome: 'differs',
      fields: ['display_name'],
    });
    expect(beside({ projectId: 'other', columns }).orchestrator('app')).toMatchObject({ outcome: 'conflict' });
    const taken = beside({ id: 'app-9', num: 0 });
    expect(taken.orchestrator('app').reason).toStartWith('NUM_TAKEN');
    expect(codes(taken.plan.notes)).toContain('NUM_TAKEN');
    const stuck = beside({ columns: { ...columns, workspace_path: '/legacy/wt', is_terminated: 0 } });
    expect(stuck.orchestrator('app').outcome).toBe('differs');
    expect(codes(stuck.plan.notes)).toContain('OLD_IMPORT_STUCK');
    const used = beside({ columns: { ...columns, workspace_path: '/legacy/wt', runtime_handle_id: 'x' } });
    expect(codes(used.plan.notes)).toContain('SESSION_DIFFERS');
  });

  test('what an older importer wrote differs in what differs, and its note knows the id of the record', () => {
    const drafted = app({ claudeSessionUuid: STORED });
    const { row } = planOf(drafted).orchestrator('app');
    const old = { ...row, workspace_path: '/legacy/wt', branch: 'other', agent_session_id: '' };
    const { plan, orchestrator } = planOf(drafted, { sessions: [{ columns: old }] });
    expect(orchestrator('app').fields).toEqual(['branch', 'workspace_path']);
    const note = plan.notes.find(({ code }) => code === 'OLD_IMPORT_STUCK');
    expect(note?.message).toContain(`claude --resume ${STORED}`);
  });

  test.each([
    ['claude-code', 'claudeSessionUuid', 'claude --resume', STORED],
    ['codex', 'codexThreadId', 'codex resume', STORED],
    ['opencode', 'opencodeSessionId', 'opencode --session', 'ses_1a2b3c4d5e6fAbCdEfGhIjKlMn'],
  ])('the command that opens a conversation of %s by hand names an id or none', (agent, key, command, id) => {
    const told = (ofRow: string, ofRecord: string) => {
      const drafted = app({ agent, [key]: ofRecord });
      const { row } = planOf(drafted).orchestrator('app');
      const old = { ...row, workspace_path: '/legacy/wt', agent_session_id: ofRow };
      const { plan } = planOf(drafted, { sessions: [{ columns: old }] });
      return plan.notes.find(({ code }) => code === 'OLD_IMPORT_STUCK')?.message;
    };
    expect(told(id, '')).toContain(`\`${command} ${id}\``);
    expect(told('', id)).toContain(`\`${command} ${id}\``);
    expect(told('x; rm -rf ~', id)).toContain(`\`${command} ${id}\``);
    for (const evil of ['x; rm -rf ~', `${id}\nx`, `${id} x`, '--help'])
      for (const message of [told(evil, ''), told('', evil), told(evil, evil)]) {
        expect(message).toContain(`\`${command} <id>\``);
        expect(message).not.toContain(evil);
      }
  });

  test('a branch that no run would choose differs; that of the record and that of the daemon do not', () => {
    const drafted = app({ branch: 'legacy' });
    const columns = { ...planOf(drafted).orchestrator('app').row };
    const outcome = (branch: string) =>
      planOf(drafted, { sessions: [{ columns: { ...columns, branch } }] }).orchestrator('app').fields ?? [];
    expect(['legacy', 'ao/app-orchestrator', 'other'].map(outcome)).toEqual([[], [], ['branch']]);
  });

  test('a resume id is compared with the stored one, and where that is another one with what is found', () => {
    const drafted = app({ claudeSessionUuid: STORED });
    const columns = { ...planOf(drafted).orchestrator('app').row };
    const [other, recovered] = ['0d7a9a3e-0000-4000-8000-000000000000', '0d7a9a3e-0000-4000-8000-000000000001'];
    const beside = (agent_session_id: string, finding: ConversationFinding = found({ resumeId: STORED })) =>
      planOf(drafted, {
        sessions: [{ columns: { ...columns, agent_session_id } }],
        findings: { 'app-orchestrator': finding },
      });
    const asks = ({ questions }: ReturnType<typeof beside>) => questions.some((each) => 'doubted' in each);
    expect([STORED, STORED.toUpperCase(), ''].map((id) => asks(beside(id)))).toEqual([false, false, false]);
    expect(asks(beside(other))).toBe(true);
    expect(beside(other).orchestrator('app')).toMatchObject({ outcome: 'differs', fields: ['agent_session_id'] });
    expect(beside(recovered, found({ resumeId: recovered })).orchestrator('app').outcome).toBe('identical');
    const gone: ConversationFinding = { state: 'missing', reason: 'r', notes: [] };
    expect(beside(recovered, gone).orchestrator('app').outcome).toBe('identical');
  });

  test('where the project row exists, paths and the new branch use the prefix of that row; the id keeps its own', () => {
    const at = (config: string | null) => {
      const drafted = app();
      const planned = planOf(drafted, { projects: [{ id: 'app', path: '/x', config }] });
      const { id, row } = planned.orchestrator('app');
      return [id, row?.workspace_path, row?.branch, planned.request('app-orchestrator').destinationCwd];
    };
    const managed = (prefix: string) => `/data/worktrees/app/orchestrator/${prefix}-orchestrator`;
    expect(at('{"sessionPrefix": "new"}')).toEqual([
      'app-orchestrator',
      managed('new'),
      'ao/new-orchestrator',
      managed('new'),
    ]);
    expect(at('{"sessionPrefix": 5}')).toEqual([
      'app-orchestrator',
      managed('app'),
      'ao/app-orchestrator',
      managed('app'),
    ]);
    expect(at(null)[1]).toBe(managed('app'));
  });

  test('an orchestrator of a project in conflict is skipped', () => {
    const drafted = app();
    const path = drafted.project('app').path;
    expect(planOf(drafted, { projects: [{ id: 'stranger', path }] }).orchestrator('app')).toMatchObject({
      outcome: 'skipped',
    });
  });
});

describe('6.4 the branch', () => {
  const branches = (...names: string[]) => ({ branches: new Set(names) });
  const held = (branch: string, by: string, directoryExists = true) => ({ branch, by, directoryExists });
  const decided = (
    repository: PlanOptions['repository'],
    fields: Record<string, unknown> = { branch: 'orchestrator/app', worktree: '/gone/wt' },
    more?: Files,
  ) => {
    const planned = plan(repository === undefined ? {} : { repository }, fields, more);
    const { row, marker } = planned.orchestrator('app');
    return { branch: row?.branch, marked: marker !== null, codes: codes(planned.plan.notes) };
  };
  const own = 'ao/app-orchestrator';

  test('the recorded one, if the repository has it and nothing holds it', () => {
    expect(decided(branches('orchestrator/app'))).toMatchObject({ branch: 'orchestrator/app', marked: true });
    expect(decided(branches())).toMatchObject({
      branch: own,
      marked: true,
      codes: expect.arrayContaining(['BRANCH_MISSING']),
    });
    expect(decided({ ...branches('orchestrator/app'), held: [held('orchestrator/app', '/x')] })).toMatchObject({
      branch: own,
      marked: true,
      codes: expect.arrayContaining(['BRANCH_HELD']),
    });
    expect(decided({ ...branches('orchestrator/app'), held: [held('orchestrator/app', '/x', false)] }).branch).toBe(
      own,
    );
  });

  test('C6 not the default branch, not where the worktree is the project folder, not an empty one', () => {
    expect(decided(branches('main'), { branch: 'main', worktree: '/wt' }).branch).toBe(own);
    expect(decided(branches('b'), { branch: 'b', worktree: '{{HOME}}/repos/app' }).branch).toBe(own);
    expect(
      decided(branches('b'), { branch: 'b', worktree: '{{HOME}}/l' }, { l: { link: '{{HOME}}/repos/app' } }).branch,
    ).toBe(own);
    expect(decided(branches('b'), { branch: '', worktree: '/wt' }).branch).toBe(own);
    const develop = { 'AO/config.yaml': registry({ app: { path: '{{HOME}}/repos/app', defaultBranch: 'develop' } }) };
    expect(decided(branches('develop'), { branch: 'develop', worktree: '/wt' }, develop).branch).toBe(own);
    expect(decided(branches('main'), { branch: 'main', worktree: '/wt' }, develop).branch).toBe('main');
    expect(decided(branches('b'), { branch: 'b' }).branch).toBe('b');
  });

  test('the new one held elsewhere, or refs that cannot be read: no marker, with a note', () => {
    expect(decided({ held: [held(own, '/elsewhere')] })).toMatchObject({
      branch: own,
      marked: false,
      codes: expect.arrayContaining(['BRANCH_UNUSABLE']),
    });
    expect(decided({ held: [held(own, '/data/worktrees/app/orchestrator/app-orchestrator')] })).toMatchObject({
      branch: own,
      marked: true,
    });
    expect(decided({ git: 'unreadable' })).toMatchObject({
      branch: own,
      marked: false,
      codes: expect.arrayContaining(['BRANCH_UNREADABLE']),
    });
  });

  test('a new branch in a repository without main is remarked, an existing one is not', () => {
    expect(decided({ hasMain: false }).codes).toContain('NO_MAIN_BRANCH');
    expect(decided({ hasMain: false, ...branches(own) }).codes).not.toContain('NO_MAIN_BRANCH');
    expect(decided({ hasMain: false, ...branches('orchestrator/app') }).codes).not.toContain('NO_MAIN_BRANCH');
    expect(decided({ hasMain: false, git: 'none' }).codes).not.toContain('NO_MAIN_BRANCH');
  });

  test('a legacy worktree that is still there is named', () => {
    expect(decided({}, { branch: 'b', worktree: '{{HOME}}/wt' }, { wt: null }).codes).toContain('WORKTREE_LEFT');
    expect(decided({}, { branch: 'b', worktree: '/gone' }).codes).not.toContain('WORKTREE_LEFT');
    expect(decided({}, { branch: 'b', worktree: '{{HOME}}/repos/app' }).codes).not.toContain('WORKTREE_LEFT');
  });
});

describe('numbered decisions', () => {
  test('R16 R29 R15: nothing of a wrong type reaches the config', () => {
    const leftover = draftOf({
      'AO/config.yaml':
        'projects:\n  app:\n    path: /srv/app\n    agent: [x]\n    worker: codex\n    orchestrator: {agent: 5, agentConfig: [1]}\n    env: {A: 1, B: [2]}\n    symlinks: [., a/../b, /abs, "C:\\\\x", ok, 5, "", "./", ./fine]\n    postCreate: npm i\n    agentRules: 5\n    agentRulesFile: ../x\n    orchestratorRules: {}\n    agentConfig: {model: [], permissions: 1}\n    defaultBranch: 5\n',
    });
    expect(leftover.project('app').built.config).toEqual({
      sessionPrefix: 'app',
      env: { A: '1' },
      symlinks: ['ok', './fine'],
      agentConfig: { permissions: 'bypass-permissions' },
      worker: { agent: 'claude-code' },
      orchestrator: { agent: 'claude-code' },
    });
    const lossy = leftover.notes().filter(({ severity }) => severity === 'lossy');
    expect(lossy.every(({ line }) => line !== undefined)).toBe(true);
    expect(lossy.length).toBeGreaterThanOrEqual(12);
  });

  test('R29 entries that any daemon refuses', () => {
    const kept = (symlinks: string[]) =>
      draftOf(
        oneProject(orchestrator(), { 'repos/app/agent-orchestrator.yaml': JSON.stringify({ symlinks }) }),
      ).project('app').built.config.symlinks;
    expect(kept(['.', '..', '../x', 'a/..', 'a\\..\\b', '/x', '\\x', 'C:/x', ''])).toBeUndefined();
    expect(kept(['.env', 'a/b', '..x', 'a..b', './a'])).toEqual(['.env', 'a/b', '..x', 'a..b', './a']);
  });

  test('2.11 permissions and the mode of orchestrators', () => {
    const mapped = (text: string) => {
      const { project, notes } = draftOf(
        oneProject(orchestrator(), { 'repos/app/agent-orchestrator.yaml': `agentConfig: {permissions: ${text}}` }),
      );
      const { agentConfig, orchestrator: role } = project('app').built.config;
      return [agentConfig?.permissions, role?.agentConfig?.permissions, notes('PERMISSION_DEGRADED').length];
    };
    expect(mapped('permissionless')).toEqual(['bypass-permissions', undefined, 0]);
    expect(mapped('skip')).toEqual(['bypass-permissions', undefined, 0]);
    expect(mapped('auto-edit')).toEqual(['accept-edits', 'bypass-permissions', 0]);
    expect(mapped('default')).toEqual(['default', 'bypass-permissions', 0]);
    expect(mapped('suggest')).toEqual(['default', 'bypass-permissions', 1]);
    const raw = draftOf({ 'AO/config.yaml': registry({ app: { path: '/a', agentConfig: { permissions: 'yolo' } } }) });
    expect(raw.project('app').built.config.agentConfig?.permissions).toBe('default');
    expect(raw.notes('PERMISSION_DEGRADED')).toMatchObject([{ severity: 'lossy' }]);
  });

  test('2.6 R16 the own mode of an orchestrator decides nothing: nothing is lost with it, an unknown one is remarked', () => {
    const noted = (role: string, text: string) => {
      const { notes } = draftOf(
        oneProject(orchestrator(), {
          'repos/app/agent-orchestrator.yaml': `${role}: {agentConfig: {permissions: ${text}}}`,
        }),
      );
      return notes().map(({ code, severity }) => `${code} ${severity}`);
    };
    expect(noted('orchestrator', 'suggest')).toEqual([]);
    expect(noted('orchestrator', 'yolo')).toEqual(['SETTING_DROPPED info']);
    expect(noted('orchestrator', '5')).toEqual(['PROJECT_FIELD info']);
    expect(noted('worker', 'suggest')).toEqual(['PERMISSION_DEGRADED lossy']);
    expect(noted('worker', 'yolo')).toEqual(['SETTING_DROPPED lossy']);
    expect(noted('worker', '5')).toEqual(['PROJECT_FIELD lossy']);
  });

  test('2.6 agents: defaults.<role> beats the own agent of a registered project', () => {
    const agents = (defaults: unknown, text: string) => {
      const { worker, orchestrator: role } = draftOf(
        oneProject(orchestrator(), {
          'AO/config.yaml': registry({ app: '{{HOME}}/repos/app' }, { defaults }),
          'repos/app/agent-orchestrator.yaml': text,
        }),
      ).project('app').built.config;
      return [worker?.agent, role?.agent];
    };
    expect(agents({ agent: 'codex' }, 'x: 1')).toEqual(['codex', 'codex']);
    expect(agents({ agent: 'codex', worker: { agent: 'grok' } }, 'agent: aider')).toEqual(['grok', 'aider']);
    expect(agents({ worker: { agent: 'grok' } }, 'worker: {agent: opencode}')).toEqual(['opencode', 'claude-code']);
    expect(agents(undefined, 'agent: kimicode')).toEqual(['kimi', 'kimi']);
    expect(agents({ agent: 'made-up' }, 'x: 1')).toEqual([undefined, undefined]);
    expect(agents(null, 'x: 1')).toEqual(['claude-code', 'claude-code']);
    expect(agents({ agent: 5, worker: 'codex' }, 'x: 1')).toEqual(['claude-code', 'claude-code']);
    // The role is merged over its defaults before anything is asked, so an empty agent hides theirs.
    const both = { agent: 'opencode', worker: { agent: 'codex' }, orchestrator: { agent: 'codex' } };
    expect(agents(both, 'worker: {agent: ""}')).toEqual(['opencode', 'codex']);
    expect(agents(both, 'worker: {agent: " "}\nagent: aider')).toEqual(['aider', 'codex']);
    expect(agents(both, 'worker: {agentConfig: {model: m}}')).toEqual(['codex', 'codex']);
    expect(agents({ agent: 'opencode', worker: { agent: '' } }, 'x: 1')).toEqual(['opencode', 'opencode']);
  });

  test('2.6 models: the orchestrator has its own order', () => {
    const models = (text: string) => {
      const {
        agentConfig,
        worker,
        orchestrator: role,
      } = draftOf(oneProject(orchestrator(), { 'repos/app/agent-orchestrator.yaml': text })).project('app').built
        .config;
      return [agentConfig?.model, worker?.agentConfig?.model, role?.agentConfig?.model];
    };
    expect(models('agentConfig: {model: a, orchestratorModel: b}')).toEqual(['a', undefined, 'b']);
    expect(models('agentConfig: {model: a, orchestratorModel: b}\norchestrator: {agentConfig: {model: c}}')).toEqual([
      'a',
      undefined,
      'c',
    ]);
    expect(
      models(
        'orchestrator: {agentConfig: {model: c, orchestratorModel: d}}\nworker: {agentConfig: {model: e, orchestratorModel: f}}',
      ),
    ).toEqual([undefined, 'e', 'd']);
    expect(models('agentConfig: {model: "", orchestratorModel: " "}')).toEqual([undefined, undefined, undefined]);
  });

  test('5 rules are carried; what has no counterpart is lossy unless it says the default', () => {
    const { project, notes } = draftOf(
      oneProject(orchestrator(), {
        'repos/app/agent-orchestrator.yaml':
          'agentRules: a\nagentRulesFile: docs/r.md\norchestratorRules: o\nruntime: tmux\nworkspace: worktree\norchestratorSessionStrategy: reuse\nreactions: {}\ndefaultBranch: trunk\nrepo: a/b\n',
      }),
    );
    expect(project('app').built.config).toMatchObject({
      agentRules: 'a',
      agentRulesFile: 'docs/r.md',
      orchestratorRules: 'o',
    });
    expect(project('app').built.config.defaultBranch).toBeUndefined();
    expect(notes()).toEqual([]);
    const other = draftOf(
      oneProject(orchestrator(), {
        'repos/app/agent-orchestrator.yaml':
          'runtime: process\ntracker: {plugin: linear}\nagentConfig: {subagent: x}\nagentRulesFile: /abs\n',
      }),
    );
    expect(other.notes().filter(({ severity }) => severity === 'lossy')).toHaveLength(4);
    const defaults = draftOf(
      oneProject(orchestrator(), {
        'AO/config.yaml': registry(
          { app: '{{HOME}}/repos/app' },
          { port: 4000, notifiers: { x: { plugin: 'y' } }, defaults: { runtime: 'docker', notifiers: ['x'] } },
        ),
      }),
    );
    expect(
      defaults
        .notes()
        .map(({ severity }) => severity)
        .sort(),
    ).toEqual(['info', 'lossy']);
    // The legacy default on Windows.
    const windows = draftOf({ 'AO/config.yaml': registry({ app: 'C:\\app' }, { defaults: { runtime: 'process' } }) });
    expect(windows.notes('SETTING_NO_COUNTERPART')).toEqual([]);
  });

  test('2.10 a default branch `main`, or an empty one, is not written', () => {
    const written = (defaultBranch: unknown) =>
      draftOf({ 'AO/config.yaml': registry({ app: { path: '/a', defaultBranch } }) }).project('app').built.config
        .defaultBranch;
    expect([written('main'), written(''), written(null), written('develop')]).toEqual([
      undefined,
      undefined,
      undefined,
      'develop',
    ]);
  });

  test('3.3 a time of the disk that the daemon could not read back is replaced by that of the run', () => {
    const { store } = draftOf(oneProject(JSON.stringify({ agent: 'codex' })));
    for (const mtimeMs of [8e15, -1e15, Number.NaN]) {
      const far: LegacyStore = {
        ...store,
        registry: store.registry === null ? null : { ...store.registry, mtimeMs },
        v2: store.v2.map((each) => ({ ...each, records: each.records.map((record) => ({ ...record, mtimeMs })) })),
      };
      const draft = draftPlan(far, { projects: [], exclude: [], onlyLive: false, nowMs: NOW });
      expect(draft.projects[0]?.registeredAt).toBe('2026-11-21 12:00:00 +0000 UTC');
      expect(draft.orchestrators[0]?.times.createdAt).toBe('2026-11-21 12:00:00 +0000 UTC');
    }
  });

  test('4.1 of two configs that name one key the loser is a conflict', () => {
    const drafted = draftOf({
      'a/agent-orchestrator.yaml': '{"projects": {"app": {"path": "{{HOME}}/a"}}}',
      'b/agent-orchestrator.yaml': '{"projects": {"app": {"path": "{{HOME}}/b"}}}',
      'AO/000000000001/.origin': '{{HOME}}/a/agent-orchestrator.yaml',
      'AO/000000000002/.origin': '{{HOME}}/b/agent-orchestrator.yaml',
    });
    expect(planOf(drafted).plan.projects.map(({ id, outcome, row }) => [id, outcome, row === null])).toEqual([
      ['app', 'created', false],
      ['app', 'conflict', true],
    ]);
    const unusable = draftOf({ 'AO/config.yaml': registry({ app: 'relative' }) });
    expect(planOf(unusable).project('app')).toMatchObject({ outcome: 'skipped', row: null });
  });

  test('4.1 nothing unselected is in the plan', () => {
    const drafted = draftOf(
      {
        ...oneProject(orchestrator()),
        'AO/config.yaml': registry({ app: '{{HOME}}/repos/app', b: { path: '/b', runtime: 'docker' } }),
      },
      { draft: { projects: ['app'] } },
    );
    const planned = planOf(drafted);
    expect(planned.plan.projects.map(({ id }) => id)).toEqual(['app']);
    expect(planned.plan.notes.filter(({ severity }) => severity === 'lossy')).toEqual([]);
  });

  test('E55 E53 findings keep their notes beside those of the choice', () => {
    const note = { code: 'CONVERSATION_RECOVERED', severity: 'info', message: 'x' } as const;
    const planned = plan({ findings: { 'app-orchestrator': found({ how: 'recovered', notes: [note] }) } });
    expect(planned.plan.notes).toContainEqual({ ...note, id: 'app' });
  });
});
