import type { Database } from 'bun:sqlite';
import type { ExistingProject, ExistingSession } from '../contracts/facts';
import { V12_COLUMNS } from './schema-guard';

interface ProjectRecord {
  readonly id: string;
  readonly path: string;
  readonly repo_origin_url: string;
  readonly display_name: string;
  readonly kind: string;
  readonly archived: number;
  readonly config: string | null;
}

/** Every project row, archived ones too, by id. */
export function readProjects(db: Database): ExistingProject[] {
  return db
    .query<ProjectRecord, []>(
      `SELECT CAST(id AS TEXT) AS id, CAST(path AS TEXT) AS path, CAST(repo_origin_url AS TEXT) AS repo_origin_url,
              CAST(display_name AS TEXT) AS display_name, kind, archived_at IS NOT NULL AS archived,
              CAST(config AS TEXT) AS config
       FROM projects WHERE id IS NOT NULL ORDER BY id`,
    )
    .all()
    .map((row) => ({
      id: row.id,
      path: row.path,
      repoOriginUrl: row.repo_origin_url,
      displayName: row.display_name,
      kind: row.kind,
      archived: row.archived !== 0,
      config: row.config,
    }));
}

/**
 * The session rows that an orchestrator can meet, by id: orchestrators, those with number 0, and those whose id ends in
 * `-orchestrator`. Workers are left in the database, there may be very many.
 */
export function readSessions(db: Database): ExistingSession[] {
  return db
    .query<Record<string, unknown>, []>(
      `SELECT ${V12_COLUMNS.sessions.join(', ')},
              EXISTS (SELECT 1 FROM session_worktrees AS marker
                      WHERE marker.session_id = sessions.id AND marker.state = 'removed') AS marked
       FROM sessions
       WHERE id IS NOT NULL AND (kind = 'orchestrator' OR num = 0 OR substr(id, -13) = '-orchestrator')
       ORDER BY id`,
    )
    .all()
    .map(({ marked, ...columns }) => ({
      id: String(columns.id),
      projectId: String(columns.project_id),
      num: Number(columns.num),
      kind: String(columns.kind),
      terminated: Number(columns.is_terminated) !== 0,
      marked: marked !== 0,
      columns,
    }));
}
