import * as v from 'valibot';
import type { MigrateStatus } from '../contracts/outcome';

/**
 * The JSON documents of migration.md 10. Keys are not removed and enums may grow, so objects stay open: a reader that
 * checks against these schemas accepts the documents of later versions too. The published JSON Schemas are made from
 * here (scripts/docs-schema.ts).
 */
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const place = v.pipe(v.number(), v.integer(), v.minValue(1));

const head = {
  formatVersion: v.pipe(v.literal(1), v.description('Rises only when a key changes its meaning.')),
  tool: v.literal('ao-migrate'),
  version: v.pipe(v.string(), v.description('Version of the tool.')),
};

const refusal = v.pipe(
  v.nullable(
    v.object({
      code: v.pipe(v.string(), v.description('A refusal code, USAGE, or UNEXPECTED.')),
      message: v.pipe(v.string(), v.description('Why, in one sentence.')),
      hint: v.pipe(v.string(), v.description('What to do.')),
    }),
  ),
  v.description('Set when nothing was done because of it.'),
);

const sqliteVersion = v.pipe(v.nullable(v.string()), v.description('Of the SQLite in use; null if it cannot be used.'));

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
});

const note = v.object({
  code: v.string(),
  severity: v.picklist(['info', 'lossy', 'warn']),
  id: v.optional(v.pipe(v.string(), v.description('Project, session or directory that it is about.'))),
  message: v.string(),
  file: v.optional(v.string()),
  line: v.optional(place),
  column: v.optional(place),
});

export const MigrateDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.picklist(['migrate', 'postinstall']),
    status: v.picklist(STATUSES),
    dryRun: v.boolean(),
    runId: v.nullable(v.string()),
    planHash: v.nullable(v.string()),
    dbCreated: v.pipe(v.boolean(), v.description('This run made ao.db; in a dry run: it would.')),
    schemaVersion: v.pipe(
      count,
      v.description('Of the database after the run; 0 if refused, on a usage error, or without a database.'),
    ),
    projects: v.object({
      created: v.pipe(count, v.description('Rows inserted; in a dry run: to be inserted.')),
      skipped: v.pipe(count, v.description('Every other selected project.')),
      failed: v.pipe(count, v.description('Inserts that raised an error.')),
    }),
    orchestrators: v.object({
      created: v.pipe(count, v.description('Rows inserted; in a dry run: to be inserted.')),
      skipped: v.pipe(count, v.description('Every orchestrator found but not inserted.')),
      failed: v.pipe(count, v.description('Inserts or copies that raised an error.')),
      relocatedTranscripts: v.pipe(count, v.description('Conversations put in place by this run.')),
    }),
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
  migrate: MigrateDocumentSchema,
  schema: SchemaDocumentSchema,
} as const;
