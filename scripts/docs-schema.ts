/** `bun scripts/docs-schema.ts`: writes the JSON Schema of every document of `--json` to docs/schema. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { DOCUMENT_SCHEMAS } from '../src/report/schema';

export const SCHEMA_FOLDER = resolve(import.meta.dir, '../docs/schema');

/** The JSON Schema of each document, by file name. */
export function jsonSchemas(): ReadonlyMap<string, object> {
  return new Map(
    Object.entries(DOCUMENT_SCHEMAS).map(([name, schema]) => [
      `${name}.json`,
      toJsonSchema(schema, { target: 'draft-2020-12' }),
    ]),
  );
}

if (import.meta.main) {
  mkdirSync(SCHEMA_FOLDER, { recursive: true });
  for (const [name, schema] of jsonSchemas()) writeFileSync(join(SCHEMA_FOLDER, name), JSON.stringify(schema, null, 2));
  // The lint holds these files to the form of all others.
  const biome = resolve(import.meta.dir, '../node_modules/@biomejs/biome/bin/biome');
  process.exitCode = Bun.spawnSync([process.execPath, biome, 'format', '--write', SCHEMA_FOLDER]).exitCode;
}
