import { UsageError } from '../contracts/refusals';
import { printable, shortened } from '../report/printable';
import {
  appliesTo,
  type CommandName,
  commandSpec,
  DEFAULT_COMMAND,
  FLAGS,
  type FlagName,
  type FlagValues,
  flagSpec,
  flagsOf,
  OFFERED,
  type Offer,
  takesValue,
} from './arguments';
import { type Candidate, closest } from './suggestion';

/** What a command line asks for. `usage`: it cannot be understood, and nothing may run. */
export type Request =
  | {
      readonly kind: 'run';
      readonly command: CommandName;
      readonly operand: string | null;
      readonly flags: FlagValues;
    }
  /** `command` is null where no command was named: help of the tool as a whole. */
  | { readonly kind: 'help'; readonly command: CommandName | null; readonly flags: FlagValues }
  | { readonly kind: 'version'; readonly flags: FlagValues }
  | {
      readonly kind: 'usage';
      /** The command named, else the default one: it decides the form of the JSON document. */
      readonly command: CommandName;
      /** `--json` was among the arguments, so the error is told as a document. */
      readonly json: boolean;
      readonly error: UsageError;
    };

interface Given {
  readonly name: FlagName;
  readonly value: string | null;
  readonly at: number;
}

interface Scan {
  readonly given: readonly Given[];
  readonly operands: readonly { readonly text: string; readonly at: number }[];
  readonly problems: Problem[];
}

/** A mistake and its place in argv; the text is made once the command is known, for the suggestion. */
interface Problem {
  readonly at: number;
  readonly error: (command: CommandName | null) => UsageError;
}

const quoted = (text: string): string => `"${printable(shortened(text))}"`;
const helpOf = (command: CommandName | null): string =>
  command === null ? 'See ao-migrate --help.' : `See ao-migrate ${command} --help.`;

/**
 * Understands a command line, or refuses it whole (migration.md 2). Strict: an unknown, repeated, misplaced or
 * incomplete flag, an extra argument and an unknown command are errors, so that `--dry-rum` never migrates. Flags may
 * stand before or after the command; a value follows as the next argument or after `=`, and one that begins with a dash
 * only after `=`; everything behind `--` is a command or operand. `--help`, then `--version`, win over running, but
 * only on a command line that is right otherwise: a mistyped flag is named even there.
 *
 * @param argv arguments without the program's own name
 */
export function gate(argv: readonly string[], offer: Offer = OFFERED): Request {
  const scan = scanned(argv, offer);
  const [word, ...rest] = scan.operands;
  const command = word === undefined ? DEFAULT_COMMAND : (offer.commands.find((name) => name === word.text) ?? null);
  const problems = [...scan.problems];
  if (command === null && word !== undefined) problems.push(unknownCommand(word.text, word.at, offer));
  const asked = (name: FlagName): boolean => scan.given.some((flag) => flag.name === name);
  if (command !== null) {
    problems.push(...misplaced(scan.given, command, offer), ...excluded(scan.given));
    problems.push(...operandProblems(command, rest, argv.length, asked('help') || asked('version'), offer));
  }
  const first = problems.toSorted((a, b) => a.at - b.at)[0];
  if (first !== undefined || command === null) {
    const error = first?.error(command) ?? new UsageError('The command line cannot be understood.');
    return { kind: 'usage', command: command ?? DEFAULT_COMMAND, json: asksForJson(argv), error };
  }
  const flags = valuesOf(scan.given);
  if (flags.help) return { kind: 'help', command: word === undefined ? null : command, flags };
  if (flags.version) return { kind: 'version', flags };
  return { kind: 'run', command, operand: rest[0]?.text ?? null, flags };
}

function isShort(flag: FlagName, written: string): boolean {
  const { short } = flagSpec(flag);
  return short !== undefined && written === `-${short}`;
}

/** A command line that is wrong elsewhere still says whether its caller reads JSON. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const flags = end === -1 ? argv : argv.slice(0, end);
  return flags.some((argument) => argument === '--json' || argument.startsWith('--json='));
}

function scanned(argv: readonly string[], offer: Offer): Scan {
  const scan = { given: [] as Given[], operands: [] as { text: string; at: number }[], problems: [] as Problem[] };
  let ended = false;
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] ?? '';
    if (ended || argument === '-' || !argument.startsWith('-')) {
      scan.operands.push({ text: argument, at });
      continue;
    }
    if (argument === '--') {
      ended = true;
      continue;
    }
    const equals = argument.indexOf('=');
    const written = equals === -1 ? argument : argument.slice(0, equals);
    const name = offer.flags.find((flag) => written === `--${flag}` || isShort(flag, written));
    if (name === undefined) {
      scan.problems.push(unknownFlag(written, at, offer));
      continue;
    }
    const after = argv[at + 1];
    let value = equals === -1 ? null : argument.slice(equals + 1);
    const next = value === null && takesValue(flagSpec(name)) && after !== undefined && !/^-./.test(after);
    if (next) value = after;
    const problem = valueProblem(name, written, value, at);
    if (problem !== null) scan.problems.push(problem);
    if (flagSpec(name).repeatable !== true && scan.given.some((flag) => flag.name === name)) {
      scan.problems.push({ at, error: (command) => new UsageError(`${written} is given twice.`, helpOf(command)) });
    }
    scan.given.push({ name, value, at });
    if (next) at++;
  }
  return scan;
}

function valueProblem(name: FlagName, written: string, value: string | null, at: number): Problem | null {
  const spec = flagSpec(name);
  const problem = (message: string, hint: string): Problem => ({ at, error: () => new UsageError(message, hint) });
  if (!takesValue(spec)) {
    return value === null ? null : problem(`${written} takes no value.`, `Write ${written} alone.`);
  }
  const wanted = spec.choices?.join('|') ?? spec.value ?? '';
  if (value === null || value === '') {
    return problem(`${written} needs a value.`, `Write ${written}=${wanted}.`);
  }
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    const meant = closest(
      value,
      spec.choices.map((choice) => ({ word: choice, shown: `${written}=${choice}` })),
    );
    const hint = meant === null ? `Write ${written}=${wanted}.` : `Did you mean ${meant.shown}?`;
    return problem(`${written} takes ${listed(spec.choices)}, not ${quoted(value)}.`, hint);
  }
  if (spec.minimum !== undefined && !(/^\d{1,9}$/.test(value) && Number(value) >= spec.minimum)) {
    return problem(
      `${written} takes a whole number from ${spec.minimum} on, not ${quoted(value)}.`,
      `Write ${written}=${spec.minimum}, for example.`,
    );
  }
  return null;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

const flagCandidates = (names: readonly FlagName[]): readonly Candidate[] =>
  names.map((name) => ({ word: name, shown: `--${name}` }));
const commandCandidates = (offer: Offer): readonly Candidate[] =>
  offer.commands.map((name) => ({ word: name, shown: name }));

function suggestion(text: string, candidates: readonly Candidate[], command: CommandName | null): string {
  const meant = closest(text, candidates);
  return meant === null ? helpOf(command) : `Did you mean ${meant.shown}?`;
}

function unknownFlag(written: string, at: number, offer: Offer): Problem {
  return {
    at,
    error: (command) => {
      const flags = command === null ? offer.flags : flagsOf(command, offer);
      const candidates = [...flagCandidates(flags), ...commandCandidates(offer)];
      return new UsageError(`Unknown flag ${quoted(written)}.`, suggestion(written, candidates, command));
    },
  };
}

function unknownCommand(text: string, at: number, offer: Offer): Problem {
  const message = text === '' ? 'An argument is empty.' : `Unknown command ${quoted(text)}.`;
  const candidates = [...commandCandidates(offer), ...flagCandidates(offer.flags)];
  return { at, error: () => new UsageError(message, suggestion(text, candidates, null)) };
}

function operandProblems(
  command: CommandName,
  operands: readonly { readonly text: string; readonly at: number }[],
  end: number,
  optional: boolean,
  offer: Offer,
): readonly Problem[] {
  const spec = commandSpec(command).operand;
  const [operand, extra] = spec === undefined ? [undefined, operands[0]] : operands;
  const problems: Problem[] = [];
  const report = (at: number, message: string, hint: string): void => {
    problems.push({ at, error: () => new UsageError(message, hint) });
  };
  if (extra !== undefined) {
    const hint = suggestion(extra.text, flagCandidates(flagsOf(command, offer)), command);
    report(extra.at, `Extra argument ${quoted(extra.text)}.`, hint);
  }
  if (spec === undefined) return problems;
  if (operand === undefined) {
    if (spec.required && !optional) {
      report(end, `${command} needs a ${spec.name}: ${spec.description}.`, helpOf(command));
    }
  } else if (operand.text === '') {
    report(operand.at, `The ${spec.name} is empty.`, helpOf(command));
  } else if (spec.choices !== undefined && !spec.choices.includes(operand.text)) {
    const candidates = spec.choices.map((choice) => ({ word: choice, shown: choice }));
    report(
      operand.at,
      `${command} takes ${listed(spec.choices)}, not ${quoted(operand.text)}.`,
      suggestion(operand.text, candidates, command),
    );
  }
  return problems;
}

function misplaced(given: readonly Given[], command: CommandName, offer: Offer): readonly Problem[] {
  return given
    .filter((flag) => !appliesTo(flag.name, command))
    .map(({ name, at }) => {
      const owners = offer.commands.filter((other) => appliesTo(name, other));
      const message = `--${name} does not belong to ${command}.`;
      return { at, error: () => new UsageError(message, `It belongs to ${listed(owners)}. ${helpOf(command)}`) };
    });
}

function excluded(given: readonly Given[]): readonly Problem[] {
  return given.flatMap((flag, index) => {
    const other = given.slice(0, index).find((earlier) => flagSpec(flag.name).excludes?.includes(earlier.name));
    if (other === undefined) return [];
    const message = `--${other.name} and --${flag.name} exclude each other.`;
    return [{ at: flag.at, error: () => new UsageError(message, 'Leave one of them out.') }];
  });
}

function valuesOf(given: readonly Given[]): FlagValues {
  const entries = (Object.keys(FLAGS) as FlagName[]).map((name) => {
    const spec = flagSpec(name);
    const values = given.flatMap((flag) => (flag.name === name ? [flag.value] : []));
    if (spec.repeatable === true) return [name, values];
    if (!takesValue(spec)) return [name, values.length > 0];
    const value = values[0] ?? spec.default;
    return [name, spec.minimum !== undefined && value !== undefined ? Number(value) : value];
  });
  // The table gives each flag its type, and the scan has let nothing else through.
  return Object.fromEntries(entries) as FlagValues;
}
