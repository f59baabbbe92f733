import * as v from 'valibot';

/** The document of `verify --json` (migration.md 8, 10). */
export const VerifyDocumentSchema = v.pipe(
  v.object({
    formatVersion: v.literal(1),
    tool: v.literal('ao-migrate'),
    version: v.string(),
    command: v.literal('verify'),
    status: v.picklist(['ok', 'found', 'nothing', 'refused', 'usage', 'failed']),
    runId: v.nullable(v.string()),
    checks: v.array(
      v.object({
        kind: v.picklist(['database', 'schema', 'project', 'orchestrator', 'conversation', 'source']),
        id: v.string(),
        state: v.pipe(
          v.picklist(['ok', 'changed-since', 'damaged']),
          v.description('changed-since: gone on with, as expected.'),
        ),
        detail: v.optional(v.string()),
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
    sqliteVersion: v.nullable(v.string()),
  }),
  v.title('ao-migrate verify --json'),
);
export type VerifyDocument = v.InferOutput<typeof VerifyDocumentSchema>;
