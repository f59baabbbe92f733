import type { Plan } from '../contracts/plan';
import { sha256Hex } from '../sessions/sha256';

/**
 * sha256 over the values that the plan used (migration.md 7): rows, outcomes, branch decisions, what is copied where, and
 * the schema. Sizes and counts of conversations are left out: one that merely grew is copied as it is then. So are
 * notes and provenance, which decide nothing.
 */
export function planHash(plan: Plan): string {
  const { legacyRoot, dataDir, createsDatabase, schemaVersion } = plan;
  const used = {
    legacyRoot,
    dataDir,
    createsDatabase,
    schemaVersion,
    projects: plan.projects.map(({ id, outcome, fields, row }) => ({ id, outcome, fields, row })),
    orchestrators: plan.orchestrators.map(({ id, projectId, outcome, fields, row, marker, copy, later }) => ({
      id,
      projectId,
      outcome,
      fields,
      row,
      marker,
      later,
      copy:
        copy === null
          ? null
          : {
              sourceId: copy.sourceId,
              resumeId: copy.resumeId,
              destination: copy.destination,
              takesOver: copy.takesOver,
              main: copy.files[0]?.source,
            },
    })),
  };
  return sha256Hex(JSON.stringify(used));
}
