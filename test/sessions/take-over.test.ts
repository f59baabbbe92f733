import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpencodeDeps } from '../../src/sessions/opencode';
import { opencodeId } from '../../src/sessions/opencode-reid';
import { clearSuddenly } from '../../src/sessions/sudden-end';
import { isTakingOver } from '../../src/sessions/take-over';
import { temporaryDirectory, WORKER_FILE } from '../../src/sessions/temporary';
import { OpencodeWorld } from './opencode-world';
import { assertFound, copyOf, FIXTURES, filesBelow, NO_PROGRESS } from './world';

const STEPS = 15;

let world: OpencodeWorld;
let steps: string;
beforeEach(() => {
  world = new OpencodeWorld();
  steps = join(world.path, 'steps');
  cpSync(join(FIXTURES, 'opencode', 'json-storage'), world.data, { recursive: true });
  const storage = join(world.data, 'storage');
  renameSync(join(storage, 'session', '@PROJ@'), join(storage, 'session', 'abc123'));
  for (const path of filesBelow(storage)) writeFileSync(path, world.fill(readFileSync(path, 'utf8')));
  world.install('1.3.2', slowImport());
});
afterEach(() => world.remove());

/** What a take-over does before an import: much, and it says each step, also on its stdout. */
function slowImport(): string {
  return `if [ "$1" = import ]; then PATH=/usr/bin:/bin; i=0
    while [ $i -lt ${STEPS} ]; do i=$((i+1)); echo $i || exit 9; echo $i >> "${steps}"; sleep 0.1; done; fi`;
}

const done = (): number => (existsSync(steps) ? readFileSync(steps, 'utf8').trim().split('\n').length : 0);

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds() && Date.now() < end; ) await Bun.sleep(20);
  expect(holds()).toBe(true);
}

async function staged(deps: Partial<OpencodeDeps> = {}) {
  const harness = world.opencode(deps);
  const copy = copyOf(assertFound(await harness.find(world.ask())), world.ask());
  return { harness, copy, staged: await harness.stage(copy, NO_PROGRESS) };
}

describe('a take-over', () => {
  test('is known beforehand: only JSON files, and a release that keeps a database', async () => {
    expect(assertFound(await world.opencode().find(world.ask())).takesOver).toBe(true);
    world.install('1.1.65');
    expect(assertFound(await world.opencode().find(world.ask())).takesOver).toBeUndefined();
    world.install('1.3.2');
    world.session('ses_2f1a7e0000ffeOtherSess0002', {}, 'drizzle');
    expect(assertFound(await world.opencode().find(world.ask())).takesOver).toBeUndefined();
  });

  test('that is waited for leaves nothing behind', async () => {
    const { harness, copy, staged: ready } = await staged();
    const placing = harness.place(ready);
    await until(() => done() > 0);
    expect(isTakingOver()).toBe(true);
    await placing;
    expect([isTakingOver(), done(), world.left()]).toEqual([false, STEPS, []]);
    expect(await harness.verify(copy)).toBeNull();
  });

  test('goes on by itself where its time is over, nothing else is begun meanwhile, and its work counts', async () => {
    const { harness, copy, staged: ready } = await staged({ takeOverMs: 300 });
    await expect(harness.place(ready)).rejects.toMatchObject({ code: 'CONVERSATION_CONFLICT' });
    expect(done()).toBeLessThan(STEPS);
    expect(existsSync(world.managed)).toBe(true);
    expect(world.left()).toEqual([expect.stringMatching(/^ao-migrate-empty-/)]);
    const meanwhile = await world.opencode().find(world.ask());
    expect(meanwhile).toMatchObject({ state: 'blocked', code: 'CONVERSATION_IN_USE' });
    await until(() => world.runs('import').length > 0);
    expect(done()).toBe(STEPS);
    expect(world.runs('import')).toHaveLength(1);
    const newId = opencodeId(copy.sourceId, world.managed);
    await until(() => existsSync(join(world.data, 'opencode.db')) && world.rows('SELECT id FROM session').length > 0);
    await until(() => world.rows(`SELECT id FROM part WHERE session_id = '${newId}'`).length === 4);
    await Bun.sleep(100);
    expect(assertFound(await world.opencode().find(world.ask())).destination).toBe('in-place');
  });

  test('and its home outlive a sudden end', async () => {
    const { harness, staged: ready } = await staged();
    const placing = harness.place(ready);
    await until(() => done() > 0);
    clearSuddenly();
    expect(world.left().some((name) => name.startsWith('ao-migrate-empty-'))).toBe(true);
    await placing;
    expect(done()).toBe(STEPS);
    expect(world.left()).toEqual([]);
  });
});

test('what a program is at work in stays however old it is, until the program is gone', async () => {
  const left = join(world.temp, 'ao-migrate-empty-999999999-a');
  mkdirSync(left);
  for (const [pid, stays] of [
    [process.pid, true],
    [999_999_999, false],
  ] as const) {
    writeFileSync(join(left, WORKER_FILE), `${pid}`);
    utimesSync(left, 1, 1);
    await (await temporaryDirectory('empty', world.machine)).remove();
    expect(existsSync(left)).toBe(stays);
  }
});
