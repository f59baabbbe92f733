import { EXIT } from '../contracts/outcome';
import { type EmbeddedMigration, jsonText, schemaDocument, type Tool } from '../report/document';
import { table } from '../report/layout';
import type { Terminal } from '../report/terminal';
import { MIGRATIONS } from '../rewrite/migrations';
import type { Answer } from './answer';
import type { FlagValues } from './arguments';

/** `ao-migrate schema`: the embedded migrations with version, name and sha256, or with `--sql` their text as it is. */
export function schema(
  flags: Pick<FlagValues, 'json' | 'sql'>,
  tool: Tool,
  terminal: Terminal,
  migrations: readonly EmbeddedMigration[] = MIGRATIONS,
): Answer {
  return { exitCode: EXIT.done, stdout: textOf(flags, tool, terminal, migrations), stderr: '' };
}

function textOf(
  flags: Pick<FlagValues, 'json' | 'sql'>,
  tool: Tool,
  terminal: Terminal,
  migrations: readonly EmbeddedMigration[],
): string {
  if (flags.json) return jsonText(schemaDocument(migrations, flags.sql, tool));
  if (flags.sql)
    return migrations.map(({ name, sql }) => `-- ${name}\n${sql}${sql.endsWith('\n') ? '' : '\n'}`).join('\n');
  const rows = migrations.map(({ version, name, sha256 }) => ({ label: `${version}`, text: `${name} ${sha256}` }));
  return `${table(rows, terminal.width, 0, 2, 20).join('\n')}\n`;
}
