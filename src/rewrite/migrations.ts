import v1 from '../../migrations/0001_projects_sessions_pull_requests.sql' with { type: 'text' };
import v2 from '../../migrations/0002_drop_activity_source.sql' with { type: 'text' };
import v3 from '../../migrations/0003_session_display_name.sql' with { type: 'text' };
import v4 from '../../migrations/0004_pull_request_observation.sql' with { type: 'text' };
import v5 from '../../migrations/0005_pull_request_nudge_signature.sql' with { type: 'text' };
import v6 from '../../migrations/0006_pull_request_moves.sql' with { type: 'text' };
import v7 from '../../migrations/0007_harness_names.sql' with { type: 'text' };
import v8 from '../../migrations/0008_project_settings.sql' with { type: 'text' };
import v9 from '../../migrations/0009_workspaces.sql' with { type: 'text' };
import v10 from '../../migrations/0010_first_signal.sql' with { type: 'text' };
import v11 from '../../migrations/0011_notifications.sql' with { type: 'text' };
import v12 from '../../migrations/0012_reviews.sql' with { type: 'text' };
import { type Migration, migrationFile } from './migration';

/** The embedded files, in the order of their versions, 1 to 12. The names are stated because a bundle keeps only the texts. */
export const MIGRATIONS: readonly Migration[] = [
  migrationFile('0001_projects_sessions_pull_requests.sql', v1),
  migrationFile('0002_drop_activity_source.sql', v2),
  migrationFile('0003_session_display_name.sql', v3),
  migrationFile('0004_pull_request_observation.sql', v4),
  migrationFile('0005_pull_request_nudge_signature.sql', v5),
  migrationFile('0006_pull_request_moves.sql', v6),
  migrationFile('0007_harness_names.sql', v7),
  migrationFile('0008_project_settings.sql', v8),
  migrationFile('0009_workspaces.sql', v9),
  migrationFile('0010_first_signal.sql', v10),
  migrationFile('0011_notifications.sql', v11),
  migrationFile('0012_reviews.sql', v12),
];
