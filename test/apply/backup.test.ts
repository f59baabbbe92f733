import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BackupPlace, backupPlace, makeBackup, nameBackup, removeBackup } from '../../src/apply/backup';
import { type StatePaths, statePaths } from '../../src/apply/state';
import type { LegacyStore } from '../../src/contracts/legacy';
import { locateLegacy } from '../../src/legacy/locate';
import { readStore } from '../../src/legacy/store';
import { emptyHome, type Home, machineAt, write } from '../support/home';

const TIME = new Date('2026-11-21T12:00:00Z');
const [ONE, OTHER] = ['20261121-120000-aaaaaa', '20261121-120000-bbbbbb'];

let home: Home;
let paths: StatePaths;
beforeEach(() => {
  home = emptyHome();
  write(home, { '.agent-orchestrator/config.yaml': 'projects:\n  a:\n    path: /x/a\n' });
  paths = statePaths(machineAt(home.path), join(home.path, '.ao', 'data'));
});
afterEach(() => home.remove());

function storeOf(): LegacyStore {
  const machine = machineAt(home.path);
  const location = locateLegacy(machine, { from: null, config: null });
  return readStore(location, machine, { keepRaw: false, pause: () => {} });
}

async function made(runId: string): Promise<BackupPlace> {
  const store = storeOf();
  const place = backupPlace(paths, TIME, runId);
  await makeBackup(place, store, null, join(home.path, '.ao', 'data'), runId, 'linux');
  return place;
}

/** Copies of these files, as a backup keeps what lies outside of the store. */
async function copiesOf(files: readonly string[]): Promise<string[]> {
  const store = storeOf();
  const [like] = store.files;
  if (like === undefined) throw new Error('the store has no file');
  const place = backupPlace(paths, TIME, ONE);
  const sources = files.map((path) => ({ ...like, path }));
  await makeBackup(place, { ...store, files: sources }, null, join(home.path, '.ao', 'data'), ONE, 'linux');
  const { files: kept }: { files: { file: string; path: string; size: number; sha256: string }[] } = JSON.parse(
    readFileSync(join(place.partial, 'manifest.json'), 'utf8'),
  );
  return files.map((path) => {
    const entry = kept.find((each) => each.path === path);
    const bytes = readFileSync(join(place.partial, entry?.file ?? ''));
    expect(entry).toMatchObject({
      size: bytes.length,
      sha256: new Bun.CryptoHasher('sha256').update(bytes).digest('hex'),
    });
    return bytes.toString('latin1');
  });
}

describe('a copy is whole', () => {
  test('whatever its size', async () => {
    const sizes = [0, 1, 65_535, 65_536, 65_537, 1_048_576, 1_048_577, 2_097_152];
    const files = sizes.map((size) => join(home.path, `${size}`));
    for (const [index, file] of files.entries()) writeFileSync(file, randomBytes(sizes[index] ?? 0));
    expect(await copiesOf(files)).toEqual(files.map((file) => readFileSync(file, 'latin1')));
  });

  // Its size is said to be 0, and it comes in pieces of some thousand bytes.
  const PIECES = '/proc/kallsyms';
  test.skipIf(!existsSync(PIECES))('where the system says nothing of its size', async () => {
    const [copy = ''] = await copiesOf([PIECES]);
    expect(copy.length).toBeGreaterThan(100_000);
    expect(copy.length).toBe(readFileSync(PIECES, 'latin1').length);
  });
});

const names = (): string[] => readdirSync(paths.backups).sort();
const runOf = (backup: string): string => JSON.parse(readFileSync(join(backup, 'manifest.json'), 'utf8')).runId;

describe('two runs that make their backups in the same second', () => {
  test('each have one of their own, also where both chose the same name', async () => {
    const [one, other] = [await made(ONE), await made(OTHER)];
    expect(other.final).toBe(one.final);
    expect(nameBackup(one)).toBe(true);
    expect(nameBackup(other)).toBe(false);
    const again = backupPlace(paths, TIME, OTHER);
    expect(again.final).toBe(`${one.final}-2`);
    expect(nameBackup(again)).toBe(true);
    expect(names()).toEqual(['legacy-20261121-120000', 'legacy-20261121-120000-2']);
    expect([runOf(one.final), runOf(again.final)]).toEqual([ONE, OTHER]);
    expect(readFileSync(join(one.final, 'root', 'config.yaml'), 'utf8')).toContain('/x/a');
  });

  test('do not write into what the other has begun', async () => {
    const place = backupPlace(paths, TIME, ONE);
    mkdirSync(place.partial, { recursive: true });
    await expect(made(ONE)).rejects.toMatchObject({ code: 'EEXIST' });
  });

  test('take back only their own', async () => {
    const [one, other] = [await made(ONE), await made(OTHER)];
    nameBackup(one);
    removeBackup(other, OTHER);
    expect(names()).toEqual(['legacy-20261121-120000']);
    removeBackup(one, ONE);
    expect(names()).toEqual([]);
    removeBackup(one, ONE);
  });

  test('take back the rest of one whose removal was cut short', async () => {
    const one = await made(ONE);
    nameBackup(one);
    mkdirSync(one.partial);
    writeFileSync(join(one.partial, 'x'), '');
    removeBackup(one, ONE);
    expect(names()).toEqual([]);
  });

  test('leave alone what no run can be told of', async () => {
    const one = await made(ONE);
    mkdirSync(one.final);
    writeFileSync(join(one.final, 'somebody’s'), '');
    expect(nameBackup(one)).toBe(false);
    removeBackup(one, ONE);
    expect(existsSync(join(one.final, 'somebody’s'))).toBe(true);
  });
});
