import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { COMMANDS, type CommandName, FLAGS, type FlagName, flagSpec, type Offer } from '../../src/cli/arguments';
import { gate, type Request } from '../../src/cli/gate';

/** Every command and flag of the tables, as a finished tool offers them. */
const ALL: Offer = {
  commands: Object.keys(COMMANDS) as CommandName[],
  flags: Object.keys(FLAGS) as FlagName[],
};

function usage(argv: readonly string[], offer: Offer = ALL): { message: string; hint: string; request: Request } {
  const request = gate(argv, offer);
  if (request.kind !== 'usage') throw new Error(`not refused: ${JSON.stringify(argv)} gave ${JSON.stringify(request)}`);
  return { message: request.error.message, hint: request.error.hint, request };
}

function runs(argv: readonly string[], offer: Offer = ALL): Extract<Request, { kind: 'run' }> {
  const request = gate(argv, offer);
  if (request.kind !== 'run') {
    throw new Error(`does not run: ${request.kind === 'usage' ? request.error.message : request.kind}`);
  }
  return request;
}

describe('a command line that is right', () => {
  test('no word at all is migrate, with every flag at its default', () => {
    const { command, operand, flags } = runs([]);
    expect({ command, operand }).toEqual({ command: 'migrate', operand: null });
    expect(flags).toMatchObject({ 'dry-run': false, yes: false, json: false, project: [], resume: 'auto' });
    expect(flags.from).toBeUndefined();
    expect(flags['progress-fd']).toBeUndefined();
    expect(Object.keys(flags)).toEqual(Object.keys(FLAGS));
  });

  test('flags stand before or behind the command, values behind a space or an equals sign', () => {
    for (const argv of [
      ['--from', '/old', 'migrate', '--dry-run'],
      ['migrate', '--dry-run', '--from=/old'],
      ['--dry-run', '--from=/old'],
    ]) {
      expect(runs(argv)).toMatchObject({ command: 'migrate', flags: { from: '/old', 'dry-run': true } });
    }
  });

  test('a value may hold equals signs, spaces, and begin with a dash behind an equals sign', () => {
    expect(runs(['--from=a=b c', '--config=-odd']).flags).toMatchObject({ from: 'a=b c', config: '-odd' });
    expect(runs(['--config', '-']).flags.config).toBe('-');
  });

  test('repeatable flags keep their order', () => {
    expect(runs(['--project', 'b', '--project=a', '--project', 'b']).flags.project).toEqual(['b', 'a', 'b']);
  });

  test('-y is --yes, -h is --help', () => {
    expect(runs(['-y']).flags.yes).toBe(true);
    expect(gate(['-h'], ALL).kind).toBe('help');
  });

  test('choices and numbers come typed', () => {
    expect(runs(['--resume', 'manual', '--progress-fd', '7']).flags).toMatchObject({
      resume: 'manual',
      'progress-fd': 7,
    });
  });

  test('operands of explain and completions', () => {
    expect(runs(['explain'])).toMatchObject({ command: 'explain', operand: null });
    expect(runs(['explain', 'api', '--json'])).toMatchObject({ operand: 'api', flags: { json: true } });
    expect(runs(['completions', 'fish'])).toMatchObject({ operand: 'fish' });
  });

  test('behind -- everything is a word', () => {
    expect(runs(['explain', '--', '--json'])).toMatchObject({ operand: '--json', flags: { json: false } });
    expect(runs(['--dry-run', '--'])).toMatchObject({ command: 'migrate', operand: null });
    expect(runs(['--', 'schema'])).toMatchObject({ command: 'schema' });
  });
});

describe('a command line that is wrong runs nothing', () => {
  test.each([
    // argv, part of the message, hint
    [['--dry-rum'], 'Unknown flag "--dry-rum"', 'Did you mean --dry-run?'],
    [['migrate', '--dry-rum'], 'Unknown flag "--dry-rum"', 'Did you mean --dry-run?'],
    [['--dryRun'], 'Unknown flag', 'Did you mean --dry-run?'],
    [['--dry_run'], 'Unknown flag', 'Did you mean --dry-run?'],
    [['--DRY-RUN'], 'Unknown flag', 'Did you mean --dry-run?'],
    [['--dry'], 'Unknown flag', 'Did you mean --dry-run?'],
    [['-dry-run'], 'Unknown flag "-dry-run"', 'Did you mean --dry-run?'],
    [['--jsno'], 'Unknown flag', 'Did you mean --json?'],
    [['--nobackup'], 'Unknown flag', 'Did you mean --no-backup?'],
    [['--form', '/x'], 'Unknown flag "--form"', 'Did you mean --from?'],
    [['--schema'], 'Unknown flag', 'Did you mean schema?'],
    [['--quux'], 'Unknown flag "--quux"', 'See ao-migrate migrate --help.'],
    [['-n'], 'Unknown flag "-n"', 'See ao-migrate migrate --help.'],
    [['-undefined'], 'Unknown flag "-undefined"', 'See ao-migrate migrate --help.'],
    [['-yh'], 'Unknown flag "-yh"', 'See ao-migrate migrate --help.'],
    [['--no-json'], 'Unknown flag "--no-json"', 'See ao-migrate migrate --help.'],
    [['--constructor'], 'Unknown flag', 'See ao-migrate migrate --help.'],
    [['--dry-rum=1'], 'Unknown flag "--dry-rum"', 'Did you mean --dry-run?'],
    [['migrat'], 'Unknown command "migrat"', 'Did you mean migrate?'],
    [['dry-run'], 'Unknown command "dry-run"', 'Did you mean --dry-run?'],
    [['—dry-run'], 'Unknown command "—dry-run"', 'Did you mean --dry-run?'],
    [['help'], 'Unknown command "help"', 'Did you mean --help?'],
    [['constructor'], 'Unknown command "constructor"', 'See ao-migrate --help.'],
    [['toString'], 'Unknown command', 'See ao-migrate --help.'],
    [['__proto__'], 'Unknown command', 'See ao-migrate --help.'],
    [[''], 'An argument is empty', 'See ao-migrate --help.'],
    [['-'], 'Unknown command "-"', 'See ao-migrate --help.'],
    [['--', '--dry-run'], 'Unknown command "--dry-run"', 'Did you mean --dry-run?'],
    [['migrate', '--', '--dry-run'], 'Extra argument "--dry-run"', 'Did you mean --dry-run?'],
    [['migrate', 'dry-run'], 'Extra argument "dry-run"', 'Did you mean --dry-run?'],
    [['migrate', 'now'], 'Extra argument "now"', 'See ao-migrate migrate --help.'],
    [['migrate', 'migrate'], 'Extra argument "migrate"', 'See ao-migrate migrate --help.'],
    [['explain', 'a', 'b'], 'Extra argument "b"', 'See ao-migrate explain --help.'],
    [['explain', ''], 'The PROJECT is empty', 'See ao-migrate explain --help.'],
    [['--from'], '--from needs a value', 'Write --from=DIR.'],
    [['--from', '--json'], '--from needs a value', 'Write --from=DIR.'],
    [['--from', '--'], '--from needs a value', 'Write --from=DIR.'],
    [['--from='], '--from needs a value', 'Write --from=DIR.'],
    [['--from', ''], '--from needs a value', 'Write --from=DIR.'],
    [['--project='], '--project needs a value', 'Write --project=ID.'],
    [['--resume'], '--resume needs a value', 'Write --resume=auto|manual.'],
    [['--resume=manul'], '--resume takes auto or manual, not "manul"', 'Did you mean --resume=manual?'],
    [['--resume', 'never'], '--resume takes auto or manual', 'Write --resume=auto|manual.'],
    [['--resume=constructor'], '--resume takes auto or manual', 'Write --resume=auto|manual.'],
    [['--json=true'], '--json takes no value', 'Write --json alone.'],
    [['--json='], '--json takes no value', 'Write --json alone.'],
    [['-y=1'], '-y takes no value', 'Write -y alone.'],
    [['--json', '--json'], '--json is given twice', 'See ao-migrate migrate --help.'],
    [['--yes', '-y'], '-y is given twice', 'See ao-migrate migrate --help.'],
    [['--from=a', '--from', 'a'], '--from is given twice', 'See ao-migrate migrate --help.'],
    [['schema', '--dry-run'], '--dry-run does not belong to schema', 'It belongs to migrate or rollback.'],
    [['--sql'], '--sql does not belong to migrate', 'It belongs to schema.'],
    [['--progress-fd', '1'], '--progress-fd takes a whole number from 3 on', '--progress-fd=3'],
    [['--progress-fd', '2'], '--progress-fd takes a whole number from 3 on', '--progress-fd=3'],
    [['--progress-fd=3x'], '--progress-fd takes a whole number', '--progress-fd=3'],
    [['--progress-fd=1e3'], '--progress-fd takes a whole number', '--progress-fd=3'],
    [['--progress-fd=4', '--progress-file=f'], 'exclude each other', 'Leave one of them out.'],
    [['completions'], 'completions needs a SHELL', 'See ao-migrate completions --help.'],
    [['completions', 'csh'], 'completions takes bash, zsh, fish or powershell, not "csh"', 'Did you mean zsh?'],
  ] as const)('%j', (argv, message, hint) => {
    const found = usage(argv);
    expect(found.message).toContain(message);
    expect(found.hint).toContain(hint);
  });

  test('the first mistake from the left is named', () => {
    expect(usage(['--bogus', 'nonsense']).message).toContain('--bogus');
    expect(usage(['nonsense', '--bogus']).message).toContain('nonsense');
    expect(usage(['--sql', '--bogus']).message).toContain('--sql');
  });

  test('a mistyped flag does not take the next word as its value', () => {
    expect(usage(['--form', 'schema']).request).toMatchObject({ command: 'schema' });
  });

  test('control characters and long words are shown harmless and short', () => {
    const { message } = usage([`--\u001b[2J${'x'.repeat(5000)}`]);
    expect(message).toStartWith('Unknown flag "--\\x1b[2Jxxx');
    expect(message.length).toBeLessThan(100);
  });

  test('a flag or command that this build does not offer is unknown, and is not suggested', () => {
    const offer: Offer = { commands: ['migrate'], flags: ['json', 'dry-run'] };
    expect(usage(['--strict'], offer).message).toContain('Unknown flag "--strict"');
    expect(usage(['rollback'], offer)).toMatchObject({ message: 'Unknown command "rollback".' });
    expect(usage(['rolback'], offer).hint).toBe('See ao-migrate --help.');
  });
});

describe('help and version', () => {
  test('win over running', () => {
    expect(gate(['--help'], ALL)).toMatchObject({ kind: 'help', command: null });
    expect(gate(['schema', '--help', '--json'], ALL)).toMatchObject({ kind: 'help', command: 'schema' });
    expect(gate(['--version', '--yes'], ALL).kind).toBe('version');
    expect(gate(['--version', '--help'], ALL).kind).toBe('help');
  });

  test('but not over a mistake', () => {
    expect(usage(['--dry-rum', '--help']).message).toContain('--dry-rum');
    expect(usage(['--version', 'now']).message).toContain('now');
  });

  test('and need no operand', () => {
    expect(gate(['completions', '--help'], ALL)).toMatchObject({ kind: 'help', command: 'completions' });
  });
});

describe('the form of the answer to a wrong command line', () => {
  test.each([
    [['--json', '--dry-rum'], true, 'migrate'],
    [['--dry-rum', '--json'], true, 'migrate'],
    [['--json=yes'], true, 'migrate'],
    [['--from', '--json'], true, 'migrate'],
    [['schema', '--bogus', '--json'], true, 'schema'],
    [['nonsense', '--json'], true, 'migrate'],
    [['--bogus'], false, 'migrate'],
    [['explain', 'x', 'y', '--', '--json'], false, 'explain'],
    [['--jsonx'], false, 'migrate'],
  ] as const)('%j', (argv, json, command) => {
    expect(usage(argv).request).toMatchObject({ json, command });
  });
});

describe('over all command lines', () => {
  const word = fc.oneof(
    fc.constantFrom(...Object.keys(COMMANDS), ...Object.keys(FLAGS).map((name) => `--${name}`), '-y', '--', '-', ''),
    fc.constantFrom('--from=/x', '--project=a', '--resume=auto', '--resume=x', '--json=1', '/x', 'bash'),
    fc.string(),
    fc.string().map((text) => `--${text}`),
  );

  test('it never throws, and what runs is made only of known words', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
        const request = gate(argv, ALL);
        if (request.kind !== 'run') return;
        const end = argv.indexOf('--');
        const flags = (end === -1 ? argv : argv.slice(0, end)).filter((argument, index) => {
          const before = argv[index - 1];
          const isValue = before !== undefined && /^--(from|config|data-dir|project|exclude|run|bundle)$/.test(before);
          return argument.length > 1 && argument.startsWith('-') && !isValue;
        });
        for (const flag of flags) {
          const name = flag === '-y' ? 'yes' : flag === '-h' ? 'help' : flag.slice(2).split('=')[0];
          expect(Object.keys(FLAGS)).toContain(name ?? '');
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('one wrong letter in a flag never runs', () => {
    const known = new Set(Object.keys(FLAGS).map((name) => `--${name}`));
    const flag = fc.constantFrom(...(Object.keys(FLAGS) as FlagName[]));
    fc.assert(
      fc.property(flag, fc.nat(), fc.constantFrom(...'abcxyz-'), (name, at, letter) => {
        const written = `--${name}`;
        const index = 2 + (at % name.length);
        const wrong = written.slice(0, index) + letter + written.slice(index + 1);
        if (known.has(wrong) || wrong.startsWith('---')) return;
        expect(gate([wrong], ALL).kind).toBe('usage');
        expect(gate([wrong, 'x', '--yes'], ALL).kind).toBe('usage');
        expect(flagSpec(name)).toBeDefined();
      }),
    );
  });
});
