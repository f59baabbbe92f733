import { afterAll, describe, expect, test } from 'bun:test';
import { symlinkSync } from 'node:fs';
import { ID, Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove(), 180_000);

describe('branches', () => {
  test('loose, packed, symbolic, and those that only look like one', () => {
    const directory = box.make({
      'refs/heads/main': `${ID}\n`,
      'refs/heads/a/b': `${ID} and more`,
      'refs/heads/alias': 'ref: refs/heads/packed\n',
      'refs/heads/alias2': 'ref:refs/heads/alias',
      'refs/heads/dangling': 'ref: refs/heads/nothing\n',
      'refs/heads/loop': 'ref: refs/heads/loop\n',
      'refs/heads/empty': '',
      'refs/heads/short': 'a'.repeat(39),
      'refs/heads/long': 'a'.repeat(41),
      'refs/heads/null': '0'.repeat(40),
      'refs/heads/hides': 'garbage',
      'refs/heads/file': `${ID}\n`,
      'packed-refs': `# pack-refs with: peeled fully-peeled sorted \n${[
        `${ID} refs/heads/a`,
        `${ID} refs/heads/file/below`,
        `${ID} refs/heads/hides`,
        `${ID} refs/heads/packed`,
        `^${ID}`,
        `${ID} refs/heads/ünï`,
        `${'0'.repeat(40)} refs/heads/zero`,
        `${ID} refs/tags/tag`,
      ].join('\n')}\n`,
    });
    const there = ['main', 'a/b', 'a', 'alias', 'alias2', 'packed', 'ünï', 'file'];
    const not = [
      'dangling',
      'loop',
      'empty',
      'short',
      'long',
      'null',
      'hides',
      'file/below',
      'zero',
      'tag',
      'A',
      'pack',
    ];
    expect([...box.read(directory, [...there, ...not]).branches]).toEqual(there);
  });

  test('symbolic through at most five files', () => {
    const chain = Object.fromEntries([1, 2, 3, 4, 5].map((at) => [`refs/heads/s${at}`, `ref: refs/heads/s${at - 1}`]));
    const directory = box.make({ ...chain, 'refs/heads/s0': ID });
    expect([...box.read(directory, ['s0', 's1', 's4', 's5']).branches]).toEqual(['s0', 's1', 's4']);
  });

  test('a name that git would not accept is not looked for, even where the file is', () => {
    const odd = ['-x', 'HEAD', 'a.lock', 'b.lock/c', '.a', 'a/.b', 'a b', 'a~', 'a^', 'a:', 'a?', 'a*', 'a[', 'a@{b'];
    const files = [...odd, 'a.', 'a..b', 'a\\b', 'a\x7f', 'a\tb'];
    const directory = box.make({ outside: ID, ...Object.fromEntries(files.map((name) => [`refs/heads/${name}`, ID])) });
    box.write(`${directory}/.git/refs/heads/main`, ID);
    const paths = ['../../outside', '..', '.', '', '@', '/main', 'main/', 'a//b', 'a\0b', 'x'.repeat(5000)];
    expect([...box.read(directory, [...files, ...paths, 'main']).branches]).toEqual(['main']);
  });

  test('a link that leads out of refs/ by its name is not symbolic', () => {
    const directory = box.make();
    box.write(`${directory}/secret`, ID);
    symlinkSync('refs/../../secret', box.path(directory, '.git/refs/heads/sym'));
    expect([...box.read(directory, ['sym']).branches]).toEqual([]);
  });

  test('a link into refs/ is symbolic, another is followed, a dangling one hides what is packed', () => {
    const directory = box.make({ 'refs/heads/main': ID, 'packed-refs': `${ID} refs/heads/gone\n` });
    symlinkSync('refs/heads/main', box.path(directory, '.git/refs/heads/sym'));
    symlinkSync('main', box.path(directory, '.git/refs/heads/followed'));
    symlinkSync('nowhere', box.path(directory, '.git/refs/heads/gone'));
    expect([...box.read(directory, ['sym', 'followed', 'gone']).branches]).toEqual(['sym', 'followed']);
  });

  test('main is here or at origin', () => {
    expect(box.read(box.make()).hasMain).toBe(false);
    expect(box.read(box.make({ 'refs/heads/main': ID })).hasMain).toBe(true);
    expect(box.read(box.make({ 'packed-refs': `${ID} refs/remotes/origin/main\n` })).hasMain).toBe(true);
    expect(box.read(box.make({ 'refs/remotes/upstream/main': ID })).hasMain).toBe(false);
  });

  test('sha256 ids in a repository of that format only', () => {
    const files = { 'refs/heads/long': 'b'.repeat(64), 'refs/heads/short': ID };
    const config = '[core]\nrepositoryformatversion = 1\n[extensions]\nobjectFormat = sha256';
    expect([...box.read(box.make(files, config), ['long', 'short']).branches]).toEqual(['long']);
    expect([...box.read(box.make(files), ['long', 'short']).branches]).toEqual(['short']);
    expect(box.read(box.make(files, config.replace('= 1', '= 0'))).git).toBe('unreadable');
  });

  test('a packed-refs file larger than what is read at once', () => {
    const line = (at: number) => `${ID} refs/heads/branch-${at.toString().padStart(6, '0')}\n`;
    const directory = box.make({ 'packed-refs': Array.from({ length: 30_000 }, (_, at) => line(at)).join('') });
    const names = Array.from({ length: 300 }, (_, at) => `branch-${(at * 100).toString().padStart(6, '0')}`);
    expect([...box.read(directory, [...names, 'branch-030000']).branches]).toEqual(names);
  });

  test('a damaged packed-refs file is unreadable', () => {
    const name = 'refs/heads/a';
    const damaged = [`${ID} ${name}`, `garbage\n`, '\n', `${ID}${name}\n`, `${'x'.repeat(40)} ${name}\n`];
    for (const text of [...damaged, `${ID} ${name}${'x'.repeat(600_000)}\n`]) {
      const facts = box.read(box.make({ 'packed-refs': text }, '[remote "origin"]\nurl = a'), ['a']);
      expect(facts).toMatchObject({ git: 'unreadable', originUrl: 'a', hasMain: false });
      expect(facts.branches.size).toBe(0);
    }
  });

  test('reftable is unreadable, its origin is not', () => {
    const config =
      '[core]\nrepositoryformatversion = 1\n[extensions]\nrefStorage = reftable\n[remote "origin"]\nurl = a';
    expect(box.read(box.make({}, config))).toMatchObject({ git: 'unreadable', originUrl: 'a', held: [] });
    expect(box.read(box.make({ 'reftable/tables.list': '' })).git).toBe('unreadable');
    expect(box.read(box.make({}, config.replace('reftable', 'files'))).git).toBe('read');
  });
});
