import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
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
import { basename, dirname, join } from 'node:path';
import { TranscriptMemory } from '../../src/sessions/claude-transcript';
import { blockedBy, notFound, Problems } from '../../src/sessions/finding';
import { physical } from '../../src/sessions/physical';
import { slug, sourceSlugs } from '../../src/sessions/slug';
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
  transcriptText,
  uuid,
  World,
} from './world';

const ID = uuid(7);

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.remove());

const find = (more: Parameters<World['request']>[0] = {}, deps: Parameters<World['claudeHarness']>[0] = {}) =>
  world.claudeHarness(deps).find(world.request(more));
const own = (id: string, rows = {}, mtime?: number) => world.transcript(world.folder(world.worktree), id, rows, mtime);

describe('fixtures', () => {
  beforeEach(() => world.instantiate('claude'));

  test('a conversation is copied byte for byte, with its sidecar', async () => {
    const source = world.folder(world.worktree);
    const before = fingerprint(world.home);
    const { found, copy } = await migrate(world.claudeHarness(), world.request({ storedId: IDS.claude.main }));
    expect(found).toMatchObject({
      how: 'stored',
      resumeId: IDS.claude.main,
      sourceId: IDS.claude.main,
      messages: 4,
      notes: [{ code: 'CONVERSATION_PARTS', message: expect.stringContaining('memory') }],
    });
    const copied = filesBelow(world.folder(world.managed));
    expect(copied.map((path) => path.slice(world.folder(world.managed).length + 1))).toEqual([
      `${IDS.claude.main}.jsonl`,
      `${IDS.claude.main}/subagents/agent-af1x7ure000000001.jsonl`,
      `${IDS.claude.main}/subagents/agent-af1x7ure000000001.meta.json`,
      `${IDS.claude.main}/tool-results/bfx000001.txt`,
    ]);
    for (const path of copied) {
      expect(readFileSync(path).equals(readFileSync(path.replace(slug(world.managed), slug(world.worktree))))).toBe(
        true,
      );
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    }
    expect(found.size).toBe(copied.reduce((sum, path) => sum + statSync(path).size, 0));
    expect(await world.claudeHarness().verify(copy)).toBeNull();
    rmSync(world.folder(world.managed), { recursive: true });
    expect(fingerprint(world.home)).toEqual(before);
    expect(existsSync(source)).toBe(true);
  });

  test('a torn last line is not copied', async () => {
    const { copy } = await migrate(world.claudeHarness(), world.request({ storedId: IDS.claude.torn }));
    const expected = world.expected(`claude/expected/${IDS.claude.torn}.trimmed.jsonl`);
    expect(readFileSync(mainPath(copy)).equals(expected)).toBe(true);
  });

  test('a recorded role is carried with a note, or stripped on demand', async () => {
    const request = world.request({ storedId: IDS.claude.snapshot });
    const carried = await find(request);
    expect(codesOf(carried)).toContain('CONVERSATION_ROLE');
    const stripping = world.claudeHarness({ options: { stripRoleSnapshot: true, countsCopies: false } });
    const { found, copy } = await migrate(stripping, request);
    expect(codesOf(found)).not.toContain('CONVERSATION_ROLE');
    const expected = world.expected(`claude/expected/${IDS.claude.snapshot}.stripped.jsonl`);
    expect(readFileSync(mainPath(copy)).toString()).toBe(expected.toString());
    expect(await stripping.verify(copy)).toBeNull();
    expect(await world.claudeHarness().verify(copy)).toContain('not the same');
  });

  test.each(['zero', 'nomsg'] as const)('%s is no conversation', async (name) => {
    const finding = await find({ storedId: IDS.claude[name], mayRecover: false });
    expect(finding).toMatchObject({ state: 'missing' });
  });

  test('recovery takes the newest conversation and names the others', async () => {
    const folder = world.folder(world.worktree);
    utimesSync(join(folder, `${IDS.claude.torn}.jsonl`), 1_800_000_000, 1_800_000_000);
    for (const name of [IDS.claude.zero, IDS.claude.nomsg, 'agent-1a2b3c4']) {
      utimesSync(join(folder, `${name}.jsonl`), 1_900_000_000, 1_900_000_000);
    }
    const found = assertFound(await find());
    expect(found).toMatchObject({ how: 'recovered', resumeId: IDS.claude.torn, messages: 2 });
    expect(codesOf(found)).toEqual(['CONVERSATION_CANDIDATES', 'CONVERSATION_PARTS', 'CONVERSATION_RECOVERED']);
    const list = found.notes.find((note) => note.code === 'CONVERSATION_CANDIDATES')?.message ?? '';
    expect(list).toContain(IDS.claude.main);
    expect(list).toContain(IDS.claude.snapshot);
    expect(list).not.toContain(IDS.claude.zero);
    expect(list).not.toContain(IDS.claude.nomsg);
  });

  test('a live registration means in use, by pid, session and start', async () => {
    const request = { storedId: IDS.claude.main };
    expect(await find(request)).toMatchObject({ state: 'found' });
    world.alive.add(4242);
    world.process(4242, { startTicks: '999' });
    expect(await find(request)).toMatchObject({ state: 'found' });
    rmSync(join(world.proc, '4242'), { recursive: true });
    world.process(4242, { startTicks: '123456' });
    const finding = await find(request);
    expect(finding).toMatchObject({ state: 'blocked', code: 'CONVERSATION_IN_USE', failed: false });
    expect(finding.state === 'blocked' ? finding.reason : '').toContain('4242');
    expect(await find({ storedId: IDS.claude.torn })).toMatchObject({ state: 'found' });
    world.alive.clear();
    expect(await find(request)).toMatchObject({ state: 'found' });
  });
});

describe('where a stored id is sought', () => {
  test('a missing worktree: by the nearest ancestor that exists', async () => {
    const real = join(world.path, 'real');
    const linked = join(world.path, 'linked');
    mkdirSync(real);
    symlinkSync(real, linked);
    world.transcript(world.folder(join(real, 'gone')), ID);
    expect(await find({ storedId: ID, worktree: join(linked, 'gone') })).toMatchObject({ state: 'found' });
  });

  test('E65 a worktree that is a link: by the real path', async () => {
    symlinkSync(world.worktree, join(world.path, 'link'));
    own(ID);
    expect(await find({ storedId: ID, worktree: join(world.path, 'link') })).toMatchObject({ state: 'found' });
  });

  test('the other spelling of an accented name, and the wrong encoding', async () => {
    const worktree = join(world.path, 'caf\u00e9_a');
    for (const name of sourceSlugs(worktree)) {
      const path = world.transcript(join(world.claude, 'projects', name), ID, { cwd: worktree });
      const found = assertFound(await find({ storedId: ID, worktree }));
      expect(found.files[0]?.source).toBe(path);
      rmSync(dirname(path), { recursive: true });
    }
  });

  test('other workspace paths of the record, after the worktree', async () => {
    const old = join(world.path, 'v1', 'sh-orchestrator');
    world.transcript(world.folder(old), ID);
    expect(await find({ storedId: ID, workspacePaths: [old] })).toMatchObject({ state: 'found' });
    const preferred = own(ID);
    const found = assertFound(await find({ storedId: ID, workspacePaths: [old] }));
    expect(found.files[0]?.source).toBe(preferred);
    expect(await find({ storedId: ID, worktree: null, workspacePaths: [old] })).toMatchObject({ state: 'found' });
  });

  test('R28 its cwd is not asked', async () => {
    own(ID, { cwd: '/somewhere/else' });
    expect(await find({ storedId: ID, mayRecover: false })).toMatchObject({ state: 'found', how: 'stored' });
  });

  test('a long path: any folder with its beginning, if a transcript in it was begun there', async () => {
    const worktree = join(world.path, 'w'.repeat(220));
    const folder = join(world.claude, 'projects', `${slug(worktree).slice(0, 200)}-other0`);
    world.transcript(folder, ID, { cwd: '/somewhere/else' });
    expect(await find({ storedId: ID, worktree, mayRecover: false })).toMatchObject({ state: 'missing' });
    world.transcript(folder, uuid(8), { cwd: worktree });
    expect(await find({ storedId: ID, worktree, mayRecover: false })).toMatchObject({ state: 'found' });
  });

  test('the folder that replaces every slug, only together with its root', async () => {
    const env = { CLAUDE_CONFIG_DIR: world.claude, CLAUDE_CODE_PROJECT_DIR_NAME: 'shared_name' };
    world.transcript(join(world.claude, 'projects', 'shared_name'), ID);
    expect(await find({ storedId: ID }, { env })).toMatchObject({ state: 'found' });
    expect(await find({ storedId: ID }, { env: { ...env, CLAUDE_CONFIG_DIR: '/other' } })).toMatchObject({
      state: 'missing',
    });
    expect(
      await find({ storedId: ID }, { env: { ...env, CLAUDE_CODE_PROJECT_DIR_NAME: '../projects' } }),
    ).toMatchObject({
      state: 'missing',
    });
  });

  test('names as the file system compares them', async () => {
    const folder = world.folder(world.worktree);
    world.transcript(join(dirname(folder), basename(folder).toUpperCase()), ID);
    expect(await find({ storedId: ID })).toMatchObject({ state: 'missing' });
    expect(await find({ storedId: ID }, { platform: 'darwin' })).toMatchObject({ state: 'found' });
  });

  test('the id in every root before anything else in the first', async () => {
    const other = join(world.home, 'claude-config');
    own(ID);
    world.transcript(world.folder(world.worktree, other), uuid(8));
    const roots = [world.root(other, { setting: 'THE_ROOT=/elsewhere' }), world.root(world.claude)];
    expect(await find({ storedId: ID }, { roots })).toMatchObject({ how: 'stored', resumeId: ID });
  });

  test('a usable file after an unusable one of the same name', async () => {
    const other = join(world.home, 'claude-config');
    world.write(join(world.folder(world.worktree, other), `${ID}.jsonl`), '');
    const path = own(ID);
    const found = assertFound(await find({ storedId: ID }, { roots: [world.root(other), world.root(world.claude)] }));
    expect(found.files[0]?.source).toBe(path);
  });

  test('a sidechain counts as a message for a stored id, not for recovery', async () => {
    own(ID, { isSidechain: true });
    expect(await find({ storedId: ID })).toMatchObject({ state: 'found', messages: 2 });
    expect(await find()).toMatchObject({ state: 'missing' });
  });

  test('what has no newline is no row', async () => {
    world.write(join(world.folder(world.worktree), `${ID}.jsonl`), transcriptText(ID).split('\n')[0] ?? '');
    expect(await find({ storedId: ID })).toMatchObject({ state: 'missing' });
  });
});

describe("recovery by the agent's history", () => {
  const history = (...lines: (string | Record<string, unknown>)[]) =>
    world.write(
      join(world.claude, 'history.jsonl'),
      lines.map((each) => `${typeof each === 'string' ? each : JSON.stringify({ display: 'a', ...each })}\n`).join(''),
    );
  const used = (sessionId: unknown, project: unknown = world.worktree) => ({ project, sessionId });
  const elsewhere = (id: string, cwd = world.worktree, folder = '-first') =>
    world.transcript(join(world.claude, 'projects', folder), id, { cwd });

  test('the last session of the worktree, in the only other folder that has it, that of the copy aside', async () => {
    elsewhere(uuid(2));
    const path = elsewhere(uuid(1));
    history(used(uuid(2)), used(uuid(1)), used(uuid(2), '/other'));
    world.transcript(world.folder(world.managed), uuid(1), { cwd: world.worktree });
    const found = assertFound(await find());
    expect(found).toMatchObject({ how: 'by-history', resumeId: uuid(1), messages: 2, files: [{ source: path }] });
    expect(found.notes).toMatchObject([
      { code: 'CONVERSATION_RECOVERED', message: expect.stringContaining("in the agent's history") },
    ]);
    elsewhere(uuid(1), world.worktree, '-second');
    expect(await find()).toMatchObject({ state: 'missing' });
  });

  test('R28 never one that was begun elsewhere, whatever the history says', async () => {
    own(ID, { cwd: '/first' });
    elsewhere(ID, '/first');
    history(used(ID));
    expect(await find()).toMatchObject({ state: 'missing' });
    world.transcript(join(world.claude, 'projects', '-second'), ID, { cwd: null });
    expect(await find()).toMatchObject({ state: 'missing' });
    elsewhere(ID, world.project, '-third');
    expect(await find({ workspacePaths: [world.project] })).toMatchObject({ state: 'missing' });
  });

  test('only where nothing else was found, and under the same guards', async () => {
    elsewhere(uuid(1));
    history(used(uuid(1)));
    expect(await find({ mayRecover: false })).toMatchObject({ state: 'missing' });
    expect(await find({ isTaken: (id) => id === uuid(1) })).toMatchObject({ state: 'missing' });
    expect(await find({ worktree: null })).toMatchObject({ state: 'missing' });
    own(uuid(2));
    expect(await find()).toMatchObject({ how: 'recovered', resumeId: uuid(2) });
  });

  test('by any spelling of the worktree, and in the first root that has one', async () => {
    const link = join(world.path, 'link');
    symlinkSync(world.worktree, link);
    elsewhere(ID);
    history(used(uuid(3), link), used(ID));
    expect(await find({ worktree: link })).toMatchObject({ resumeId: ID });
    const accented = join(world.path, 'caf\u00e9');
    elsewhere(ID, accented);
    history(used(ID, accented.normalize('NFD')));
    expect(await find({ worktree: accented })).toMatchObject({ resumeId: ID });
    const roots = [world.root(join(world.home, 'claude-config')), world.root(world.claude)];
    expect(await find({ worktree: accented }, { roots })).toMatchObject({ resumeId: ID });
  });

  test('a link with the name of the transcript, and a folder that is one, are none and no problem', async () => {
    history(used(ID));
    const real = world.transcript(join(world.path, 'aside'), ID, { cwd: world.worktree });
    mkdirSync(join(world.claude, 'projects', '-linked'), { recursive: true });
    symlinkSync(real, join(world.claude, 'projects', '-linked', `${ID}.jsonl`));
    symlinkSync(join(world.path, 'aside'), join(world.claude, 'projects', '-aside'));
    expect(await find()).toMatchObject({ state: 'missing' });
  });

  test('passes over what is broken, names no UUID, or has no message of its own', async () => {
    elsewhere(ID);
    const broken = `{"project":${JSON.stringify(world.worktree)},"sessionId":"${uuid(3)}"`;
    history(used(ID), broken, used('../x'), used(7), used(uuid(3), 7), '[]', '', 'x'.repeat(3_000_000));
    appendFileSync(join(world.claude, 'history.jsonl'), JSON.stringify(used(uuid(3))));
    expect(await find()).toMatchObject({ how: 'by-history', resumeId: ID });
    history(used(uuid(5)));
    expect(await find()).toMatchObject({ state: 'missing' });
    world.transcript(join(world.claude, 'projects', '-first'), uuid(5), { cwd: world.worktree, isSidechain: true });
    expect(await find()).toMatchObject({ state: 'missing' });
  });

  test('reads only the end of a history without measure', async () => {
    elsewhere(ID);
    const path = history(used(uuid(3)));
    truncateSync(path, 9 * 1024 * 1024);
    appendFileSync(path, `\n${JSON.stringify(used(ID))}\n`);
    expect(await find()).toMatchObject({ resumeId: ID });
    truncateSync(history(used(ID)), 9 * 1024 * 1024);
    appendFileSync(path, '\n');
    expect(await find()).toMatchObject({ state: 'missing' });
  });

  test('neither follows a link nor waits for a pipe', async () => {
    elsewhere(ID);
    const path = history(used(ID));
    const real = join(world.path, 'history');
    renameSync(path, real);
    symlinkSync(real, path);
    expect(await find()).toMatchObject({ state: 'missing' });
    rmSync(path);
    spawnSync('mkfifo', [path]);
    expect(await find()).toMatchObject({ state: 'missing' });
  });
});

describe('recovery', () => {
  test.each([
    ['NFD', 'NFC'],
    ['NFC', 'NFD'],
  ] as const)('a worktree spelled in %s whose rows are in %s', async (disk, rows) => {
    const worktree = join(world.path, 'café'.normalize(disk));
    mkdirSync(worktree);
    const written = worktree.normalize(rows);
    world.transcript(world.folder(written), ID, { cwd: written });
    expect(await find({ worktree })).toMatchObject({ how: 'recovered', resumeId: ID });
    expect(await find({ worktree, projectPath: written })).toMatchObject({ state: 'missing' });
  });

  test('the newest, with a note; the same age by id', async () => {
    own(uuid(1), {}, 1_000);
    own(uuid(3), {}, 2_000);
    own(uuid(2), {}, 2_000);
    const found = assertFound(await find());
    expect(found).toMatchObject({ how: 'recovered', resumeId: uuid(2) });
    expect(codesOf(found)).toEqual(['CONVERSATION_CANDIDATES', 'CONVERSATION_RECOVERED']);
  });

  test('the same age in two folders by id, not by folder', async () => {
    const old = join(world.path, 'v1', 'sh-orchestrator');
    own(uuid(3), {}, 2_000);
    world.transcript(world.folder(old), uuid(2), {}, 2_000);
    expect(await find({ workspacePaths: [old] })).toMatchObject({ resumeId: uuid(2) });
  });

  test('only what is named as a conversation', async () => {
    own(uuid(1), {}, 1_000);
    for (const name of ['agent-1a2b', 'notes', `${uuid(2)}.bak`, `x${uuid(3)}`]) own(name, {}, 9_000);
    renameSync(own(uuid(4), {}, 9_000), join(world.folder(world.worktree), uuid(4)));
    const found = assertFound(await find());
    expect(found.resumeId).toBe(uuid(1));
    expect(codesOf(found)).toEqual(['CONVERSATION_RECOVERED']);
  });

  test('after a stored id that has no file, and not without permission', async () => {
    own(uuid(1));
    expect(await find({ storedId: ID })).toMatchObject({ how: 'recovered', resumeId: uuid(1) });
    expect(await find({ storedId: ID, mayRecover: false })).toMatchObject({ state: 'missing' });
  });

  test.each(['../../x', '-r', 'agent-1', ''])('the stored id %j is rejected with a note', async (storedId) => {
    expect(await find({ storedId })).toMatchObject({
      state: 'missing',
      notes: [{ code: 'RESUME_ID_INVALID', id: 'sh-orchestrator' }],
    });
    own(uuid(1));
    expect(codesOf(await find({ storedId }))).toEqual(['CONVERSATION_RECOVERED', 'RESUME_ID_INVALID']);
  });

  test('not what another record names', async () => {
    own(uuid(1), {}, 2_000);
    own(uuid(2), {}, 1_000);
    expect(await find({ isTaken: (id) => id === uuid(1) })).toMatchObject({ resumeId: uuid(2) });
    expect(await find({ isTaken: () => true })).toMatchObject({ state: 'missing' });
  });

  test('not what was begun elsewhere; what names no directory passes', async () => {
    own(uuid(1), { cwd: '/somewhere/else' }, 3_000);
    own(uuid(2), { cwd: null }, 1_000);
    expect(await find()).toMatchObject({ resumeId: uuid(2) });
    own(uuid(3), {}, 2_000);
    expect(await find()).toMatchObject({ resumeId: uuid(3) });
  });

  test('only the first cwd counts', async () => {
    const path = own(uuid(1), { cwd: '/somewhere/else' });
    appendFileSync(path, transcriptText(uuid(1), { cwd: world.worktree }));
    expect(await find()).toMatchObject({ state: 'missing' });
    const other = own(uuid(2));
    appendFileSync(other, transcriptText(uuid(2), { cwd: '/somewhere/else' }));
    expect(await find()).toMatchObject({ resumeId: uuid(2) });
  });

  test('the first cwd and time may stand before the first message', async () => {
    const note = (cwd: string, timestamp: string) => `${JSON.stringify({ type: 'system', cwd, timestamp })}\n`;
    const text = transcriptText(uuid(1), { cwd: world.worktree });
    const path = join(world.folder(world.worktree), `${uuid(1)}.jsonl`);
    world.write(path, note('/somewhere/else', '2026-05-01T07:00:00.000Z') + text);
    expect(await find()).toMatchObject({ state: 'missing' });
    const byTime = {
      worktree: world.project,
      mayRecover: false,
      byTime: true,
      createdAtMs: Date.parse('2026-05-01T08:00:00.000Z'),
    };
    const own = transcriptText(uuid(2), { cwd: world.project });
    world.write(
      join(world.folder(world.project), `${uuid(2)}.jsonl`),
      note(world.project, '2026-05-01T07:00:00.000Z') + own,
    );
    expect(await find(byTime)).toMatchObject({ state: 'missing' });
    world.write(
      join(world.folder(world.project), `${uuid(2)}.jsonl`),
      note(world.project, '2026-05-01T08:00:30.000Z') + own,
    );
    expect(await find(byTime)).toMatchObject({ how: 'by-time' });
  });

  test('a cwd that is another spelling of the worktree passes', async () => {
    symlinkSync(world.worktree, join(world.path, 'link'));
    own(uuid(1), { cwd: join(world.path, 'link') });
    expect(await find()).toMatchObject({ resumeId: uuid(1) });
  });

  test('a cwd that is another workspace path of the record passes: migrate-storage moves the folder', async () => {
    const old = join(world.path, 'v1', 'sh-orchestrator');
    own(uuid(1), { cwd: old });
    expect(await find()).toMatchObject({ state: 'missing' });
    expect(await find({ workspacePaths: [old] })).toMatchObject({ resumeId: uuid(1) });
  });

  test('the project’s own folder is its user’s, even where the record names it', async () => {
    world.transcript(world.folder(world.project), uuid(1), { cwd: world.project });
    own(uuid(2), { cwd: world.project });
    expect(await find({ workspacePaths: [world.project] })).toMatchObject({ state: 'missing' });
  });

  test('none from another workspace path that is the worktree of another record, but the one of its own id', async () => {
    const other = join(world.path, 'w', 'worker');
    const workspace = { workspacePaths: [other], isOthers: (directory: string) => directory === other };
    world.transcript(world.folder(other), ID, { cwd: other });
    expect(await find({ workspacePaths: [other] })).toMatchObject({ how: 'recovered' });
    expect(await find(workspace)).toMatchObject({ state: 'missing' });
    expect(await find({ ...workspace, storedId: ID })).toMatchObject({ how: 'stored' });
    const used = JSON.stringify({ display: 'a', project: world.worktree, sessionId: ID });
    world.write(join(world.claude, 'history.jsonl'), `${used}\n`);
    expect(await find(workspace)).toMatchObject({ state: 'missing' });
    const env = { CLAUDE_CONFIG_DIR: world.claude, CLAUDE_CODE_PROJECT_DIR_NAME: 'all' };
    world.transcript(join(world.claude, 'projects', 'all'), uuid(2), { cwd: other });
    expect(await find({ workspacePaths: [other] }, { env })).toMatchObject({ state: 'found' });
    expect(await find(workspace, { env })).toMatchObject({ state: 'missing' });
    own(uuid(3), { cwd: other });
    expect(await find(workspace)).toMatchObject({ resumeId: uuid(3) });
  });

  test('a missing isSidechain is false', async () => {
    own(uuid(1), { isSidechain: null });
    expect(await find()).toMatchObject({ resumeId: uuid(1) });
  });

  test('damaged rows are skipped', async () => {
    const good = transcriptText(uuid(1), { cwd: world.worktree });
    const torn = '{"parentUuid":null,"type":"user","mess{"type":"assistant","message":{}}\n';
    world.write(
      join(world.folder(world.worktree), `${uuid(1)}.jsonl`),
      Buffer.concat([Buffer.from(torn), Buffer.of(0xff, 0xfe, 0x0a), Buffer.from(good)]),
    );
    expect(await find()).toMatchObject({ resumeId: uuid(1), messages: 2 });
    world.write(join(world.folder(world.worktree), `${uuid(2)}.jsonl`), torn);
    expect(codesOf(await find())).toEqual(['CONVERSATION_RECOVERED']);
  });

  test('R27 the first root with a usable conversation decides', async () => {
    const other = join(world.home, 'claude-config');
    own(uuid(1), {}, 9_000);
    const roots = [world.root(other, { setting: 'THE_ROOT=/elsewhere' }), world.root(world.claude)];
    world.write(join(world.folder(world.worktree, other), `${uuid(2)}.jsonl`), '');
    expect(await find({}, { roots })).toMatchObject({ resumeId: uuid(1) });
    world.transcript(world.folder(world.worktree, other), uuid(3), {}, 1_000);
    const found = assertFound(await find({}, { roots }));
    expect(found.resumeId).toBe(uuid(3));
    expect(found.files[0]?.destination.startsWith(other)).toBe(true);
    expect(codesOf(found)).toEqual(['CONVERSATION_RECOVERED', 'CONVERSATION_ROOT']);
  });
});

describe('by time', () => {
  const createdAt = '2026-05-01T08:00:00.000Z';
  const request = () => ({
    worktree: world.project,
    mayRecover: false,
    byTime: true,
    createdAtMs: Date.parse(createdAt),
  });
  const begun = (n: number, at: string, rows = {}) =>
    world.transcript(world.folder(world.project), uuid(n), { cwd: world.project, at, ...rows });

  test.each([
    ['07:59:54.999', false],
    ['07:59:55.000', true],
    ['08:02:00.000', true],
    ['08:02:00.001', false],
  ])('a beginning at %s counts: %p', async (time, counts) => {
    begun(1, `2026-05-01T${time}Z`);
    const finding = await find(request());
    expect(finding).toMatchObject(counts ? { how: 'by-time', resumeId: uuid(1) } : { state: 'missing' });
    if (counts) expect(codesOf(finding)).toEqual(['CONVERSATION_BY_TIME']);
  });

  test('two are none', async () => {
    begun(1, createdAt);
    begun(2, createdAt);
    expect(await find(request())).toMatchObject({ state: 'missing' });
    begun(2, '2026-05-01T09:00:00.000Z');
    expect(await find(request())).toMatchObject({ resumeId: uuid(1) });
  });

  test('one that began with another record of the folder too is none', async () => {
    begun(1, '2026-05-01T08:00:06.000Z');
    const rival = (at: string) => find({ ...request(), rivalsMs: [Date.parse(at)] });
    expect(await rival('2026-05-01T08:00:11.000Z')).toMatchObject({ state: 'missing' });
    expect(await rival('2026-05-01T07:58:06.000Z')).toMatchObject({ state: 'missing' });
    expect(await rival('2026-05-01T08:00:11.001Z')).toMatchObject({ resumeId: uuid(1) });
  });

  test('only own messages, begun in the project, named by no other record', async () => {
    begun(1, createdAt, { isSidechain: true });
    begun(2, createdAt, { cwd: '/somewhere/else' });
    begun(3, createdAt, { cwd: null });
    begun(4, createdAt);
    expect(await find({ ...request(), isTaken: (id: string) => id === uuid(4) })).toMatchObject({ state: 'missing' });
    expect(await find(request())).toMatchObject({ resumeId: uuid(4) });
  });

  test('only where the record’s worktree is the project', async () => {
    begun(1, createdAt);
    expect(await find({ ...request(), byTime: false })).toMatchObject({ state: 'missing' });
  });

  test('the first time of a file counts, not a later one', async () => {
    appendFileSync(
      begun(1, '2026-05-01T07:00:00.000Z'),
      transcriptText(uuid(1), { cwd: world.project, at: createdAt }),
    );
    expect(await find(request())).toMatchObject({ state: 'missing' });
    appendFileSync(
      begun(2, createdAt),
      transcriptText(uuid(2), { cwd: world.project, at: '2026-05-02T08:00:00.000Z' }),
    );
    expect(await find(request())).toMatchObject({ resumeId: uuid(2) });
  });

  test('not without a date of creation, and the stored id goes first', async () => {
    begun(1, createdAt);
    begun(2, '2026-01-01T00:00:00.000Z');
    expect(await find({ ...request(), createdAtMs: null })).toMatchObject({ state: 'missing' });
    expect(await find({ ...request(), storedId: uuid(2) })).toMatchObject({ how: 'stored', resumeId: uuid(2) });
  });
});

describe('in use', () => {
  const request = { storedId: ID, tmuxNames: ['sh-orchestrator'] };
  beforeEach(() => own(ID));

  test('a terminal with one of the names, not another', async () => {
    world.tmux.push({ name: 'sh-orchestrator-2', path: '/x' });
    expect(await find(request)).toMatchObject({ state: 'found' });
    world.tmux.push({ name: 'sh-orchestrator', path: '/x' });
    const finding = await find(request);
    expect(finding).toMatchObject({
      state: 'blocked',
      code: 'CONVERSATION_IN_USE',
      reason: expect.stringContaining('tmux session sh-orchestrator'),
    });
  });

  test.each([
    ['sh-orchestrator', '', true],
    ['sh-orchestrator-2', '', true],
    ['0123456789ab-sh-orchestrator', '/sub', true],
    ['sh-orchestrator', '2', false],
    ['mine', '', false],
  ])(
    'a terminal called %s, opened in the old worktree%s, of a record without a name of one: %p',
    async (name, more, counts) => {
      const unnamed = { ...request, tmuxNames: [] };
      world.tmux.push({ name, path: `${world.worktree}${more}` });
      expect(await find(unnamed)).toMatchObject(counts ? { code: 'CONVERSATION_IN_USE' } : { state: 'found' });
      const link = join(world.path, 'link');
      symlinkSync(world.worktree, link);
      world.tmux.splice(0, 1, { name, path: `${link}${more}` });
      expect((await find(unnamed)).state).toBe(counts ? 'blocked' : 'found');
      expect(await find({ ...unnamed, worktree: null, workspacePaths: [world.worktree] })).toMatchObject({
        state: 'found',
      });
    },
  );

  test.each([
    [{ comm: 'claude' }],
    [{ argv: ['/usr/local/bin/claude', '--resume'] }],
    [{ argv: ['node', '--max-old-space-size=1', '/usr/bin/claude'] }],
    [{ argv: ['node', '/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js'] }],
    [{ comm: '2.1.329', argv: ['claude'] }],
  ])('an agent in the old worktree: %j', async (facts) => {
    world.process(31, { cwd: world.worktree, ...facts });
    expect(await find(request)).toMatchObject({
      state: 'blocked',
      code: 'CONVERSATION_IN_USE',
      reason: expect.stringContaining('31'),
    });
  });

  test('an agent in the old worktree after it was removed', async () => {
    rmSync(world.worktree, { recursive: true });
    world.process(31, { cwd: `${world.worktree} (deleted)`, comm: 'claude' });
    expect(await find(request)).toMatchObject({ code: 'CONVERSATION_IN_USE' });
  });

  test.each([[{ argv: ['vim', 'claude'] }], [{ argv: ['node', 'server.js'] }], [{ comm: 'codex', argv: ['codex'] }]])(
    'no agent: %j',
    async (facts) => {
      world.process(31, { cwd: world.worktree, ...facts });
      expect(await find(request)).toMatchObject({ state: 'found' });
    },
  );

  test('not an agent elsewhere, not this process, and nothing of this machine for another one’s store', async () => {
    world.process(31, { cwd: world.project, comm: 'claude' });
    world.process(process.pid, { cwd: world.worktree, comm: 'claude' });
    expect(await find(request)).toMatchObject({ state: 'found' });
    world.process(32, { cwd: world.worktree, comm: 'claude' });
    expect(await find(request)).toMatchObject({ code: 'CONVERSATION_IN_USE' });
    expect(await find(request, { roots: [world.root(world.claude, { local: false })] })).toMatchObject({
      state: 'found',
    });
  });

  test('a recent write is never a sign', async () => {
    utimesSync(join(world.folder(world.worktree), `${ID}.jsonl`), new Date(), new Date());
    expect(await find(request)).toMatchObject({ state: 'found' });
  });

  test('a registration of another or no form is none', async () => {
    for (const [name, text] of Object.entries({
      '5.json': '{"pid":',
      '6.json': '[]',
      '7.json': '{"pid":"7"}',
      'x.json': `{"pid":9,"sessionId":"${ID}"}`,
    })) {
      world.write(join(world.claude, 'sessions', name), text);
    }
    for (const pid of [5, 6, 7, 9]) world.alive.add(pid);
    expect(await find(request)).toMatchObject({ state: 'found' });
    world.write(join(world.claude, 'sessions', '9.json'), JSON.stringify({ pid: 9, sessionId: ID.toUpperCase() }));
    expect(await find(request)).toMatchObject({ code: 'CONVERSATION_IN_USE' });
  });
});

describe('the destination', () => {
  const destination = () => join(world.folder(world.managed), `${ID}.jsonl`);

  test('is the slug of the physical path that the daemon will use', async () => {
    const real = join(world.path, 'disk');
    mkdirSync(real);
    symlinkSync(real, join(world.path, '.ao'));
    own(ID);
    const found = assertFound(await find({ storedId: ID }));
    expect(found.files[0]?.destination).toBe(join(world.folder(physical(world.managed)), `${ID}.jsonl`));
    expect(physical(world.managed).startsWith(real)).toBe(true);
  });

  test('equal or grown is in place; a second run finds its own work and writes nothing', async () => {
    own(ID);
    const { copy } = await migrate(world.claudeHarness(), world.request({ storedId: ID }));
    expect(await find({ storedId: ID })).toMatchObject({ state: 'found', destination: 'in-place' });
    appendFileSync(destination(), '{"type":"user"}\nhalf');
    const before = fingerprint(world.home);
    const harness = world.claudeHarness();
    const again = assertFound(await harness.find(world.request({ storedId: ID })));
    expect(again.destination).toBe('in-place');
    const staged = await harness.stage(copyOf(again, world.request()), NO_PROGRESS);
    await harness.place(staged);
    await harness.discard(staged);
    expect(staged.files).toEqual([]);
    expect(await harness.verify(copy)).toBeNull();
    expect(fingerprint(world.home)).toEqual(before);
  });

  test.each(['shorter', 'other', 'empty'])('%s is a conflict', async (kind) => {
    const text = readFileSync(own(ID), 'utf8');
    const first = text.slice(0, text.indexOf('\n') + 1);
    world.write(destination(), kind === 'shorter' ? first : kind === 'empty' ? '' : text.replace('hello', 'hallo'));
    expect(await find({ storedId: ID })).toMatchObject({
      state: 'blocked',
      code: 'CONVERSATION_CONFLICT',
      failed: false,
    });
  });

  test('a link or directory there is a conflict, and so is a linked folder', async () => {
    own(ID);
    mkdirSync(world.folder(world.managed), { recursive: true });
    symlinkSync(join(world.folder(world.worktree), `${ID}.jsonl`), destination());
    expect(await find({ storedId: ID })).toMatchObject({ code: 'CONVERSATION_CONFLICT' });
    rmSync(destination());
    mkdirSync(destination());
    expect(await find({ storedId: ID })).toMatchObject({ code: 'CONVERSATION_CONFLICT' });
    rmSync(world.folder(world.managed), { recursive: true });
    symlinkSync(world.folder(world.worktree), world.folder(world.managed));
    expect(await find({ storedId: ID })).toMatchObject({ code: 'CONVERSATION_CONFLICT' });
  });

  test('a sidecar file that is there and equal is left, a different one is a conflict', async () => {
    own(ID);
    const part = (folder: string) => join(folder, ID, 'tool-results', 'x.txt');
    world.write(part(world.folder(world.worktree)), 'big');
    world.write(join(world.folder(world.worktree), ID, 'y'), 'too');
    world.write(part(world.folder(world.managed)), 'big');
    const found = assertFound(await find({ storedId: ID }));
    expect(found.files.map((file) => basename(file.destination))).toEqual([`${ID}.jsonl`, 'y']);
    const before = fingerprint(dirname(part(world.folder(world.managed))));
    await migrate(world.claudeHarness(), world.request({ storedId: ID }));
    expect(fingerprint(dirname(part(world.folder(world.managed))))).toEqual(before);
    rmSync(destination());
    world.write(part(world.folder(world.managed)), 'bit');
    expect(await find({ storedId: ID })).toMatchObject({
      code: 'CONVERSATION_CONFLICT',
      reason: expect.stringContaining('x.txt'),
    });
  });

  test('lies in the root of the source, or for a foreign store in the one named', async () => {
    const foreign = join(world.path, 'copied', '.claude');
    world.transcript(world.folder('/Users/dev/w', foreign), ID, { cwd: '/Users/dev/w' });
    const roots = [{ path: foreign, destination: world.claude, setting: null, local: false }, world.root(world.claude)];
    const request = { storedId: ID, worktree: '/Users/dev/w' };
    const found = assertFound(await find(request, { roots }));
    expect(found.files[0]?.destination).toBe(destination());
    expect(codesOf(found)).toEqual([]);
    expect(await find({ ...request, storedId: null }, { roots })).toMatchObject({ how: 'recovered' });
    const harness = world.claudeHarness({ roots });
    await migrate(harness, world.request(request));
    expect(existsSync(destination())).toBe(true);
  });
});

describe('what is written', () => {
  const state = (path: string | null) =>
    `{"type":"worktree-state","worktreeSession":${path === null ? null : JSON.stringify({ worktreePath: path })},"sessionId":"x"}\n`;
  const cancel = `{"type":"worktree-state","worktreeSession":null,"sessionId":"${ID}"}\n`;

  test.each([
    ['in a worktree', [state('/w')], true],
    ['in one, then in none', [state('/w'), state(null)], false],
    ['in none, then in one', [state(null), state('/w')], true],
    ['in one without path', ['{"type":"worktree-state","worktreeSession":{"worktreePath":null}}\n'], false],
    ['only in words', [`{"type":"user","message":"worktree-state {\\"worktreePath\\":\\"/w\\"}"}\n`], false],
    [
      'in a row of another type',
      ['{"type":"note","of":"worktree-state","worktreeSession":{"worktreePath":"/w"}}\n'],
      false,
    ],
    ['in a torn row', [state('/w').trimEnd()], false],
  ])('a session that was last %s', async (_, rows, isCancelled) => {
    appendFileSync(own(ID), rows.join(''));
    const { copy, staged } = await migrate(world.claudeHarness(), world.request({ storedId: ID }));
    const text = readFileSync(mainPath(copy), 'utf8');
    expect(text.endsWith(cancel)).toBe(isCancelled);
    expect(text.slice(0, isCancelled ? -cancel.length : undefined)).toBe(
      transcriptText(ID, { cwd: world.worktree }) + rows.join('').slice(0, rows.join('').lastIndexOf('\n') + 1),
    );
    expect(staged.files[0]?.sha256 === staged.files[0]?.trimmedSha256).toBe(!isCancelled);
    expect(await world.claudeHarness().find(world.request({ storedId: ID }))).toMatchObject({
      destination: 'in-place',
    });
  });

  test('stripping re-links across several dropped rows, at the root, and where rows name each other', async () => {
    const row = (id: string, parent: string | null, type = 'user') =>
      `{ "uuid" : "${id}", "parentUuid": ${JSON.stringify(parent)},"type":"${type}"${type === 'attachment' ? ',"attachment":{"type":"prompt_snapshot"}' : ''}}\n`;
    const kept =
      '{"type":"attachment","uuid":"k","parentUuid":"b","attachment":{"type":"environment","note":"prompt_snapshot"}}\n';
    const other = '{"type":"user","uuid":"o","parentUuid":"1","attachment":{"type":"prompt_snapshot"}}\n';
    const text = [
      other,
      row('a', null, 'attachment'),
      row('b', 'a', 'attachment'),
      row('1', 'b'),
      kept,
      row('c', 'd', 'attachment'),
      row('d', 'c', 'attachment'),
      row('2', 'c'),
      row('3', '2'),
      '{"leafUuid":"b","type":"last-prompt"}\n',
    ];
    world.write(join(world.folder(world.worktree), `${ID}.jsonl`), text.join(''));
    const { copy } = await migrate(
      world.claudeHarness({ options: { stripRoleSnapshot: true, countsCopies: false } }),
      world.request({ storedId: ID }),
    );
    expect(readFileSync(mainPath(copy), 'utf8')).toBe(
      [
        other,
        row('1', null),
        kept.replace('"b"', 'null'),
        row('2', null),
        row('3', '2'),
        '{"leafUuid":null,"type":"last-prompt"}\n',
      ].join(''),
    );
  });

  test('bytes that are no text, carriage returns and a row of many megabytes come through', async () => {
    const path = own(ID);
    appendFileSync(
      path,
      Buffer.concat([Buffer.of(0xff, 0x00, 0x0d, 0x0a), Buffer.alloc(9_000_000, 0x78), Buffer.from('\n')]),
    );
    const { copy } = await migrate(
      world.claudeHarness({ options: { stripRoleSnapshot: true, countsCopies: false } }),
      world.request({ storedId: ID }),
    );
    expect(readFileSync(mainPath(copy)).equals(readFileSync(path))).toBe(true);
  });

  test('a row above the cap is judged by its beginning', async () => {
    const words = 'x'.repeat(5_000_000);
    world.write(
      join(world.folder(world.worktree), `${ID}.jsonl`),
      `{"parentUuid":null,"cwd":${JSON.stringify(world.worktree)},"type":"user","message":"${words}"}\n`,
    );
    expect(await find()).toMatchObject({ resumeId: ID, messages: 1 });
  });

  test('only whole rows of its own kind are counted, whatever they hold', async () => {
    const path = own(ID);
    const before = assertFound(await find({ storedId: ID })).messages ?? 0;
    appendFileSync(
      path,
      [
        '{"type":"user","message":{"content":[{"type":"assistant"}]}}',
        '{"toolUseResult":{"type":"user"},"type":"progress"}',
        '{"toolUseResult":{"type":"user"},"type":"assistant"}\r',
        '{"type":"user","message":"torn',
        '{"note":"\\"type\\":\\"user\\""}',
        '',
      ].join('\n'),
    );
    expect(await find({ storedId: ID })).toMatchObject({ messages: before + 2 });
  });

  describe('where nobody is told with the plan, only the beginning is read, and a recorded prompt', () => {
    const SNAPSHOT = '{"type":"attachment","attachment":{"type":"prompt_snapshot"}}\n';
    const unread = () => ({ transcripts: new TranscriptMemory(false) });
    const staged = async (deps: Parameters<World['claudeHarness']>[0]) => {
      const harness = world.claudeHarness(deps);
      const request = world.request({ storedId: ID });
      const found = assertFound(await harness.find(request));
      const stage = await harness.stage(copyOf(found, request), NO_PROGRESS);
      await harness.discard(stage);
      return {
        planned: codesOf(found),
        messages: found.messages,
        copied: stage.notes?.map(({ code, id }) => [code, id]),
      };
    };
    const role = () => ['CONVERSATION_ROLE', world.request().recordId];

    test('behind it is told once it was copied', async () => {
      const path = own(ID);
      expect(await staged(unread())).toEqual({ planned: [], messages: null, copied: [] });
      appendFileSync(path, '{"type":"user","message":"prompt_snapshot"}\n');
      expect(await staged(unread())).toEqual({ planned: [], messages: null, copied: [] });
      appendFileSync(path, `${'{"type":"progress"}\n'.repeat(50_000)}${SNAPSHOT}${SNAPSHOT}`);
      expect(await staged(unread())).toEqual({ planned: [], messages: null, copied: [role()] });
      expect(await staged({})).toMatchObject({ planned: ['CONVERSATION_ROLE'], copied: [] });
    });

    test('in it is told with the plan, and only there', async () => {
      const path = own(ID);
      writeFileSync(path, SNAPSHOT + readFileSync(path, 'utf8'));
      expect(await staged(unread())).toEqual({ planned: ['CONVERSATION_ROLE'], messages: null, copied: [] });
    });

    test('that is stripped is not told at all', async () => {
      appendFileSync(own(ID), SNAPSHOT);
      const options = { stripRoleSnapshot: true, countsCopies: false };
      expect(await staged({ ...unread(), options })).toMatchObject({ planned: [], copied: [] });
    });

    test('of what is in place, which nobody copies, is told with the plan', async () => {
      appendFileSync(own(ID), SNAPSHOT);
      await migrate(world.claudeHarness(), world.request({ storedId: ID }));
      const found = assertFound(await find({ storedId: ID }, unread()));
      expect({ codes: codesOf(found), destination: found.destination }).toEqual({
        codes: ['CONVERSATION_ROLE'],
        destination: 'in-place',
      });
      expect(found.roleNote).toBeUndefined();
    });
  });

  test('a large conversation is named, and above 64 MB not counted', async () => {
    const path = own(ID);
    truncateSync(path, 64 * 1024 * 1024);
    expect(await find({ storedId: ID })).toMatchObject({ messages: 2, notes: [] });
    truncateSync(path, 100 * 1024 * 1024 + 1);
    const found = assertFound(await find({ storedId: ID }));
    expect(found.messages).toBeNull();
    expect(codesOf(found)).toEqual(['CONVERSATION_LARGE']);
  });

  test('what the plan did not count is counted while it is copied, if somebody is told', async () => {
    const path = own(ID);
    truncateSync(path, 64 * 1024 * 1024 + 1);
    const copied = async (deps: Parameters<World['claudeHarness']>[0]) => {
      const harness = world.claudeHarness(deps);
      const request = world.request({ storedId: ID });
      const copy = copyOf(assertFound(await harness.find(request)), request);
      const staged = await harness.stage(copy, NO_PROGRESS);
      await harness.discard(staged);
      return [copy.messages, staged.copy.messages];
    };
    const options = { stripRoleSnapshot: false, countsCopies: true };
    expect(await copied({ options })).toEqual([null, 2]);
    expect(await copied({ options: { ...options, stripRoleSnapshot: true } })).toEqual([null, 2]);
    expect(await copied({})).toEqual([null, null]);
    truncateSync(path, 64 * 1024 * 1024);
    expect(await copied({ options })).toEqual([2, 2]);
    expect(await copied({ options, transcripts: new TranscriptMemory(false) })).toEqual([null, 2]);
  });
});

describe('only regular files below the root', () => {
  const folder = () => world.folder(world.worktree);
  const refused = { state: 'blocked', code: 'CONVERSATION_UNREADABLE', failed: false };

  test('a linked transcript', async () => {
    const real = world.transcript(join(world.path, 'elsewhere'), ID);
    mkdirSync(folder(), { recursive: true });
    symlinkSync(real, join(folder(), `${ID}.jsonl`));
    expect(await find({ storedId: ID })).toMatchObject(refused);
    expect(await find()).toMatchObject(refused);
  });

  test('a linked folder', async () => {
    world.transcript(join(world.path, 'elsewhere'), ID);
    mkdirSync(dirname(folder()), { recursive: true });
    symlinkSync(join(world.path, 'elsewhere'), folder());
    expect(await find({ storedId: ID })).toMatchObject(refused);
    expect(await find()).toMatchObject(refused);
  });

  test('a linked projects folder', async () => {
    world.transcript(join(world.path, 'elsewhere', slug(world.worktree)), ID);
    mkdirSync(world.claude);
    symlinkSync(join(world.path, 'elsewhere'), join(world.claude, 'projects'));
    expect(await find({ storedId: ID })).toMatchObject(refused);
  });

  test('a linked root is followed once', async () => {
    const disk = join(world.path, 'disk');
    world.transcript(world.folder(world.worktree, disk), ID);
    symlinkSync(disk, world.claude);
    const { copy } = await migrate(world.claudeHarness(), world.request({ storedId: ID }));
    expect(mainPath(copy)).toBe(join(world.folder(world.managed, disk), `${ID}.jsonl`));
  });

  test('a root that is a file, or leads to a disk that is not mounted: the conversation may be back later', async () => {
    symlinkSync(join(world.path, 'no disk'), world.claude);
    expect(await find({ storedId: ID })).toMatchObject(refused);
    rmSync(world.claude);
    writeFileSync(world.claude, 'no folder');
    expect(await find({ storedId: ID })).toMatchObject(refused);
  });

  test('a FIFO, a device link and a directory in place of the transcript', async () => {
    mkdirSync(folder(), { recursive: true });
    const path = join(folder(), `${ID}.jsonl`);
    spawnSync('mkfifo', [path]);
    expect(await find({ storedId: ID })).toMatchObject(refused);
    rmSync(path);
    symlinkSync('/dev/zero', path);
    expect(await find({ storedId: ID })).toMatchObject(refused);
    rmSync(path);
    mkdirSync(path);
    expect(await find({ storedId: ID })).toMatchObject(refused);
  });

  test('what is refused in one place does not hide what is good in another', async () => {
    const old = join(world.path, 'v1', 'sh-orchestrator');
    world.transcript(world.folder(old), ID);
    mkdirSync(folder(), { recursive: true });
    symlinkSync('/etc/passwd', join(folder(), `${ID}.jsonl`));
    expect(await find({ storedId: ID, workspacePaths: [old] })).toMatchObject({ state: 'found' });
  });

  test('sidecar entries that are links or devices stay behind, with a note', async () => {
    own(ID);
    const sidecar = join(folder(), ID);
    world.write(join(sidecar, 'good.txt'), 'good');
    symlinkSync('/etc/passwd', join(sidecar, 'link'));
    symlinkSync('/etc', join(sidecar, 'linked-folder'));
    spawnSync('mkfifo', [join(sidecar, 'fifo')]);
    const { found } = await migrate(world.claudeHarness(), world.request({ storedId: ID }));
    expect(found.files.map((file) => basename(file.source))).toEqual([`${ID}.jsonl`, 'good.txt']);
    expect(codesOf(found)).toEqual(['CONVERSATION_PARTS']);
    expect(found.notes[0]?.message).toContain('fifo');
    expect(filesBelow(join(world.folder(world.managed), ID))).toHaveLength(1);
  });

  test('a linked sidecar folder and one that is too deep stay behind', async () => {
    own(ID);
    symlinkSync('/etc', join(folder(), ID));
    expect(codesOf(await find({ storedId: ID }))).toEqual(['CONVERSATION_PARTS']);
    rmSync(join(folder(), ID));
    world.write(join(folder(), ID, ...Array.from({ length: 40 }, () => 'd'), 'deep.txt'), 'x');
    world.write(join(folder(), ID, 'top.txt'), 'x');
    const found = assertFound(await find({ storedId: ID }));
    expect(found.files.map((file) => basename(file.source))).toEqual([`${ID}.jsonl`, 'top.txt']);
    expect(codesOf(found)).toEqual(['CONVERSATION_PARTS']);
  });

  test('a transcript that becomes a link between plan and copy', async () => {
    const path = own(ID);
    const harness = world.claudeHarness();
    const request = world.request({ storedId: ID });
    const copy = copyOf(assertFound(await harness.find(request)), request);
    renameSync(path, `${path}.moved`);
    symlinkSync('/etc/passwd', path);
    await expect(harness.stage(copy, NO_PROGRESS)).rejects.toMatchObject({ code: 'CONVERSATION_UNREADABLE' });
    expect(existsSync(world.folder(world.managed))).toBe(false);
  });

  test('paths outside the roots are not staged', async () => {
    own(ID);
    const harness = world.claudeHarness();
    const request = world.request({ storedId: ID });
    const copy = copyOf(assertFound(await harness.find(request)), request);
    const files = copy.files.map((file) => ({ ...file, source: '/etc/passwd' }));
    await expect(harness.stage({ ...copy, files }, NO_PROGRESS)).rejects.toMatchObject({
      code: 'CONVERSATION_UNREADABLE',
    });
  });

  test('what the system will not read is an error, not an absence', async () => {
    const problems = new Problems();
    const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    expect(await problems.guard(() => Promise.reject(denied))).toBeNull();
    expect(notFound(problems.list, [])).toMatchObject({ ...refused, failed: true });
    expect(blockedBy(denied)).toMatchObject({ ...refused, failed: true });
  });
});

describe('verify', () => {
  const damage = async (change: (path: string) => void) => {
    own(ID);
    const { copy } = await migrate(world.claudeHarness(), world.request({ storedId: ID }));
    expect(await world.claudeHarness().verify(copy)).toBeNull();
    change(mainPath(copy));
    return world.claudeHarness().verify(copy);
  };

  test('missing', async () => expect(await damage((path) => rmSync(path))).toContain('missing'));
  test('cut', async () => expect(await damage((path) => truncateSync(path, 10))).toContain('not the same'));
  test('one byte', async () => {
    const flip = (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace('hello', 'hellO'));
    expect(await damage(flip)).toContain('not the same');
  });
  test('link', async () => {
    const link = (path: string) => {
      renameSync(path, `${path}.moved`);
      symlinkSync(`${path}.moved`, path);
    };
    expect(await damage(link)).toContain('link');
  });

  test('a conversation without a message, even where it is the same as its source', async () => {
    const path = own(ID);
    const { copy } = await migrate(world.claudeHarness(), world.request({ storedId: ID }));
    for (const each of [path, mainPath(copy)]) writeFileSync(each, '{"type":"summary"}\n');
    expect(await world.claudeHarness().verify(copy)).toContain('without a message');
  });

  test('another folder than that of the directory, and a part that is gone', async () => {
    own(ID);
    world.write(join(world.folder(world.worktree), ID, 'part.txt'), 'x');
    const { copy } = await migrate(world.claudeHarness(), world.request({ storedId: ID }));
    expect(await world.claudeHarness().verify({ ...copy, destinationCwd: `${world.managed}-2` })).toContain(
      'not where',
    );
    rmSync(join(world.folder(world.managed), ID), { recursive: true });
    expect(await world.claudeHarness().verify(copy)).toContain('part.txt');
  });
});
