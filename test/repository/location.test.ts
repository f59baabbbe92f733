import { afterAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readRepository } from '../../src/repository/repository';
import { ID, Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove(), 180_000);

describe('finding the repository (R12)', () => {
  test('a directory that is missing, relative, or a file', () => {
    box.write('file', '');
    for (const path of [box.path('missing'), '.', 'relative', '', box.path('file'), `${box.root}\0`]) {
      const facts = readRepository(path, ['main'], { home: box.home });
      expect(facts).toMatchObject({ path, exists: false, git: 'none', originUrl: null, hasMain: false, held: [] });
    }
  });

  test('no repository here or above', () => {
    mkdirSync(box.path('plain'));
    expect(box.read('plain')).toMatchObject({ exists: true, git: 'none' });
  });

  test('the folder itself, a parent, and through a link', () => {
    const directory = box.make({}, '[remote "origin"]\nurl = a');
    mkdirSync(box.path(directory, 'deep/er'), { recursive: true });
    symlinkSync(box.path(directory, 'deep'), box.path('shortcut'));
    for (const path of [directory, `${directory}/deep/er`, 'shortcut/er', `${directory}/.git`]) {
      expect(box.read(path)).toMatchObject({ path: box.path(path), git: 'read', originUrl: 'a' });
      expect(box.held(path)).toEqual([`main ${directory}`]);
    }
  });

  test('what is no repository does not hide the one above', () => {
    const directory = box.make({}, '[remote "origin"]\nurl = above');
    const inner = box.path(directory, 'inner');
    for (const break_ of [
      () => mkdirSync(join(inner, '.git')),
      () => symlinkSync('/nonexistent', join(inner, '.git')),
      () => Bun.spawnSync(['mkfifo', join(inner, '.git')]),
      () => box.write(`${directory}/inner/.git/HEAD`, 'ref: refs/heads/main\n'),
    ]) {
      mkdirSync(inner);
      break_();
      expect(box.read(`${directory}/inner`)).toMatchObject({ git: 'read', originUrl: 'above' });
      rmSync(inner, { recursive: true });
    }
  });

  test('a HEAD must look like one', () => {
    for (const [head, git] of [
      ['ref: refs/heads/main', 'read'],
      ['ref:\trefs/x', 'read'],
      [ID, 'read'],
      ['ref: main', 'none'],
      ['garbage', 'none'],
      ['', 'none'],
    ] as const) {
      const directory = box.make({ HEAD: head });
      expect(box.read(directory).git).toBe(git);
    }
  });

  test('HEAD may be a link to a branch that is not born', () => {
    const directory = box.make();
    rmSync(box.path(directory, '.git/HEAD'));
    symlinkSync('refs/heads/unborn', box.path(directory, '.git/HEAD'));
    expect(box.held(directory)).toEqual([`unborn ${directory}`]);
  });

  test('objects and refs must be there', () => {
    for (const name of ['objects', 'refs']) {
      const directory = box.make();
      rmSync(box.path(directory, '.git', name), { recursive: true });
      expect(box.read(directory).git).toBe('none');
    }
  });

  test('a .git file leads there, absolute, relative, through links and with any line end', () => {
    const target = box.make({}, '[remote "origin"]\nurl = a');
    mkdirSync(box.path('pointing'));
    mkdirSync(box.path('linked'));
    symlinkSync(box.path('linked'), box.path('pointing/link'));
    for (const to of [box.path(target, '.git'), `../${target}/.git`, `link/../${target}/.git`]) {
      for (const end of ['', '\n', '\r\n\n']) {
        box.write('pointing/.git', `gitdir: ${to}${end}`);
        expect(box.read('pointing')).toMatchObject({ git: 'read', originUrl: 'a' });
      }
    }
  });

  test('a broken .git file stops the search, as in git', () => {
    const directory = box.make({}, '[remote "origin"]\nurl = above');
    const large = `gitdir: ../.git${'\n'.repeat(1024 * 1024)}`;
    const broken = [
      large,
      '',
      'gitdir: ',
      'gitdir:x',
      'gitdir: missing',
      'gitdir: .',
      ' gitdir: ../.git',
      'gitdir: a\nb',
    ];
    for (const text of broken) {
      box.write(`${directory}/inner/.git`, text);
      expect(box.read(`${directory}/inner`)).toMatchObject({ git: 'unreadable', originUrl: null, held: [] });
    }
  });

  test('a bare repository, and a worktree of it', () => {
    cpSync(box.path(box.make({ 'worktrees/w/HEAD': 'ref: refs/heads/w' }), '.git'), box.path('bare.git'), {
      recursive: true,
    });
    box.write('bare.git/worktrees/w/commondir', '../..\n');
    box.write('bare.git/worktrees/w/gitdir', `${box.path('w')}/.git\n`);
    box.write('w/.git', `gitdir: ${box.path('bare.git/worktrees/w')}\n`);
    expect(box.held('bare.git')).toEqual(['w w']);
    box.write('bare.git/config', '[core]\nbare = true\n[remote "origin"]\nurl = a');
    expect(box.held('bare.git')).toEqual(['w w']);
    expect(box.held('w')).toEqual(['w w']);
    expect(box.read('w').originUrl).toBe('a');
  });

  test('core.worktree that is not there is an error, as in git', () => {
    expect(box.read(box.make({}, '[core]\nworktree = ../..')).git).toBe('read');
    expect(box.read(box.make({}, '[core]\nworktree = ../../missing')).git).toBe('unreadable');
  });
});
