import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '../../src/contracts/refusals';
import { withPrivateCopy } from '../../src/rewrite/private-copy';
import { databasesOf, OpencodeDatabases } from '../../src/sessions/opencode-store';
import { OpencodeWorld, SES } from './opencode-world';
import { fingerprint } from './world';

let world: OpencodeWorld;
beforeEach(() => {
  world = new OpencodeWorld();
});
afterEach(() => world.remove());

/** Counts the copies taken. */
const counted = () => {
  const copies: string[] = [];
  const copied: typeof withPrivateCopy = (path, machine, use) => {
    copies.push(path);
    return withPrivateCopy(path, machine, use);
  };
  return { copies, databases: new OpencodeDatabases(world.machine, copied) };
};

describe('the databases of a root', () => {
  const names = async (env = {}, local = true) =>
    (await databasesOf(world.root(world.data, { local }), env)).map((path) => path.slice(world.data.length + 1));

  test('are opencode.db, then those of other channels by name, and nothing else', async () => {
    for (const name of [
      'opencode-zeta.db',
      'opencode-beta.db',
      'opencode.db',
      'other.db',
      'opencode.db.bak',
      'opencode-.db',
    ]) {
      world.session(SES, {}, 'native', name);
    }
    mkdirSync(join(world.data, 'opencode-folder.db'));
    expect(await names()).toEqual(['opencode.db', 'opencode-beta.db', 'opencode-zeta.db']);
  });

  test('begin with the one that OPENCODE_DB names, absolute or below the root; a foreign store has no such variable', async () => {
    world.session(SES, {}, 'native', 'mine.sqlite');
    world.session(SES);
    expect(await names({ OPENCODE_DB: 'mine.sqlite' })).toEqual(['mine.sqlite', 'opencode.db']);
    expect(await names({ OPENCODE_DB: join(world.data, 'opencode.db') })).toEqual(['opencode.db']);
    for (const OPENCODE_DB of ['', ':memory:', 'missing.db'])
      expect(await names({ OPENCODE_DB })).toEqual(['opencode.db']);
    expect(await names({ OPENCODE_DB: 'mine.sqlite' }, false)).toEqual(['opencode.db']);
  });

  test('are named where they really are, once', async () => {
    const real = world.session(SES, {}, 'native', 'real.db', join(world.path, 'disk'));
    mkdirSync(world.data, { recursive: true });
    symlinkSync(real, join(world.data, 'opencode.db'));
    expect(await databasesOf(world.root(), {})).toEqual([real]);
  });

  test('of a missing root are none', async () => {
    expect(await names()).toEqual([]);
  });
});

describe('a database', () => {
  test('is read from a private copy: nothing beside it changes, and no copy is left', async () => {
    const path = world.session(SES);
    const before = fingerprint(world.data);
    const { databases, copies } = counted();
    const store = await databases.open(path);
    expect(await store.session(SES)).toMatchObject({ id: SES, messages: 2, parts: 2, archived: false, parentId: null });
    expect(store.kind).toBe('native');
    expect((await store.idsOf(SES)).size).toBe(4);
    expect(fingerprint(world.data)).toEqual(before);
    expect(world.left()).toEqual([]);
    expect(copies).toEqual([path, path]);
  });

  test('is read again only when it changed', async () => {
    const path = world.session(SES);
    const { databases, copies } = counted();
    const store = await databases.open(path);
    await Promise.all([store.session(SES), store.sessions(), databases.open(path)]);
    expect(copies).toHaveLength(1);
    world.session('ses_2');
    expect(await store.sessions()).toHaveLength(2);
    expect(copies).toHaveLength(2);
    await store.digest(SES);
    await store.sessions();
    expect(copies).toHaveLength(3);
  });

  test('counts sub-agents, to-do items, archived and shared sessions', async () => {
    const path = world.session(SES, { archived: true });
    world.session('ses_child', { parent: SES });
    world.change(`INSERT INTO todo VALUES ('${SES}', 'x', 1), ('${SES}', 'y', 2)`);
    world.change(`UPDATE session SET share_url = 'https://x' WHERE id = '${SES}'`);
    const store = await counted().databases.open(path);
    expect(await store.session(SES)).toMatchObject({ children: 1, todos: 2, archived: true, shared: true });
    expect(await store.session('ses_child')).toMatchObject({ parentId: SES, children: 0, todos: 0, shared: false });
  });

  test('without a place for to-do lists or share links has none', async () => {
    const path = world.session(SES);
    world.session('ses_child', { parent: SES });
    const { databases } = counted();
    const digest = await (await databases.open(path)).digest(SES);
    for (const change of ['DROP TABLE todo', 'ALTER TABLE session DROP COLUMN share_url']) {
      world.change(change);
      const store = await databases.open(path);
      expect(await store.session(SES)).toMatchObject({ messages: 2, parts: 2, children: 1, todos: 0, shared: false });
      expect(await store.digest(SES)).toBe(digest);
    }
  });

  test('tells by its tables which releases made it', async () => {
    expect((await counted().databases.open(world.session(SES, {}, 'drizzle'))).kind).toBe('drizzle');
  });

  test('has another digest after any change of the session, and none after a change elsewhere', async () => {
    const path = world.session(SES);
    const store = await counted().databases.open(path);
    const seen = [await store.digest(SES)];
    world.session('ses_2');
    expect(await store.digest(SES)).toBe(seen[0] ?? '');
    // What a newer release adds when it opens the database is no change.
    world.change('ALTER TABLE session ADD COLUMN cost real DEFAULT 0 NOT NULL');
    world.change("UPDATE session SET project_id = 'q'");
    expect(await store.digest(SES)).toBe(seen[0] ?? '');
    for (const sql of [
      "UPDATE session SET directory = '/x'",
      "UPDATE session SET title = 'x'",
      "UPDATE message SET data = '{}' WHERE id = (SELECT min(id) FROM message)",
      "UPDATE part SET data = '{}' WHERE id = (SELECT min(id) FROM part)",
      'DELETE FROM part WHERE id = (SELECT min(id) FROM part)',
    ]) {
      world.change(sql);
      const digest = await store.digest(SES);
      expect(seen).not.toContain(digest);
      seen.push(digest);
    }
  });

  test('that is written all the time is a fault of its conversation, not a refusal of the run', async () => {
    const path = world.session(SES);
    const databases = new OpencodeDatabases(world.machine, () =>
      Promise.reject(new Refusal('DB_LOCKED', 'was being written')),
    );
    await expect(databases.open(path)).rejects.toMatchObject({
      name: 'ConversationFault',
      code: 'CONVERSATION_UNREADABLE',
    });
    const full = new OpencodeDatabases(world.machine, () => Promise.reject(new Refusal('NO_SPACE', 'full')));
    await expect(full.open(path)).rejects.toMatchObject({ name: 'Refusal', code: 'NO_SPACE' });
  });
});
