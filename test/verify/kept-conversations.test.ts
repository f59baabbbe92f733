import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Receipt, ReceiptConversation } from '../../src/apply/receipt';
import { KeptConversations } from '../../src/verify/kept-conversations';
import { OpencodeWorld, SES } from '../sessions/opencode-world';
import { FIXTURES, filesBelow } from '../sessions/world';

let world: OpencodeWorld;
beforeEach(() => {
  world = new OpencodeWorld();
});
afterEach(() => world.remove());

const ENDED = '2026-11-21T12:00:01.000Z';

function receipt(options: Partial<Receipt['options']> = {}): Receipt {
  return {
    formatVersion: 1,
    runId: '20261121-120000-abcdef',
    tool: 'ao-migrate',
    version: '0',
    status: 'done',
    startedAt: '',
    finishedAt: ENDED,
    legacyRoot: join(world.home, '.agent-orchestrator'),
    dataDir: '',
    physicalDataDir: '',
    database: '',
    dbCreated: true,
    schemaVersion: 12,
    planHash: '',
    options: {
      from: null,
      config: null,
      cwd: world.home,
      onlyLive: false,
      resume: 'auto',
      environment: {},
      ...options,
    },
    outcome: { status: 'migrated', unusable: 0 },
    createdDirectories: [],
    stale: [],
    backup: null,
    projects: [],
    sessions: [],
    conversations: [],
    sources: [],
  };
}

const check = (more: Partial<ReceiptConversation> = {}, run = receipt()) =>
  new KeptConversations(run, world.machine).check({
    sessionId: 'sh-orchestrator',
    projectId: 'sh',
    harness: 'opencode',
    sourceId: 'ses_old',
    resumeId: SES,
    destinationCwd: world.worktree,
    placed: true,
    files: [],
    counts: { messages: 2, parts: 2 },
    createdDirectories: [],
    ...more,
  });

test('JSON files of old releases', async () => {
  cpSync(join(FIXTURES, 'opencode', 'json-storage'), world.data, { recursive: true });
  const storage = join(world.data, 'storage');
  renameSync(join(storage, 'session', '@PROJ@'), join(storage, 'session', 'abc123'));
  for (const path of filesBelow(storage)) writeFileSync(path, world.fill(readFileSync(path, 'utf8')));
  const parts = filesBelow(join(storage, 'part')).length;
  expect(await check({ counts: { messages: 2, parts } })).toMatchObject({ state: 'ok' });
  expect(await check({ destinationCwd: '/elsewhere' })).toMatchObject({ state: 'damaged' });
  rmSync(join(storage, 'part'), { recursive: true });
  expect(await check({ counts: { messages: 2, parts } })).toMatchObject({
    state: 'damaged',
    detail: `it has 0 of ${parts} message parts`,
  });
  rmSync(join(storage, 'message'), { recursive: true });
  expect(await check()).toMatchObject({ state: 'damaged', detail: 'it has 0 of 2 messages' });
  writeFileSync(join(storage, 'session', 'abc123', `${SES}.json`), '{');
  expect(await check()).toMatchObject({ state: 'damaged', detail: expect.stringContaining('cannot be read') });
  rmSync(storage, { recursive: true });
  expect(await check()).toMatchObject({ state: 'damaged', detail: "it is not in OpenCode's store" });
});

test('a database, which is not opened in place', async () => {
  world.session(SES);
  const before = filesBelow(world.data);
  expect(await check()).toEqual({ kind: 'conversation', id: SES, state: 'ok' });
  expect(await check({ counts: { messages: 1, parts: 2 } })).toMatchObject({ state: 'changed-since' });
  expect(await check({ counts: { messages: 2, parts: 3 } })).toMatchObject({ state: 'damaged' });
  expect(filesBelow(world.data)).toEqual(before);
  expect(world.left()).toEqual([]);
  expect(world.runs()).toEqual([]);
});

test('where the receipt does not say where the store was, what is not here is no damage', async () => {
  const early = receipt({ environment: undefined });
  world.env = { PATH: world.bin, XDG_DATA_HOME: join(world.home, 'data') };
  const data = join(world.home, 'data', 'opencode');
  world.session('ses_another', {}, 'native', 'opencode.db', data);
  const stores = [join(data, 'opencode.db'), join(data, 'storage'), join(world.data, 'storage')].join(', ');
  expect(await check({}, early)).toMatchObject({
    state: 'changed-since',
    detail: expect.stringContaining(`not found in ${stores}, `),
  });
  expect(await check()).toMatchObject({ state: 'damaged', detail: "it is not in OpenCode's store" });
  world.session(SES);
  expect(await check({}, early)).toMatchObject({ state: 'ok' });
  expect(await check({ destinationCwd: '/elsewhere' }, early)).toMatchObject({ state: 'damaged' });
});

describe('fewer messages than the run had put there', () => {
  const fewer = { counts: { messages: 4, parts: 4 } };
  const ended = Date.parse(ENDED);

  test.each([
    ['of a session that was not used since are damage', ended, 'damaged', 'it has 2 of 4 messages'],
    [
      'of one that was are what its user took back',
      ended + 1,
      'changed-since',
      'it has 2 of 4 messages, and was used in OpenCode after the run',
    ],
  ] as const)('%s', async (_, updated, state, detail) => {
    world.session(SES, { updated });
    expect(await check(fewer)).toEqual({ kind: 'conversation', id: SES, state, detail });
    expect(await check({ counts: { messages: 2, parts: 3 } })).toMatchObject({ state });
  });

  test('are damage where the run has not ended', async () => {
    world.session(SES, { updated: ended + 1 });
    expect(await check(fewer, { ...receipt(), finishedAt: null })).toMatchObject({ state: 'damaged' });
  });
});
