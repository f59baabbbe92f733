import * as v from 'valibot';
import { head, locked, refusal, sqliteVersion } from './schema-parts';

/** The document of `completions SHELL --json`. */
export const CompletionsDocumentSchema = v.pipe(
  v.object({
    ...head,
    command: v.literal('completions'),
    status: v.picklist(['ok', 'usage', 'failed']),
    ...locked,
    refusal,
    shell: v.pipe(v.nullable(v.string()), v.description('bash, zsh, fish or powershell.')),
    script: v.pipe(v.nullable(v.string()), v.description('What the shell is to load.')),
    sqliteVersion,
  }),
  v.title('ao-migrate completions --json'),
);
export type CompletionsDocument = v.InferOutput<typeof CompletionsDocumentSchema>;
