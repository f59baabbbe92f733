import { afterAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { mainCheckoutOf, worktreesOf } from '../../src/repository/checkout';
import { readRepository } from '../../src/repository/repository';
import { GIT, Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove(), 180_000);

/** What git says, by its own commands, of what `readRepository` answers. `branches` are all that it knows. */
function asGitSaysIt(directory: string) {
  const list = box.git(directory, 'for-each-ref', '--format=%(refname)').split('\n');
  const branches = list.filter((ref) => ref.startsWith('refs/heads/')).map((ref) => ref.slice('refs/heads/'.length));
  const url = box.try(directory, 'remote', 'get-url', 'origin');
  return {
    originUrl: url.ok ? url.out.replace(/\n$/, '') : null,
    hasMain: list.includes('refs/heads/main') || list.includes('refs/remotes/origin/main'),
    branches,
    refused: branches.filter((branch) => isRefused(directory, branch)),
  };
}

/** Whether `git worktree add` refuses the branch because something has it; what it made otherwise is removed. */
function isRefused(directory: string, branch: string): boolean {
  const { ok, out } = box.try(directory, 'worktree', 'add', '--no-checkout', box.path('probe'), branch);
  if (ok) {
    box.git(directory, 'worktree', 'remove', '--force', box.path('probe'));
    return false;
  }
  expect(out).toMatch(/already (?:checked out|used by worktree)/);
  return true;
}

/** Both answers must be one. Names that git does not know are asked for as well. */
function expectAgreement(directory: string): void {
  const git = asGitSaysIt(directory);
  const facts = readRepository(box.path(directory), [...git.branches, 'not-there', 'not/there'], { home: box.home });
  const held = new Set(facts.held.map(({ branch }) => branch));
  expect({
    git: facts.git,
    originUrl: facts.originUrl,
    hasMain: facts.hasMain,
    branches: [...facts.branches],
    refused: git.branches.filter((branch) => held.has(branch)),
  }).toEqual({ git: 'read', ...git });
}

/** A repository with branches, of which `conflict` cannot be rebased onto `main` without help. */
function make(directory: string): void {
  box.init(directory, '--template=');
  box.write(`${directory}/file`, 'one');
  box.git(directory, 'add', 'file');
  box.git(directory, 'commit', '-q', '-m', 'one');
  box.git(directory, 'branch', 'conflict');
  box.write(`${directory}/file`, 'two');
  box.git(directory, 'commit', '-q', '-am', 'two');
  for (const branch of ['free', 'feat/a', 'grün/日本', 'ao/x-orchestrator']) box.git(directory, 'branch', branch);
  box.git(directory, 'remote', 'add', 'origin', 'https://user:token@example.com/o/r.git');
}

/** Starts something in the worktree that git cannot finish alone. */
function interrupt(directory: string, how: 'merge' | 'apply' | 'bisect'): void {
  if (how === 'bisect') {
    box.git(directory, 'bisect', 'start');
    box.git(directory, 'bisect', 'bad');
    box.git(directory, 'bisect', 'good', 'HEAD~1');
    return;
  }
  box.write(`${directory}/file`, 'three');
  box.git(directory, 'commit', '-q', '-am', 'three');
  expect(box.try(directory, 'rebase', how === 'merge' ? '--merge' : '--apply', 'main').ok).toBe(false);
}

/** Adds a worktree for the branch, and returns where. */
function addWorktree(directory: string, branch: string): string {
  const worktree = `worktree-${directory.replaceAll('/', '-')}-${branch.replaceAll('/', '-')}`;
  box.git(directory, 'worktree', 'add', '-q', box.path(worktree), branch);
  return worktree;
}

function cloneBare(directory: string, to: string): string {
  box.git('', 'clone', '-q', '--bare', box.path(directory), box.path(to));
  return to;
}

/** Makes a repository with the one given as its submodule, and returns where that is. */
function addSubmodule(directory: string): string {
  box.init(`${directory}-super`);
  box.git(`${directory}-super`, 'submodule', '--quiet', 'add', box.path(directory), 'sub');
  return `${directory}-super/sub`;
}

/** What is done to a copy of the template, which is then looked at. */
const inPlace: Readonly<Record<string, (name: string) => void>> = {
  'a plain repository': () => {},
  'no remote': (name) => box.git(name, 'remote', 'remove', 'origin'),
  'packed refs': (name) => box.git(name, 'pack-refs', '--all'),
  'packed and loose refs, a/b where a was packed': (name) => {
    box.git(name, 'branch', 'a');
    box.git(name, 'pack-refs', '--all');
    box.git(name, 'branch', '-D', 'a');
    box.git(name, 'branch', 'a/b');
    box.git(name, 'branch', '-f', 'free', 'HEAD~1');
  },
  'a detached HEAD': (name) => box.git(name, 'checkout', '-q', '--detach'),
  'an unborn branch': (name) => box.git(name, 'symbolic-ref', 'HEAD', 'refs/heads/unborn'),
  'a symbolic branch': (name) => box.git(name, 'symbolic-ref', 'refs/heads/alias', 'refs/heads/free'),
  'HEAD at a symbolic branch': (name) => {
    box.git(name, 'symbolic-ref', 'refs/heads/alias', 'refs/heads/free');
    box.git(name, 'symbolic-ref', 'HEAD', 'refs/heads/alias');
  },
  'no main': (name) => box.git(name, 'branch', '-m', 'trunk'),
  'main only at origin': (name) => {
    box.git(name, 'update-ref', 'refs/remotes/origin/main', 'HEAD');
    box.git(name, 'branch', '-m', 'trunk');
  },
  'worktrees removed and moved by hand': (name) => {
    const [gone, moved] = [addWorktree(name, 'feat/a'), addWorktree(name, 'grün/日本')];
    rmSync(box.path(gone), { recursive: true });
    renameSync(box.path(moved), box.path(`${moved}-elsewhere`));
  },
  'worktrees removed and moved by git': (name) => {
    const [gone, moved] = [addWorktree(name, 'feat/a'), addWorktree(name, 'grün/日本')];
    box.git(name, 'worktree', 'remove', box.path(gone));
    box.git(name, 'worktree', 'move', box.path(moved), box.path(`${moved}-elsewhere`));
  },
  'a pruned and a locked worktree': (name) => {
    const [pruned, locked] = [addWorktree(name, 'feat/a'), addWorktree(name, 'free')];
    box.git(name, 'worktree', 'lock', box.path(locked));
    for (const worktree of [pruned, locked]) rmSync(box.path(worktree), { recursive: true });
    box.git(name, 'worktree', 'prune', '--expire=now');
  },
  'an interrupted rebase in the main checkout': (name) => {
    box.git(name, 'checkout', '-q', 'conflict');
    interrupt(name, 'merge');
  },
  'an interrupted rebase by patches in the main checkout': (name) => {
    box.git(name, 'checkout', '-q', 'conflict');
    interrupt(name, 'apply');
  },
  'an interrupted bisect in the main checkout': (name) => interrupt(name, 'bisect'),
  'an interrupted rebase in a worktree': (name) => interrupt(addWorktree(name, 'conflict'), 'merge'),
  'an interrupted rebase by patches in a worktree': (name) => interrupt(addWorktree(name, 'conflict'), 'apply'),
  'an interrupted bisect in a worktree': (name) => interrupt(addWorktree(name, 'free'), 'bisect'),
  'a separate git directory': (name) => box.git(name, 'init', '-q', '--separate-git-dir', box.path(`${name}.git`), '.'),
  'core.bare in the config.worktree of the main checkout': (name) => {
    box.git(name, 'config', 'extensions.worktreeConfig', 'true');
    box.git(name, 'config', '--unset', 'core.bare');
    box.git(name, 'config', '--worktree', 'core.bare', 'true');
  },
  'remotes in the forms of long ago': (name) => {
    box.git(name, 'remote', 'remove', 'origin');
    box.write(`${name}/.git/branches/origin`, 'https://example.com/old#main\n');
  },
};

/** What is made from a copy of the template, and where it is then looked at. */
const elsewhere: Readonly<Record<string, (name: string) => string>> = {
  'a subdirectory': (name) => {
    mkdirSync(box.path(name, 'sub/dir'), { recursive: true });
    return `${name}/sub/dir`;
  },
  'a project that is a link': (name) => {
    symlinkSync(box.path(name), box.path(`${name}-link`));
    return `${name}-link`;
  },
  'a worktree': (name) => addWorktree(name, 'feat/a'),
  'a bare repository with a worktree': (name) => {
    const bare = cloneBare(name, `${name}.git`);
    addWorktree(bare, 'feat/a');
    return bare;
  },
  'a worktree of a bare repository': (name) => addWorktree(cloneBare(name, `${name}.git`), 'main'),
  'a folder whose .git file leads to a bare repository in it': (name) => {
    cloneBare(name, `${name}-f/.bare`);
    box.write(`${name}-f/.git`, 'gitdir: ./.bare\n');
    addWorktree(`${name}-f`, 'feat/a');
    return `${name}-f`;
  },
  'a submodule': (name) => addSubmodule(name),
  'a worktree of a submodule': (name) => {
    const submodule = addSubmodule(name);
    box.git(submodule, 'branch', 'side');
    return addWorktree(submodule, 'side');
  },
  'config.worktree': (name) => {
    box.git(name, 'config', 'extensions.worktreeConfig', 'true');
    box.git(name, 'config', '--unset-all', 'remote.origin.url');
    const worktree = addWorktree(name, 'feat/a');
    box.git(name, 'config', '--worktree', 'remote.origin.url', 'main-only');
    box.git(worktree, 'config', '--worktree', 'remote.origin.url', 'worktree-only');
    return worktree;
  },
  'sha256 objects': (name) => {
    box.init(`${name}-sha256`, '--object-format=sha256');
    box.git(`${name}-sha256`, 'branch', 'other');
    box.git(`${name}-sha256`, 'pack-refs', '--all');
    return `${name}-sha256`;
  },
};

if (GIT !== null)
  describe('what git itself answers', () => {
    let count = 0;
    const copy = () => {
      count += 1;
      if (count === 1) make('template');
      cpSync(box.path('template'), box.path(`s${count}`), { recursive: true });
      return `s${count}`;
    };
    for (const [what, prepare] of Object.entries(inPlace)) {
      test(what, () => {
        const name = copy();
        prepare(name);
        expectAgreement(name);
      });
    }
    for (const [what, prepare] of Object.entries(elsewhere)) {
      test(what, () => expectAgreement(prepare(copy())));
    }

    test('worktrees and their paths are those of git worktree list', () => {
      const name = copy();
      const [there, gone] = [addWorktree(name, 'feat/a'), addWorktree(name, 'free')];
      rmSync(box.path(gone), { recursive: true });
      const list = box.git(name, 'worktree', 'list', '--porcelain').split('\n\n');
      const expected = list.map(
        (item) => `${/branch refs\/heads\/(.*)/.exec(item)?.[1]} ${/worktree (.*)/.exec(item)?.[1]}`,
      );
      const { held } = readRepository(box.path(there), [], { home: box.home });
      expect(held.map(({ branch, by }) => `${branch} ${by}`).sort()).toEqual(expected.sort());
      expect(held.filter(({ directoryExists }) => !directoryExists).map(({ branch }) => branch)).toEqual(['free']);
      expect([...worktreesOf(box.path(name))].sort()).toEqual([box.path(there), box.path(gone)].sort());
    });

    test('main checkouts of what git made', () => {
      const name = copy();
      const submodule = addSubmodule(name);
      box.git(submodule, 'branch', 'side');
      expect(mainCheckoutOf(box.path(name))).toBe(box.path(name));
      expect(mainCheckoutOf(box.path(addWorktree(name, 'free')))).toBe(box.path(name));
      expect(mainCheckoutOf(box.path(submodule))).toBe(box.path(submodule));
      expect(mainCheckoutOf(box.path(addWorktree(submodule, 'side')))).toBe(box.path(submodule));
      expect(mainCheckoutOf(box.path(addWorktree(cloneBare(name, `${name}.git`), 'main')))).toBeNull();
    });
  });
