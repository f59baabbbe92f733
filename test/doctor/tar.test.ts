import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tarGz } from '../../src/doctor/tar';
import { untarred } from '../support/untar';

const ENTRIES = [
  { name: 'b/README.txt', text: 'ü\n' },
  { name: 'b/empty.json', text: '' },
  { name: 'b/exact.json', text: 'x'.repeat(512) },
  { name: `b/${'n'.repeat(98)}`, text: 'y'.repeat(513) },
];
const TIME = new Date('2026-11-21T12:00:00Z');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ao-migrate-tar-'));
  writeFileSync(join(folder, 'a.tgz'), tarGz(ENTRIES, TIME));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the archive', () => {
  test('holds every text by its name', () => {
    expect([...untarred(join(folder, 'a.tgz'))]).toEqual(ENTRIES.map(({ name, text }) => [name, text]));
  });
  test.skipIf(Bun.which('tar') === null)('is one that tar unpacks, with modes and times', () => {
    const done = Bun.spawnSync(['tar', '-xzf', 'a.tgz'], { cwd: folder });
    expect(done.stderr.toString()).toBe('');
    for (const { name, text } of ENTRIES) expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
    const list = Bun.spawnSync(['tar', '--utc', '-tvzf', 'a.tgz'], { cwd: folder }).stdout.toString();
    expect(list).toMatch(/^-rw------- 0\/0 +3 2026-11-21 12:00 b\/README\.txt$/m);
  });
  test('refuses a name that the format cannot hold', () => {
    expect(() => tarGz([{ name: 'x'.repeat(101), text: '' }], TIME)).toThrow('cannot be the name');
    expect(() => tarGz([{ name: 'ü', text: '' }], TIME)).toThrow('cannot be the name');
  });
});
