import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { readRepository } from '../../src/repository/repository';
import { Dice, GIT, Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove(), 180_000);

type Choices = readonly [string, ...string[]];

/** `git remote get-url origin` and our answer, for a repository whose files were just written. */
function expectSameOrigin(directory: string, written: unknown): string | null {
  const { ok, out } = box.try(directory, 'remote', 'get-url', 'origin');
  const origin = ok ? out.replace(/\n$/, '') : null;
  const facts = readRepository(box.path(directory), [], { home: box.home });
  expect({ written, origin: facts.originUrl }).toEqual({ written, origin });
  return origin;
}

/** Fragments of files, each with what git makes of it left to git. Blanks inside values differ between its versions. */
const HEADERS: Choices = [
  '[remote "origin"]\n',
  '[remote "origin"]',
  '[REMOTE\t"origin"] ',
  '[remote.origin]',
  '[remote "o\\rigin"]\r\n',
  '[remote "Origin"]\n',
  '[remote "up"]\n\n',
  '[url "https://x/"]\n',
  '[url "a b\\\\c\\"d"]\n',
  '[url "git@h:"]# c\n',
  '[branch "main"]\n',
  '[core]\n',
];
const NAMES: Choices = ['url', 'url', 'url', 'URL', 'insteadOf', 'insteadof', 'pushInsteadOf', 'pushurl', 'k-1'];
const EQUALS: Choices = ['=', ' = ', '\t=\t', '= '];
const PIECES: Choices = [
  'a',
  'b',
  ' ',
  '"',
  '""',
  '" "',
  '\\"',
  '\\\\',
  '\\n',
  '\\t',
  '\\\n',
  '\\\r\n',
  '#',
  '=',
  'é',
  '/',
  ':',
  '@',
  '[',
  "'",
];
const VALUES: Choices = ['a/b', 'https://x/y', 'git@h:z/w', 'aa', '"q u"', 'x;y', 'z # c', '"open', 'a\\qb'];
const ENDS: Choices = ['\n', '\n', '\n', '\r\n', ' ; c\n', '\t# "\n', '\n\n', ' \n'];
const ODDITIES: Choices = [
  'url\n',
  'k\n',
  'k ; c\n',
  '# comment \\\n',
  '; "\n',
  '   \n',
  '\\\n',
  '1x = 2\n',
  'x_y = 1\n',
  'vcs = foo\n',
  'prune = maybe\n',
  'prune = 0x10\n',
  'merge\n',
  ']\n',
  '[a "b" ]\n',
  '[a "b"]x=1\n',
  '[a "b\n"]\n',
  '[a b]\n',
  '[\n',
  '\v\n',
  '\0',
  '\uFEFF',
];

if (GIT !== null)
  describe('random repositories, against git', () => {
    test('config syntax', () => {
      const dice = new Dice(20260722);
      const answers = new Set<string | null>();
      box.init('syntax');
      const value = () => {
        if (dice.below(3) === 0) return dice.pick(VALUES);
        return `v${Array.from({ length: dice.below(6) }, () => dice.pick(PIECES)).join('')}`;
      };
      for (let round = 0; round < 400; round += 1) {
        const text = [
          dice.below(9) === 0 ? '\uFEFF' : '',
          '[core]\n\trepositoryformatversion = 0\n[remote "origin"]\n',
        ];
        for (let at = dice.below(6); at >= 0; at -= 1) {
          if (dice.below(3) === 0) text.push(dice.pick(HEADERS));
          if (dice.below(16) === 0) text.push(dice.pick(ODDITIES));
          text.push(dice.pick(NAMES), dice.pick(EQUALS), value(), dice.pick(ENDS));
        }
        box.write('syntax/.git/config', text.join(''));
        answers.add(expectSameOrigin('syntax', text.join('')));
      }
      expect(answers.size).toBeGreaterThan(50);
    });

    test('includes', () => {
      const dice = new Dice(41);
      const answers = new Map<string | null, number>();
      const { root } = box;
      box.init('home/Work/r.x');
      box.git('home/Work/r.x', 'worktree', 'add', '-q', '-b', 'feat/one', box.path('wt/feat'));
      symlinkSync(box.path('home/Work'), box.path('home/link'));
      mkdirSync(box.path('inc'));
      const files: Choices = ['home/Work/r.x/.git/inc0', 'home/inc1', 'inc/inc2', 'wt/inc3'];
      const paths: Choices = [
        'inc0',
        '~/inc1',
        `${root}/inc/inc2`,
        '../wt/inc3',
        '~/link/../inc1',
        '/dev/null',
        'none',
      ];
      const starts: Choices = ['', '/', '~/', './', `${root}/`, '**/', 'home/', `${root}/home/link/`, '~/Work/'];
      const parts: Choices = ['**', '*', 'home', 'WORK', 'r?x', '.git', '[a-z]ork', '[[:upper:]]ork', 'r.x/', 'feat'];
      const branches: Choices = ['main', 'feat/', 'feat/*', '**', '*', 'f*', '*/one', 'MAIN'];
      const urls: Choices = ['https://h/**', 'https://h/*', 'git@h:*', '**'];
      const condition = () => {
        const pattern = () =>
          dice.pick(starts) + Array.from({ length: dice.below(4) }, () => dice.pick(parts)).join('/');
        const kind = dice.below(8);
        if (kind < 5) return `gitdir${kind < 2 ? '/i' : ''}:${pattern()}`;
        return kind < 7 ? `onbranch:${dice.pick(branches)}` : `hasconfig:remote.*.url:${dice.pick(urls)}`;
      };
      const remote = (url: string) => `[remote "${dice.pick(['origin', 'origin', 'up'])}"]\nurl = ${url}\n`;
      const body = (length: number) =>
        Array.from({ length }, (_, at) => {
          const kind = dice.below(5);
          if (kind < 3) return `[includeIf "${condition()}"]\npath = ${dice.pick(paths)}\n`;
          return kind === 3 ? `[include]\npath = ${dice.pick(paths)}\n` : remote(`https://h/a/b${at}`);
        }).join('');
      for (let round = 0; round < 100; round += 1) {
        const written: Record<string, string> = {};
        for (const file of files) {
          written[file] =
            (dice.below(4) > 0 ? remote(file) : '[url "T:"]\ninsteadOf = https://\n') + body(dice.below(2));
        }
        written['home/Work/r.x/.git/config'] = `[core]\nrepositoryformatversion = 0\n${body(1 + dice.below(4))}`;
        for (const [file, text] of Object.entries(written)) box.write(file, text);
        for (const directory of ['home/Work/r.x', 'wt/feat', 'home/link/r.x']) {
          const origin = expectSameOrigin(directory, written);
          answers.set(origin, (answers.get(origin) ?? 0) + 1);
        }
      }
      expect(answers.size).toBeGreaterThan(5);
      expect(answers.get(null)).toBeLessThan(250);
    });

    test('refs', () => {
      const dice = new Dice(7);
      let existing = 0;
      const names: Choices = ['a', 'b', 'a/b', 'é', 'f/g/h', 'sym', 'c', 'main'];
      for (let round = 0; round < 25; round += 1) {
        rmSync(box.path('refs'), { recursive: true, force: true });
        box.init('refs');
        const id = box.git('refs', 'rev-parse', 'main');
        const content = () =>
          dice.pick([
            `${id}\n`,
            `${id}\n`,
            `${id} junk\n`,
            id.toUpperCase(),
            'ref: refs/heads/main\n',
            'ref:refs/heads/a/b',
            'ref: refs/heads/sym\n',
            'ref: HEAD\n',
            'ref: refs/heads/a..b\n',
            '',
            'garbage\n',
            `${id}0\n`,
          ]);
        const packed = names.filter(() => dice.below(2) === 0).map((name) => `${id} refs/heads/${name}\n`);
        box.write('refs/.git/packed-refs', packed.join(''));
        for (let at = dice.below(6); at >= 0; at -= 1) {
          const file = `refs/.git/refs/heads/${dice.pick(names)}`;
          // Where a file stands in the way of a folder, or the other way round, it stays.
          try {
            box.write(file, content());
          } catch {
            expect(file).toMatch(/\/a(\/b)?$/);
          }
        }
        const { git, branches } = readRepository(box.path('refs'), names, { home: box.home });
        const known = names.filter(
          (name) => box.try('refs', 'show-ref', '--verify', '--quiet', `refs/heads/${name}`).ok,
        );
        existing += known.length;
        expect([git, ...branches]).toEqual(['read', ...known]);
      }
      expect(existing).toBeGreaterThan(50);
    });
  });
