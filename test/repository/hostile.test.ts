import { afterAll, describe, expect, test } from 'bun:test';
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { ID, Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove(), 180_000);

describe('hostile files', () => {
  test('FIFOs and devices are not opened, and what needs them is unreadable', () => {
    for (const name of [
      'rebase-merge/head-name',
      'config',
      'packed-refs',
      'refs/heads/main',
      'HEAD',
      'worktrees/w/HEAD',
      'worktrees/w/gitdir',
    ]) {
      for (const make_ of [
        (path: string) => Bun.spawnSync(['mkfifo', path]),
        (path: string) => symlinkSync('/dev/zero', path),
      ]) {
        const directory = box.make({ 'worktrees/w/HEAD': ID, 'worktrees/w/gitdir': '/w/.git', config: '', HEAD: ID });
        mkdirSync(box.path(directory, '.git/rebase-merge'));
        rmSync(box.path(directory, '.git', name), { force: true });
        make_(box.path(directory, '.git', name));
        expect(box.read(directory, ['main']).git).toBe(name === 'HEAD' ? 'none' : 'unreadable');
      }
    }
  });

  test('links that lead in circles are unreadable', () => {
    const directory = box.make();
    symlinkSync('loop', box.path(directory, '.git/refs/heads/loop'));
    expect(box.read(directory, ['loop']).git).toBe('unreadable');
    mkdirSync(box.path('circle'));
    symlinkSync('.git', box.path('circle/.git'));
    expect(box.read('circle').git).toBe('none');
  });

  test('files above their limits are unreadable', () => {
    const large = `# ${'x'.repeat(4 * 1024 * 1024)}\n`;
    expect(box.read(box.make({}, large)).git).toBe('unreadable');
    expect(box.read(box.make({ 'refs/heads/main': large })).git).toBe('unreadable');
    expect(box.read(box.make({ inc: large }, '[include]\npath = inc\n[remote "origin"]\nurl = a'))).toMatchObject({
      git: 'read',
      originUrl: null,
    });
  });

  test('config files end at limits of their number, size, variables and patterns', () => {
    const origin = '[remote "origin"]\nurl = a\n';
    const read = (config: string, inc = '') => box.read(box.make({ inc }, origin + config)).originUrl;
    expect(read(`[include]\n${'path = inc\n'.repeat(1000)}`)).toBe('a');
    expect(read(`[include]\n${'path = inc\n'.repeat(1001)}`)).toBeNull();
    expect(read(`[include]\n${'path = inc\n'.repeat(9)}`, `[a]\n${'b\n'.repeat(100_000)}`)).toBe('a');
    expect(read(`[include]\n${'path = inc\n'.repeat(11)}`, `[a]\n${'b\n'.repeat(100_000)}`)).toBeNull();
    const condition = `[includeIf "onbranch:${'x*'.repeat(10_000)}"]\npath = inc\n`;
    expect(read(condition.repeat(100))).toBe('a');
    const long = `ref: refs/heads/${'x'.repeat(200)}\n`;
    expect(box.read(box.make({ HEAD: long }, origin + condition.repeat(2))).originUrl).toBe('a');
    expect(box.read(box.make({ HEAD: long }, origin + condition.repeat(3))).originUrl).toBeNull();
    const large = `#${'x'.repeat(4_000_000)}\n`;
    const files = { i1: large, i2: large, i3: large, i4: large, i5: large };
    const paths = (count: number) =>
      `[include]\n${Array.from({ length: count }, (_, at) => `path = i${at + 1}\n`).join('')}`;
    expect(box.read(box.make(files, origin + paths(3))).originUrl).toBe('a');
    expect(box.read(box.make(files, origin + paths(5))).originUrl).toBeNull();
  });

  if (existsSync('/proc/self/comm')) {
    test('files of /proc count as the empty files that they say they are', () => {
      const directory = box.make();
      mkdirSync(box.path(directory, '.git/rebase-merge'));
      symlinkSync('/proc/self/comm', box.path(directory, '.git/rebase-merge/head-name'));
      symlinkSync('/proc/self/comm', box.path(directory, '.git/packed-refs'));
      expect(box.read(directory).git).toBe('read');
      expect(box.held(directory)).toEqual([`main ${directory}`]);
    });
  }

  test('arbitrary bytes never throw', () => {
    const noise = new Uint8Array(4096).map((_, at) => (at * 167 + (at >> 3) * 31) & 0xff);
    for (const name of ['config', 'packed-refs', 'HEAD', 'commondir', 'worktrees/w/gitdir', 'worktrees/w/HEAD']) {
      const facts = box.read(box.make({ 'worktrees/w/gitdir': '/w/.git', 'worktrees/w/HEAD': ID, [name]: noise }), [
        'main',
      ]);
      expect(['none', 'read', 'unreadable']).toContain(facts.git);
    }
  });

  test('nothing is written, created or touched', () => {
    const directory = box.make(
      { 'refs/heads/main': ID, 'packed-refs': `${ID} refs/heads/a\n` },
      '[include]\npath = inc',
    );
    const state = () =>
      readdirSync(box.path(directory), { recursive: true, encoding: 'utf8' })
        .sort()
        .map((name) => {
          const { mtimeMs, ctimeMs, size, mode } = lstatSync(box.path(directory, name));
          return [name, mtimeMs, ctimeMs, size, mode];
        });
    const before = state();
    expect(box.read(directory, ['a', 'b']).git).toBe('read');
    expect(state()).toEqual(before);
  });
});
