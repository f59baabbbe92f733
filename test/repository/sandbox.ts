import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RepositoryFacts } from '../../src/contracts/facts';
import { readRepository } from '../../src/repository/repository';

/** Whether comparisons with git itself can be made on this machine. */
export const GIT = Bun.which('git');

export interface Answer {
  readonly ok: boolean;
  readonly out: string;
}

/** An object id that a ref may hold; no object is ever looked for. */
export const ID = 'a'.repeat(40);

/** A physical temporary directory with a home in it, and git that knows no other configuration than what lies here. */
export class Sandbox {
  readonly root = realpathSync.native(mkdtempSync(join(tmpdir(), 'ao-repository-')));
  readonly home = join(this.root, 'home');

  private count = 0;

  constructor() {
    mkdirSync(this.home);
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Writes a file below the root, with its directories. */
  write(path: string, text: string | Uint8Array): string {
    const file = this.path(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Runs git in a directory below the root; null for a run that did not end well. */
  try(directory: string, ...args: string[]): Answer {
    const env: Record<string, string> = {
      PATH: process.env.PATH ?? '',
      HOME: this.home,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_COUNT: '3',
      GIT_CONFIG_KEY_0: 'protocol.file.allow',
      GIT_CONFIG_VALUE_0: 'always',
      GIT_CONFIG_KEY_1: 'user.name',
      GIT_CONFIG_VALUE_1: 'Test',
      GIT_CONFIG_KEY_2: 'user.email',
      GIT_CONFIG_VALUE_2: 'test@example.com',
      GIT_EDITOR: 'false',
      LC_ALL: 'C',
    };
    const run = Bun.spawnSync([GIT ?? 'git', '-C', this.path(directory), ...args], { env, stdin: 'ignore' });
    return { ok: run.exitCode === 0, out: run.stdout.toString() + (run.exitCode === 0 ? '' : run.stderr.toString()) };
  }

  /** Runs git and returns what it printed, without the last newline. */
  git(directory: string, ...args: string[]): string {
    const { ok, out } = this.try(directory, ...args);
    if (!ok) throw new Error(`git ${args.join(' ')}: ${out}`);
    return out.replace(/\n$/, '');
  }

  /** A repository with one commit on `main`. */
  init(directory: string, ...args: string[]): void {
    mkdirSync(this.path(directory), { recursive: true });
    this.git(directory, 'init', '-q', '-b', 'main', ...args, '.');
    this.git(directory, 'commit', '-q', '--allow-empty', '-m', 'first');
  }

  /** A repository as the fewest files that git takes for one, made without git. `config` is the text of its config. */
  fake(directory: string, config = '', head = 'ref: refs/heads/main\n'): void {
    mkdirSync(this.path(directory, '.git/objects'), { recursive: true });
    mkdirSync(this.path(directory, '.git/refs/heads'), { recursive: true });
    this.write(`${directory}/.git/HEAD`, head);
    this.write(`${directory}/.git/config`, config);
  }

  /** A fake repository of its own; `files` are written below `.git`. Returns its directory below the root. */
  make(files: Readonly<Record<string, string | Uint8Array>> = {}, config = ''): string {
    this.count += 1;
    const directory = `r${this.count}`;
    this.fake(directory, config);
    for (const [name, text] of Object.entries(files)) this.write(`${directory}/.git/${name}`, text);
    return directory;
  }

  /** The facts of a directory below the root. */
  read(directory: string, branches: readonly string[] = []): RepositoryFacts {
    return readRepository(this.path(directory), branches, { home: this.home });
  }

  /** `branch by` of every holder, with the root left out. */
  held(directory: string): readonly string[] {
    return this.read(directory).held.map(({ branch, by }) => `${branch} ${by.replace(`${this.root}/`, '')}`);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A reproducible source of choices (xorshift). */
export class Dice {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}
