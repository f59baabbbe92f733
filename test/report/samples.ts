import type { Item, MigrateOutcome } from '../../src/contracts/outcome';
import type { ConversationCopy, Plan, PlannedOrchestrator, PlannedProject, SessionRow } from '../../src/contracts/plan';
import { plannedItems } from '../../src/report/status';
import { type Terminal, terminalOf } from '../../src/report/terminal';
import type { TextContext } from '../../src/report/words';

export const HOME = '/home/jo';

export function terminal(
  columns = 80,
  { color = 'never', locale = 'C.UTF-8' }: { color?: 'always' | 'never'; locale?: string } = {},
): Terminal {
  return terminalOf({ env: { LANG: locale, TERM: 'xterm' }, platform: 'linux', isTTY: true, columns, color });
}

export function context(difference: Partial<TextContext> = {}): TextContext {
  return { terminal: terminal(), home: HOME, verbose: false, rollbackCommand: null, ...difference };
}

export function project(id: string, difference: Partial<PlannedProject> = {}): PlannedProject {
  return {
    id,
    outcome: 'created',
    row: {
      id,
      path: `${HOME}/src/${id}`,
      repo_origin_url: '',
      display_name: id,
      registered_at: '2026-05-01 10:00:00 +0000 UTC',
      kind: 'single_repo',
      config: { sessionPrefix: id },
    },
    provenance: {},
    ...difference,
  };
}

function sessionRow(id: string, projectId: string): SessionRow {
  const time = '2026-05-01 10:00:00 +0000 UTC';
  return {
    id,
    project_id: projectId,
    num: 0,
    kind: 'orchestrator',
    harness: 'claude-code',
    activity_state: 'exited',
    activity_last_at: time,
    is_terminated: 1,
    branch: `ao/${id}`,
    workspace_path: `${HOME}/.ao/data/worktrees/${projectId}/orchestrator/${id}`,
    runtime_handle_id: '',
    agent_session_id: '11111111-2222-4333-8444-555555555555',
    prompt: 'a prompt that must not be shown',
    created_at: time,
    updated_at: time,
    display_name: 'Orchestrator',
    first_signal_at: time,
  };
}

export function orchestrator(
  projectId: string,
  difference: Partial<PlannedOrchestrator> = {},
  copy: Partial<ConversationCopy> = {},
): PlannedOrchestrator {
  const id = `${projectId}-orchestrator`;
  const row = sessionRow(id, projectId);
  return {
    id,
    projectId,
    outcome: 'created',
    row,
    marker: {
      session_id: id,
      repo_name: '__root__',
      branch: row.branch,
      base_sha: '',
      worktree_path: row.workspace_path,
      preserved_ref: '',
      state: 'removed',
    },
    copy: {
      harness: 'claude-code',
      projectId,
      sessionId: id,
      sourceId: row.agent_session_id,
      resumeId: row.agent_session_id,
      sourceCwd: null,
      destinationCwd: row.workspace_path,
      projectPath: `${HOME}/code/${projectId}`,
      files: [],
      size: 1_234_567,
      messages: 214,
      destination: 'absent',
      ...copy,
    },
    record: `${HOME}/.agent-orchestrator/projects/${projectId}/sessions/${id}.json`,
    provenance: {},
    later: false,
    ...difference,
  };
}

/** Not brought over: no row, marker or copy. */
export const WITHOUT_ROW = { row: null, marker: null, copy: null } as const;

export function plan(difference: Partial<Plan> = {}): Plan {
  const planned = {
    legacyRoot: `${HOME}/.agent-orchestrator`,
    dataDir: `${HOME}/.ao/data`,
    database: `${HOME}/.ao/data/ao.db`,
    createsDatabase: true,
    schemaVersion: 12,
    projects: [project('api'), project('web')],
    orchestrators: [orchestrator('api')],
    notes: [],
    ...difference,
  };
  const hasActions = [...planned.projects, ...planned.orchestrators].some(({ outcome }) => outcome === 'created');
  return { hasActions, ...planned };
}

/** A plan with one of everything that a person can be told. */
export function fullPlan(): Plan {
  return plan({
    projects: [
      project('api', { row: { ...projectRow('api'), display_name: 'The API' } }),
      project('web'),
      project('docs', { outcome: 'identical' }),
      project('infra', { outcome: 'differs', fields: ['display_name', 'config'] }),
      project('web', { outcome: 'conflict', row: null, reason: 'another file names a project alike' }),
      project('old', { outcome: 'skipped', row: null, reason: 'its path is empty' }),
    ],
    orchestrators: [
      orchestrator('api'),
      orchestrator('web', {
        id: 'w-orchestrator',
        row: { ...sessionRow('w-orchestrator', 'web'), harness: 'codex', branch: 'feature/login' },
        marker: null,
      }),
      orchestrator('docs', { marker: null, copy: null }),
      orchestrator('infra', {
        ...WITHOUT_ROW,
        outcome: 'skipped',
        later: true,
        reason: 'claude (pid 4711) is using it',
      }),
      orchestrator('old', { ...WITHOUT_ROW, outcome: 'failed', later: true, reason: 'read error' }),
    ],
    notes: [
      {
        code: 'SETTING_DROPPED',
        severity: 'lossy',
        id: 'web',
        message: 'symlinks entry ".." is dropped',
        file: `${HOME}/src/web/agent-orchestrator.yaml`,
        line: 12,
        column: 5,
      },
      { code: 'PATH_MISSING', severity: 'warn', id: 'api', message: `${HOME}/src/api does not exist` },
      { code: 'CONVERSATION_IN_USE', severity: 'warn', id: 'infra-orchestrator', message: 'claude is using it' },
      { code: 'CONVERSATION_MISSING', severity: 'warn', id: 'docs-orchestrator', message: 'no conversation was found' },
      ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(
        (id) => ({ code: 'BRANCH_MISSING', severity: 'info', id, message: `branch ${id} is gone` }) as const,
      ),
    ],
  });
}

function projectRow(id: string) {
  const { row } = project(id);
  if (row === null) throw new Error('a sample project has a row');
  return row;
}

export function outcome(difference: Partial<MigrateOutcome> = {}): MigrateOutcome {
  const planned = difference.plan === undefined ? plan() : difference.plan;
  const items: readonly Item[] = planned === null ? [] : plannedItems(planned);
  return {
    status: 'migrated',
    exitCode: 0,
    dryRun: false,
    plan: planned,
    planHash: 'ab'.repeat(32),
    runId: '20260501-100000-abcdef',
    dbCreated: true,
    schemaVersion: 12,
    items,
    relocated: 1,
    notes: planned?.notes ?? [],
    refusal: null,
    backup: `${HOME}/.ao/backups/legacy-20260501-100000`,
    receipt: `${HOME}/.ao/migrations/20260501-100000-abcdef.json`,
    timing: null,
    ...difference,
  };
}
