import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpencodeDeps } from '../../src/sessions/opencode';
import { clearSuddenly } from '../../src/sessions/sudden-end';
import { isTakingOver } from '../../src/sessions/take-over';
import { temporaryDirectory, WORKER_FILE, workerLeft } from '../../src/sessions/temporary';
import { until } from '../support/waiting';
import { OpencodeWorld } from './opencode-world';
import { assertFound, copyOf, FIXTURES, filesBelow, NO_PROGRESS } from './world';

const STEPS = 8;
/** Where it waits until it is let go on. */
const HELD = 4;

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
    while [ $i -lt ${STEPS} ]; do i=$((i+1)); echo $i || exit 9; echo $i >> "${steps}"
    while [ $i = ${HELD} ] && [ -e "${steps}" ] && [ ! -e "${steps}.on" ]; do sleep 0.02; done; done; fi`;
}

const goOn = (): void => writeFileSync(`${steps}.on`, '');

const done = (): number => (existsSync(steps) ? readFileSync(steps, 'utf8').trim().split('\n').length : 0);

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
    goOn();
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
    goOn();
    await until(() => world.runs('import').length > 0);
    expect(done()).toBe(STEPS);
    await until(async () => (await world.opencode().find(world.ask())).state !== 'blocked');
    expect(assertFound(await world.opencode().find(world.ask())).destination).toBe('in-place');
    expect(world.runs('import')).toHaveLength(1);
    expect(await harness.verify(copy)).toBeNull();
  });

  test('and its home outlive a sudden end', async () => {
    const { harness, staged: ready } = await staged();
    const placing = harness.place(ready);
    await until(() => done() > 0);
    clearSuddenly();
    expect(world.left().some((name) => name.startsWith('ao-migrate-empty-'))).toBe(true);
    goOn();
    await placing;
    expect(done()).toBe(STEPS);
    expect(world.left()).toEqual([]);
  });
});

test.each([
  ['is at work stays', process.pid, 20, true],
  ['is gone goes', 999_999_999, 20, false],
  ['began more than a day ago, so that its pid is another one, goes', process.pid, 25, false],
])('after hours the home of a program that %s', async (_, pid, hours, stays) => {
  const left = join(world.temp, 'ao-migrate-empty-999999999-a');
  mkdirSync(left);
  writeFileSync(join(left, WORKER_FILE), `${pid}`);
  const then = Date.now() / 1000 - hours * 3600;
  for (const path of [join(left, WORKER_FILE), left]) utimesSync(path, then, then);
  await (await temporaryDirectory('empty', world.machine)).remove();
  expect(existsSync(left)).toBe(stays);
});

test.skipIf(process.platform !== 'linux')('a program that ended and waits for nobody is not at work', async () => {
  // The shell becomes a program that never asks for the end of its child.
  const parent = Bun.spawn(['sh', '-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdout: 'pipe', stdin: 'ignore' });
  try {
    const reader = parent.stdout.getReader();
    const pid = Number(new TextDecoder().decode((await reader.read()).value));
    await until(() => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '));
    const left = join(world.temp, 'ao-migrate-empty-999999999-a');
    mkdirSync(left);
    writeFileSync(join(left, WORKER_FILE), `${pid}`);
    expect(await workerLeft(world.machine)).toBeNull();
    writeFileSync(join(left, WORKER_FILE), `${parent.pid}`);
    expect(await workerLeft(world.machine)).toBe(parent.pid);
  } finally {
    parent.kill();
  }
});
