import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  moveOverPlaceholder,
  moveStale,
  moveWithoutOverwriting,
  putBackStale,
  staleFiles,
} from '../../src/rewrite/promotion';
import { fingerprint } from '../support/fingerprint';
import { emptyHome, type Home } from '../support/home';

const RUN = '20261121-120000-abcdef';

let home: Home;
let dataDir: string;
let database: string;
beforeEach(() => {
  home = emptyHome();
  dataDir = join(home.path, '.ao/data');
  database = join(dataDir, 'ao.db');
});
afterEach(() => home.remove());

const inData = (): string[] => readdirSync(dataDir).sort();

describe('left-over files', () => {
  beforeEach(() => {
    mkdirSync(dataDir, { recursive: true });
    for (const part of ['-wal', '-shm']) writeFileSync(database + part, part);
  });
  const stale = () => staleFiles(database, RUN);

  test('come back when no database is there', () => {
    const files = stale();
    expect(moveStale(files, database)).toBe(true);
    expect(inData()).toEqual([`ao.db-shm.stale-${RUN}`, `ao.db-wal.stale-${RUN}`]);
    expect(putBackStale(files, database)).toEqual([]);
    expect(inData()).toEqual(['ao.db-shm', 'ao.db-wal']);
  });

  test('stay aside beside another database', () => {
    const files = stale();
    moveStale(files, database);
    writeFileSync(database, 'another');
    expect(putBackStale(files, database)).toEqual(files);
    expect(inData()).toEqual(['ao.db', `ao.db-shm.stale-${RUN}`, `ao.db-wal.stale-${RUN}`]);
  });

  test('stay aside where their name is taken', () => {
    const files = stale();
    moveStale(files, database);
    writeFileSync(`${database}-wal`, 'another');
    expect(putBackStale(files, database).map(({ original }) => original)).toEqual([`${database}-wal`]);
    expect(readFileSync(`${database}-wal`, 'utf8')).toBe('another');
  });

  test('stay aside where a database appears while they are moved: beside it they would replace its content', () => {
    const [wal] = stale();
    if (wal === undefined) throw new Error('no left-over file');
    // The second move lets a file appear under the name of the database.
    const appears = { original: `${database}-shm`, aside: database };
    expect(moveStale([wal, appears], database)).toBe(false);
    expect(inData()).toContain(`ao.db-wal.stale-${RUN}`);
    expect(inData()).not.toContain('ao.db-wal');
  });

  test('do not go back beside a database that appears in the very moment, unless they turn out to be its own', () => {
    const [wal, shm] = ['-wal', '-shm'].map((part) => ({ original: database + part, aside: database }));
    if (wal === undefined || shm === undefined) throw new Error('no left-over file');
    expect(moveStale([wal], database)).toBe(false);
    expect(existsSync(wal.original)).toBe(false);
    rmSync(database);
    // An index in shared memory is made anew by whoever opens the database, who needs its name.
    expect(moveStale([shm], database)).toBe(false);
    expect(existsSync(shm.original)).toBe(true);
  });

  test('are not touched where a database appeared before', () => {
    const files = stale();
    writeFileSync(database, 'another');
    const before = fingerprint(dataDir);
    expect(moveStale(files, database)).toBe(false);
    expect(fingerprint(dataDir)).toEqual(before);
  });
});

describe.each([
  ['by link and unlink', moveWithoutOverwriting],
  ['where there are no hard links', moveOverPlaceholder],
])('a name that cannot be overwritten, %s', (_, move) => {
  const file = (name: string): string => join(home.path, name);
  beforeEach(() => writeFileSync(file('from'), 'new', { mode: 0o600 }));

  test('is given where it is free', () => {
    const { ino } = statSync(file('from'));
    expect(move(file('from'), file('to'))).toBe(true);
    expect(readdirSync(home.path)).toEqual(['to']);
    expect(statSync(file('to')).ino).toBe(ino);
  });

  test.each([
    ['a file', () => writeFileSync(file('to'), 'old')],
    ['an empty file', () => writeFileSync(file('to'), '')],
    ['a link that leads nowhere', () => symlinkSync('nowhere', file('to'))],
    ['the same file', () => linkSync(file('from'), file('to'))],
  ])('is not where %s has it', (_name, make) => {
    make();
    const before = fingerprint(home.path);
    expect(move(file('from'), file('to'))).toBe(false);
    expect(fingerprint(home.path)).toEqual(before);
  });

  test('is not, and leaves nothing, where it cannot be given', () => {
    renameSync(file('from'), file('gone'));
    expect(() => move(file('from'), file('to'))).toThrow('ENOENT');
    expect(readdirSync(home.path)).toEqual(['gone']);
  });
});
