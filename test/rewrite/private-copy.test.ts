import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Machine } from '../../src/contracts/machine';
import { type CopyTools, withPrivateCopy } from '../../src/rewrite/private-copy';
import { killedWriter } from '../support/database-holder';
import { fingerprint } from '../support/fingerprint';
import { emptyHome, type Home, machineAt } from '../support/home';

let home: Home;
let file: string;
let tempDir: string;
let machine: Machine;
beforeEach(() => {
  home = emptyHome();
  tempDir = join(home.path, 'temp');
  mkdirSync(tempDir);
  mkdirSync(join(home.path, 'data'));
  file = join(home.path, 'data/data.db');
  machine = machineAt(home.path, { tempDir });
});
afterEach(() => home.remove());

const copyNow = (from: string, to: string): Promise<void> => Promise.resolve(copyFileSync(from, to));
const quick: CopyTools = { sleep: () => Promise.resolve(), copy: copyNow };

function makeDatabase(journal: 'wal' | 'delete'): void {
  const db = new Database(file);
  db.run(`PRAGMA journal_mode = ${journal}`);
  db.run('CREATE TABLE t (a)');
  db.run("INSERT INTO t VALUES ('first')");
  db.close(true);
}

const rowsOf = (copy: string): unknown[] => {
  const db = new Database(copy, { readwrite: true });
  const rows = db.query<{ a: string }, []>('SELECT a FROM t').all();
  db.close(true);
  return rows.map(({ a }) => a);
};

describe('a copy', () => {
  test('holds what is committed to a left-over -wal, and leaves the original alone', async () => {
    makeDatabase('wal');
    await killedWriter(file, ["INSERT INTO t VALUES ('second')"]);
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
    const before = fingerprint(dirname(file));
    expect(await withPrivateCopy(file, machine, rowsOf)).toEqual(['first', 'second']);
    expect(fingerprint(dirname(file))).toEqual(before);
  });

  test('of a process that was killed long ago is removed; of a living one, or a moment ago, it is not', async () => {
    makeDatabase('delete');
    const now = machine.now().getTime() / 1000;
    const left = (name: string, age: number): string => {
      mkdirSync(join(tempDir, name));
      writeFileSync(join(tempDir, name, 'data.db'), 'private');
      utimesSync(join(tempDir, name), now - age, now - age);
      return name;
    };
    left('ao-migrate-copy-999999999-old', 700);
    const stay = [left('ao-migrate-copy-999999999-new', 60), left(`ao-migrate-copy-${process.pid}-own`, 700)];
    await withPrivateCopy(file, machine, rowsOf);
    expect(readdirSync(tempDir).sort()).toEqual(stay.sort());
  });

  test('of a database that another process has just removed is refused', async () => {
    await expect(withPrivateCopy(file, machine, rowsOf)).rejects.toMatchObject({ code: 'DB_LOCKED' });
    expect(readdirSync(tempDir)).toEqual([]);
  });

  test('rolls a left-over -journal back in itself only', async () => {
    makeDatabase('delete');
    await killedWriter(file, [
      'PRAGMA cache_size = 1',
      'BEGIN',
      'INSERT INTO t SELECT hex(randomblob(3000)) FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8))',
    ]);
    expect(statSync(`${file}-journal`).size).toBeGreaterThan(0);
    const before = fingerprint(dirname(file));
    expect(await withPrivateCopy(file, machine, rowsOf)).toEqual(['first']);
    expect(fingerprint(dirname(file))).toEqual(before);
  });

  test('is private, writable, and called like its original', async () => {
    makeDatabase('wal');
    await killedWriter(file, ["INSERT INTO t VALUES ('second')"]);
    chmodSync(file, 0o444);
    await withPrivateCopy(file, machine, (copy) => {
      expect(basename(copy)).toBe('data.db');
      expect(statSync(dirname(copy)).mode & 0o777).toBe(0o700);
      expect(readdirSync(dirname(copy)).sort()).toEqual(['data.db', 'data.db-wal']);
      expect(statSync(copy).mode & 0o777).toBe(0o600);
      expect(statSync(`${copy}-wal`).mode & 0o777).toBe(0o600);
    });
  });

  test('of a link has the -wal of the file that it leads to', async () => {
    makeDatabase('wal');
    await killedWriter(file, ["INSERT INTO t VALUES ('second')"]);
    const link = join(home.path, 'link.db');
    symlinkSync('data/data.db', link);
    expect(await withPrivateCopy(link, machine, rowsOf)).toEqual(['first', 'second']);
  });
});

describe('it is gone afterwards', () => {
  test('when it was used, when its use threw, and when it could not be taken', async () => {
    makeDatabase('wal');
    expect(await withPrivateCopy(file, machine, () => 'done')).toBe('done');
    expect(readdirSync(tempDir)).toEqual([]);
    const failing = withPrivateCopy(file, machine, () => Promise.reject(new Error('its use failed')));
    await expect(failing).rejects.toThrow('its use failed');
    expect(readdirSync(tempDir)).toEqual([]);
    const full: CopyTools = {
      ...quick,
      copy: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    };
    await expect(withPrivateCopy(file, machine, rowsOf, full)).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(readdirSync(tempDir)).toEqual([]);
  });
});

describe('a refusal names what stands in the way', () => {
  const refusal = (changes: Partial<Machine>, copy = copyNow) =>
    withPrivateCopy(file, { ...machine, ...changes }, rowsOf, { ...quick, copy }).then(
      () => null,
      (error: unknown) => error,
    );
  const failing =
    (code: string): CopyTools['copy'] =>
    (from, to) =>
      from === file ? Promise.reject(Object.assign(new Error(code), { code })) : copyNow(from, to);
  const TMPDIR = expect.stringContaining('TMPDIR');

  test('the temporary folder', async () => {
    makeDatabase('delete');
    const none = join(home.path, 'none');
    expect(await refusal({ tempDir: none })).toMatchObject({
      code: 'NOT_WRITABLE',
      message: `The temporary folder ${none} does not exist.`,
      hint: TMPDIR,
    });
    for (const [tempDir, code] of [
      [file, 'ENOTDIR'],
      ['/proc/self', '(ENOENT|EACCES|EPERM)'],
    ] as const)
      expect(await refusal({ tempDir })).toMatchObject({
        code: 'NOT_WRITABLE',
        message: expect.stringMatching(
          new RegExp(`^The temporary folder ${tempDir} (does not exist|cannot be written .${code})`),
        ),
        hint: TMPDIR,
      });
    expect(await refusal({}, failing('ENOSPC'))).toMatchObject({
      code: 'NO_SPACE',
      message: `There is no space for a private copy of ${file} in the temporary folder ${tempDir}.`,
    });
  });

  test('the database, where it may not be read', async () => {
    makeDatabase('delete');
    expect(await refusal({}, failing('EACCES'))).toMatchObject({
      code: 'NOT_WRITABLE',
      message: `${file} cannot be read (EACCES).`,
      hint: expect.stringContaining('permission to read'),
    });
  });
});

describe('a file that changes while it is copied', () => {
  /** Changes the original during the first copies; counts copies of the main file. */
  const changing = (times: number, change: (attempt: number) => void) => {
    const seen = { copies: 0, slept: 0 };
    const tools: CopyTools = {
      sleep: (ms) => {
        seen.slept += ms;
        return Promise.resolve();
      },
      copy: async (from, to) => {
        await copyNow(from, to);
        if (from !== file) return;
        seen.copies += 1;
        if (seen.copies <= times) change(seen.copies);
      },
    };
    return { seen, tools };
  };

  test.each([
    ['grows', () => appendFileSync(file, 'x')],
    ['is written in place', (attempt: number) => writeFileSync(file, String(attempt))],
    ['gets a -wal', () => appendFileSync(`${file}-wal`, 'x')],
    ['gets a -journal', () => appendFileSync(`${file}-journal`, 'x')],
  ])('%s: the copy is taken again', async (_, change) => {
    writeFileSync(file, '0');
    const { seen, tools } = changing(3, change);
    await withPrivateCopy(
      file,
      machine,
      (copy) => {
        for (const part of ['', '-wal', '-journal']) {
          const [mine, original] = [copy + part, file + part].map((path) =>
            existsSync(path) ? statSync(path).size : null,
          );
          expect([part, mine]).toEqual([part, original ?? null]);
        }
      },
      tools,
    );
    expect(seen.copies).toBe(4);
  });

  test('a part that is gone at the second attempt is not in the copy', async () => {
    writeFileSync(file, '0');
    writeFileSync(`${file}-journal`, 'x');
    const { tools } = changing(1, () => rmSync(`${file}-journal`));
    const parts = await withPrivateCopy(file, machine, (copy) => readdirSync(dirname(copy)), tools);
    expect(parts).toEqual(['data.db']);
  });

  test('all the time: DB_LOCKED after 20 attempts, within 5 s', async () => {
    writeFileSync(file, '0');
    const { seen, tools } = changing(1000, () => appendFileSync(file, 'x'));
    await expect(withPrivateCopy(file, machine, rowsOf, tools)).rejects.toMatchObject({ code: 'DB_LOCKED' });
    expect(seen.copies).toBe(20);
    expect(seen.slept).toBeLessThanOrEqual(5_000);
    expect(readdirSync(tempDir)).toEqual([]);
  });

  test('slowly: no attempt begins after 5 s', async () => {
    writeFileSync(file, '0');
    let ms = 0;
    const slow = { ...machine, now: () => new Date(ms) };
    const { seen, tools } = changing(1000, () => {
      appendFileSync(file, 'x');
      ms += 1_900;
    });
    await expect(withPrivateCopy(file, slow, rowsOf, tools)).rejects.toMatchObject({ code: 'DB_LOCKED' });
    expect(seen.copies).toBe(3);
  });
});

test('what is no file is not waited for', async () => {
  makeDatabase('wal');
  Bun.spawnSync(['mkfifo', `${file}-wal`]);
  await expect(withPrivateCopy(file, machine, rowsOf)).rejects.toMatchObject({ code: 'DB_CORRUPT' });
});

test('a temporary folder that is not there', async () => {
  makeDatabase('wal');
  const nowhere = { ...machine, tempDir: join(home.path, 'nowhere') };
  await expect(withPrivateCopy(file, nowhere, rowsOf)).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
});
