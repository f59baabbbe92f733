import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ConversationRequest, FoundConversation } from '../../src/contracts/facts';
import { askVersion } from '../../src/sessions/agents';
import { commandRunner, type RunCommand } from '../../src/sessions/agents-command';
import type { OpencodeDeps } from '../../src/sessions/opencode';
import { opencodeId } from '../../src/sessions/opencode-reid';
import { OpencodeWorld, SES } from './opencode-world';
import { assertFound, codesOf, copyOf, migrate, NO_PROGRESS } from './world';

const OTHER = 'ses_2f1a7e0000ffeOtherSess0002';

let world: OpencodeWorld;
beforeEach(() => {
  world = new OpencodeWorld();
  world.install('1.18.33');
});
afterEach(() => world.remove());

type Asked = Partial<ConversationRequest>;
const find = (more: Asked = {}, deps: Partial<OpencodeDeps> = {}) => world.opencode(deps).find(world.ask(more));
const move = (more: Asked = {}, deps: Partial<OpencodeDeps> = {}) => migrate(world.opencode(deps), world.ask(more));
const newId = (id = SES) => opencodeId(id, world.managed);
const session = (id: string) => world.rows(`SELECT * FROM session WHERE id = '${id}'`)[0];
const counts = (id: string) =>
  world.rows(
    `SELECT (SELECT count(*) FROM message WHERE session_id = '${id}') AS messages, (SELECT count(*) FROM part WHERE session_id = '${id}') AS parts`,
  )[0];
const originalRows = () =>
  ['session WHERE id', 'message WHERE session_id', 'part WHERE session_id'].map((from) =>
    world.rows(`SELECT * FROM ${from} = '${SES}' ORDER BY id`),
  );

/** What is said of settings without which the daemon would not look there. */
const settingsOf = ({ notes }: FoundConversation) =>
  notes.flatMap(({ code, message }) => (code === 'CONVERSATION_ROOT' ? [message] : []));

describe('a conversation is found', () => {
  test('by its stored id, with size and number of messages', async () => {
    world.session(SES, { turns: ['one', 'two'] });
    const found = assertFound(await find());
    expect(found).toMatchObject({
      how: 'stored',
      sourceId: SES,
      resumeId: newId(),
      messages: 4,
      destination: 'absent',
      files: [],
    });
    const [{ size = 0 } = {}] = world.rows(
      'SELECT (SELECT sum(length(data)) FROM message) + (SELECT sum(length(data)) FROM part) AS size',
    );
    expect(found.size).toBe(Number(size));
    expect(codesOf(found)).toEqual(['CONVERSATION_PARTS']);
  });

  test('by an id with spaces around it, wherever it was held', async () => {
    world.session(SES, { directory: '/elsewhere' });
    expect(assertFound(await find({ storedId: ` ${SES}\n` })).how).toBe('stored');
  });

  test('never by an id that is none', async () => {
    world.session(SES, { title: 'x' });
    for (const storedId of ['abc', '../ses_x', `${SES}/x`, '--help']) {
      const finding = await find({ storedId, mayRecover: false });
      expect(finding.state).toBe('missing');
      expect(codesOf(finding)).toEqual(['RESUME_ID_INVALID']);
    }
  });

  test('is missing without a message, without a store, and with an empty database', async () => {
    expect((await find()).state).toBe('missing');
    world.session(SES, { turns: [] });
    expect((await find()).state).toBe('missing');
    rmSync(world.data, { recursive: true });
    mkdirSync(world.data, { recursive: true });
    writeFileSync(join(world.data, 'opencode.db'), '');
    expect((await find()).state).toBe('missing');
    expect(world.runs()).toEqual([]);
  });

  test('in the first root that has it, and the note names the variable that the daemon needs', async () => {
    const folder = join(world.path, 'xdg', 'opencode');
    world.session(SES, {}, 'native', 'opencode.db', folder);
    world.session(SES, { turns: [] });
    const roots = [world.root(folder, { setting: 'THE_ROOT=/elsewhere' }), world.root()];
    const found = assertFound(await find({}, { roots }));
    expect(settingsOf(found)).toEqual(['the daemon needs THE_ROOT=/elsewhere']);
  });

  test('in the database that OPENCODE_DB names, which the daemon needs too', async () => {
    const named = world.session(SES, {}, 'native', 'mine.db', join(world.path, 'elsewhere'));
    world.env = { ...world.env, OPENCODE_DB: named };
    expect(settingsOf(assertFound(await find()))).toEqual([`the daemon needs OPENCODE_DB=${named}`]);
    world.session(SES);
    world.env = { ...world.env, OPENCODE_DB: join(world.data, 'opencode.db') };
    expect(settingsOf(assertFound(await find()))).toEqual([]);
    world.env = { ...world.env, OPENCODE_DB: named };
    const roots = [world.root(world.data, { local: false })];
    expect(settingsOf(assertFound(await find({}, { roots })))).toEqual([]);
  });
});

describe('a conversation is recovered', () => {
  const recover = (more: Asked = {}) => find({ storedId: null, ...more });

  test('by worktree and title, the newest, before an untitled newer one', async () => {
    world.session(SES, { updated: 5 });
    world.session(OTHER, { updated: 4 });
    world.session('ses_3', { updated: 9, title: 'something else' });
    world.session('ses_4', { updated: 9, directory: '/elsewhere' });
    const found = assertFound(await recover());
    expect(found).toMatchObject({ how: 'by-title', sourceId: SES });
    expect(found.notes.find(({ code }) => code === 'CONVERSATION_CANDIDATES')?.message).toBe(`not taken: ${OTHER}`);
    expect(codesOf(found)).toEqual(['CONVERSATION_CANDIDATES', 'CONVERSATION_PARTS', 'CONVERSATION_RECOVERED']);
  });

  test('without a titled one by worktree alone: no sub-agent, not archived, with a message', async () => {
    world.session('ses_1', { title: 'x', updated: 9, parent: SES });
    world.session('ses_2', { title: 'x', updated: 8, archived: true });
    world.session('ses_3', { title: 'x', updated: 7, turns: [] });
    world.session(SES, { title: 'x', updated: 6 });
    expect(assertFound(await recover())).toMatchObject({ how: 'recovered', sourceId: SES });
  });

  test('when the stored one is gone, and from another folder that the record names', async () => {
    world.session(SES, { directory: '/moved/from/here' });
    expect((await recover()).state).toBe('missing');
    expect(assertFound(await find({ storedId: OTHER, workspacePaths: ['/moved/from/here'] })).sourceId).toBe(SES);
  });

  test('never where the record forbids it, never from the project, never one of another record', async () => {
    world.session(SES, { title: 'x' });
    expect((await recover({ mayRecover: false })).state).toBe('missing');
    expect((await recover({ isTaken: (id) => id === SES })).state).toBe('missing');
    expect((await recover({ projectPath: world.worktree })).state).toBe('missing');
    expect((await recover({ worktree: null })).state).toBe('missing');
    expect(assertFound(await recover()).sourceId).toBe(SES);
  });

  test('from another folder that the record names only if no other record has it as its worktree, or by title', async () => {
    world.session(SES, { title: 'x', directory: '/w/worker' });
    const shared = { workspacePaths: ['/w/worker'], isOthers: (directory: string) => directory === '/w/worker' };
    expect(assertFound(await recover({ ...shared, isOthers: () => false })).sourceId).toBe(SES);
    expect((await recover(shared)).state).toBe('missing');
    expect(assertFound(await find({ ...shared, storedId: SES })).how).toBe('stored');
    world.session(OTHER, { directory: '/w/worker' });
    expect(assertFound(await recover(shared))).toMatchObject({ how: 'by-title', sourceId: OTHER });
  });

  test('by its title in a folder that is shared with others, be it the project itself', async () => {
    world.session(SES);
    for (const id of ['AO:sh-orchestrator-2', 'AO:sh-orchestrator ', 'sh-orchestrator'])
      world.session(`ses_${id.length}`, { title: id, updated: 9 });
    for (const shared of [{ mayRecover: false }, { mayRecover: false, projectPath: world.worktree }])
      expect(assertFound(await recover(shared))).toMatchObject({ how: 'by-title', sourceId: SES });
    expect((await recover({ mayRecover: false, worktree: '/elsewhere' })).state).toBe('missing');
    expect((await recover({ mayRecover: false, isTaken: (id) => id === SES })).state).toBe('missing');
  });

  test('from the first root with a usable one, whatever is newer elsewhere', async () => {
    const folder = join(world.path, 'xdg', 'opencode');
    world.session(OTHER, { updated: 1 }, 'native', 'opencode.db', folder);
    world.session(SES, { updated: 9 });
    const roots = [world.root(folder), world.root()];
    expect(assertFound(await find({ storedId: null }, { roots })).sourceId).toBe(OTHER);
  });
});

describe('nothing is moved', () => {
  beforeEach(() => void world.session(SES));

  test('while the terminal of the record is open', async () => {
    world.tmux.push({ name: 'sh-orchestrator', path: world.worktree });
    const finding = await find({ tmuxNames: ['sh-orchestrator'] });
    expect(finding).toMatchObject({ state: 'blocked', code: 'CONVERSATION_IN_USE', failed: false });
  });

  test('while opencode runs in the old worktree; its pid is named', async () => {
    world.process(4242, { cwd: world.worktree, comm: 'opencode' });
    const finding = await find();
    expect(finding).toMatchObject({ state: 'blocked', code: 'CONVERSATION_IN_USE' });
    expect(JSON.stringify(finding)).toContain('4242');
    const roots = [world.root(world.data, { local: false })];
    expect((await find({}, { roots })).state).toBe('found');
  });

  test('without opencode, until it is installed', async () => {
    rmSync(join(world.bin, 'opencode'));
    expect(await find()).toMatchObject({ state: 'blocked', code: 'HARNESS_MISSING', failed: false });
    world.install('1.18.33');
    expect((await find()).state).toBe('found');
  });

  test('with a release that cannot open the store, or does not say what it is', async () => {
    world.install('1.3.2');
    const finding = await find();
    expect(finding).toMatchObject({ state: 'blocked', code: 'HARNESS_VERSION', failed: false });
    expect(JSON.stringify(finding)).toContain('1.3.2');
    world.install('unknown');
    expect(await find()).toMatchObject({ state: 'blocked', code: 'HARNESS_VERSION' });
  });

  test('when the database is damaged; another root may still have it', async () => {
    writeFileSync(join(world.data, 'opencode.db'), 'not a database, but long enough to be looked at'.repeat(100));
    expect(await find()).toMatchObject({ state: 'blocked', code: 'CONVERSATION_UNREADABLE' });
    const folder = join(world.path, 'xdg', 'opencode');
    world.session(SES, {}, 'native', 'opencode.db', folder);
    expect((await find({}, { roots: [world.root(), world.root(folder)] })).state).toBe('found');
    expect(world.left()).toEqual([]);
  });
});

describe('a conversation is put in place', () => {
  test.each([
    ['1.2.27', 'drizzle'],
    ['1.14.34', 'drizzle'],
    ['1.15.4', 'drizzle'],
    ['1.15.13', 'drizzle'],
    ['1.18.33', 'native'],
  ] as const)('by %s: a new session in the new directory, the original as it was', async (version, kind) => {
    world.install(version);
    world.session(SES, { turns: ['one', 'two'] }, kind);
    const before = originalRows();
    const { copy, staged } = await move();
    expect(session(newId())).toMatchObject({ directory: world.managed, title: 'AO:sh-orchestrator' });
    expect(counts(newId())).toEqual({ messages: 4, parts: 4 });
    expect(originalRows()).toEqual(before);
    expect(await world.opencode().verify(copy)).toBeNull();
    // The words are there, under ids of their own that keep their order.
    const texts = world.rows(
      `SELECT id, json_extract(data, '$.text') AS text FROM part WHERE session_id = '${newId()}' ORDER BY id`,
    );
    expect(texts.map(({ text }) => text)).toEqual(['one', 'noted', 'two', 'noted']);
    const parents = world.rows(
      `SELECT json_extract(data, '$.parentID') AS parent FROM message WHERE session_id = '${newId()}' AND json_extract(data, '$.role') = 'assistant'`,
    );
    const users = world.rows(
      `SELECT id FROM message WHERE session_id = '${newId()}' AND json_extract(data, '$.role') = 'user'`,
    );
    expect(parents.map(({ parent }) => parent)).toEqual(users.map(({ id }) => id));
    // Nothing else is left anywhere.
    expect(existsSync(join(world.path, '.ao'))).toBe(false);
    expect(world.left()).toEqual([]);
    await world.opencode().discard(staged);
    expect(session(newId())).toBeDefined();
  });

  test('from a private copy, in an empty home, and with an absolute path', async () => {
    world.env = {
      ...world.env,
      HOME: world.home,
      OPENCODE_CONFIG: '/user/config',
      XDG_CONFIG_HOME: join(world.home, '.config'),
      SECRET: 'kept',
    };
    world.session(SES);
    await move();
    const [exported, imported] = [world.runs('export')[0], world.runs('import')[0]];
    expect(exported?.args).toEqual(['export', SES]);
    expect(imported?.args[1]).toMatch(new RegExp(`^${world.temp}/ao-migrate-export-[^/]+/${SES}\\.json$`));
    expect(imported?.cwd).toBe(world.managed);
    expect(imported?.env.XDG_DATA_HOME).toBe(join(world.home, '.local', 'share'));
    for (const run of [exported, imported]) {
      for (const name of ['HOME', 'TMPDIR', 'XDG_CONFIG_HOME']) expect(run?.env[name]).toStartWith(world.temp);
      expect(run?.env).toMatchObject({ OPENCODE_PURE: '1', SECRET: 'kept' });
    }
    expect(exported?.cwd).toStartWith(world.temp);
    expect(exported?.env.OPENCODE_DB).toStartWith(world.temp);
    expect(imported?.env.OPENCODE_DB).toBeUndefined();
  });

  test('whole, where a pipe would have cut it', async () => {
    world.session(SES, { turns: ['x'.repeat(300_000)] });
    const { copy } = await move();
    expect(await world.opencode().verify(copy)).toBeNull();
    expect(world.rows(`SELECT max(length(data)) AS n FROM part WHERE session_id = '${newId()}'`)[0]?.n).toBeGreaterThan(
      300_000,
    );
  });

  test.each([
    ['1.14.34', { file: 'a', before: '', after: 'x' }, []],
    ['1.14.34', { file: 'a', patch: 'p' }, [{ file: 'a', patch: 'p' }]],
    ['1.3.2', { file: 'a', patch: 'p' }, []],
    ['1.15.0', { file: 'a', before: '', after: 'x' }, [{ file: 'a', before: '', after: 'x' }]],
  ] as const)('by %s with diffs like %j: as far as it can read them', async (version, diff, expected) => {
    world.install(version);
    world.session(SES, { diffs: [diff] }, 'drizzle');
    await move();
    const [row] = world.rows(
      `SELECT data FROM message WHERE session_id = '${newId()}' AND json_extract(data, '$.role') = 'user'`,
    );
    expect(JSON.parse(String(row?.data)).summary.diffs).toEqual(expected);
  });

  test('with progress that adds up to its size', async () => {
    world.session(SES, { turns: ['x'.repeat(5000)] });
    const harness = world.opencode();
    const found = assertFound(await harness.find(world.ask()));
    let advanced = 0;
    await harness.stage(copyOf(found, world.ask()), { advance: (bytes) => (advanced += bytes) });
    expect(advanced).toBe(found.size);
  });

  test('staged in private: 0600 in 0700, and discarded without a trace', async () => {
    world.session(SES);
    const harness = world.opencode();
    const copy = copyOf(assertFound(await harness.find(world.ask())), world.ask());
    const staged = await harness.stage(copy, NO_PROGRESS);
    const file = staged.files[0]?.temporary ?? '';
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    expect(world.left()).toHaveLength(1);
    expect(session(newId())).toBeUndefined();
    await harness.discard(staged);
    await harness.discard(staged);
    expect(world.left()).toEqual([]);
    await expect(harness.place(staged)).rejects.toThrow('not there any more');
  });

  test('from a store of another machine into the one of this', async () => {
    const foreign = join(world.path, 'copied', '.local', 'share', 'opencode');
    world.session(SES, {}, 'native', 'opencode.db', foreign);
    const roots = [world.root(foreign, { destination: world.data, local: false }), world.root()];
    const { copy } = await move({}, { roots });
    expect(session(newId())).toMatchObject({ directory: world.managed });
    expect(world.rows('SELECT id FROM session', join(foreign, 'opencode.db'))).toEqual([{ id: SES }]);
    expect(await world.opencode({ roots }).verify(copy)).toBeNull();
  });

  test('from the database of another channel, or the one that OPENCODE_DB names', async () => {
    world.session(SES, {}, 'native', 'opencode-beta.db');
    await move();
    expect(session(newId())).toMatchObject({ directory: world.managed });
    const named = world.session(OTHER, {}, 'native', 'mine.db', join(world.path, 'elsewhere'));
    world.env = { ...world.env, OPENCODE_DB: named };
    const { copy } = await move({ storedId: OTHER });
    expect(world.rows('SELECT id FROM session ORDER BY id', named)).toHaveLength(2);
    expect(await world.opencode().verify(copy)).toBeNull();
  });

  test('beside a folder of the daemon that exists already, which stays', async () => {
    mkdirSync(dirname(world.managed), { recursive: true });
    world.session(SES);
    await move();
    expect(readdirSync(dirname(world.managed))).toEqual([]);
    world.write(join(world.managed, 'file'), 'kept');
    const { copy } = await move();
    expect(copy.destination).toBe('in-place');
    expect(readdirSync(world.managed)).toEqual(['file']);
  });

  test('several at once, one program at a time', async () => {
    for (const [index, id] of [SES, OTHER].entries()) world.session(id, { turns: [`${index}`] });
    let running = 0;
    let most = 0;
    const real = commandRunner('linux');
    const run: RunCommand = async (command) => {
      running += 1;
      most = Math.max(most, running);
      const result = await real(command);
      running -= 1;
      return result;
    };
    const harness = world.opencode({ run, installed: () => askVersion(world.machine, 'opencode', real) });
    await Promise.all([SES, OTHER].map((storedId) => migrate(harness, world.ask({ storedId }))));
    expect(most).toBe(1);
    expect(world.rows(`SELECT count(*) AS n FROM session WHERE directory = '${world.managed}'`)[0]).toEqual({ n: 2 });
  });
});

describe('what is at the destination', () => {
  beforeEach(() => void world.session(SES, { turns: ['one', 'two'] }));

  test('in place is found by a second run, which runs nothing, also when it has gone on', async () => {
    const { copy } = await move();
    rmSync(join(world.bin, 'opencode'));
    world.process(4242, { cwd: world.worktree, comm: 'opencode' });
    expect(assertFound(await find()).destination).toBe('in-place');
    world.change(`INSERT INTO message VALUES ('msg_later', '${newId()}', 9, 9, '{"role":"user"}')`);
    expect(assertFound(await find()).destination).toBe('in-place');
    expect(await world.opencode().verify(copy)).toBeNull();
    const runs = world.runs().length;
    const harness = world.opencode();
    await harness.place(await harness.stage({ ...copy, destination: 'in-place' }, NO_PROGRESS));
    expect(world.runs()).toHaveLength(runs);
  });

  test('a part of it, as an interrupted import leaves it, is completed', async () => {
    await move();
    for (const cut of [
      `DELETE FROM part WHERE session_id = '${newId()}'; DELETE FROM message WHERE session_id = '${newId()}'`,
      `DELETE FROM part WHERE id = (SELECT max(id) FROM part WHERE session_id = '${newId()}')`,
    ]) {
      for (const sql of cut.split(';')) world.change(sql);
      expect(assertFound(await find()).destination).toBe('absent');
      await move();
      expect(counts(newId())).toEqual({ messages: 4, parts: 4 });
    }
  });

  test('an older, shorter copy is completed, one that went another way is a conflict', async () => {
    await move();
    world.change(`INSERT INTO message VALUES ('msg_0a0e1d290001Newer', '${SES}', 9, 9, '{"role":"user"}')`);
    expect(assertFound(await find()).destination).toBe('absent');
    world.change(`INSERT INTO message VALUES ('msg_later', '${newId()}', 9, 9, '{"role":"user"}')`);
    expect(await find()).toMatchObject({ state: 'blocked', code: 'CONVERSATION_CONFLICT', failed: false });
  });

  test('in another directory is a conflict, and is not moved by an import', async () => {
    const harness = world.opencode();
    const copy = copyOf(assertFound(await harness.find(world.ask())), world.ask());
    const staged = await harness.stage(copy, NO_PROGRESS);
    world.session(newId(), { directory: '/another', turns: [] });
    await expect(harness.place(staged)).rejects.toMatchObject({ code: 'CONVERSATION_CONFLICT' });
    expect(await find()).toMatchObject({ state: 'blocked', code: 'CONVERSATION_CONFLICT' });
    await harness.discard(staged);
    expect([session(newId())?.directory, world.left()]).toEqual(['/another', []]);
  });

  test('is judged by directory and counts', async () => {
    const { copy } = await move();
    const verify = () => world.opencode().verify(copy);
    world.change(`DELETE FROM part WHERE id = (SELECT max(id) FROM part WHERE session_id = '${newId()}')`);
    expect(await verify()).toContain('3 of 4 message parts');
    world.change(`DELETE FROM message WHERE id = (SELECT max(id) FROM message WHERE session_id = '${newId()}')`);
    expect(await verify()).toContain('3 of 4 messages');
    world.change(`UPDATE session SET directory = '/x' WHERE id = '${newId()}'`);
    expect(await verify()).toContain('/x');
    world.change(`DELETE FROM session WHERE id = '${newId()}'`);
    expect(await verify()).toContain('is not in');
  });
});

describe('when opencode fails', () => {
  const staging = async (deps: Partial<OpencodeDeps> = {}) => {
    const harness = world.opencode(deps);
    const copy = copyOf(assertFound(await harness.find(world.ask())), world.ask());
    return { harness, staged: await harness.stage(copy, NO_PROGRESS) };
  };
  const SPOILT =
    'PATH=/usr/bin:/bin; if [ "$1" = import ]; then sed -i "s/\\"diffs\\": \\[\\]/\\"diffs\\": [{}]/" "$2"; fi';

  test('in the middle of an import, the half session is reported, not deleted, and a later run completes it', async () => {
    world.install('1.14.34', SPOILT);
    world.session(SES, {}, 'drizzle');
    const { harness, staged } = await staging();
    const failure = await harness.place(staged).catch((error: Error) => error.message);
    expect(failure).toContain(`exit code 1 and has 0 of 2 messages; the session ${newId()} was left as it is`);
    expect(session(newId())).toBeDefined();
    expect([world.left(), existsSync(world.managed)]).toEqual([[], false]);
    world.install('1.15.13');
    await move();
    expect(counts(newId())).toEqual({ messages: 2, parts: 2 });
  });

  test('a change of the original is not passed over', async () => {
    world.install('1.18.33');
    world.session(SES);
    const { harness, staged } = await staging();
    world.change(`UPDATE session SET directory = '/moved' WHERE id = '${SES}'`);
    await expect(harness.place(staged)).rejects.toThrow('changed during the import');
  });

  test('at an export, nothing is left', async () => {
    world.session(SES);
    world.install('1.18.33', 'if [ "$1" = export ]; then exit 7; fi');
    await expect(staging()).rejects.toThrow('opencode export ended with exit code 7');
    world.install('1.18.33', 'if [ "$1" = export ]; then echo "{\\"info\\":{}"; exit 0; fi');
    await expect(staging()).rejects.toThrow('cut short');
    world.install('1.18.33', `if [ "$1" = export ]; then echo '{"info":{"id":"${SES}"},"messages":[]}'; exit 0; fi`);
    await expect(staging()).rejects.toThrow('does not hold what the store holds');
    expect(world.left()).toEqual([]);
  });

  test.each([
    ['shorter', (messages: unknown[]) => messages.slice(0, 3)],
    ['longer', (messages: unknown[]) => [...messages, { info: { id: 'msg_0a0e1d290009Foreign0000001' }, parts: [] }]],
  ] as const)('a %s export than the store holds is not taken', async (_, change) => {
    world.session(SES, { turns: ['one', 'two'] });
    const run: RunCommand = async (command) => {
      const result = await commandRunner('linux')(command);
      if (command.stdoutFile !== null) {
        const whole = JSON.parse(readFileSync(command.stdoutFile, 'utf8'));
        writeFileSync(command.stdoutFile, JSON.stringify({ ...whole, messages: change(whole.messages) }));
      }
      return result;
    };
    await expect(staging({ run })).rejects.toThrow('does not hold what the store holds');
  });

  test('ids that cannot be renewed stop it before anything is imported', async () => {
    world.session('ses_short');
    const finding = await find({ storedId: 'ses_short' });
    expect(finding).toMatchObject({ state: 'blocked', code: 'CONVERSATION_CONFLICT' });
    expect(JSON.stringify(finding)).toContain('too short');
    world.session(SES);
    world.change(`UPDATE part SET id = 'prt_x' WHERE id = (SELECT max(id) FROM part WHERE session_id = '${SES}')`);
    await expect(staging()).rejects.toThrow('too short');
    expect(world.runs('import')).toEqual([]);
  });

  test('its words are never repeated', async () => {
    world.session(SES);
    world.install('1.18.33', 'if [ "$1" = export ]; then echo PEACH-27 >&2; echo PEACH-27; exit 1; fi');
    const failure = await staging().catch((error: Error) => error.message);
    expect(failure).not.toContain('PEACH');
  });

  test('when a folder cannot be written, the conversation waits and nothing is left', async () => {
    world.session(SES);
    const { harness, staged } = await staging();
    writeFileSync(join(world.path, '.ao'), 'a file in the way');
    await expect(harness.place(staged)).rejects.toThrow();
    await harness.discard(staged);
    expect(world.left()).toEqual([]);
    chmodSync(join(world.path, '.ao'), 0o600);
  });
});
