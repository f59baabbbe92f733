import * as v from 'valibot';
import { head, locked, note, refusal, sqliteVersion } from './schema-parts';

/** The document of `doctor --json` (migration.md 2, 10). */
export const DoctorDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.literal('doctor'),
    status: v.pipe(
      v.picklist(['ok', 'found', 'refused', 'usage', 'failed']),
      v.description('found: at least one check failed.'),
    ),
    ...locked,
    refusal,
    checks: v.array(
      v.object({
        id: v.pipe(v.string(), v.description('What was looked at: machine, sqlite, old-store, plan …')),
        title: v.string(),
        state: v.pipe(
          v.picklist(['pass', 'warn', 'fail']),
          v.description('fail: wrong, or it would stop a migration; warn: a migration goes on.'),
        ),
        message: v.string(),
        next: v.pipe(v.nullable(v.string()), v.description('What to do.')),
        code: v.pipe(v.nullable(v.string()), v.description('The refusal or note that it is about.')),
      }),
    ),
    bundle: v.pipe(v.nullable(v.string()), v.description('The support archive that was written.')),
    notes: v.pipe(v.array(note), v.description('All that the plan of a migration would remark.')),
    sqliteVersion,
  }),
  v.title('ao-migrate doctor --json'),
);
export type DoctorDocument = v.InferOutput<typeof DoctorDocumentSchema>;
