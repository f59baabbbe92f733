import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, symlinkSync } from 'node:fs';
import { readRepository } from '../../src/repository/repository';
import { processorTime } from '../support/processor-time';
import { Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove(), 180_000);
/** The origin of a fresh repository with the config given; `files` are written beside it, below `.git`. */
function origin(config: string, files: Readonly<Record<string, string>> = {}): string | null {
  return box.read(box.make(files, config)).originUrl;
}

const ORIGIN = '[remote "origin"]\n';

describe('origin', () => {
  const cases: readonly (readonly [what: string, config: string, url: string | null])[] = [
    ['is the URL of the remote', `${ORIGIN}url = https://h/r.git`, 'https://h/r.git'],
    ['keeps credentials for the caller to drop', `${ORIGIN}url = https://u:p@h/r`, 'https://u:p@h/r'],
    ['is the first of several', `${ORIGIN}url = a\nurl = b\n${ORIGIN}url = c`, 'a'],
    ['is the first even if that is empty', `${ORIGIN}url =\nurl = b`, ''],
    ['is not that of another remote', '[remote "upstream"]\nurl = a', null],
    ['is not that of a remote in other case', '[remote "Origin"]\nurl = a', null],
    ['is the name of a remote without URL', `${ORIGIN}fetch = +refs/heads/*:refs/remotes/origin/*`, 'origin'],
    ['does not exist without a remote', '[core]\nbare = false', null],
    ['is not a push URL', `${ORIGIN}pushurl = a\nurl = b`, 'b'],
    ['fails for a foreign helper without URL', `${ORIGIN}vcs = hg`, null],
    ['fails where a URL has no value', `${ORIGIN}url\nurl = a`, null],
    ['fails where the URL of another remote has no value', `${ORIGIN}url = a\n[remote "x"]\nurl`, null],
    ['fails where a boolean of a remote is none', `${ORIGIN}url = a\n[remote "x"]\nprune = perhaps`, null],
    ['passes over a remote whose name is a path', `${ORIGIN}url = a\n[remote "/x"]\nurl`, 'a'],
    ['fails where a branch has no name', `${ORIGIN}url = a\n[branch ""]\nmerge = b`, null],
    ['fails where the syntax is broken', `${ORIGIN}url = a\n[broken`, null],
    ['fails for a format that is not known', `${ORIGIN}url = a\n[core]\nrepositoryformatversion = 2`, null],
    [
      'fails for an extension that is not known',
      `${ORIGIN}url = a\n[core]\nrepositoryformatversion = 1\n[extensions]\nnew = 1`,
      null,
    ],
    ['is rewritten', `${ORIGIN}url = gh:o/r\n[url "https://github.com/"]\ninsteadOf = gh:`, 'https://github.com/o/r'],
    [
      'is rewritten by the longest beginning, among equals the first',
      `${ORIGIN}url = gh:o/r\n[url "A"]\ninsteadOf = g\n[url "B"]\ninsteadOf = gh:\n[url "C"]\ninsteadOf = gh:`,
      'Bo/r',
    ],
    ['is rewritten once', `${ORIGIN}url = a\n[url "b"]\ninsteadOf = a\n[url "c"]\ninsteadOf = b`, 'b'],
    ['is not rewritten as for a push', `${ORIGIN}url = a\n[url "b"]\npushInsteadOf = a`, 'a'],
    ['is rewritten by an empty beginning', `${ORIGIN}url = a\n[url "b"]\ninsteadOf =`, 'ba'],
  ];
  for (const [what, config, url] of cases) {
    test(what, () => expect(origin(config)).toBe(url));
  }

  test('comes from remotes/ and branches/ where config has no URL', () => {
    expect(origin('', { 'remotes/origin': 'Push: x\nURL:  a \nURL: b\n' })).toBe('a');
    expect(origin('', { 'branches/origin': ' a#main\nb\n' })).toBe('a');
    expect(origin('', { 'remotes/origin': 'Push: x\n' })).toBe('origin');
    expect(origin('', { 'remotes/origin': '', 'branches/origin': 'b\n' })).toBe('b');
    expect(origin('', { 'branches/origin': '\n' })).toBeNull();
    expect(origin(`${ORIGIN}url = c`, { 'remotes/origin': 'URL: a\n' })).toBe('c');
    expect(origin('[url "x:"]\ninsteadOf = a', { 'remotes/origin': 'URL: ab\n' })).toBe('x:b');
  });

  test('comes from config.worktree only where that counts', () => {
    const files = { 'config.worktree': `${ORIGIN}url = own` };
    expect(origin('[extensions]\nworktreeConfig = true', files)).toBe('own');
    expect(origin('[extensions]\nworktreeConfig = false', files)).toBeNull();
    expect(origin('', files)).toBeNull();
  });
});

describe('includes', () => {
  const inc = { inc: `${ORIGIN}url = included` };

  test('stand where they are written, relative to their file', () => {
    expect(origin('[include]\npath = inc', inc)).toBe('included');
    expect(origin(`[include]\npath = inc\n${ORIGIN}url = later`, inc)).toBe('included');
    expect(origin(`${ORIGIN}url = first\n[include]\npath = inc`, inc)).toBe('first');
    expect(origin('[include]\npath = sub/a', { 'sub/a': '[include]\npath = ../inc', ...inc })).toBe('included');
    expect(origin(`[include]\npath = ${box.path('r1')}/../home/inc`)).toBeNull();
  });

  test('may start at the home directory', () => {
    box.write('home/inc', `${ORIGIN}url = from-home`);
    expect(origin('[include]\npath = ~/inc')).toBe('from-home');
    box.fake('homeless', `${ORIGIN}url = a\n[include]\npath = ~/inc`);
    expect(readRepository(box.path('homeless'), [], { home: null }).originUrl).toBeNull();
    expect(origin(`${ORIGIN}url = a\n[include]\npath = ~nobody-at-all/inc`)).toBeNull();
  });

  test('of a missing file, of /dev/null and with another key are nothing', () => {
    expect(origin(`[include]\npath = missing\n${ORIGIN}url = a`)).toBe('a');
    expect(origin(`[include]\npath = /dev/null\n${ORIGIN}url = a`)).toBe('a');
    expect(origin(`[include]\nfile\n[include "x"]\npath\n${ORIGIN}url = a`)).toBe('a');
  });

  test('fail without a path, for a directory, for a broken file, in a circle and above ten levels', () => {
    expect(origin(`${ORIGIN}url = a\n[include]\npath`)).toBeNull();
    expect(origin(`${ORIGIN}url = a\n[include]\npath = objects`)).toBeNull();
    expect(origin(`${ORIGIN}url = a\n[include]\npath = inc`, { inc: '[broken' })).toBeNull();
    expect(origin(`${ORIGIN}url = a\n[include]\npath = config`)).toBeNull();
    const chain = (length: number) =>
      Object.fromEntries(
        Array.from({ length }, (_, at) => [
          `inc${at}`,
          at === length - 1 ? `${ORIGIN}url = deep` : `[include]\npath = inc${at + 1}`,
        ]),
      );
    expect(origin('[include]\npath = inc0', chain(10))).toBe('deep');
    expect(origin('[include]\npath = inc0', chain(11))).toBeNull();
  });

  test('that multiply end at a limit', () => {
    const files = Object.fromEntries(
      Array.from({ length: 9 }, (_, at) => [`inc${at}`, `[include]\n${`path = inc${at + 1}\n`.repeat(100)}`]),
    );
    const started = processorTime();
    expect(origin(`${ORIGIN}url = a\n[include]\npath = inc0`, files)).toBeNull();
    expect(processorTime() - started).toBeLessThan(3000);
  });
});

describe('conditional includes', () => {
  const inc = { inc: `${ORIGIN}url = yes` };
  const when = (condition: string, head = 'ref: refs/heads/main\n') =>
    origin(`[includeIf "${condition}"]\npath = inc`, { ...inc, HEAD: head });

  test('gitdir: compares the git directory', () => {
    expect(when('gitdir:**')).toBe('yes');
    expect(when(`gitdir:${box.root}/`)).toBe('yes');
    expect(when(`gitdir:${box.root}`)).toBeNull();
    expect(when('gitdir:.git')).toBe('yes');
    expect(when('gitdir:git')).toBeNull();
    expect(when(`gitdir:${box.root}/*/.git`)).toBe('yes');
    expect(when('gitdir:.GIT')).toBeNull();
    expect(when('gitdir/i:.GIT')).toBe('yes');
  });

  test('gitdir:./ means the folder of the config file that says so', () => {
    box.fake('own', '[include]\npath = ../rules');
    box.write('own/rules', '[includeIf "gitdir:./.git"]\npath = .git/inc');
    box.write('own/.git/inc', inc.inc);
    expect(readRepository(box.path('own'), [], { home: box.home }).originUrl).toBe('yes');
    box.write('own/rules', '[includeIf "gitdir:./own/"]\npath = .git/inc');
    expect(readRepository(box.path('own'), [], { home: box.home }).originUrl).toBeNull();
    expect(when('gitdir:./')).toBeNull();
  });

  test('gitdir:~/ means the physical home', () => {
    box.fake('home/in', '[includeIf "gitdir:~/"]\npath = inc');
    box.write('home/in/.git/inc', inc.inc);
    symlinkSync(box.home, box.path('other-home'));
    expect(readRepository(box.path('home/in'), [], { home: box.home }).originUrl).toBe('yes');
    expect(readRepository(box.path('home/in'), [], { home: box.path('other-home') }).originUrl).toBe('yes');
    expect(readRepository(box.path('home/in'), [], { home: null }).originUrl).toBeNull();
    expect(when('gitdir:~/')).toBeNull();
  });

  test('gitdir: compares the path of a linked .git as well', () => {
    box.fake('elsewhere', '');
    mkdirSync(box.path('linking'));
    symlinkSync(box.path('elsewhere/.git'), box.path('linking/.git'));
    box.write('elsewhere/.git/config', `[includeIf "gitdir:${box.root}/linking/"]\npath = inc`);
    box.write('elsewhere/.git/inc', inc.inc);
    expect(readRepository(box.path('linking'), [], { home: box.home }).originUrl).toBe('yes');
    expect(readRepository(box.path('elsewhere'), [], { home: box.home }).originUrl).toBeNull();
  });

  test('onbranch: compares the branch, born or not', () => {
    expect(when('onbranch:main')).toBe('yes');
    expect(when('onbranch:ma*')).toBe('yes');
    expect(when('onbranch:other')).toBeNull();
    expect(when('onbranch:feat/', 'ref: refs/heads/feat/a/b\n')).toBe('yes');
    expect(when('onbranch:feat/*', 'ref: refs/heads/feat/a/b\n')).toBeNull();
    expect(when('onbranch:**', `${'a'.repeat(40)}\n`)).toBeNull();
  });

  test('hasconfig: looks for a remote with such a URL, wherever it stands', () => {
    const config = '[includeIf "hasconfig:remote.*.url:https://h/**"]\npath = inc\n[remote "x"]\nurl = https://h/a/b';
    expect(origin(config, { inc: '[url "T:"]\ninsteadOf = https://h/' })).toBeNull();
    expect(origin(`${config}\n${ORIGIN}url = https://h/c`, { inc: '[url "T:"]\ninsteadOf = https://h/' })).toBe('T:c');
    expect(
      origin(`${ORIGIN}url = git@h:c\n[includeIf "hasconfig:remote.*.url:https://**"]\npath = inc`, {
        inc: '[url "T:"]\ninsteadOf = git@',
      }),
    ).toBe('git@h:c');
  });

  test('hasconfig: fails where what it includes names a remote URL', () => {
    expect(origin(`${ORIGIN}url = a\n[includeIf "hasconfig:remote.*.url:b"]\npath = inc`, inc)).toBeNull();
  });

  test('an unknown condition and a key other than path are nothing', () => {
    expect(when('foo:bar')).toBeNull();
    expect(when('GITDIR:**')).toBeNull();
    expect(origin(`[includeIf "gitdir:**"]\nfile\n[includeIf]\npath\n${ORIGIN}url = a`)).toBe('a');
  });
});
