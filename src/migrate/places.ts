import { backupSize } from '../apply/backup';
import { requireWritable } from '../apply/permission';
import { needsOf, preflight } from '../apply/preflight';
import type { StatePaths } from '../apply/state';
import type { TargetPaths } from '../rewrite/paths';
import type { Survey } from '../survey/survey';

/**
 * Permission and free space of every place that a migration by this plan would write to (migration.md 7, preflight).
 *
 * @throws Refusal NO_SPACE, NOT_WRITABLE
 */
export function requirePlaces(
  { plan, store }: Survey,
  target: TargetPaths,
  paths: StatePaths,
  withBackup: boolean,
): void {
  const rows = plan.projects.length + plan.orchestrators.length;
  const backup = withBackup ? { path: paths.backups, bytes: backupSize(store, target.database) } : null;
  const database = { path: target.dataDir, bytes: 256 * 1024 + rows * 8192 };
  preflight(needsOf(plan, backup, database, paths.migrations));
  if (!plan.createsDatabase) requireWritable(target.database);
}
