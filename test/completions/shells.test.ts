import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  COMMANDS,
  type CommandName,
  commandSpec,
  FLAGS,
  type FlagName,
  flagSpec,
  flagsOf,
  OFFERED,
  type Offer,
} from '../../src/cli/arguments';
import { completions } from '../../src/cli/completions';
import { emptyHome, type Home } from '../support/home';
import { inTerminal, TMUX } from '../support/tmux';

const ALL: Offer = { commands: Object.keys(COMMANDS) as CommandName[], flags: Object.keys(FLAGS) as FlagName[] };
const TOOL = { version: '0', sourceCommit: null, sqliteVersion: null };
const SHELLS = COMMANDS.completions.operand.choices;
const script = (shell: string, offer: Offer = OFFERED): string => completions(shell, false, TOOL, offer).stdout;

let home: Home;
beforeAll(() => {
  home = emptyHome();
  mkdirSync(join(home.path, 'bin'));
  for (const folder of ['one dir', 'two']) mkdirSync(join(home.path, folder));
  writeFileSync(join(home.path, 'one file'), '');
  // What is completed need not do anything.
  writeFileSync(join(home.path, 'bin', 'ao-migrate'), '#!/bin/sh\n');
  chmodSync(join(home.path, 'bin', 'ao-migrate'), 0o755);
  for (const shell of SHELLS) writeFileSync(join(home.path, `completion.${shell}`), script(shell));
});
afterAll(() => home.remove());

/** What is offered for a command line, whose last word is the one that is being written. */
const LINES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['ao-migrate ro', ['rollback']],
  ['ao-migrate --dry', ['--dry-run']],
  ['ao-migrate --resume ', ['auto', 'manual']],
  ['ao-migrate completions ', [...SHELLS]],
  ['ao-migrate --from two sta', ['status']],
  ['ao-migrate rollback --dry', ['--dry-run']],
  ['ao-migrate status --dry', []],
  ['ao-migrate status --che', ['--check']],
  ['ao-migrate --color=n', ['never']],
  ['ao-migrate --from ', ['bin', 'one dir', 'two']],
  ['ao-migrate completions bash --j', ['--json']],
];

test.each([...SHELLS])(
  '%s: every command and every flag of the table is in the script, with its description',
  (shell) => {
    const text = script(shell, ALL)
      .replace(/\\([:[\]'])/g, '$1')
      .replaceAll("'''", "'")
      .replaceAll("''", "'");
    for (const name of ALL.commands) {
      expect(text).toContain(name);
      if (shell !== 'bash') expect(text).toContain(commandSpec(name).description.replaceAll("''", "'"));
    }
    for (const name of ALL.flags) {
      expect(text).toContain(shell === 'fish' ? `-l ${name}` : `--${name}`);
      if (shell !== 'bash') expect(text.replaceAll("'", '')).toContain(flagSpec(name).description.replaceAll("'", ''));
      for (const choice of flagSpec(name).choices ?? []) expect(text).toContain(choice);
    }
    const offered = script(shell, { commands: ['status'], flags: ['json'] });
    expect(offered).not.toContain('rollback');
    expect(offered).not.toContain('dry-run');
  },
);

test('only flags of the command are offered for it', () => {
  const bash = script('bash', ALL);
  for (const name of ALL.commands) {
    const line = bash.split('\n').findIndex((each) => each.startsWith(`    ${name})`));
    const part =
      bash
        .split('\n')
        .slice(line, line + 4)
        .join('\n')
        .split(';;')[0] ?? '';
    const words = part.match(/--[a-z-]+/g) ?? [];
    expect([...new Set(words)].sort()).toEqual(
      flagsOf(name, ALL)
        .map((flag) => `--${flag}`)
        .sort(),
    );
  }
});

describe.skipIf(Bun.which('bash') === null)('bash', () => {
  test.each(LINES.map(([line, offered]) => ({ line, offered })))('$line', ({ line, offered }) => {
    // bash takes words apart at an equals sign before the function sees them.
    const words = line
      .split(' ')
      .flatMap((word) => word.split(/(=)/))
      .filter((word, index) => word !== '' || index > 0);
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const lines = [
      `source "$HOME/completion.bash"`,
      `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}`,
      `_ao_migrate; for each in "\${COMPREPLY[@]}"; do echo "$each"; done`,
    ];
    const done = Bun.spawnSync(['bash', '--norc', '-c', lines.join('\n')], {
      cwd: home.path,
      env: { HOME: home.path, PATH: process.env.PATH },
    });
    expect(done.stderr.toString()).toBe('');
    expect(
      done.stdout
        .toString()
        .split('\n')
        .filter((each) => each !== '')
        .sort(),
    ).toEqual([...offered].sort());
  });

  test('is loaded by eval, as the script says', () => {
    const command = 'eval "$(cat "$HOME/completion.bash")"; complete -p ao-migrate';
    const done = Bun.spawnSync(['bash', '--norc', '-c', command], { env: { HOME: home.path, PATH: process.env.PATH } });
    expect(done.stdout.toString()).toContain('_ao_migrate ao-migrate');
  });
});

describe.skipIf(Bun.which('fish') === null)('fish', () => {
  test.each(LINES.map(([line, offered]) => ({ line, offered })))('$line', ({ line, offered }) => {
    const command = `source $HOME/completion.fish; complete -C '${line}'`;
    const done = Bun.spawnSync(['fish', '--no-config', '-c', command], {
      cwd: home.path,
      env: { HOME: home.path, PATH: `${join(home.path, 'bin')}:${process.env.PATH}` },
    });
    expect(done.stderr.toString()).toBe('');
    const words = done.stdout
      .toString()
      .split('\n')
      .flatMap((each) => (each === '' ? [] : [each.split('\t')[0] ?? '']));
    // fish gives folders their slash, and words behind an equals sign whole.
    const plain = words.map((word) => word.replace(/\/$/, '').replace(/^--[a-z-]+=/, ''));
    expect(plain.sort()).toEqual([...offered].sort());
  });
});

describe.skipIf(Bun.which('zsh') === null || TMUX === null)('zsh', () => {
  test('in a terminal: a tab completes command, flag, value and shell', async () => {
    const setup = 'autoload -Uz compinit && compinit -u -D; source ~/completion.zsh; PS1="> "; cd ~; clear';
    writeFileSync(join(home.path, '.zshrc'), `${setup}\n`);
    const env = { PATH: `${join(home.path, 'bin')}:${process.env.PATH}` };
    const typed = async (line: string): Promise<string> => {
      const keys = [...line].map((key) => (key === ' ' ? 'Space' : key));
      const answers = [
        { when: '>', keys: [...keys, 'Tab'] },
        { when: line, keys: ['C-a', '#', 'Space', 'C-e', 'Space', 'E', 'N', 'D'] },
      ];
      const shown = await inTerminal(['zsh', '-i'], home, { env, answers, until: 'END' });
      return shown.screen;
    };
    const [command, flag, value, shell, choices] = await Promise.all([
      typed('ao-migrate roll'),
      typed('ao-migrate rollback --dry'),
      typed('ao-migrate --resume=man'),
      typed('ao-migrate completions po'),
      typed('ao-migrate verify --color='),
    ]);
    expect(command).toContain('ao-migrate rollback');
    expect(flag).toContain('ao-migrate rollback --dry-run');
    expect(value).toContain('--resume=manual');
    expect(shell).toContain('completions powershell');
    expect(choices).toMatch(/always +auto +never/);
  }, 180_000);

  test('the script is sound', () => {
    const done = Bun.spawnSync(['zsh', '-n', join(home.path, 'completion.zsh')]);
    expect(done.stderr.toString()).toBe('');
  });
});
