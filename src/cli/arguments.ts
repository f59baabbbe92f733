/** Every command of migration.md 2, whether this build offers it or not. */
export interface CommandSpec {
  /** One line of help, at most 55 columns. */
  readonly description: string;
  readonly operand?: OperandSpec;
}

/** The one word that may follow a command. */
export interface OperandSpec {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly choices?: readonly string[];
}

export interface FlagSpec {
  /** One line of help, at most 45 columns. */
  readonly description: string;
  /** One letter, without its dash. */
  readonly short?: string;
  /** Name of the value in help, in capitals; a flag with neither this nor `choices` is a switch. */
  readonly value?: string;
  readonly choices?: readonly string[];
  /** The value without the flag; one of `choices`. */
  readonly default?: string;
  readonly repeatable?: true;
  /** The value is a whole number of at least this. */
  readonly minimum?: number;
  /** Completions offer files or directories for the value. */
  readonly completes?: 'file' | 'directory';
  /** Flags that cannot stand beside this one. */
  readonly excludes?: readonly string[];
  /** Commands that the flag belongs to. */
  readonly commands: 'all' | readonly CommandName[];
}

export const COMMANDS = {
  migrate: { description: 'Move projects and orchestrators over (the default)' },
  status: { description: 'Say whether a migration is pending, done or undone' },
  explain: {
    description: 'Show where each value comes from',
    operand: { name: 'PROJECT', description: 'Id of one project; all if left out', required: false },
  },
  verify: { description: 'Compare what was migrated with the old store' },
  rollback: { description: 'Undo one migration' },
  doctor: { description: 'Check this machine and both stores' },
  schema: { description: 'List the database versions that this tool writes' },
  postinstall: { description: 'Migrate from a package install; never asks or fails' },
  completions: {
    description: 'Print a completion script for a shell',
    operand: {
      name: 'SHELL',
      description: 'bash, zsh, fish or powershell',
      required: true,
      choices: ['bash', 'zsh', 'fish', 'powershell'],
    },
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;

const READS_LEGACY = ['migrate', 'status', 'explain', 'verify', 'doctor', 'postinstall'] as const;

/**
 * Every flag of migration.md 2, in the order of the help text. A flag means the same wherever it applies. Help,
 * completions and the reference are made from this table and from nothing else.
 */
export const FLAGS = {
  'dry-run': { description: 'Show the plan and change nothing', commands: ['migrate', 'rollback'] },
  yes: { description: 'Do not ask', short: 'y', commands: ['migrate', 'rollback'] },
  json: { description: 'Print one JSON object instead of text', commands: 'all' },
  from: { description: 'Read the old store from here', value: 'DIR', completes: 'directory', commands: READS_LEGACY },
  config: { description: 'Read this old config file', value: 'FILE', completes: 'file', commands: READS_LEGACY },
  'data-dir': {
    description: "The new app's data directory",
    value: 'DIR',
    completes: 'directory',
    commands: [...READS_LEGACY, 'rollback'],
  },
  project: {
    description: 'Only this project (repeatable)',
    value: 'ID',
    repeatable: true,
    commands: ['migrate', 'explain'],
  },
  exclude: {
    description: 'Leave this project out (repeatable)',
    value: 'ID',
    repeatable: true,
    commands: ['migrate', 'explain'],
  },
  'only-live': { description: 'Skip orchestrators that were stopped', commands: ['migrate', 'explain'] },
  resume: {
    description: 'Resume at the first start, or when asked',
    choices: ['auto', 'manual'],
    default: 'auto',
    commands: ['migrate'],
  },
  'force-migrate': { description: 'Go on although the old tool seems to run', commands: ['migrate'] },
  strict: { description: 'Refuse if a setting would be lost', commands: ['migrate'] },
  'no-backup': { description: 'Make no backup', commands: ['migrate'] },
  'strip-role-snapshot': { description: 'Drop recorded role text from the copy', commands: ['migrate'] },
  run: { description: 'The run to look at; the newest if left out', value: 'ID', commands: ['verify', 'rollback'] },
  check: { description: 'Exit with 4 unless all is migrated', commands: ['status'] },
  bundle: {
    description: 'Write a redacted support archive',
    value: 'FILE',
    completes: 'file',
    commands: ['doctor'],
  },
  sql: { description: 'Print the SQL of every version', commands: ['schema'] },
  progress: {
    description: 'How progress is shown',
    choices: ['auto', 'none', 'ndjson'],
    default: 'auto',
    commands: ['migrate'],
  },
  'progress-fd': {
    description: 'Write NDJSON progress to this descriptor',
    value: 'N',
    // 0 to 2 are spoken for: progress never goes to stdout, and stderr must stay free of braces.
    minimum: 3,
    excludes: ['progress-file'],
    commands: ['migrate'],
  },
  'progress-file': {
    description: 'Write NDJSON progress to this file',
    value: 'FILE',
    completes: 'file',
    excludes: ['progress-fd'],
    commands: ['migrate'],
  },
  timing: { description: 'Report how long each phase took', commands: ['migrate'] },
  color: {
    description: 'Colours in the text',
    choices: ['auto', 'always', 'never'],
    default: 'auto',
    commands: 'all',
  },
  verbose: { description: 'Tell every remark; log to standard error', commands: 'all' },
  help: { description: 'Show this help', short: 'h', commands: 'all' },
  version: { description: 'Show the version', commands: 'all' },
} as const satisfies Record<string, FlagSpec>;

export type FlagName = keyof typeof FLAGS;

type FlagValue<F extends FlagSpec> = F extends { repeatable: true }
  ? readonly string[]
  : F extends { choices: readonly (infer C)[] }
    ? C
    : F extends { minimum: number }
      ? number | undefined
      : F extends { value: string }
        ? string | undefined
        : boolean;

/** The value of every flag, given or not: switches are false, lists empty, choices their default, others undefined. */
export type FlagValues = { readonly [N in FlagName]: FlagValue<(typeof FLAGS)[N]> };

/** What a build offers. Anything else in the tables is as unknown to a user as if it were not there. */
export interface Offer {
  readonly commands: readonly CommandName[];
  readonly flags: readonly FlagName[];
}

/** What runs without a word on the command line. */
export const DEFAULT_COMMAND = 'migrate' satisfies CommandName;

/** A command is added here when its file in `src/cli/` exists, a flag when the command obeys it. */
export const OFFERED: Offer = {
  commands: ['migrate', 'status', 'explain', 'verify', 'rollback', 'doctor', 'schema', 'postinstall', 'completions'],
  flags: [
    'dry-run',
    'yes',
    'json',
    'from',
    'config',
    'data-dir',
    'project',
    'exclude',
    'only-live',
    'resume',
    'force-migrate',
    'strict',
    'no-backup',
    'strip-role-snapshot',
    'run',
    'check',
    'bundle',
    'sql',
    'progress',
    'progress-fd',
    'progress-file',
    'timing',
    'color',
    'verbose',
    'help',
    'version',
  ],
};

export function commandSpec(name: CommandName): CommandSpec {
  return COMMANDS[name];
}

export function flagSpec(name: FlagName): FlagSpec {
  return FLAGS[name];
}

export function takesValue(spec: FlagSpec): boolean {
  return spec.value !== undefined || spec.choices !== undefined;
}

export function appliesTo(name: FlagName, command: CommandName): boolean {
  const { commands } = flagSpec(name);
  return commands === 'all' || commands.includes(command);
}

/** Flags of a command that the build offers, in table order. */
export function flagsOf(command: CommandName, offer: Offer = OFFERED): readonly FlagName[] {
  return (Object.keys(FLAGS) as FlagName[]).filter((name) => offer.flags.includes(name) && appliesTo(name, command));
}
