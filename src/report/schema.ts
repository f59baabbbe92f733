import * as v from 'valibot';
import type { MigrateStatus } from '../contracts/outcome';
import { CompletionsDocumentSchema } from './completions-schema';
import { DoctorDocumentSchema } from './doctor-schema';
import { ExplainDocumentSchema } from './explain-schema';
import { RollbackDocumentSchema } from './rollback-schema';
import { count, head, locked, note, place, refusal, sqliteVersion } from './schema-parts';
import { StatusDocumentSchema } from './status-schema';
import { VerifyDocumentSchema } from './verify-schema';

const STATUSES = [
  'migrated',
  'partial',
  'already-migrated',
  'nothing-to-migrate',
  'planned',
  'declined',
  'refused',
  'usage',
  'failed',
  'put-back',
  'interrupted',
] as const satisfies readonly MigrateStatus[];

const item = v.object({
  kind: v.picklist(['project', 'orchestrator', 'conversation']),
  id: v.string(),
  outcome: v.picklist(['created', 'identical', 'differs', 'conflict', 'skipped', 'failed']),
  reason: v.optional(v.string()),
  fields: v.optional(v.pipe(v.array(v.string()), v.description('Columns that differ.'))),
  conversation: v.optional(
    v.pipe(
      v.object({
        harness: v.picklist(['claude-code', 'codex', 'opencode']),
        size: v.pipe(count, v.description('Bytes.')),
        messages: v.pipe(
          v.nullable(count),
          v.description(
            'Null where they were not counted: above 64 MB in a dry run, and of what is there already in a run that shows no plan.',
          ),
        ),
      }),
      v.description("An orchestrator's conversation that is put in place, or is there already."),
    ),
  ),
});

export const MigrateDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.picklist(['migrate', 'postinstall']),
    status: v.picklist(STATUSES),
    dryRun: v.boolean(),
    runId: v.nullable(v.string()),
    planHash: v.nullable(v.string()),
    ...locked,
    refusal,
    items: v.array(item),
    notes: v.array(note),
    backup: v.pipe(v.nullable(v.string()), v.description('Directory of the backup.')),
    receipt: v.pipe(v.nullable(v.string()), v.description('File of the receipt.')),
    timing: v.pipe(v.nullable(v.record(v.string(), v.number())), v.description('Milliseconds by phase.')),
    sqliteVersion,
  }),
  v.title('ao-migrate migrate --json'),
);
export type MigrateDocument = v.InferOutput<typeof MigrateDocumentSchema>;

export const SchemaDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.literal('schema'),
    status: v.picklist(['ok', 'usage', 'failed']),
    ...locked,
    refusal,
    embeddedVersion: v.pipe(count, v.description('The version that a database made by this tool has.')),
    migrations: v.array(
      v.object({
        version: place,
        name: v.pipe(v.string(), v.description('File name.')),
        sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/), v.description('Of the file.')),
        sql: v.optional(v.pipe(v.string(), v.description('The file itself, with --sql.'))),
      }),
    ),
    sqliteVersion,
  }),
  v.title('ao-migrate schema --json'),
);
export type SchemaDocument = v.InferOutput<typeof SchemaDocumentSchema>;

export const AboutDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.picklist(['help', 'version']),
    status: v.literal('ok'),
    ...locked,
    sourceCommit: v.pipe(v.nullable(v.string()), v.description('Commit that the executable was built from.')),
    text: v.pipe(v.nullable(v.string()), v.description('The help text.')),
    sqliteVersion,
  }),
  v.title('ao-migrate --help --json, ao-migrate --version --json'),
);
export type AboutDocument = v.InferOutput<typeof AboutDocumentSchema>;

/** Every published document, by the name of its file in docs/schema. */
export const DOCUMENT_SCHEMAS = {
  about: AboutDocumentSchema,
  completions: CompletionsDocumentSchema,
  doctor: DoctorDocumentSchema,
  explain: ExplainDocumentSchema,
  migrate: MigrateDocumentSchema,
  rollback: RollbackDocumentSchema,
  schema: SchemaDocumentSchema,
  status: StatusDocumentSchema,
  verify: VerifyDocumentSchema,
} as const;
