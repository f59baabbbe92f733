import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, symlinkSync } from 'node:fs';
import { mainCheckoutOf, worktreesOf } from '../../src/repository/checkout';
import { Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove(), 180_000);

/** Registers the worktree `path` with a git directory, by hand. */
function register(gitDir: string, id: string, path: string, commondir = '../..\n'): void {
  box.write(`${gitDir}/worktrees/${id}/HEAD`, 'ref: refs/heads/w\n');
  box.write(`${gitDir}/worktrees/${id}/commondir`, commondir);
  box.write(`${gitDir}/worktrees/${id}/gitdir`, `${box.path(path)}/.git\n`);
  box.write(`${path}/.git`, `gitdir: ${box.path(gitDir)}/worktrees/${id}\n`);
}

/** A git directory that is not named `.git`. */
function separate(gitDir: string, config = ''): void {
  mkdirSync(box.path(gitDir, 'objects'), { recursive: true });
  mkdirSync(box.path(gitDir, 'refs'), { recursive: true });
  box.write(`${gitDir}/HEAD`, 'ref: refs/heads/main\n');
  box.write(`${gitDir}/config`, config);
}

describe('the main checkout of a worktree (4.1)', () => {
  test('is the folder above the common .git', () => {
    box.fake('main');
    register('main/.git', 'w', 'w');
    register('main/.git', 'abs', 'abs', `${box.path('main/.git')}\n`);
    expect(mainCheckoutOf(box.path('w'))).toBe(box.path('main'));
    expect(mainCheckoutOf(box.path('abs'))).toBe(box.path('main'));
    box.write('w/.git', 'gitdir: ../main/.git/worktrees/w');
    expect(mainCheckoutOf(box.path('w'))).toBe(box.path('main'));
  });

  test('is the path itself where that is one, also as a link', () => {
    box.fake('itself');
    symlinkSync(box.path('itself'), box.path('alias'));
    expect(mainCheckoutOf(box.path('itself'))).toBe(box.path('itself'));
    expect(mainCheckoutOf(box.path('alias'))).toBe(box.path('alias'));
  });

  test('of a worktree that is reached through a link is the physical one', () => {
    box.fake('real');
    register('real/.git', 'w', 'wreal');
    symlinkSync(box.path('real'), box.path('linked'));
    box.write('wreal/.git', `gitdir: ${box.path('linked/.git/worktrees/w')}`);
    expect(mainCheckoutOf(box.path('wreal'))).toBe(box.path('real'));
  });

  test('of a submodule is its own folder, also from a worktree of it', () => {
    box.fake('super');
    separate('super/.git/modules/sub', '[core]\nworktree = ../../../sub\n');
    box.write('super/sub/.git', 'gitdir: ../.git/modules/sub\n');
    register('super/.git/modules/sub', 'w', 'wsub');
    expect(mainCheckoutOf(box.path('super/sub'))).toBe(box.path('super/sub'));
    expect(mainCheckoutOf(box.path('wsub'))).toBe(box.path('super/sub'));
  });

  test('of a separate git directory is known only from the checkout', () => {
    separate('apart.git');
    box.write('apart/.git', `gitdir: ${box.path('apart.git')}\n`);
    register('apart.git', 'w', 'wapart');
    expect(mainCheckoutOf(box.path('apart'))).toBe(box.path('apart'));
    expect(mainCheckoutOf(box.path('wapart'))).toBeNull();
  });

  test('does not exist for a bare repository', () => {
    separate('bare.git', '[core]\nbare = true\n');
    register('bare.git', 'w', 'wbare');
    expect(mainCheckoutOf(box.path('wbare'))).toBeNull();
    expect(mainCheckoutOf(box.path('bare.git'))).toBeNull();
    box.fake('hidden', '[core]\nbare = true\n');
    register('hidden/.git', 'w', 'whidden');
    expect(mainCheckoutOf(box.path('whidden'))).toBeNull();
    expect(mainCheckoutOf(box.path('hidden'))).toBeNull();
    box.fake('moved', '[extensions]\nworktreeConfig = true\n');
    box.write('moved/.git/config.worktree', '[core]\nbare = true\n');
    register('moved/.git', 'w', 'wmoved');
    expect(mainCheckoutOf(box.path('wmoved'))).toBeNull();
  });

  test('is null where nothing says so', () => {
    box.fake('repo');
    mkdirSync(box.path('repo/below'));
    mkdirSync(box.path('plain'));
    box.write('lost/.git', `gitdir: ${box.path('gone/.git/worktrees/w')}\n`);
    for (const path of ['repo/below', 'plain', 'missing', 'lost', 'lost/.git']) {
      expect(mainCheckoutOf(box.path(path))).toBeNull();
    }
    expect(mainCheckoutOf('.')).toBeNull();
    expect(mainCheckoutOf('')).toBeNull();
  });

  test('is where core.worktree says', () => {
    mkdirSync(box.path('files'));
    box.fake('apart-files', '[core]\nworktree = ../../files\n');
    register('apart-files/.git', 'w', 'wfiles');
    expect(mainCheckoutOf(box.path('apart-files'))).toBe(box.path('files'));
    expect(mainCheckoutOf(box.path('wfiles'))).toBe(box.path('files'));
  });

  test('is null where core.worktree leads nowhere', () => {
    box.fake('astray', '[core]\nworktree = /nonexistent/x\n');
    register('astray/.git', 'w', 'wastray');
    expect(mainCheckoutOf(box.path('wastray'))).toBeNull();
  });
});

test('the worktrees that a checkout registers, there or gone', () => {
  box.fake('owner');
  register('owner/.git', 'b', 'there');
  box.write('owner/.git/worktrees/a/gitdir', '/srv/gone/.git\n');
  box.write('owner/.git/worktrees/c/HEAD', 'ref: refs/heads/x\n');
  expect(worktreesOf(box.path('owner'))).toEqual(['/srv/gone', box.path('there')]);
  expect(worktreesOf(box.path('there'))).toEqual(['/srv/gone', box.path('there')]);
  expect(worktreesOf(box.path('missing'))).toEqual([]);
});
