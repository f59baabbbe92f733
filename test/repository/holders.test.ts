import { afterAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { ID, Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove(), 180_000);

describe('what holds a branch (6.4)', () => {
  /** A registered worktree `w` whose HEAD is detached, with `files` in its administrative folder. */
  const worktree = (files: Readonly<Record<string, string>>, gitdir = `${box.path('nowhere')}/.git\n`) =>
    box.make({
      'worktrees/w/gitdir': gitdir,
      'worktrees/w/HEAD': `${ID}\n`,
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`worktrees/w/${name}`, text])),
    });
  const heldByWorktree = (directory: string) => box.held(directory).filter((line) => !line.endsWith(` ${directory}`));

  test('HEAD of the main checkout and of worktrees, there or gone, in fixed order', () => {
    mkdirSync(box.path('present'));
    const directory = box.make({
      'worktrees/b/gitdir': `${box.path('present')}/.git\n`,
      'worktrees/b/HEAD': 'ref: refs/heads/two\n',
      'worktrees/a/gitdir': `${box.path('absent')}/.git\n`,
      'worktrees/a/HEAD': 'ref: refs/heads/ao/x-orchestrator\n',
    });
    expect(box.read(directory).held).toEqual([
      { branch: 'main', by: box.path(directory), directoryExists: true },
      { branch: 'ao/x-orchestrator', by: box.path('absent'), directoryExists: false },
      { branch: 'two', by: box.path('present'), directoryExists: true },
    ]);
  });

  test('the path of a worktree as the repository names it', () => {
    const head = { HEAD: 'ref: refs/heads/w' };
    expect(heldByWorktree(worktree(head, '/srv/w/.git'))).toEqual(['w /srv/w']);
    expect(heldByWorktree(worktree(head, '/srv/w\n'))).toEqual(['w /srv/w']);
    expect(heldByWorktree(worktree(head, '../../../../relative/.git\n'))).toEqual(['w relative']);
    expect(heldByWorktree(worktree(head, ''))).toEqual([]);
    expect(heldByWorktree(box.make({ 'worktrees/w/HEAD': 'ref: refs/heads/w' }))).toEqual([]);
    expect(heldByWorktree(box.make({ 'worktrees/stray': 'x' }))).toEqual([]);
  });

  test('HEAD in every form', () => {
    for (const [head, branches] of [
      ['ref: refs/heads/a/b\n', ['a/b nowhere']],
      ['ref:  refs/heads/ünï \n\n', ['ünï nowhere']],
      ['ref: refs/remotes/origin/a\n', []],
      ['ref: refs/heads/a b\n', []],
      ['ref: refs/heads/../x\n', []],
      ['', []],
      [ID, []],
    ] as const) {
      expect(heldByWorktree(worktree({ HEAD: head }))).toEqual([...branches]);
    }
  });

  test('HEAD at a branch that is not there, or cannot be', () => {
    const directory = worktree({ HEAD: 'ref: refs/heads/a/b' });
    expect(heldByWorktree(directory)).toEqual(['a/b nowhere']);
    box.write(`${directory}/.git/refs/heads/a`, ID);
    expect(heldByWorktree(directory)).toEqual(['a/b nowhere']);
  });

  test('HEAD through a symbolic branch, and as a link', () => {
    const directory = worktree({ HEAD: 'ref: refs/heads/alias' });
    box.write(`${directory}/.git/refs/heads/alias`, 'ref: refs/heads/real');
    expect(heldByWorktree(directory)).toEqual(['real nowhere']);
    rmSync(box.path(directory, '.git/worktrees/w/HEAD'));
    symlinkSync('refs/heads/old', box.path(directory, '.git/worktrees/w/HEAD'));
    expect(heldByWorktree(directory)).toEqual(['old nowhere']);
    box.write(`${directory}/.git/refs/heads/alias`, 'ref: refs/heads/alias');
    box.write(`${directory}/.git/worktrees/w2/HEAD`, 'ref: refs/heads/alias');
    box.write(`${directory}/.git/worktrees/w2/gitdir`, '/w2/.git');
    expect(heldByWorktree(directory)).toEqual(['old nowhere']);
  });

  test('an interrupted rebase or bisect, in a worktree and in the main checkout', () => {
    for (const [file, text, branches] of [
      ['rebase-merge/head-name', 'refs/heads/a/b\n', ['a/b']],
      ['rebase-apply/head-name', 'refs/heads/a/b\n', ['a/b']],
      ['rebase-merge/head-name', 'a', ['a']],
      ['rebase-merge/head-name', 'detached HEAD\n', []],
      ['rebase-merge/head-name', 'refs/tags/a\n', []],
      ['rebase-merge/head-name', `${ID}\n`, []],
      ['rebase-merge/head-name', '', []],
      ['rebase-apply/applying', '', []],
      ['BISECT_START', 'a\n', []],
    ] as const) {
      expect(heldByWorktree(worktree({ [file]: text }))).toEqual(branches.map((name) => `${name} nowhere`));
      const main = box.make({ HEAD: ID, [file]: text });
      expect(box.held(main)).toEqual(branches.map((name) => `${name} ${main}`));
    }
    const bisect = { BISECT_START: 'a/b\n', BISECT_LOG: '' };
    expect(heldByWorktree(worktree(bisect))).toEqual(['a/b nowhere']);
    const main = box.make({ HEAD: ID, ...bisect });
    expect(box.held(main)).toEqual([`a/b ${main}`]);
  });

  test('the main checkout of a separate git directory lies where its .git file does', () => {
    const directory = box.make();
    cpSync(box.path(directory, '.git'), box.path('separate.git'), { recursive: true });
    box.write('checkout/.git', `gitdir: ${box.path('separate.git')}\n`);
    expect(box.held('checkout')).toEqual(['main checkout']);
  });

  test('a core.worktree of a worktree is not that of the main checkout', () => {
    const directory = box.make({ 'worktrees/w/config.worktree': '[core]\nworktree = /srv/other' });
    box.write(`${directory}/.git/config`, '[extensions]\nworktreeConfig = true');
    box.write(`${directory}/.git/worktrees/w/HEAD`, ID);
    box.write(`${directory}/.git/worktrees/w/commondir`, '../..');
    box.write(`${directory}-w/.git`, `gitdir: ${box.path(directory)}/.git/worktrees/w`);
    expect(box.held(`${directory}-w`)).toEqual([`main ${directory}`]);
  });

  test('the main checkout of a submodule lies where core.worktree says', () => {
    const directory = box.make();
    mkdirSync(box.path(directory, 'sub'));
    box.fake(`${directory}/made`, '[core]\nworktree = ../../../sub');
    cpSync(box.path(directory, 'made/.git'), box.path(directory, '.git/modules/sub'), { recursive: true });
    box.write(`${directory}/sub/.git`, 'gitdir: ../.git/modules/sub\n');
    expect(box.held(`${directory}/sub`)).toEqual([`main ${directory}/sub`]);
  });
});
