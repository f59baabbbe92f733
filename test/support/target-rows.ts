import type { MarkerRow, ProjectRow, SessionRow } from '../../src/contracts/plan';
import type { OrchestratorRows } from '../../src/rewrite/rows';

export function projectRow(id: string, changes: Partial<ProjectRow> = {}): ProjectRow {
  return {
    id,
    path: `/repos/${id}`,
    repo_origin_url: `https://example.org/${id}.git`,
    display_name: id.toUpperCase(),
    registered_at: '2026-03-05 07:08:09 +0000 UTC',
    kind: 'single_repo',
    config: { sessionPrefix: id.slice(0, 2), worker: { agent: 'codex' }, orchestrator: { agent: 'claude-code' } },
    ...changes,
  };
}

export function sessionRow(projectId: string, changes: Partial<SessionRow> = {}): SessionRow {
  return {
    id: `${projectId.slice(0, 2)}-orchestrator`,
    project_id: projectId,
    num: 0,
    kind: 'orchestrator',
    harness: 'claude-code',
    activity_state: 'exited',
    activity_last_at: '2026-05-11 09:30:00.25 +0000 UTC',
    is_terminated: 1,
    branch: `ao/${projectId.slice(0, 2)}-orchestrator`,
    workspace_path: `/data/worktrees/${projectId}/orchestrator/${projectId.slice(0, 2)}-orchestrator`,
    runtime_handle_id: '',
    agent_session_id: '0c9e3f10-51c2-4a77-8f6e-2b7d1e9a4c33',
    prompt: '',
    created_at: '2026-05-10 08:00:00 +0000 UTC',
    updated_at: '2026-05-11 09:30:00.25 +0000 UTC',
    display_name: `Coordinate ${projectId}`,
    first_signal_at: '2026-05-11 09:30:00.25 +0000 UTC',
    ...changes,
  };
}

export function markerRow(session: SessionRow): MarkerRow {
  return {
    session_id: session.id,
    repo_name: '__root__',
    branch: session.branch,
    base_sha: '',
    worktree_path: session.workspace_path,
    preserved_ref: '',
    state: 'removed',
  };
}

/** An orchestrator with its resume marker. */
export function orchestratorRows(projectId: string, changes: Partial<SessionRow> = {}): OrchestratorRows {
  const session = sessionRow(projectId, changes);
  return { session, marker: markerRow(session) };
}
