import { afterEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SourceReader } from '../../src/legacy/source-reader';
import { layOut, removeHomes } from '../support/store';

afterEach(removeHomes);

describe('reading flat files', () => {
  test('text with its hash, size and mode; remembered unless untracked or forgotten', () => {
    const home = layOut({ b: 'bü', a: 'a', secret: 's' });
    chmodSync(join(home, 'b'), 0o640);
    const reader = new SourceReader();
    expect(reader.read(join(home, 'b'), { cap: 100 })).toMatchObject({
      kind: 'text',
      text: 'bü',
      changed: false,
      source: { size: 3, mode: 0o640, sha256: createHash('sha256').update('bü').digest('hex') },
    });
    reader.read(join(home, 'a'), { cap: 100 });
    reader.read(join(home, 'secret'), { cap: 100, untracked: true });
    expect(reader.files.map(({ path }) => path)).toEqual([join(home, 'a'), join(home, 'b')]);
    reader.forget(join(home, 'a'));
    expect(reader.has(join(home, 'a'))).toBe(false);
  });

  test('absent, empty and unreadable are three answers', () => {
    const home = layOut({ empty: '', file: 'x', directory: null });
    const read = (name: string, options = {}) => new SourceReader().read(join(home, name), { cap: 10, ...options });
    expect(read('gone')).toEqual({ kind: 'absent' });
    expect(read('file/below')).toEqual({ kind: 'absent' });
    expect(read('empty')).toMatchObject({ kind: 'text', text: '' });
    expect(read('directory')).toMatchObject({ kind: 'unreadable' });
    writeFileSync(join(home, 'bad'), new Uint8Array([0xf0, 0x9f, 0x98]));
    expect(read('bad')).toMatchObject({ kind: 'text' });
    expect(read('bad', { utf8: true })).toMatchObject({ kind: 'unreadable' });
    symlinkSync('file', join(home, 'link'));
    expect(read('link')).toMatchObject({ kind: 'text', text: 'x' });
    expect(read('link', { noFollow: true })).toEqual({ kind: 'unreadable', reason: 'a link' });
    truncateSync(join(home, 'file'), 11);
    expect(read('file')).toMatchObject({ kind: 'unreadable' });
  });

  test('a named pipe does not stop the run', () => {
    const home = layOut({ x: null });
    mkdirSync(join(home, 'y'));
    const pipe = join(home, 'pipe');
    expect(Bun.spawnSync(['mkfifo', pipe]).exitCode).toBe(0);
    expect(new SourceReader().read(pipe, { cap: 10 })).toEqual({ kind: 'unreadable', reason: 'not a regular file' });
  });
});
