/**
 * `bun scripts/docs.ts`: writes the parts of docs/ that are made from the source: the support guide from the tables of
 * refusals and notes, the reference from the table of commands and flags, the description of every JSON document from its
 * schema. A test compares them with what stands there.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type CommandName,
  commandSpec,
  FLAGS,
  type FlagName,
  flagSpec,
  flagsOf,
  OFFERED,
  takesValue,
} from '../src/cli/arguments';
import { OTHERS } from '../src/cli/postinstall';
import { NOTE_CODES } from '../src/contracts/notes';
import { EXIT } from '../src/contracts/outcome';
import { REFUSAL_CODES } from '../src/contracts/refusals';
import { SKIPS } from '../src/migrate/install';
import { jsonSchemas } from './docs-schema';

const FOLDER = resolve(import.meta.dir, '../docs');

/** The text of each generated file, by its name in docs/. */
export function generatedDocs(): ReadonlyMap<string, string> {
  return new Map([
    ['support.md', support()],
    ['reference.md', reference()],
    ['fields.md', fields()],
  ]);
}

const GENERATED = '<!-- Made by `bun scripts/docs.ts`; change the source, not this file. -->';

function support(): string {
  const refusals = Object.entries(REFUSAL_CODES).map(
    ([code, [cause, remedy]]) => `### ${code}\n\n${cause}\n\n**What to do:** ${remedy}\n`,
  );
  const notes = Object.entries(NOTE_CODES).map(
    ([code, [meaning, remedy]]) => `### ${code}\n\n${meaning}\n\n**What to do:** ${remedy}\n`,
  );
  const installs = Object.entries({ ...SKIPS, ...OTHERS }).map(([code, why]) => `| ${code} | ${why} |`);
  return `# Guide for support

${GENERATED}

You sit at somebody else's machine, or have what they sent you. Four commands tell the truth and change nothing:

| you want to know | run |
|---|---|
| is everything in order, what would a migration do, what would stop it | \`ao-migrate doctor\` |
| is a migration pending, done, partial or undone; who is running | \`ao-migrate status\` |
| why does this project or this setting come out like that | \`ao-migrate explain PROJECT\` |
| is what was migrated still right | \`ao-migrate verify\` |

Each also takes \`--json\`. \`ao-migrate --dry-run\` shows the plan itself.

**Ask for \`ao-migrate doctor --bundle FILE\`** when you cannot sit there. The archive holds the findings, the plan, where each
setting went, names and sizes of the files on both sides, earlier runs, and the tables of the database. It holds no value of
\`env\`, prompt, rule, token, password, conversation or display name; the home directory is \`~\`, and the names of user and
machine are taken out.

**A store that was copied to you:** \`ao-migrate explain --from DIR\`, \`ao-migrate --dry-run --from DIR\`. Nothing of your own
machine is mixed in.

**A run that was killed:** the next \`ao-migrate\` finishes or undoes it by itself. **To go back:** \`ao-migrate rollback\`; what
somebody has changed since stays, and is named. Backups and receipts are never deleted.

**An unexpected error** prints one line with a reference and a file in the system's temporary folder. Ask for that file: it
holds no data of the store.

Exit codes: ${exitCodes()}.

Every refusal and every remark ends in a code in brackets. They are all here.

## Refusals

A refusal has changed nothing anywhere; the exit code is ${EXIT.refused}.

${refusals.join('\n')}
### USAGE

The command line cannot be understood or names something that does not exist; the exit code is ${EXIT.usage}.

**What to do:** Read the sentence: it says what was probably meant. \`ao-migrate COMMAND --help\` tells all flags.

### UNEXPECTED

An error that nobody foresaw. Before the first change the exit code is ${EXIT.failed}; after it everything was put back, and the exit code is ${EXIT.putBack}.

**What to do:** Run again; if it happens again, send the file that is named, and a bundle.

## What an install says

\`ao-migrate postinstall\` never fails an install. Where it does not migrate it says why in one line, and leaves the code in
\`~/.ao/migrations/postinstall.json\`; \`ao-migrate status\` and \`doctor\` repeat it. Beside the refusals above there are:

| code | because |
|---|---|
${installs.join('\n')}

In every case: run \`ao-migrate\` when you like.

## Remarks

${notes.join('\n').trimEnd()}
`;
}

function exitCodes(): string {
  return [
    `${EXIT.done} done or nothing to do`,
    `${EXIT.failed} an item failed, or an unexpected error before the first change`,
    `${EXIT.usage} usage, or the question was answered with no`,
    `${EXIT.refused} refused`,
    `${EXIT.found} \`verify\`, \`doctor\` or \`status --check\` found something`,
    `${EXIT.putBack} something had changed and all of it was put back`,
    `${EXIT.sigint} and ${EXIT.sigterm} stopped by a signal`,
  ].join(', ');
}

function reference(): string {
  const commands = OFFERED.commands.map((name) => `## ${name}\n\n${commandSpec(name).description}.\n\n${usage(name)}`);
  const flags = (Object.keys(FLAGS) as FlagName[]).filter((name) => OFFERED.flags.includes(name)).map(flagRow);
  return `# Commands and flags

${GENERATED}

A command line that is not wholly understood runs nothing: \`--dry-rum\` never migrates. Flags may stand before or after the
command; a value follows as the next word or after \`=\`. Every flag means the same wherever it applies.

| flag | does | commands |
|---|---|---|
${flags.join('\n')}

${commands.join('\n')}`;
}

function usage(name: CommandName): string {
  const { operand } = commandSpec(name);
  const word = operand === undefined ? '' : operand.required ? ` ${operand.name}` : ` [${operand.name}]`;
  const flags = flagsOf(name).map((flag) => `\`--${flag}\``);
  const what = operand === undefined ? '' : `${operand.name}: ${operand.description}.\n\n`;
  return `    ao-migrate ${name}${word}\n\n${what}Flags: ${flags.join(', ')}\n`;
}

function flagRow(name: FlagName): string {
  const spec = flagSpec(name);
  const value = takesValue(spec) ? `=${spec.choices?.join('\\|') ?? spec.value}` : '';
  const short = spec.short === undefined ? '' : `, \`-${spec.short}\``;
  const standard = spec.default === undefined ? '' : ` (default: ${spec.default})`;
  const commands =
    spec.commands === 'all' ? 'all' : spec.commands.filter((each) => OFFERED.commands.includes(each)).join(', ');
  return `| \`--${name}${value}\`${short} | ${spec.description}${standard} | ${commands} |`;
}

type Schema = {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
};

function fields(): string {
  const parts = [...jsonSchemas()].map(([file, schema]) => {
    const whole = schema as Schema;
    const rows = rowsOf(whole, '').map(({ key, type, text }) => `| \`${key}\` | ${type} | ${text} |`);
    return `## ${whole.title ?? file}\n\n[schema/${file}](schema/${file})\n\n| key | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Every JSON document, field by field

${GENERATED}

The JSON Schemas beside this file say the same for programs. Keys are not removed, and lists of values may grow: pass over what
you do not know. \`?\` marks a key that may be absent.

${parts.join('\n')}`;
}

function rowsOf(schema: Schema, prefix: string): { key: string; type: string; text: string }[] {
  const { object } = plain(schema);
  return Object.entries(object.properties ?? {}).flatMap(([name, value]) => {
    const optional = object.required?.includes(name) === true ? '' : '?';
    const key = `${prefix}${name}${optional}`;
    const inner = plain(value);
    const element = inner.object.items === undefined ? null : plain(inner.object.items).object;
    const below =
      element?.properties !== undefined ? rowsOf(element, `${prefix}${name}[].`) : rowsOf(value, `${prefix}${name}.`);
    return [{ key, type: typeOf(value), text: textOf(value) }, ...below];
  });
}

function plain(schema: Schema): { readonly object: Schema; readonly nullable: boolean } {
  const other = schema.anyOf?.find(({ type }) => type !== 'null');
  return { object: other ?? schema, nullable: other !== undefined };
}

function typeOf(schema: Schema): string {
  const { object, nullable } = plain(schema);
  const base =
    object.const !== undefined
      ? `\`${String(object.const)}\``
      : object.enum !== undefined
        ? 'one of'
        : object.items !== undefined
          ? `list of ${typeOf(object.items)}`
          : String(object.type ?? 'any');
  return nullable ? `${base} or null` : base;
}

function textOf(schema: Schema): string {
  const { object } = plain(schema);
  const values = object.enum?.map((value) => `\`${String(value)}\``).join(', ') ?? '';
  const said = schema.description ?? object.description ?? '';
  return [values, said]
    .filter((part) => part !== '')
    .join('. ')
    .replaceAll('|', '\\|');
}

if (import.meta.main) for (const [name, text] of generatedDocs()) writeFileSync(join(FOLDER, name), text);
