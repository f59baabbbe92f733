import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { codexId } from '../../src/sessions/ids';
import { contentOf, withFile } from '../../src/sessions/source';
import { hasWholeFrames } from '../../src/sessions/zstd';
import {
  assertFound,
  codesOf,
  copyOf,
  filesBelow,
  fingerprint,
  IDS,
  mainPath,
  migrate,
  NO_PROGRESS,
  uuid,
  World,
} from './world';

const ID = '019e0000-0000-7000-8000-000000000111';
const STAMP = '2026-05-14T09-30-00';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.remove());

const request = (more: Parameters<World['request']>[0] = {}) => world.request({ harness: 'codex', ...more });
const find = (more: Parameters<World['request']>[0] = {}, deps: Parameters<World['codexHarness']>[0] = {}) =>
  world.codexHarness(deps).find(request(more));
const day = (root = world.codex) => join(root, 'sessions', '2026', '05', '14');
const pathOf = (id: string, folder = day()) => join(folder, `rollout-${STAMP}-${id}.jsonl`);

const meta = (id: string, more: Record<string, unknown> = {}) =>
  `${JSON.stringify({ type: 'session_meta', payload: { id, cwd: world.worktree, source: 'cli', ...more } })}\n`;
const turn = (cwd = world.worktree) => `${JSON.stringify({ type: 'turn_context', payload: { cwd, model: 'm' } })}\n`;
const said = `${JSON.stringify({ type: 'event_msg', payload: { type: 'user_message', message: 'hi' } })}\n`;
const rollout = (id: string, more: Record<string, unknown> = {}) => meta(id, more) + turn() + said;
const own = (id: string, more: Record<string, unknown> = {}, mtime?: number) =>
  world.write(pathOf(id), rollout(id, more), mtime);
const newPath = (id = ID, folder = day()) => pathOf(codexId(id, world.managed), folder);

describe('fixtures', () => {
  beforeEach(() => world.instantiate('codex'));

  test('the copy is the expected file, byte for byte, and the original stays', async () => {
    const before = fingerprint(world.home);
    const harness = world.codexHarness({ newId: () => IDS.codex.copy });
    const { found, copy, staged } = await migrate(harness, request({ storedId: IDS.codex.main }));
    const expected = world.expected(`codex/expected/rollout-${STAMP}-${IDS.codex.copy}.jsonl`);
    expect(mainPath(copy)).toBe(pathOf(IDS.codex.copy));
    expect(readFileSync(mainPath(copy)).toString()).toBe(expected.toString());
    expect(found).toMatchObject({ how: 'stored', sourceId: IDS.codex.main, resumeId: IDS.codex.copy, messages: 2 });
    expect(codesOf(found)).toEqual(['CONVERSATION_ROLE']);
    expect(statSync(mainPath(copy)).mode & 0o777).toBe(0o600);
    expect(await harness.verify(copy)).toBeNull();
    await harness.discard(staged);
    expect(fingerprint(world.home)).toEqual(before);
  });

  test('of a fork only the first meta and the last turn change', async () => {
    const { copy } = await migrate(world.codexHarness(), request({ storedId: IDS.codex.fork }));
    const source = readFileSync(copy.files[0]?.source ?? '', 'utf8').split('\n');
    const written = readFileSync(mainPath(copy), 'utf8').split('\n');
    const changed = source.flatMap((row, index) => (row === written[index] ? [] : [index]));
    const turns = source.flatMap((row, index) => (row.includes('"type":"turn_context"') ? [index] : []));
    expect(changed).toEqual([0, turns.at(-1) ?? 0]);
    expect(turns.length).toBeGreaterThan(1);
    expect(JSON.parse(written[0] ?? '').payload).toMatchObject({
      id: copy.resumeId,
      session_id: copy.resumeId,
      cwd: world.managed,
      forked_from_id: IDS.codex.main,
    });
  });

  test('an early release has no session_id and gets none', async () => {
    const { copy } = await migrate(world.codexHarness(), request({ storedId: IDS.codex.v077 }));
    const [first = ''] = readFileSync(mainPath(copy), 'utf8').split('\n');
    expect(Object.keys(JSON.parse(first).payload)).not.toContain('session_id');
  });

  test('recovery takes the newest that was begun in the worktree', async () => {
    utimesSync(pathOf(IDS.codex.main), 1_700_000_500, 1_700_000_500);
    const found = assertFound(await find());
    expect(found).toMatchObject({ how: 'recovered', sourceId: IDS.codex.main });
    expect(codesOf(found)).toEqual(['CONVERSATION_CANDIDATES', 'CONVERSATION_RECOVERED', 'CONVERSATION_ROLE']);
    const list = found.notes.find((note) => note.code === 'CONVERSATION_CANDIDATES')?.message ?? '';
    expect(list).toContain(IDS.codex.fork);
    expect(list).not.toContain(IDS.codex.othercwd);
  });
});

describe('the fields that change', () => {
  const written = async (text: string) => {
    world.write(pathOf(ID), text);
    const { copy } = await migrate(world.codexHarness(), request({ storedId: ID }));
    return readFileSync(mainPath(copy), 'utf8');
  };
  const N = () => codexId(ID, world.managed);

  test('odd spacing, key order, escapes and huge numbers stay as they are', async () => {
    const old = JSON.stringify(world.worktree).replaceAll('/', '\\/');
    const line = (id: string, cwd: string) =>
      `  {\t"payload" : { "cwd" :${cwd}, "big":123456789012345678901234567890.10e+5, "id": "${id}" ,"x\\"y":"\\u00e9\\ud83d\\ude00", "nested":{"id":"${ID}","cwd":${old}}, "runtime_workspace_roots": [ ${cwd} ] , "session_id":"${id}"},"type"\t:"session_meta", "n":-0.0 }\r\n`;
    const next = `{"type":"turn_context","payload":{"model":"é","cwd" : ${JSON.stringify(world.managed)}  }}\n`;
    const text = await written(line(ID, old) + said + next.replace(world.managed, world.worktree));
    expect(text).toBe(
      line(N(), JSON.stringify(world.managed)).replace(
        `"runtime_workspace_roots": [ ${JSON.stringify(world.managed)} ]`,
        `"runtime_workspace_roots": [${JSON.stringify(world.managed)}]`,
      ) +
        said +
        next,
    );
  });

  test('keys and types that are written with escapes are met', async () => {
    const old = JSON.stringify(world.worktree);
    const text = await written(
      `{"ty\\u0070e":"session\\u005fmeta","payload":{"i\\u0064":"${ID}","\\u0063wd":${old}}}\n${said}{"type":"turn\\u005fcontext","payload":{"\\u0063wd":${old}}}\n`,
    );
    expect(text).toBe(
      `{"ty\\u0070e":"session\\u005fmeta","payload":{"i\\u0064":"${N()}","\\u0063wd":${JSON.stringify(world.managed)}}}\n${said}{"type":"turn\\u005fcontext","payload":{"\\u0063wd":${JSON.stringify(world.managed)}}}\n`,
    );
  });

  test('a repeated key is changed everywhere, so that no parser sees the old value', async () => {
    const cwd = JSON.stringify(world.worktree);
    const text = await written(
      `{"type":"session_meta","payload":{"id":"${ID}","cwd":${cwd},"cwd":${cwd},"id":"${ID}"}}\n${said}`,
    );
    expect(text).not.toContain(ID);
    expect(text).not.toContain(cwd);
    expect(text.split(N()).length).toBe(3);
  });

  test('only the last turn, also when words speak of turns afterwards', async () => {
    const words = `${JSON.stringify({ type: 'response_item', payload: { type: 'message', role: 'user', cwd: world.worktree, text: '"type":"turn_context"' } })}\n`;
    const text = await written(
      `${meta(ID) + turn() + said + turn() + words}{"type":"turn_context","payload":{"cwd":"torn`,
    );
    const change = (row: string) => row.replace(JSON.stringify(world.worktree), JSON.stringify(world.managed));
    expect(text).toBe(change(meta(ID)).replace(ID, N()) + turn() + said + change(turn()) + words);
  });

  test('not the session_meta of a parent, whatever it looks like', async () => {
    const parent = meta(uuid(2), { note: '\u001b turn_context' });
    const text = await written(meta(ID) + parent + said);
    expect(text.split('\n').slice(1).join('\n')).toBe(parent + said);
  });

  test('a directory whose name needs escapes', async () => {
    const managed = join(world.path, 'a "b" \\ ü\n');
    world.write(pathOf(ID), rollout(ID));
    const { copy } = await migrate(world.codexHarness(), request({ storedId: ID, destinationCwd: managed }));
    const rows = readFileSync(mainPath(copy), 'utf8')
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row));
    expect(rows[0].payload.cwd).toBe(managed);
    expect(rows[1].payload.cwd).toBe(managed);
    expect(await world.codexHarness().verify(copy)).toBeNull();
  });

  test('unknown rows, damaged rows, bytes that are no text and encrypted items come through', async () => {
    const odd = Buffer.concat([
      Buffer.from('{"type":"response_item","payload":{"encrypted_content":"gAAA=="}}\nnot json turn_context\n'),
      Buffer.of(0xff, 0xfe, 0x0a),
      Buffer.from('\n[1]\n'),
    ]);
    world.write(pathOf(ID), Buffer.concat([Buffer.from(rollout(ID)), odd]));
    const { copy } = await migrate(world.codexHarness(), request({ storedId: ID }));
    const bytes = readFileSync(mainPath(copy));
    expect(bytes.subarray(bytes.length - odd.length).equals(odd)).toBe(true);
  });

  test.each([
    ['no session_meta', () => said.repeat(12)],
    ['a session_meta after ten rows', () => said.repeat(10) + rollout(ID)],
    ['no directory', () => `{"type":"session_meta","payload":{"id":"${ID}"}}\n${said}`],
    ['no id', () => `{"type":"session_meta","payload":{"cwd":"/x"}}\n${said}`],
    ['a damaged session_meta', () => `{"type":"session_meta","payload":{"id":"${ID}","cwd":"/x"}\n${said}`],
  ])('%s is refused in the plan', async (_, text) => {
    world.write(pathOf(ID), text());
    expect(await find({ storedId: ID })).toMatchObject({
      state: 'blocked',
      code: 'CONVERSATION_UNREADABLE',
      failed: false,
    });
  });
});

describe('where a stored id is sought', () => {
  test('sessions before archived, plain before compressed', async () => {
    const archived = world.write(pathOf(ID, join(world.codex, 'archived_sessions')), rollout(ID));
    const notArchived = assertFound(await find({ storedId: ID }));
    expect(notArchived.files[0]?.source).toBe(archived);
    expect(codesOf(notArchived)).toContain('CONVERSATION_ARCHIVED');
    expect(notArchived.files[0]?.destination).toBe(newPath());
    const compressed = world.write(`${pathOf(ID)}.zst`, zstdCompressSync(Buffer.from(rollout(ID))));
    expect(assertFound(await find({ storedId: ID })).files[0]?.source).toBe(compressed);
    own(ID);
    expect(assertFound(await find({ storedId: ID })).files[0]?.source).toBe(pathOf(ID));
  });

  test('plain before compressed in whatever folder', async () => {
    world.write(`${pathOf(ID, join(world.codex, 'sessions', '2026', '05', '13'))}.zst`, zstdCompressSync(rollout(ID)));
    own(ID);
    expect(assertFound(await find({ storedId: ID })).files[0]?.source).toBe(pathOf(ID));
  });

  test('the same date folder, else the date in the name', async () => {
    const other = join(world.codex, 'sessions', '2026', '05', '15');
    world.write(pathOf(ID, other), rollout(ID));
    expect(assertFound(await find({ storedId: ID })).files[0]?.destination).toBe(newPath(ID, other));
    renameSync(pathOf(ID, other), pathOf(ID, join(world.codex, 'sessions')));
    expect(assertFound(await find({ storedId: ID })).files[0]?.destination).toBe(newPath());
  });

  test('the first root that has it, CODEX_HOME with a note', async () => {
    const other = join(world.home, 'codex-home');
    const roots = [world.root(other, { setting: 'THE_ROOT=/elsewhere' }), world.root(world.codex)];
    own(ID);
    expect(codesOf(await find({ storedId: ID }, { roots }))).toEqual(['CONVERSATION_ROLE']);
    world.write(pathOf(ID, day(other)), rollout(ID));
    const found = assertFound(await find({ storedId: ID }, { roots }));
    expect(found.files[0]?.destination).toBe(newPath(ID, day(other)));
    expect(codesOf(found)).toEqual(['CONVERSATION_ROLE', 'CONVERSATION_ROOT']);
  });

  test('its directory is not asked, nor who started it', async () => {
    own(ID, { cwd: '/somewhere/else', source: { subagent: 'x' } });
    expect(await find({ storedId: ID, mayRecover: false })).toMatchObject({ how: 'stored' });
  });

  test.each([
    ['response_item', true],
    ['event_msg', true],
    ['compacted', true],
    ['turn_context', false],
  ])('R1 a rollout with only a %s row has messages: %p', async (type, has) => {
    world.write(pathOf(ID), `${meta(ID)}{"type":"${type}","payload":{}}\n`);
    expect(await find({ storedId: ID })).toMatchObject({ state: has ? 'found' : 'missing' });
  });

  test('an empty file and one without a newline are none', async () => {
    world.write(pathOf(ID), '');
    expect(await find({ storedId: ID })).toMatchObject({ state: 'missing' });
    world.write(pathOf(ID), rollout(ID).replaceAll('\n', ' '));
    expect(await find({ storedId: ID })).toMatchObject({ state: 'missing' });
  });

  test.each(['../../x', '-c', ID.slice(1), ''])('the stored id %j is rejected with a note', async (storedId) => {
    own(uuid(1));
    expect(codesOf(await find({ storedId, mayRecover: false }))).toEqual(['RESUME_ID_INVALID']);
    expect(codesOf(await find({ storedId }))).toContain('CONVERSATION_RECOVERED');
  });

  test('what Codex keeps elsewhere is named', async () => {
    own(ID);
    world.write(join(world.codex, 'goals_1.sqlite'), '');
    const found = assertFound(await find({ storedId: ID }));
    expect(codesOf(found)).toEqual(['CONVERSATION_PARTS', 'CONVERSATION_ROLE']);
  });
});

test('above 64 MB a rollout is not counted', async () => {
  truncateSync(own(ID), 64 * 1024 * 1024);
  expect(await find({ storedId: ID })).toMatchObject({ messages: 1 });
  truncateSync(pathOf(ID), 64 * 1024 * 1024 + 1);
  expect(await find({ storedId: ID })).toMatchObject({ messages: null, size: 64 * 1024 * 1024 + 1 });
  for (const [countsCopies, messages] of [
    [true, 1],
    [false, null],
  ] as const) {
    const harness = world.codexHarness({ countsCopies });
    const copy = copyOf(assertFound(await harness.find(request({ storedId: ID }))), request());
    const staged = await harness.stage(copy, NO_PROGRESS);
    expect(staged.copy.messages).toBe(messages);
    await harness.discard(staged);
  }
});

describe('recovery', () => {
  test('not subagents, archived, message-less or taken ones, nor those begun elsewhere', async () => {
    own(uuid(1), { source: { subagent: 'review' } }, 9_000);
    world.write(pathOf(uuid(2), join(world.codex, 'archived_sessions')), rollout(uuid(2)), 9_000);
    world.write(pathOf(uuid(3)), meta(uuid(3)) + turn(), 9_000);
    own(uuid(4), {}, 9_000);
    own(uuid(5), { cwd: '/somewhere/else' }, 9_000);
    own(uuid(6), { source: 'vscode' }, 1_000);
    const found = assertFound(await find({ isTaken: (id) => id === uuid(4) }));
    expect(found.sourceId).toBe(uuid(6));
    expect(codesOf(found)).toEqual(['CONVERSATION_RECOVERED', 'CONVERSATION_ROLE']);
  });

  test('the newest, by the time of the file', async () => {
    own(uuid(1), {}, 1_000);
    own(uuid(2), {}, 3_000);
    own(uuid(3), {}, 2_000);
    expect(await find()).toMatchObject({ sourceId: uuid(2) });
  });

  const misplaced = (index: number, row: Record<string, unknown>, mtime: number, rest = said) => {
    const text = JSON.stringify({ type: 'session_meta', ...row }).replace('true', JSON.stringify(world.worktree));
    world.write(pathOf(uuid(index)), `${text}\n${rest}`, mtime);
  };

  test('one that names its directory where Codex does not look is nobody’s', async () => {
    misplaced(1, { cwd: true, payload: { id: uuid(1) } }, 9_000);
    expect(await find()).toMatchObject({ state: 'missing', reason: 'none was found' });
    own(uuid(2));
    expect(await find()).toMatchObject({ sourceId: uuid(2) });
  });

  test.each([
    ['beside', { threadId: uuid(1), payload: { cwd: true } }],
    ['under another name in', { payload: { cwd: true, threadId: uuid(1) } }],
  ])('one that names its id %s the payload cannot be copied, and is no candidate beside others', async (_, row) => {
    misplaced(1, row, 9_000, '');
    expect(await find()).toMatchObject({ state: 'missing' });
    misplaced(1, row, 9_000);
    expect(await find()).toMatchObject({ state: 'blocked', code: 'CONVERSATION_UNREADABLE', failed: false });
    expect(await find({ isTaken: (id) => id === uuid(1) })).toMatchObject({ state: 'missing' });
    own(uuid(2));
    const found = await find();
    expect(found).toMatchObject({ sourceId: uuid(2) });
    expect(found.notes.map(({ code }) => code)).not.toContain('CONVERSATION_CANDIDATES');
  });

  test('the first session_meta counts, not that of a parent', async () => {
    world.write(pathOf(uuid(1)), meta(uuid(1), { cwd: '/somewhere/else' }) + meta(uuid(2)) + said);
    expect(await find()).toMatchObject({ state: 'missing' });
  });

  test('spellings of a directory', async () => {
    symlinkSync(world.worktree, join(world.path, 'link'));
    own(uuid(1), { cwd: join(world.path, 'link') });
    expect(await find()).toMatchObject({ sourceId: uuid(1) });
    own(uuid(2), { cwd: 'c:\\dev\\wt' });
    expect(await find({ worktree: 'C:/dev/wt' })).toMatchObject({ sourceId: uuid(2) });
  });

  test('another workspace path only where the worktree has none, never the project', async () => {
    const old = join(world.path, 'v1', 'sh-orchestrator');
    own(uuid(1), { cwd: old }, 9_000);
    own(uuid(2), { cwd: world.project }, 9_000);
    const workspacePaths = [world.project, old];
    expect(await find({ workspacePaths })).toMatchObject({ sourceId: uuid(1) });
    own(uuid(3), {}, 1_000);
    expect(await find({ workspacePaths })).toMatchObject({ sourceId: uuid(3) });
    expect(await find({ mayRecover: false, byTime: true, createdAtMs: 0 })).toMatchObject({ state: 'missing' });
  });

  test('none from another workspace path that is the worktree of another record, but the one of its own id', async () => {
    const other = join(world.path, 'w', 'worker');
    own(uuid(1), { cwd: other });
    const workspace = { workspacePaths: [other], isOthers: (directory: string) => directory === other };
    expect(await find({ workspacePaths: [other] })).toMatchObject({ sourceId: uuid(1) });
    expect(await find(workspace)).toMatchObject({ state: 'missing' });
    expect(await find({ ...workspace, storedId: uuid(1) })).toMatchObject({ how: 'stored' });
  });

  test('a compressed rollout', async () => {
    world.write(`${pathOf(ID)}.zst`, zstdCompressSync(Buffer.from(rollout(ID))));
    expect(await find()).toMatchObject({ how: 'recovered', sourceId: ID });
  });
});

describe('compressed rollouts', () => {
  test('are written plain, hashed in all forms, and found again', async () => {
    const text = `${rollout(ID)}${said.repeat(50_000)}{"torn`;
    const packed = zstdCompressSync(Buffer.from(text));
    const source = world.write(`${pathOf(ID)}.zst`, packed);
    const before = fingerprint(dirname(dirname(source)));
    const { found, copy, staged } = await migrate(world.codexHarness(), request({ storedId: ID }));
    expect(found.size).toBe(text.length);
    expect(found.messages).toBe(50_001);
    const written = readFileSync(newPath(), 'utf8');
    expect(written.split('\n').slice(1, 2)).toEqual([turn(world.managed).trimEnd()]);
    expect(written.split('\n').slice(2).join('\n')).toBe(said.repeat(50_001));
    expect(staged.files[0]?.sourceSha256).toBe(new Bun.CryptoHasher('sha256').update(packed).digest('hex'));
    expect(staged.files[0]?.trimmedSha256).toBe(
      new Bun.CryptoHasher('sha256').update(text.slice(0, text.lastIndexOf('\n') + 1)).digest('hex'),
    );
    expect(await world.codexHarness().verify(copy)).toBeNull();
    expect(await find({ storedId: ID })).toMatchObject({ destination: 'in-place' });
    rmSync(newPath());
    expect(Object.keys(fingerprint(dirname(dirname(source))))).toEqual(Object.keys(before));
  });

  test('of many chunks come through whole', async () => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('hex');
    const rows = Array.from({ length: 40 }, (_, n) => `{"n":${n},"x":"${n}${noise.slice(n * 100)}${noise}"}\n`).join(
      '',
    );
    world.write(
      `${pathOf(ID)}.zst`,
      zstdCompressSync(Buffer.from(rollout(ID) + rows), { params: { [constants.ZSTD_c_windowLog]: 10 } }),
    );
    await migrate(world.codexHarness(), request({ storedId: ID }));
    expect(lstatSync(`${pathOf(ID)}.zst`).size).toBeGreaterThan(2_000_000);
    expect(readFileSync(newPath(), 'utf8').endsWith(said + rows)).toBe(true);
  });

  test('a bomb is given up at its limit', async () => {
    const path = world.write(join(world.path, 'bomb.jsonl.zst'), zstdCompressSync(Buffer.alloc(64 * 1024 * 1024)));
    expect(lstatSync(path).size).toBeLessThan(20_000);
    let seen = 0;
    const read = withFile(path, async (file) => {
      for await (const chunk of contentOf(file, 1024 * 1024)) seen += chunk.length;
    });
    await expect(read).rejects.toMatchObject({ code: 'CONVERSATION_UNREADABLE' });
    expect(seen).toBeLessThanOrEqual(1024 * 1024);
  });

  test('a file that is cut anywhere, or goes on with something else, is refused', async () => {
    const packed = zstdCompressSync(Buffer.from(rollout(ID) + said.repeat(9_000)));
    const skippable = Buffer.from('502a4d1803000000616263', 'hex');
    for (const bytes of [
      packed.subarray(0, packed.length - 1),
      packed.subarray(0, packed.length - 4),
      packed.subarray(0, packed.length >> 1),
      packed.subarray(0, 6),
      Buffer.concat([packed, Buffer.from('x')]),
      Buffer.concat([packed, packed.subarray(0, 20)]),
      Buffer.concat([packed, skippable.subarray(0, 9)]),
      Buffer.from('plain text'),
    ]) {
      world.write(`${pathOf(ID)}.zst`, bytes);
      expect(await find({ storedId: ID })).toMatchObject({ state: 'blocked', code: 'CONVERSATION_UNREADABLE' });
    }
    for (const bytes of [packed, Buffer.concat([skippable, packed]), Buffer.concat([packed, packed])]) {
      world.write(`${pathOf(ID)}.zst`, bytes);
      expect(await find({ storedId: ID })).toMatchObject({ state: 'found' });
    }
  });

  test.each([
    ['with a checksum', { [constants.ZSTD_c_checksumFlag]: 1 }],
    ['of the highest level', { [constants.ZSTD_c_compressionLevel]: 19 }],
    ['without its size', { [constants.ZSTD_c_contentSizeFlag]: 0 }],
  ])('frames %s are known', async (_, params) => {
    for (const count of [0, 1, 300, 30_000]) {
      const text = `${rollout(ID) + said.repeat(count)}"${'a'.repeat(count * 20)}"\n`;
      const path = world.write(join(world.path, 'x.zst'), zstdCompressSync(Buffer.from(text), { params }));
      expect(await withFile(path, ({ descriptor, size }) => hasWholeFrames(descriptor, size))).toBe(true);
      expect(await withFile(path, ({ descriptor, size }) => hasWholeFrames(descriptor, size - 1))).toBe(false);
    }
  });
});

describe('in use', () => {
  beforeEach(() => own(ID));
  const blocked = (pid: number) => ({
    state: 'blocked',
    code: 'CONVERSATION_IN_USE',
    failed: false,
    reason: expect.stringContaining(`${pid}`),
  });

  test('a held writer lock, and only a held one of this file', async () => {
    const lock = world.write(join(world.codex, 'thread-writer-locks', `${ID}.lock`), '');
    const { dev, ino } = lstatSync(lock);
    const device = `${(dev >> 8).toString(16).padStart(2, '0')}:${(dev & 0xff).toString(16).padStart(2, '0')}`;
    const locks = (text: string) => world.write(join(world.proc, 'locks'), text);
    expect(await find({ storedId: ID })).toMatchObject({ state: 'found' });
    locks(
      `1: FLOCK  ADVISORY  WRITE 71 ${device}:${ino + 1} 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 71 ${device}:${ino} 0 EOF\n`,
    );
    expect(await find({ storedId: ID })).toMatchObject({ state: 'found' });
    locks(`1: POSIX  ADVISORY  WRITE 70 ff:ff:${ino} 0 EOF\n7: FLOCK  ADVISORY  WRITE 71 ${device}:${ino} 0 EOF\n`);
    expect(await find({ storedId: ID })).toMatchObject(blocked(71));
    locks(`1: FLOCK  ADVISORY  WRITE 72 ff:ff:${ino} 0 EOF\n`);
    expect(await find({ storedId: ID })).toMatchObject({ state: 'found' });
    world.process(72, { open: [lock] });
    expect(await find({ storedId: ID })).toMatchObject(blocked(72));
  });

  if (process.platform === 'linux')
    test('the kernel’s own list of locks is understood', async () => {
      const lock = world.write(join(world.path, 'real.lock'), '');
      const script = `exec 9>${JSON.stringify(lock)}; flock -n 9; echo held; exec sleep 600`;
      const holder = Bun.spawn(['sh', '-c', script], { stdout: 'pipe' });
      try {
        await holder.stdout.getReader().read();
        const { lockHolder } = world.liveness();
        world.write(join(world.proc, 'locks'), readFileSync('/proc/locks', 'utf8'));
        expect(lockHolder(lock)).toBeGreaterThan(0);
      } finally {
        holder.kill();
        await holder.exited;
      }
    });

  test('an open rollout, this process aside', async () => {
    world.process(process.pid, { open: [pathOf(ID)] });
    expect(await find({ storedId: ID })).toMatchObject({ state: 'found' });
    world.process(73, { open: ['/dev/null', 'socket:[1]', pathOf(ID)] });
    expect(await find({ storedId: ID })).toMatchObject(blocked(73));
  });

  test('an agent in the worktree, a terminal', async () => {
    world.process(74, { cwd: world.worktree, argv: ['node', '/x/@openai/codex/bin/codex.js'] });
    expect(await find({ storedId: ID })).toMatchObject(blocked(74));
    rmSync(join(world.proc, '74'), { recursive: true });
    world.process(75, { cwd: world.worktree, comm: 'claude' });
    expect(await find({ storedId: ID })).toMatchObject({ state: 'found' });
    world.tmux.push({ name: 'sh-orchestrator', path: '/x' });
    expect(await find({ storedId: ID, tmuxNames: ['sh-orchestrator'] })).toMatchObject({ code: 'CONVERSATION_IN_USE' });
    const roots = [world.root(world.codex, { local: false })];
    expect(await find({ storedId: ID, tmuxNames: ['sh-orchestrator'] }, { roots })).toMatchObject({ state: 'found' });
  });
});

describe('the destination', () => {
  test('equal or grown is in place; a second run writes nothing', async () => {
    own(ID);
    const { copy } = await migrate(world.codexHarness(), request({ storedId: ID }));
    expect(await find({ storedId: ID })).toMatchObject({ destination: 'in-place', resumeId: copy.resumeId });
    appendFileSync(newPath(), said);
    const before = fingerprint(world.home);
    const harness = world.codexHarness();
    const again = copyOf(assertFound(await harness.find(request({ storedId: ID }))), request());
    const staged = await harness.stage(again, NO_PROGRESS);
    await harness.place(staged);
    await harness.discard(staged);
    expect(staged.files).toEqual([]);
    expect(await harness.verify(again)).toBeNull();
    expect(fingerprint(world.home)).toEqual(before);
  });

  test('shorter or other is a conflict, and so is a second file with the new id', async () => {
    own(ID);
    world.write(newPath(), meta(codexId(ID, world.managed)));
    expect(await find({ storedId: ID })).toMatchObject({
      state: 'blocked',
      code: 'CONVERSATION_CONFLICT',
      failed: false,
    });
    rmSync(newPath());
    const archived = newPath(ID, join(world.codex, 'archived_sessions'));
    world.write(archived, 'x');
    expect(await find({ storedId: ID })).toMatchObject({
      code: 'CONVERSATION_CONFLICT',
      reason: expect.stringContaining('archived'),
    });
    renameSync(archived, `${newPath()}.zst`);
    expect(await find({ storedId: ID })).toMatchObject({ code: 'CONVERSATION_CONFLICT' });
  });

  test('a linked date folder is a conflict', async () => {
    const foreign = join(world.path, 'copied', '.codex');
    world.write(pathOf(ID, day(foreign)), rollout(ID));
    mkdirSync(join(world.path, 'elsewhere'));
    mkdirSync(join(world.codex, 'sessions'), { recursive: true });
    const roots = [{ path: foreign, destination: world.codex, setting: null, local: false }, world.root(world.codex)];
    const found = assertFound(await find({ storedId: ID }, { roots }));
    expect(found.files[0]?.destination).toBe(newPath());
    symlinkSync(join(world.path, 'elsewhere'), join(world.codex, 'sessions', '2026'));
    expect(await find({ storedId: ID }, { roots })).toMatchObject({ code: 'CONVERSATION_CONFLICT' });
  });
});

describe('only regular files below the root', () => {
  const refused = { state: 'blocked', code: 'CONVERSATION_UNREADABLE', failed: false };

  test('a linked rollout, a FIFO and a directory in its place', async () => {
    const real = world.write(join(world.path, 'elsewhere', 'x'), rollout(ID));
    mkdirSync(day(), { recursive: true });
    symlinkSync(real, pathOf(ID));
    expect(await find({ storedId: ID })).toMatchObject(refused);
    expect(await find()).toMatchObject({ state: 'missing' });
    rmSync(pathOf(ID));
    spawnSync('mkfifo', [pathOf(ID)]);
    expect(await find({ storedId: ID })).toMatchObject(refused);
    rmSync(pathOf(ID));
    mkdirSync(pathOf(ID));
    expect(await find({ storedId: ID })).toMatchObject(refused);
  });

  test.each(['sessions', 'sessions/2026', 'archived_sessions'])('a linked %s is not entered', async (name) => {
    world.write(pathOf(ID, join(world.path, 'elsewhere', '05', '14')), rollout(ID));
    world.write(pathOf(ID, join(world.path, 'elsewhere')), rollout(ID));
    mkdirSync(dirname(join(world.codex, name)), { recursive: true });
    symlinkSync(join(world.path, 'elsewhere'), join(world.codex, name));
    expect(await find({ storedId: ID })).toMatchObject(refused);
  });

  test('a linked root is followed once', async () => {
    const disk = join(world.path, 'disk');
    world.write(pathOf(ID, day(disk)), rollout(ID));
    symlinkSync(disk, world.codex);
    const { copy } = await migrate(world.codexHarness(), request({ storedId: ID }));
    expect(mainPath(copy)).toBe(newPath(ID, day(disk)));
  });

  test('a rollout that is replaced between plan and copy', async () => {
    const path = own(ID);
    const harness = world.codexHarness();
    const copy = copyOf(assertFound(await harness.find(request({ storedId: ID }))), request());
    rmSync(path);
    symlinkSync('/etc/passwd', path);
    await expect(harness.stage(copy, NO_PROGRESS)).rejects.toMatchObject({ code: 'CONVERSATION_UNREADABLE' });
    rmSync(path);
    writeFileSync(path, rollout(ID) + said);
    const staged = await harness.stage(copy, NO_PROGRESS);
    await harness.place(staged);
    expect(readFileSync(newPath(), 'utf8').endsWith(said + said)).toBe(true);
  });
});

describe('verify', () => {
  const damage = async (change: (path: string) => void) => {
    own(ID);
    const { copy } = await migrate(world.codexHarness(), request({ storedId: ID }));
    change(newPath());
    return world.codexHarness().verify(copy);
  };

  test('missing', async () => expect(await damage((path) => rmSync(path))).toContain('missing'));
  test('an original in place of the copy', async () => {
    expect(await damage((path) => writeFileSync(path, rollout(ID)))).toContain('not the same');
  });
  test('a row less', async () => {
    expect(await damage((path) => writeFileSync(path, readFileSync(path, 'utf8').replace(said, '')))).toContain(
      'not the same',
    );
  });
  test('a second file with the id', async () => {
    const second = (path: string) =>
      world.write(join(world.codex, 'archived_sessions', path.split('/').at(-1) ?? ''), 'x');
    expect(await damage(second)).toContain('second file');
  });
  test('another id or directory', async () => {
    own(ID);
    const { copy } = await migrate(world.codexHarness(), request({ storedId: ID }));
    expect(await world.codexHarness().verify({ ...copy, resumeId: uuid(9) })).toContain('not named');
    expect(await world.codexHarness().verify({ ...copy, destinationCwd: '/other' })).toContain('not the same');
    expect(existsSync(newPath())).toBe(true);
    expect(filesBelow(world.codex)).toHaveLength(2);
  });
});
