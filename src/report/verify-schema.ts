import * as v from 'valibot';
import { head, locked, note, refusal, sqliteVersion } from './schema-parts';

/** The document of `verify --json` (migration.md 8, 10). */
export const VerifyDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.literal('verify'),
    status: v.pipe(
      v.picklist(['ok', 'found', 'nothing', 'refused', 'usage', 'failed']),
      v.description('nothing: there is no run to verify.'),
    ),
    ...locked,
    runId: v.nullable(v.string()),
    checks: v.array(
      v.object({
        kind: v.picklist(['database', 'schema', 'project', 'orchestrator', 'conversation', 'source']),
        id: v.string(),
        state: v.pipe(
          v.picklist(['ok', 'changed-since', 'undone', 'damaged']),
          v.description('changed-since: gone on with, as expected; undone: removed by a rollback.'),
        ),
        detail: v.optional(v.string()),
      }),
    ),
    notes: v.array(note),
    refusal,
    sqliteVersion,
  }),
  v.title('ao-migrate verify --json'),
);
export type VerifyDocument = v.InferOutput<typeof VerifyDocumentSchema>;
