import * as v from 'valibot';

/**
 * The JSON documents of migration.md 10. Keys are not removed and enums may grow, so objects stay open: a reader that
 * checks against these schemas accepts the documents of later versions too. The published JSON Schemas are made from
 * here (scripts/docs-schema.ts).
 */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
export const place = v.pipe(v.number(), v.integer(), v.minValue(1));

export const head = {
  formatVersion: v.pipe(v.literal(1), v.description('Rises only when a key changes its meaning.')),
  tool: v.literal('ao-migrate'),
  version: v.pipe(v.string(), v.description('Version of the tool.')),
};

/** The keys that a caller may rely on in the document of every command, with one meaning (migration.md 10). */
export const locked = {
  dbCreated: v.pipe(v.boolean(), v.description('This run made ao.db; in a dry run: it would.')),
  schemaVersion: v.pipe(
    count,
    v.description(
      'Of the database after the run; 0 if refused, on a usage error, without a database or where it was not read.',
    ),
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
};
const lockedKeys = v.object(locked);
export type Locked = v.InferOutput<typeof lockedKeys>;

export const refusal = v.pipe(
  v.nullable(
    v.object({
      code: v.pipe(v.string(), v.description('A refusal code, USAGE, or UNEXPECTED.')),
      message: v.pipe(v.string(), v.description('Why, in one sentence.')),
      hint: v.pipe(v.string(), v.description('What to do.')),
    }),
  ),
  v.description('Set when nothing was done because of it.'),
);

export const sqliteVersion = v.pipe(
  v.nullable(v.string()),
  v.description('Of the SQLite in use; null if it cannot be used.'),
);

export const note = v.object({
  code: v.string(),
  severity: v.picklist(['info', 'lossy', 'warn']),
  id: v.optional(v.pipe(v.string(), v.description('Project, session or directory that it is about.'))),
  message: v.string(),
  file: v.optional(v.string()),
  line: v.optional(place),
  column: v.optional(place),
});
