import * as v from 'valibot';
import { head, locked, note, refusal, sqliteVersion } from './schema-parts';

export const StatusDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.literal('status'),
    status: v.picklist([
      'none',
      'pending',
      'done',
      'partial',
      'undone',
      'empty',
      'unreadable',
      'refused',
      'usage',
      'failed',
    ]),
    ...locked,
    refusal,
    legacyRoot: v.pipe(
      v.nullable(v.string()),
      v.description('The old store; where none is there, the one that the newest run took.'),
    ),
    dataDir: v.nullable(v.string()),
    running: v.object({
      legacy: v.pipe(v.nullable(v.string()), v.description('What of the old tool is running, in words.')),
      daemon: v.pipe(v.nullable(v.string()), v.description('The new daemon, where it is running, in words.')),
    }),
    lastRun: v.pipe(
      v.nullable(
        v.object({
          runId: v.string(),
          status: v.pipe(v.string(), v.description('committing, done or undone.')),
          outcome: v.nullable(v.string()),
          partlyUndone: v.pipe(
            v.boolean(),
            v.description('A rollback has removed something of it, and something had to stay.'),
          ),
          startedAt: v.nullable(v.string()),
          receipt: v.string(),
        }),
      ),
      v.description(
        'The newest run of this data directory that is not undone; where all are, the newest; null also where a newer receipt cannot be read.',
      ),
    ),
    unfinished: v.pipe(v.array(v.string()), v.description('Ids of runs whose journal is still there.')),
    postinstall: v.pipe(
      v.nullable(v.object({ code: v.nullable(v.string()), time: v.nullable(v.string()) })),
      v.description('What the last install did not do, and why.'),
    ),
    pending: v.pipe(
      v.nullable(v.object({ projects: v.number(), orchestrators: v.number() })),
      v.description('What a run would insert; null where that was not looked at.'),
    ),
    notes: v.array(note),
    sqliteVersion,
  }),
  v.title('ao-migrate status --json'),
);
export type StatusDocument = v.InferOutput<typeof StatusDocumentSchema>;
