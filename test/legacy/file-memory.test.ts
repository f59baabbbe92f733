import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { renameSync, statSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileMemory, stampOf } from '../../src/legacy/file-memory';
import { emptyHome, type Home } from '../support/home';

const LATER_MS = 60_000;

describe('what a run remembers of a file between its two looks', () => {
  let home: Home;
  beforeAll(() => {
    home = emptyHome();
  });
  afterAll(() => home.remove());

  function remembered(name: string, sinceMs = LATER_MS): { path: string; memory: FileMemory<string> } {
    const path = join(home.path, name);
    writeFileSync(path, 'first');
    const stat = statSync(path);
    const memory = new FileMemory<string>(stat.ctimeMs + sinceMs);
    const source = { path, sha256: '', size: stat.size, mtimeMs: stat.mtimeMs, mode: 0o600 };
    memory.keep(source, stampOf(stat), 'its value');
    return { path, memory };
  }

  test('a file that is as it was is not read again', () => {
    const { path, memory } = remembered('same');
    expect(memory.recall(path, false)?.value).toBe('its value');
  });

  test('one of another size is', () => {
    const { path, memory } = remembered('grown');
    writeFileSync(path, 'first and more');
    expect(memory.recall(path, false)).toBeNull();
  });

  test('so is one of the same size and with its old time put back: the system keeps a second time', async () => {
    const { path, memory } = remembered('forged');
    const { atime, mtime } = statSync(path);
    const first = statSync(path, { bigint: true }).ctimeNs;
    // The system's clock for files moves in steps.
    do {
      await Bun.sleep(20);
      writeFileSync(path, 'other');
    } while (statSync(path, { bigint: true }).ctimeNs === first);
    utimesSync(path, atime, mtime);
    expect(memory.recall(path, false)).toBeNull();
  });

  test('so is one that was replaced by another file', () => {
    const { path, memory } = remembered('replaced');
    writeFileSync(`${path}.new`, 'other');
    renameSync(`${path}.new`, path);
    expect(memory.recall(path, false)).toBeNull();
  });

  test('one that is gone, or has become a link, is not there any more', () => {
    const { path, memory } = remembered('gone');
    renameSync(path, `${path}.moved`);
    expect(memory.recall(path, false)).toBeNull();
    symlinkSync(`${path}.moved`, path);
    expect(memory.recall(path, false)).toBeNull();
    unlinkSync(path);
  });

  test('a file written a moment before it was read is never remembered: a second write could look the same', () => {
    const { path, memory } = remembered('fresh', 1_000);
    expect(memory.recall(path, false)).toBeNull();
  });
});
