import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { opencodeId, survey } from '../../src/sessions/opencode-reid';
import { OpencodeTree } from '../../src/sessions/opencode-tree';
import { OpencodeWorld, SES } from './opencode-world';
import { assertFound, FIXTURES, filesBelow, fingerprint, migrate } from './world';

const [USER, ANSWER] = ['msg_0a0e1d200001Fixturemsg0001', 'msg_0a0e1d200002Fixturemsg0002'];

let world: OpencodeWorld;
let storage: string;
beforeEach(() => {
  world = new OpencodeWorld();
  world.install('1.18.33');
  cpSync(join(FIXTURES, 'opencode', 'json-storage'), world.data, { recursive: true });
  storage = join(world.data, 'storage');
  renameSync(join(storage, 'session', '@PROJ@'), join(storage, 'session', 'abc123'));
  for (const path of filesBelow(storage)) {
    writeFileSync(
      path,
      world.fill(readFileSync(path, 'utf8')).replaceAll('AO:shop-orchestrator', 'AO:sh-orchestrator'),
    );
  }
});
afterEach(() => world.remove());

const find = (more = {}) => world.opencode().find(world.ask(more));
const message = (id: string) => join(storage, 'message', SES, `${id}.json`);
const exported = async () => {
  const pieces: Buffer[] = [];
  for await (const piece of new OpencodeTree(storage).export(SES)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
};

describe('conversations as JSON files', () => {
  test('are found by id, and by worktree and title', async () => {
    const found = assertFound(await find());
    expect(found).toMatchObject({ how: 'stored', sourceId: SES, messages: 2, destination: 'absent' });
    const files = filesBelow(storage).filter((path) => path.includes('_0a0e1d2') || path.includes(SES));
    expect(found.size).toBe(files.reduce((sum, path) => sum + readFileSync(path).length, 0));
    expect(assertFound(await find({ storedId: null }))).toMatchObject({ how: 'by-title', sourceId: SES });
  });

  test('become an export: every file as it is, messages and parts in order of their ids', async () => {
    const read = (...path: string[]) => JSON.parse(readFileSync(join(storage, ...path), 'utf8'));
    expect(JSON.parse((await exported()).toString())).toEqual({
      info: read('session', 'abc123', `${SES}.json`),
      messages: [
        {
          info: read('message', SES, `${USER}.json`),
          parts: [read('part', USER, 'prt_0a0e1d200001Fixtureprt0001.json')],
        },
        {
          info: read('message', SES, `${ANSWER}.json`),
          parts: [2, 3, 4].map((n) => read('part', ANSWER, `prt_0a0e1d20000${n}Fixtureprt000${n}.json`)),
        },
      ],
    });
    expect(await survey([await exported()])).toMatchObject({ sessionId: SES, messages: 2, parts: 4 });
  });

  test.each(['1.2.27', '1.15.13', '1.18.33'])('are placed by %s, and not a byte of them changes', async (version) => {
    world.install(version);
    const before = fingerprint(storage);
    const { copy } = await migrate(world.opencode(), world.ask());
    expect(fingerprint(storage)).toEqual(before);
    expect(world.runs('export')).toEqual([]);
    const newId = opencodeId(SES, world.managed);
    expect(world.rows('SELECT id, directory FROM session')).toEqual([{ id: newId, directory: world.managed }]);
    expect(world.rows('SELECT count(*) AS n FROM part')).toEqual([{ n: 4 }]);
    expect(await world.opencode().verify(copy)).toBeNull();
    expect(assertFound(await find()).destination).toBe('in-place');
  });

  test('give way to the database that took them over', async () => {
    world.session(SES, { turns: ['one', 'two'] });
    expect(assertFound(await find()).messages).toBe(4);
  });

  test('are not taken in place of a database that cannot be read', async () => {
    writeFileSync(join(world.data, 'opencode.db'), 'not a database, but long enough to be looked at'.repeat(100));
    expect(await find()).toMatchObject({ state: 'blocked', code: 'CONVERSATION_UNREADABLE' });
  });

  test('without a message are none', async () => {
    rmSync(join(storage, 'message'), { recursive: true });
    expect((await find()).state).toBe('missing');
  });
});

describe('a release that keeps files itself', () => {
  const repository = (dotGit = join(world.project, '.git')) => {
    for (const name of ['objects', 'refs']) mkdirSync(join(dotGit, name), { recursive: true });
    writeFileSync(join(dotGit, 'HEAD'), 'ref: refs/heads/main\n');
    return dotGit;
  };
  const placed = (project: string) => join(storage, 'session', project, `${opencodeId(SES, world.managed)}.json`);

  test.each(['1.0.98', '1.1.65'])(
    '%s puts the copy into the project of the repository, and leaves that alone',
    async (version) => {
      const dotGit = repository();
      world.install(version);
      const before = fingerprint(storage);
      const { copy } = await migrate(world.opencode(), world.ask());
      const after = fingerprint(storage);
      for (const [path, state] of Object.entries(before)) expect(after[path]).toEqual(state);
      expect(JSON.parse(readFileSync(placed('abc123'), 'utf8'))).toMatchObject({ directory: world.managed });
      expect(readdirSync(dotGit).sort()).toEqual(['HEAD', 'objects', 'refs']);
      expect(existsSync(world.managed)).toBe(false);
      expect(world.left()).toEqual([]);
      expect(world.runs('import')[0]?.env).toMatchObject({ GIT_DIR: dotGit, GIT_WORK_TREE: world.managed });
      expect(await world.opencode().verify(copy)).toBeNull();
      expect(assertFound(await find()).destination).toBe('in-place');
      expect(world.runs()).toHaveLength(1);
    },
  );

  test('finds the repository also where the project is a part of it', async () => {
    const dotGit = repository(join(world.path, '.git'));
    world.install('1.1.65');
    await migrate(world.opencode(), world.ask());
    expect(world.runs('import')[0]?.env).toMatchObject({ GIT_DIR: dotGit });
  });

  test('places nothing outside of a repository, where no resume would look', async () => {
    world.install('1.1.65');
    const failure = await migrate(world.opencode(), world.ask()).catch((error: Error) => error.message);
    expect(failure).toContain(`no git repository was found at ${world.project}`);
    expect(world.runs('import')).toEqual([]);
    expect(world.left()).toEqual([]);
  });

  test('puts one that was held outside of any repository where it was', async () => {
    renameSync(join(storage, 'session', 'abc123'), join(storage, 'session', 'global'));
    world.install('1.1.65');
    await migrate(world.opencode(), world.ask());
    expect(existsSync(placed('global'))).toBe(true);
    expect(world.runs('import')[0]?.cwd).toBe(world.managed);
    expect(assertFound(await find()).destination).toBe('in-place');
  });

  test('without git puts it nowhere: that is no success, and a later run does it again', async () => {
    repository();
    world.install('1.1.65', 'unset GIT_DIR');
    const failure = await migrate(world.opencode(), world.ask()).catch((error: Error) => error.message);
    expect(failure).toContain('is in no repository');
    expect(existsSync(placed('global'))).toBe(true);
    world.install('1.1.65');
    expect(assertFound(await find()).destination).toBe('absent');
    await migrate(world.opencode(), world.ask());
    expect(assertFound(await find()).destination).toBe('in-place');
  });

  test('cannot be used with a database, and an older one than was ever tried with nothing', async () => {
    world.install('1.0.97');
    expect(await find()).toMatchObject({ state: 'blocked', code: 'HARNESS_VERSION' });
    world.session(SES, {}, 'drizzle');
    world.install('1.1.65');
    expect(await find()).toMatchObject({ state: 'blocked', code: 'HARNESS_VERSION' });
  });
});

describe('what is damaged or hostile', () => {
  const stageFails = async () => {
    const harness = world.opencode();
    const failure = await migrate(harness, world.ask()).catch((error: Error) => error.message);
    expect(world.left()).toEqual([]);
    expect(world.runs('import')).toEqual([]);
    return failure;
  };

  test('a torn message is named and stops its conversation', async () => {
    const text = readFileSync(message(ANSWER), 'utf8');
    writeFileSync(message(ANSWER), text.slice(0, -20));
    expect(await stageFails()).toContain(message(ANSWER));
    writeFileSync(message(ANSWER), '');
    expect(await stageFails()).toContain(message(ANSWER));
    writeFileSync(message(ANSWER), text.replace(ANSWER, USER));
    expect(await stageFails()).toContain(message(ANSWER));
  });

  test('a linked file, a linked folder and a FIFO are not followed', async () => {
    const outside = world.write(join(world.path, 'outside.json'), readFileSync(message(ANSWER)));
    rmSync(message(ANSWER));
    symlinkSync(outside, message(ANSWER));
    expect(await stageFails()).toContain('a link');
    rmSync(message(ANSWER));
    spawnSync('mkfifo', [message(ANSWER)]);
    expect(await stageFails()).toContain('no regular file');
    const folder = dirname(message(USER));
    renameSync(folder, join(world.path, 'moved'));
    symlinkSync(join(world.path, 'moved'), folder);
    expect(await find()).toMatchObject({ state: 'blocked', code: 'CONVERSATION_UNREADABLE' });
  });

  test('a damaged session file is no candidate, and the others still are', async () => {
    world.write(join(storage, 'session', 'abc123', 'ses_9999999999999zzzzzzzzzzzzz.json'), '{"id":');
    world.write(join(storage, 'session', 'linked'), 'no folder');
    expect(assertFound(await find({ storedId: null })).sourceId).toBe(SES);
  });

  test('a session file that says another id is not the one', async () => {
    const path = join(storage, 'session', 'abc123', `${SES}.json`);
    writeFileSync(path, readFileSync(path, 'utf8').replace(SES, 'ses_other'));
    expect(await find()).toMatchObject({ state: 'blocked', code: 'CONVERSATION_UNREADABLE' });
  });
});
