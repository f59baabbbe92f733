import { describe, expect, test } from 'bun:test';
import {
  COMMANDS,
  type CommandName,
  FLAGS,
  type FlagName,
  flagsOf,
  OFFERED,
  type Offer,
} from '../../src/cli/arguments';
import { definitions, usage } from '../../src/cli/commands';
import { terminalOf } from '../../src/report/terminal';

const ALL: Offer = { commands: Object.keys(COMMANDS) as CommandName[], flags: Object.keys(FLAGS) as FlagName[] };
const terminal = (columns: number, color: 'always' | 'never' = 'never') =>
  terminalOf({ env: {}, platform: 'linux', isTTY: false, columns, color });

describe('help', () => {
  test('of the tool', async () => expect(await usage(null, terminal(80))).toMatchSnapshot());
  test.each(OFFERED.commands.map((name) => [name]))('of %s', async (name) =>
    expect(await usage(name, terminal(80))).toMatchSnapshot(),
  );
  test('at 40 columns', async () => expect(await usage(null, terminal(40))).toMatchSnapshot());
  test('of a command with a required operand', async () =>
    expect(await usage('completions', terminal(80), ALL)).toMatchSnapshot());

  test('no line is wider than the terminal, for any command, and all offered flags are in it', async () => {
    for (const columns of [80, 40]) {
      for (const command of [null, ...ALL.commands]) {
        const text = await usage(command, terminal(columns), ALL);
        for (const line of text.split('\n')) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
        for (const flag of flagsOf(command ?? 'migrate', ALL)) expect(text).toContain(`--${flag}`);
      }
    }
  });

  test('lists only what is offered', async () => {
    const text = await usage(null, terminal(80), { commands: ['migrate'], flags: ['help'] });
    expect(text).not.toContain('schema');
    expect(text).not.toContain('--json');
  });

  test('colour only where the terminal has it, whatever citty thinks of the process', async () => {
    expect(await usage(null, terminal(80))).not.toContain('\u001b');
    const colored = await usage(null, terminal(80, 'always'));
    expect(colored).toContain('\u001b[1mOPTIONS\u001b[22m');
    expect(Bun.stripANSI(colored)).toBe(await usage(null, terminal(80)));
  });

  test('citty colours by the process: they are taken out', async () => {
    const child = Bun.spawnSync(
      [
        process.execPath,
        '-e',
        `import { usage } from './src/cli/commands';
         import { terminalOf } from './src/report/terminal';
         const t = terminalOf({ env: {}, platform: 'linux', isTTY: true, columns: 80, color: 'never' });
         process.stdout.write(await usage(null, t));`,
      ],
      { cwd: `${import.meta.dir}/../..`, env: { PATH: process.env.PATH, TERM: 'xterm' } },
    );
    expect(child.stdout.toString()).toBe(await usage(null, terminal(80)));
  });
});

test('the definitions cannot run anything: only the gate decides', () => {
  const root = definitions(ALL);
  expect(root.run).toBeUndefined();
  expect(Object.keys(root.subCommands ?? {})).toEqual(Object.keys(COMMANDS));
});
