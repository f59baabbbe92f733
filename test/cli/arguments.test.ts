import { describe, expect, test } from 'bun:test';
import {
  appliesTo,
  COMMANDS,
  type CommandName,
  commandSpec,
  DEFAULT_COMMAND,
  FLAGS,
  type FlagName,
  flagSpec,
  flagsOf,
  OFFERED,
  takesValue,
} from '../../src/cli/arguments';

const flagNames = Object.keys(FLAGS) as FlagName[];
const commandNames = Object.keys(COMMANDS) as CommandName[];

describe('the table', () => {
  test('holds every command and flag of migration.md 2', () => {
    expect(commandNames.toSorted()).toEqual(
      [
        ['completions', 'doctor', 'explain', 'migrate', 'postinstall'],
        ['rollback', 'schema', 'status', 'verify'],
      ].flat() as CommandName[],
    );
    const flags = [
      ['bundle', 'check', 'color', 'config', 'data-dir', 'dry-run', 'exclude', 'force-migrate', 'from', 'help', 'json'],
      ['no-backup', 'only-live', 'progress', 'progress-fd', 'progress-file', 'project', 'resume', 'run', 'sql'],
      ['strict', 'strip-role-snapshot', 'timing', 'verbose', 'version', 'yes'],
    ].flat();
    expect(flagNames.toSorted() as string[]).toEqual(flags);
  });

  test('is sound: defaults are choices, exclusions are mutual, shorts are single and unique', () => {
    const shorts = flagNames.flatMap((name) => flagSpec(name).short ?? []);
    expect(new Set(shorts).size).toBe(shorts.length);
    for (const name of flagNames) {
      const spec = flagSpec(name);
      expect(spec.short ?? 'x').toHaveLength(1);
      if (spec.default !== undefined) expect(spec.choices).toContain(spec.default);
      if (spec.repeatable === true) expect(takesValue(spec)).toBe(true);
      for (const other of spec.excludes ?? []) expect(flagSpec(other as FlagName).excludes).toContain(name);
    }
  });

  test('everything has a description that fits its line of help', () => {
    for (const name of commandNames) expect(commandSpec(name).description.length).toBeWithin(5, 56);
    for (const name of flagNames) expect(flagSpec(name).description.length).toBeWithin(5, 46);
  });

  test('--json, --color, --verbose, --help and --version belong to every command', () => {
    for (const command of commandNames) {
      for (const name of ['json', 'color', 'verbose', 'help', 'version'] as const) {
        expect(appliesTo(name, command)).toBe(true);
      }
    }
    expect(appliesTo('force-migrate', 'rollback')).toBe(false);
    expect(appliesTo('project', 'explain')).toBe(true);
  });
});

describe('what this build offers', () => {
  test('is in the tables, without doubles, with the default command', () => {
    expect(OFFERED.commands).toContain(DEFAULT_COMMAND);
    for (const list of [OFFERED.commands, OFFERED.flags]) expect(new Set(list as string[]).size).toBe(list.length);
  });

  test('every offered flag belongs to an offered command, and every offered command has flags', () => {
    for (const name of OFFERED.flags) expect(OFFERED.commands.some((command) => appliesTo(name, command))).toBe(true);
    for (const command of OFFERED.commands) expect(flagsOf(command)).toContain('help');
  });
});
