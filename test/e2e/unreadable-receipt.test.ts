import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { run, runJson } from '../support/executable';
import { rowsOf } from '../support/expected';
import { type Home, realFixture } from '../support/home';
import { snapshot } from '../support/tree';

const ACME = 'acme_00f7f1a4ad';
const LATER = '29991231-235959-abcdef';
const EARLIER = '20000101-000000-abcdef';
const CODE = 'RECEIPT_UNREADABLE';
const Checks = v.looseObject({
  checks: v.array(
    v.object({
      id: v.string(),
      title: v.string(),
      state: v.string(),
      message: v.string(),
      next: v.nullable(v.string()),
      code: v.nullable(v.string()),
    }),
  ),
});

let home: Home;
let done: string;
const fileOf = (runId: string): string => join(home.path, '.ao', 'migrations', `${runId}.json`);
const physicalDataDir = (): string => join(home.path, '.ao', 'data');
const projects = (): number => rowsOf(join(physicalDataDir(), 'ao.db')).projects.length;
const json = async (...args: string[]) => {
  const { exitCode, document } = await runJson(home, args);
  return { exitCode, document };
};
const refused = (message: unknown = expect.any(String), hint: unknown = expect.any(String)) => ({
  exitCode: 3,
  document: { status: 'refused', refusal: { code: CODE, message, hint } },
});
const doctorChecks = async () => {
  const { exitCode, document } = await json('doctor');
  const { checks } = v.parse(Checks, document);
  return { exitCode, of: (id: string) => checks.filter((check) => check.id === id) };
};

beforeEach(async () => {
  home = realFixture('v2-stopped');
  done = String((await json('--yes')).document.runId);
});
afterEach(() => home.remove(), 180_000);

const ofThisDirectory = (changes: object): string =>
  JSON.stringify({ ...JSON.parse(readFileSync(fileOf(done), 'utf8')), ...changes });
const KINDS: readonly (readonly [string, () => string])[] = [
  ['is empty', () => ''],
  ['is garbage', () => 'no JSON'],
  ['is another value', () => '{}'],
  ['is cut short', () => readFileSync(fileOf(done), 'utf8').slice(0, 300)],
  ['is of a status that nobody knows', () => ofThisDirectory({ status: 'paused' })],
  ['is of a newer version', () => ofThisDirectory({ formatVersion: 2 })],
];

describe('where the newest receipt cannot be read', () => {
  test.each(KINDS)('because it %s, no command goes by an older run', async (_, text) => {
    writeFileSync(fileOf(LATER), text());
    const found = snapshot(home.path);
    const named = expect.stringContaining(fileOf(LATER));
    const other = expect.stringContaining(done);
    for (const args of [
      ['rollback', '--yes'],
      ['rollback', '--dry-run'],
      ['verify'],
      ['rollback', '--yes', '--run', LATER],
      ['verify', '--run', LATER],
    ])
      expect(await json(...args)).toMatchObject(refused(named, other));
    const { document } = await json('status');
    expect(document).toMatchObject({ status: 'done', lastRun: null });
    expect(document.pending).toEqual({ projects: 0, orchestrators: 0 });
    expect(document.notes).toContainEqual(
      expect.objectContaining({ code: CODE, severity: 'warn', id: LATER, file: fileOf(LATER) }),
    );
    const { exitCode, of } = await doctorChecks();
    expect(exitCode).toBe(0);
    expect(of('receipt')).toMatchObject([{ state: 'warn', code: CODE, message: named }]);
    expect(of('last-run')).toEqual([]);
    expect(snapshot(home.path)).toEqual(found);
    expect(await json('verify', '--run', done)).toMatchObject({ exitCode: 0, document: { status: 'ok' } });
    expect(await json('rollback', '--yes', '--run', done)).toMatchObject({ exitCode: 0, document: { runId: done } });
    expect(await json('rollback', '--yes')).toMatchObject(refused());
  });

  test('it is said whether it is known to be of this data directory, and what to do', async () => {
    writeFileSync(fileOf(LATER), '{}');
    expect(await json('rollback', '--yes')).toMatchObject(
      refused(expect.stringContaining('may be of another data directory'), expect.stringContaining('backup')),
    );
    writeFileSync(fileOf(LATER), JSON.stringify({ formatVersion: 2, physicalDataDir: physicalDataDir() }));
    expect(await json('rollback', '--yes')).toMatchObject(
      refused(expect.not.stringContaining('may be of another'), expect.stringContaining('Use that version')),
    );
  });

  test('it is nothing to a directory that is not its own', async () => {
    writeFileSync(fileOf(LATER), JSON.stringify({ formatVersion: 2, physicalDataDir: '/elsewhere' }));
    expect((await json('status')).document).toMatchObject({ status: 'done', lastRun: { runId: done }, notes: [] });
    expect(await json('verify', '--run', LATER)).toMatchObject({ exitCode: 2 });
    expect((await json('rollback', '--yes')).document).toMatchObject({ status: 'undone', runId: done });
  });

  test('it may be the only one, and what is no file', async () => {
    renameSync(fileOf(done), fileOf(LATER));
    writeFileSync(fileOf(LATER), '');
    const alone = refused(expect.any(String), expect.stringContaining('no other run can be named'));
    expect(await json('rollback', '--yes')).toMatchObject(alone);
    expect(await json('verify')).toMatchObject(alone);
    expect((await doctorChecks()).of('receipt')).toHaveLength(1);
    expect(projects()).toBe(3);
    rmSync(fileOf(LATER));
    mkdirSync(fileOf(LATER));
    expect(await json('rollback', '--yes')).toMatchObject(alone);
    rmSync(join(home.path, '.agent-orchestrator'), { recursive: true });
    const { document } = await json('status');
    expect(document).toMatchObject({ status: 'none', notes: [{ code: CODE, id: LATER }] });
    expect((await run(home, ['status'])).stdout.replaceAll(/\s+/g, '')).toContain(`${LATER}.json`);
  });

  test('and the old store is gone, nothing is called done', async () => {
    rmSync(join(home.path, '.agent-orchestrator'), { recursive: true });
    writeFileSync(fileOf(LATER), '');
    const { document } = await json('status');
    expect(document).toMatchObject({ status: 'none', lastRun: null, notes: [{ code: CODE }] });
  });
});

test('an older receipt that cannot be read is told of, and hides no newer run', async () => {
  writeFileSync(fileOf(EARLIER), '');
  const { document } = await json('status');
  expect(document).toMatchObject({ status: 'done', lastRun: { runId: done }, notes: [{ code: CODE, id: EARLIER }] });
  // It may be of a run that was undone: both sides are looked at.
  expect(document.pending).not.toBeNull();
  const { of } = await doctorChecks();
  expect(of('receipt')).toMatchObject([{ state: 'warn', code: CODE }]);
  expect(of('last-run')).toMatchObject([{ state: 'pass' }]);
  expect(await json('verify')).toMatchObject({ exitCode: 0, document: { runId: done } });
  expect(await json('rollback', '--yes')).toMatchObject({ exitCode: 0, document: { status: 'undone', runId: done } });
  // Now it may be the newest that is not undone.
  expect(await json('rollback', '--yes')).toMatchObject(refused());
  expect((await json('status')).document).toMatchObject({ status: 'pending', lastRun: null });
});

test('an older one goes only where the newer one was undone, as before', async () => {
  await json('rollback', '--yes');
  const first = String((await json('--yes', '--project', ACME)).document.runId);
  const second = String((await json('--yes')).document.runId);
  expect((await json('rollback', '--yes')).document).toMatchObject({ status: 'undone', runId: second });
  expect((await json('rollback', '--yes')).document).toMatchObject({ status: 'undone', runId: first });
  expect((await json('rollback', '--yes')).document).toMatchObject({ status: 'nothing-to-undo' });
});
