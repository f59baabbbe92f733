import {
  type CommandName,
  commandSpec,
  DEFAULT_COMMAND,
  type FlagName,
  flagSpec,
  flagsOf,
  type Offer,
  takesValue,
} from '../cli/arguments';

/** A flag as a shell has to know it. */
export interface CompletedFlag {
  readonly name: FlagName;
  readonly short: string | null;
  readonly description: string;
  /** What follows it: nothing, one of `choices`, a path, or something that no shell can guess. */
  readonly value: 'none' | 'choice' | 'file' | 'directory' | 'free';
  /** Name of the value in help. */
  readonly hint: string;
  readonly choices: readonly string[];
  readonly repeatable: boolean;
}

export interface CompletedCommand {
  readonly name: CommandName;
  readonly description: string;
  /** The word behind the command, where its choices are known. */
  readonly operand: { readonly name: string; readonly choices: readonly string[] } | null;
  readonly flags: readonly CompletedFlag[];
}

/** What every completion script is made from: the table of the arguments, as far as the build offers it. */
export interface CompletionModel {
  readonly program: 'ao-migrate';
  readonly standard: CommandName;
  readonly commands: readonly CompletedCommand[];
  /** Flags that take a value, as they may stand on a command line. */
  readonly valueFlags: readonly string[];
}

export function completionModel(offer: Offer): CompletionModel {
  return {
    program: 'ao-migrate',
    standard: DEFAULT_COMMAND,
    commands: offer.commands.map((name) => {
      const { description, operand } = commandSpec(name);
      const choices = operand?.choices;
      return {
        name,
        description,
        operand: operand === undefined || choices === undefined ? null : { name: operand.name, choices },
        flags: flagsOf(name, offer).map(flagOf),
      };
    }),
    valueFlags: offer.flags.filter((name) => takesValue(flagSpec(name))).map((name) => `--${name}`),
  };
}

function flagOf(name: FlagName): CompletedFlag {
  const { description, short, value, choices, completes, repeatable } = flagSpec(name);
  const kind = choices !== undefined ? 'choice' : value === undefined ? 'none' : (completes ?? 'free');
  return {
    name,
    short: short ?? null,
    description,
    value: kind,
    hint: value ?? choices?.join('|') ?? '',
    choices: choices ?? [],
    repeatable: repeatable === true,
  };
}

/** The command for which a flag is offered: every one that has it. */
export function commandsWith(model: CompletionModel, flag: FlagName): readonly CommandName[] {
  return model.commands.filter(({ flags }) => flags.some(({ name }) => name === flag)).map(({ name }) => name);
}

/** Every flag of the model once, in the order of the commands. */
export function allFlags(model: CompletionModel): readonly CompletedFlag[] {
  const seen = new Map<FlagName, CompletedFlag>();
  for (const { flags } of model.commands) for (const flag of flags) if (!seen.has(flag.name)) seen.set(flag.name, flag);
  return [...seen.values()];
}
