import { Database } from 'bun:sqlite';
import { applyMigrations } from '../rewrite/goose';
import { MIGRATIONS } from '../rewrite/migrations';
import { dumpSchema, type SchemaDump } from './schema-dump';

/** In what the schema of a database at version 12 differs from the one that the migrations make; empty if in nothing. */
export function schemaDifferences(db: Database): string[] {
  using fresh = new Database(':memory:');
  applyMigrations(fresh, MIGRATIONS);
  return differences(dumpSchema(fresh), dumpSchema(db));
}

function differences(want: SchemaDump, got: SchemaDump): string[] {
  const found: string[] = [];
  const tables = new Set([...Object.keys(want.tables), ...Object.keys(got.tables)]);
  for (const name of [...tables].sort()) {
    const [wanted, present] = [want.tables[name], got.tables[name]];
    if (present === undefined) found.push(`table ${name} is missing`);
    else if (wanted === undefined) found.push(`table ${name} is unexpected`);
    else if (!Bun.deepEquals(meaning(wanted), meaning(present))) found.push(`table ${name} differs`);
  }
  const triggers = new Map(got.triggers.map((trigger) => [trigger.name, trigger]));
  for (const trigger of want.triggers) {
    const present = triggers.get(trigger.name);
    if (present === undefined) found.push(`trigger ${trigger.name} is missing`);
    else if (!Bun.deepEquals(trigger, present)) found.push(`trigger ${trigger.name} differs`);
    triggers.delete(trigger.name);
  }
  for (const name of triggers.keys()) found.push(`trigger ${name} is unexpected`);
  if (want.sessions_harness_check !== got.sessions_harness_check) found.push('the harness check of sessions differs');
  if (got.views.length > 0) found.push(`views: ${got.views.join(', ')}`);
  return found;
}

/** Spelling of defaults and white space in checks does not count: the daemon's own files are written differently. */
function meaning(table: SchemaDump['tables'][string]): unknown {
  const text = JSON.stringify(table, (key, value: unknown) => {
    if (key === 'dflt_value' && typeof value === 'string') return normalDefault(value);
    if (key === 'checks' && Array.isArray(value)) return value.map((check) => String(check).replace(/\s+/g, '')).sort();
    return value;
  });
  return JSON.parse(text);
}

function normalDefault(text: string): string {
  const bare = text
    .trim()
    .replace(/^\((.*)\)$/s, '$1')
    .trim();
  if (/^(?:false|0)$/i.test(bare)) return '0';
  if (/^(?:true|1)$/i.test(bare)) return '1';
  return bare.replace(/^"(.*)"$/s, "'$1'");
}
