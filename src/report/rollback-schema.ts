import * as v from 'valibot';
import { head, locked, note, refusal, sqliteVersion } from './schema-parts';

/** The document of `rollback --json` (migration.md 8, 10). */
export const RollbackDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.literal('rollback'),
    status: v.picklist([
      'undone',
      'partly-undone',
      'nothing-to-undo',
      'planned',
      'declined',
      'refused',
      'usage',
      'interrupted',
      'failed',
    ]),
    ...locked,
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
    notes: v.array(note),
    refusal,
    backup: v.pipe(v.nullable(v.string()), v.description('The backup that the run made; it stays.')),
    sqliteVersion,
  }),
  v.title('ao-migrate rollback --json'),
);
export type RollbackDocument = v.InferOutput<typeof RollbackDocumentSchema>;
