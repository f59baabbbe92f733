import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ConversationRequest, HarnessId } from '../../src/contracts/facts';
import type { Harness } from '../../src/sessions/harness';
import { OpencodeWorld, SES } from './opencode-world';
import { assertFound, copyOf, filesBelow, NO_PROGRESS } from './world';

const ID = '0c9e3f10-51c2-7a77-8f6e-2b7d1e9a4c33';
const REFUSED = { state: 'blocked', code: 'CONVERSATION_UNREADABLE' };

/** Device nodes can be made by some users on some systems only. */
const makesDevices = ((): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'ao-migrate-device-'));
  const made = spawnSync('mknod', [join(folder, 'x'), 'c', '1', '5']).status === 0;
  rmSync(folder, { recursive: true });
  return made;
})();

/** What can stand where a conversation's file should; each puts itself at the path. */
const OBSTACLES: Readonly<Record<string, (path: string) => void>> = {
  'a link to a file': (path) => symlinkSync('/etc/passwd', path),
  'a link to a device': (path) => symlinkSync('/dev/zero', path),
  'a link that leads nowhere': (path) => symlinkSync('/no/such/file', path),
  'a FIFO': (path) => void spawnSync('mkfifo', [path]),
  'a directory': (path) => mkdirSync(path),
  ...(makesDevices ? { 'a device': (path: string) => void spawnSync('mknod', [path, 'c', '1', '5']) } : {}),
};

let world: OpencodeWorld;
beforeEach(() => {
  world = new OpencodeWorld();
  world.install('1.18.33');
});
afterEach(() => world.remove());

interface Kind {
  readonly agent: HarnessId;
  /** The file of the conversation that is attacked; laid out whole first. */
  readonly lay: () => string;
  readonly id: string;
  readonly harness: () => Harness;
}

const line = (row: object): string => `${JSON.stringify(row)}\n`;
const json = (folder: string, name: string, content: object): string =>
  world.write(join(world.data, 'storage', folder, `${name}.json`), JSON.stringify({ id: name, ...content }));

const KINDS: readonly Kind[] = [
  {
    agent: 'claude-code',
    id: ID,
    lay: () => world.transcript(world.folder(world.worktree), ID),
    harness: () => world.claudeHarness(),
  },
  {
    agent: 'codex',
    id: ID,
    lay: () =>
      world.write(
        join(world.codex, 'sessions', '2026', '05', '14', `rollout-2026-05-14T08-00-00-${ID}.jsonl`),
        line({ type: 'session_meta', payload: { id: ID, cwd: world.worktree } }) +
          line({ type: 'event_msg', payload: { type: 'user_message', message: 'hi' } }),
      ),
    harness: () => world.codexHarness(),
  },
  {
    agent: 'opencode',
    id: SES,
    lay: () => {
      json('session/p', SES, { directory: world.worktree, title: 't', time: { updated: 1 } });
      json('part/msg_0a0e1d200001Hostilemsg00001', 'prt_0a0e1d200001Hostileprt00001', { type: 'text', text: 'hi' });
      return json(`message/${SES}`, 'msg_0a0e1d200001Hostilemsg00001', { role: 'user' });
    },
    harness: () => world.opencode(),
  },
];

const ask = ({ agent, id }: Kind, more: Partial<ConversationRequest> = {}) =>
  world.request({ harness: agent, storedId: id, ...more });

/** Finds and stages; what stopped it. */
async function attempt(kind: Kind, between: () => void = () => undefined): Promise<unknown> {
  const harness = kind.harness();
  const request = ask(kind);
  const found = await harness.find(request);
  if (found.state !== 'found') return found;
  between();
  try {
    await harness.stage(copyOf(assertFound(found), request), NO_PROGRESS);
    return { state: 'staged' };
  } catch (error) {
    return { state: 'blocked', code: error instanceof Error && 'code' in error ? error.code : String(error) };
  }
}

describe.each(KINDS)('$agent', (kind) => {
  const untouched = () => {
    expect(existsSync(world.folder(world.managed))).toBe(false);
    expect(filesBelow(world.codex).length).toBeLessThanOrEqual(2);
    expect(world.runs()).toEqual([]);
    expect(world.left()).toEqual([]);
  };
  beforeEach(() => {
    for (const path of [world.codex, world.claude]) mkdirSync(path, { recursive: true });
  });

  test('the conversation is a good one before anything is done to it', async () => {
    kind.lay();
    expect((await kind.harness().find(ask(kind))).state).toBe('found');
  });

  test.each(Object.keys(OBSTACLES))('%s in place of its file is not read, and nobody waits for it', async (name) => {
    const path = kind.lay();
    rmSync(path);
    OBSTACLES[name]?.(path);
    expect(await attempt(kind)).toMatchObject(REFUSED);
    untouched();
  });

  test.each(Object.keys(OBSTACLES))('%s that takes its place between plan and copy is not read', async (name) => {
    const path = kind.lay();
    expect(
      await attempt(kind, () => {
        renameSync(path, `${path}.moved`);
        OBSTACLES[name]?.(path);
      }),
    ).toMatchObject(REFUSED);
    untouched();
  });

  test('a folder on the way that becomes a link between plan and copy is not followed', async () => {
    const folder = dirname(kind.lay());
    expect(
      await attempt(kind, () => {
        renameSync(folder, join(world.path, 'moved'));
        symlinkSync(join(world.path, 'moved'), folder);
      }),
    ).toMatchObject(REFUSED);
    untouched();
  });

  test.each(['../../../../etc/passwd', '..', '/etc/passwd', '-x', 'a/../b', `${'x'.repeat(5)}\0`, 'ses_../x', ''])(
    'the id %j is no id: nothing is looked for under it',
    async (storedId) => {
      kind.lay();
      const finding = await kind.harness().find(ask(kind, { storedId, mayRecover: false }));
      expect(finding.state).toBe('missing');
      expect(finding.notes.map(({ code }) => code)).toEqual(['RESUME_ID_INVALID']);
      untouched();
    },
  );

  test('a file with a second name is copied, not linked', async () => {
    const path = kind.lay();
    linkSync(path, join(world.path, 'second'));
    const before = readFileSync(path);
    expect(await attempt(kind)).toEqual({ state: 'staged' });
    expect(readFileSync(join(world.path, 'second'))).toEqual(before);
  });
});

describe('the database of OpenCode', () => {
  test.each(Object.keys(OBSTACLES).filter((name) => name !== 'a link to a file'))(
    '%s in its place is not opened',
    async (name) => {
      mkdirSync(world.data, { recursive: true });
      OBSTACLES[name]?.(join(world.data, 'opencode.db'));
      const finding = await world.opencode().find(world.ask());
      expect(['missing', 'blocked']).toContain(finding.state);
      expect([world.runs(), world.left()]).toEqual([[], []]);
    },
  );

  test('a link to something that is no database is no conversation', async () => {
    mkdirSync(world.data, { recursive: true });
    symlinkSync('/etc/passwd', join(world.data, 'opencode.db'));
    expect(await world.opencode().find(world.ask())).toMatchObject(REFUSED);
    expect(world.left()).toEqual([]);
  });
});
