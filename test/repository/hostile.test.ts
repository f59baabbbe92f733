import { afterAll, describe, expect, test } from 'bun:test';
import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { ID, Sandbox } from './sandbox';

const box = new Sandbox();
afterAll(() => box.remove());

describe('hostile files', () => {
  test('FIFOs and devices are not opened, and what needs them is unreadable', () => {
    for (const name of ['config', 'packed-refs', 'refs/heads/main', 'HEAD', 'worktrees/w/HEAD', 'worktrees/w/gitdir']) {
      for (const make_ of [
        (path: string) => Bun.spawnSync(['mkfifo', path]),
        (path: string) => symlinkSync('/dev/zero', path),
      ]) {
        const directory = box.make({ 'worktrees/w/HEAD': ID, 'worktrees/w/gitdir': '/w/.git', config: '', HEAD: ID });
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
