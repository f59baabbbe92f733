import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchemas, SCHEMA_FOLDER } from '../../scripts/docs-schema';

describe('docs/schema', () => {
  test('is what `bun scripts/docs-schema.ts` makes now', () => {
    expect(readdirSync(SCHEMA_FOLDER).sort()).toEqual([...jsonSchemas().keys()].sort());
    for (const [name, schema] of jsonSchemas()) {
      const published: unknown = JSON.parse(readFileSync(join(SCHEMA_FOLDER, name), 'utf8'));
      expect(published).toEqual(JSON.parse(JSON.stringify(schema)));
    }
  });

  test('describes the locked keys and lets later versions add others', () => {
    const migrate = JSON.parse(JSON.stringify(jsonSchemas().get('migrate.json')));
    expect(migrate.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(migrate.required).toEqual(
      expect.arrayContaining(['dbCreated', 'schemaVersion', 'projects', 'orchestrators']),
    );
    expect(migrate.properties.orchestrators.required).toEqual(['created', 'skipped', 'failed', 'relocatedTranscripts']);
    expect(JSON.stringify(migrate)).not.toContain('additionalProperties":false');
  });
});
