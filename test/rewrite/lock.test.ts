import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../../src/contracts/refusals';
import { closeDatabase, openDatabase } from '../../src/rewrite/connection';
import { findDaemon } from '../../src/rewrite/daemon';
import { openExclusive, probeWriter } from '../../src/rewrite/lock';
import { type Holder, type Holding, holdDatabase, killedWriter } from '../support/database-holder';
import { fingerprint } from '../support/fingerprint';
import { emptyHome, type Home, machineAt } from '../support/home';
import { synthDatabase } from '../support/synth-db';

const PROJECT =
  "INSERT INTO projects (id, path, registered_at) VALUES ('alpha', '/a', '2026-01-02 03:04:05 +0000 UTC')";
const QUICK_MS = 100;

let home: Home;
let file: string;
const holders: Holder[] = [];
beforeEach(() => {
  home = emptyHome();
  file = join(home.path, 'ao.db');
});
afterEach(async () => {
  for (const holder of holders.splice(0)) await holder.end();
  home.remove();
});

async function hold(holding: Holding): Promise<Holder> {
  const holder = await holdDatabase(file, holding);
  holders.push(holder);
  return holder;
}

/** The code of the refusal, or what `work` returned. */
function outcome<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.message).toContain(file);
    return error.code;
  }
}

const probe = (): string => outcome(() => probeWriter(file, QUICK_MS)) ?? 'free';
const exclusive = (): string => outcome(() => closeDatabase(openExclusive(file))) ?? 'free';

/** Whether another process can read or write the database now. */
async function otherProcess(sql: string): Promise<string> {
  const script = `import { Database } from 'bun:sqlite';
    const db = new Database(${JSON.stringify(file)}, { readwrite: true });
    try { db.query(${JSON.stringify(sql)}).all(); console.log('worked'); } catch (error) { console.log(error.code); }`;
  const child = Bun.spawn([process.execPath, '-e', script], {
    env: { PATH: process.env.PATH ?? '', HOME: home.path },
    stdout: 'pipe',
  });
  return (await new Response(child.stdout).text()).trim();
}

describe('a database in WAL mode', () => {
  beforeEach(() => synthDatabase(file, 19));

  test('that nobody has open is free, and looking changes no byte', () => {
    const before = fingerprint(home.path)['./ao.db'];
    expect([probe(), exclusive()]).toEqual(['free', 'free']);
    expect(fingerprint(home.path)['./ao.db']).toBe(before);
    expect(readdirSync(home.path)).toEqual(['ao.db']);
  });

  test.each([
    ['idle', 'free', 'DAEMON_RUNNING'],
    ['reading', 'free', 'DAEMON_RUNNING'],
    ['writing', 'DB_LOCKED', 'DAEMON_RUNNING'],
  ] as const)(
    'that another process has open, %s: BEGIN IMMEDIATE says %s, the exclusive probe %s',
    async (holding, first, second) => {
      await hold(holding);
      const before = fingerprint(home.path);
      expect([probe(), exclusive()]).toEqual([first, second]);
      const after = fingerprint(home.path);
      // The -shm is the other process's shared memory: locks and reader marks in it come and go.
      delete before['./ao.db-shm'];
      delete after['./ao.db-shm'];
      expect(after).toEqual(before);
      expect(Object.keys(after)).toEqual(['.', './ao.db', './ao.db-wal']);
    },
  );

  test('with commits in the -wal of a process that is idle: they stay there', async () => {
    await killedWriter(file, [PROJECT]);
    const holder = await hold('idle');
    const before = fingerprint(home.path);
    expect([probe(), exclusive()]).toEqual(['free', 'DAEMON_RUNNING']);
    expect(fingerprint(home.path)['./ao.db']).toBe(String(before['./ao.db']));
    expect(fingerprint(home.path)['./ao.db-wal']).toBe(String(before['./ao.db-wal']));
    await holder.end();
    const db = openExclusive(file);
    expect(db.query<{ id: string }, []>('SELECT id FROM projects').get()).toEqual({ id: 'alpha' });
    closeDatabase(db);
  });

  test('is free again once the process has ended, and what it left is taken in', async () => {
    await killedWriter(file, [PROJECT]);
    expect(readdirSync(home.path).sort()).toEqual(['ao.db', 'ao.db-shm', 'ao.db-wal']);
    probeWriter(file, QUICK_MS);
    expect(readdirSync(home.path)).toEqual(['ao.db']);
    expect(exclusive()).toBe('free');
  });

  test('is closed to everybody while it is held, and open again afterwards', async () => {
    const db = openExclusive(file);
    expect(await otherProcess('SELECT * FROM projects')).toBe('SQLITE_BUSY');
    db.run(PROJECT);
    expect(await otherProcess(PROJECT.replace('alpha', 'beta'))).toBe('SQLITE_BUSY');
    expect(probe()).toBe('DB_LOCKED');
    closeDatabase(db);
    expect(await otherProcess(PROJECT.replace('alpha', 'beta'))).toBe('worked');
  });
});

describe('a database in DELETE mode', () => {
  beforeEach(() => synthDatabase(file, 12, { journal: 'delete' }));

  test.each([
    // An idle connection holds no lock at all; no daemon leaves a database in this mode.
    ['idle', 'free', 'free'],
    ['reading', 'free', 'DAEMON_RUNNING'],
    ['writing', 'DB_LOCKED', 'DAEMON_RUNNING'],
  ] as const)(
    'that another process has open, %s: BEGIN IMMEDIATE says %s, the exclusive probe %s',
    async (holding, first, second) => {
      await hold(holding);
      const before = fingerprint(home.path)['./ao.db'];
      expect([probe(), exclusive()]).toEqual([first, second]);
      expect(fingerprint(home.path)['./ao.db']).toBe(before);
    },
  );

  test('is closed to everybody while it is held, and open again afterwards', async () => {
    const before = fingerprint(home.path)['./ao.db'];
    const db = openExclusive(file);
    expect(await otherProcess('SELECT * FROM projects')).toBe('SQLITE_BUSY');
    closeDatabase(db);
    expect(await otherProcess('SELECT * FROM projects')).toBe('worked');
    expect(fingerprint(home.path)['./ao.db']).toBe(before);
    expect(readdirSync(home.path)).toEqual(['ao.db']);
  });
});

test('an idle daemon with its run file is found by either', async () => {
  synthDatabase(file, 82);
  const { pid } = await hold('idle');
  const runFile = join(home.path, 'running.json');
  writeFileSync(runFile, JSON.stringify({ pid, startedAt: '2026-06-18T00:49:00.123456789Z' }));
  expect((await findDaemon(runFile, machineAt(home.path))).refusal?.code).toBe('DAEMON_RUNNING');
  expect(exclusive()).toBe('DAEMON_RUNNING');
});

test('a writer is waited for, 2 s by default', async () => {
  synthDatabase(file, 12);
  await hold('writing');
  const begun = performance.now();
  expect(outcome(() => probeWriter(file))).toBe('DB_LOCKED');
  expect(performance.now() - begun).toBeGreaterThan(1_900);
});

test('what is no database is named as that', () => {
  writeFileSync(file, 'This is no database.\n'.repeat(200));
  expect([probe(), exclusive()]).toEqual(['DB_CORRUPT', 'DB_CORRUPT']);
});

test('commits of the held connection are synced', () => {
  synthDatabase(file, 12);
  const db = openExclusive(file);
  for (const [pragma, value] of Object.entries({
    synchronous: 2,
    fullfsync: 1,
    checkpoint_fullfsync: 1,
    foreign_keys: 1,
  })) {
    expect([pragma, ...Object.values(db.query<Record<string, number>, []>(`PRAGMA ${pragma}`).get() ?? {})]).toEqual([
      pragma,
      value,
    ]);
  }
  closeDatabase(db);
  const plain = openDatabase(file);
  expect(plain.query<{ locking_mode: string }, []>('PRAGMA locking_mode').get()?.locking_mode).toBe('normal');
  closeDatabase(plain);
});
