import { type ArgDef, type ArgsDef, type CommandDef, defineCommand, renderUsage } from 'citty';
import { hanging, type Row, table } from '../report/layout';
import type { Terminal } from '../report/terminal';
import {
  type CommandName,
  commandSpec,
  DEFAULT_COMMAND,
  flagSpec,
  flagsOf,
  OFFERED,
  type Offer,
  takesValue,
} from './arguments';

/**
 * The table as citty commands. Only citty's usage text is used: its parser takes unknown flags without a word, cuts
 * `--no-` off names such as `--no-backup` and finds `constructor` among the commands, so the gate parses instead and
 * these definitions have no `run`.
 */
export function definitions(offer: Offer = OFFERED): CommandDef {
  const subCommands = Object.fromEntries(offer.commands.map((name) => [name, definition(name, offer)]));
  return defineCommand({
    meta: { name: 'ao-migrate', description: 'Moves projects and orchestrators to the new Agent Orchestrator' },
    args: argsOf(DEFAULT_COMMAND, offer),
    subCommands,
  });
}

function definition(name: CommandName, offer: Offer): CommandDef {
  return defineCommand({ meta: { name, description: commandSpec(name).description }, args: argsOf(name, offer) });
}

function argsOf(command: CommandName, offer: Offer): ArgsDef {
  const args: Record<string, ArgDef> = {};
  const { operand } = commandSpec(command);
  if (operand !== undefined) {
    args[operand.name] = { type: 'positional', description: operand.description, required: operand.required };
  }
  for (const name of flagsOf(command, offer)) args[name] = argOf(name);
  return args;
}

function argOf(name: Parameters<typeof flagSpec>[0]): ArgDef {
  const spec = flagSpec(name);
  const common = { description: spec.description, ...(spec.short === undefined ? {} : { alias: spec.short }) };
  if (spec.choices !== undefined) {
    return {
      ...common,
      type: 'enum',
      options: [...spec.choices],
      ...(spec.default === undefined ? {} : { default: spec.default }),
    };
  }
  return takesValue(spec) ? { ...common, type: 'string', valueHint: spec.value ?? '' } : { ...common, type: 'boolean' };
}

/**
 * Help of one command, or of the whole tool (null), ending in a newline. citty decides on colour from the process and
 * knows no width, so its colours are taken out, and rows are aligned and wrapped here.
 */
export async function usage(command: CommandName | null, terminal: Terminal, offer: Offer = OFFERED): Promise<string> {
  const root = definitions(offer);
  const text = command === null ? await renderUsage(root) : await renderUsage(definition(command, offer), root);
  return `${relaid(Bun.stripANSI(text).split('\n'), terminal).join('\n').trimEnd()}\n`;
}

/** citty's rows are a label and a description, two or more spaces apart; everything else is prose or a heading. */
const ROW = /^ +(\S(?:.*?\S)?) {2,}(\S.*?) *$/;

function relaid(lines: readonly string[], terminal: Terminal): readonly string[] {
  const out: string[] = [];
  let rows: Row[] = [];
  const flush = (): void => {
    out.push(...table(rows, terminal.width));
    rows = [];
  };
  for (const line of lines) {
    const [, label, text] = ROW.exec(line) ?? [];
    if (label !== undefined && text !== undefined) {
      rows.push({ label, text });
      continue;
    }
    flush();
    if (/^[A-Z]+$/.test(line)) out.push(terminal.paint('bold', line));
    else out.push(...hanging('', line, terminal.width));
  }
  flush();
  return out;
}
