import * as v from 'valibot';

/** The document of `rollback --json` (migration.md 8, 10); the shared parts are those of the other documents. */
export const RollbackDocumentSchema = v.pipe(
  v.object({
    formatVersion: v.literal(1),
    tool: v.literal('ao-migrate'),
    version: v.string(),
    command: v.literal('rollback'),
    status: v.picklist([
      'undone',
      'partly-undone',
      'nothing-to-undo',
      'planned',
      'declined',
      'refused',
      'usage',
      'failed',
    ]),
    dryRun: v.boolean(),
    runId: v.pipe(v.nullable(v.string()), v.description('The run that is undone.')),
    items: v.array(
      v.object({
        kind: v.picklist(['project', 'orchestrator', 'conversation', 'database']),
        id: v.string(),
        outcome: v.pipe(
          v.picklist(['removed', 'refused', 'absent', 'left']),
          v.description('absent: it was gone before; left: it is not ours to delete.'),
        ),
        reason: v.optional(v.string()),
      }),
    ),
    notes: v.array(
      v.object({
        code: v.string(),
        severity: v.picklist(['info', 'lossy', 'warn']),
        id: v.optional(v.string()),
        message: v.string(),
        file: v.optional(v.string()),
        line: v.optional(v.number()),
        column: v.optional(v.number()),
      }),
    ),
    refusal: v.nullable(v.object({ code: v.string(), message: v.string(), hint: v.string() })),
    backup: v.pipe(v.nullable(v.string()), v.description('The backup that the run made; it stays.')),
    sqliteVersion: v.nullable(v.string()),
  }),
  v.title('ao-migrate rollback --json'),
);
export type RollbackDocument = v.InferOutput<typeof RollbackDocumentSchema>;
