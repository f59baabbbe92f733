import * as v from 'valibot';
import { head, locked, note, place, refusal, sqliteVersion } from './schema-parts';

const outcome = v.picklist(['created', 'identical', 'differs', 'conflict', 'skipped', 'failed']);

const origin = v.object({
  file: v.string(),
  key: v.pipe(v.string(), v.description('Keys from the root of the file, joined by dots.')),
  line: v.optional(place),
  column: v.optional(place),
});

const field = v.object({
  field: v.pipe(v.string(), v.description('Column; `config.…`, `session.…` and `marker.…` are paths.')),
  value: v.optional(v.pipe(v.string(), v.description('Absent where it is secret.'))),
  length: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.description('Characters of a secret value.'))),
  rule: v.pipe(v.string(), v.description('How the value came about.')),
  from: v.array(origin),
  target: v.pipe(
    outcome,
    v.description('`created`: inserted; `identical`, `differs`: the database has it so already.'),
  ),
});

const leaf = v.object({
  key: v.string(),
  line: place,
  column: place,
  value: v.optional(v.pipe(v.string(), v.description('Absent where only the name may be told.'))),
  became: v.picklist(['carried', 'mapped', 'derived', 'ignored', 'secret']),
  to: v.optional(v.array(v.object({ field: v.string(), value: v.optional(v.string()) }))),
  lossy: v.optional(v.boolean()),
  why: v.optional(v.string()),
  remedy: v.optional(v.pipe(v.string(), v.description('What a person can do.'))),
  length: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.description('Characters of a secret.'))),
});

const file = v.object({ file: v.string(), leaves: v.array(leaf) });

export const ExplainDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.literal('explain'),
    status: v.picklist(['ok', 'refused', 'usage', 'failed']),
    ...locked,
    refusal,
    legacyRoot: v.nullable(v.string()),
    database: v.nullable(v.string()),
    projectLedgers: v.array(
      v.object({
        id: v.string(),
        outcome,
        reason: v.optional(v.string()),
        fields: v.array(field),
        orchestrator: v.nullable(
          v.object({
            id: v.string(),
            outcome,
            reason: v.optional(v.string()),
            record: v.pipe(v.string(), v.description('File of the record that was chosen.')),
            fields: v.array(field),
          }),
        ),
        files: v.array(file),
      }),
    ),
    machine: v.pipe(v.array(file), v.description('What belongs to no project; empty if only some are explained.')),
    notes: v.array(note),
    sqliteVersion,
  }),
  v.title('ao-migrate explain --json'),
);
export type ExplainDocument = v.InferOutput<typeof ExplainDocumentSchema>;
