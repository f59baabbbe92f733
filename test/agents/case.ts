import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, started } from '../../scripts/run';
import { snapshot } from '../support/tree';
import { CLAUDE } from './claude';
import { CODEX } from './codex';
import { type Driver, isTurn } from './driver';
import { asObject } from './model';
import { OPENCODE } from './opencode';
import type { Release } from './releases';
import { Stuck, talk } from './talk';
import type { RestoredRow, World } from './world';

const DRIVERS: Readonly<Record<Release['harness'], Driver>> = {
  'claude-code': CLAUDE,
  codex: CODEX,
  opencode: OPENCODE,
};

/** What is looked at with one release, in order; the page has a column for each. */
export const STEPS = ['made', 'migrated', 'resumed', 'codeword', 'directory', 'old gone', 'original'] as const;
export type Step = (typeof STEPS)[number];

/** What came of one release: a word for each step that was reached, and why it went no further. */
export interface Outcome {
  readonly steps: Readonly<Partial<Record<Step, string>>>;
  readonly problem: string | null;
}

/** One conversation with the real agent, from the old worktree to the new one. */
export async function runCase(release: Release, world: World, executable: string): Promise<Outcome> {
  const driver = DRIVERS[release.harness];
  const steps: Partial<Record<Step, string>> = {};
  try {
    await moved(driver, world, executable, steps);
    return { steps, problem: null };
  } catch (error) {
    if (!(error instanceof Stuck || error instanceof Unmet)) throw error;
    return { steps, problem: error.message };
  }
}

type Steps = Partial<Record<Step, string>>;

async function moved(driver: Driver, world: World, executable: string, steps: Steps): Promise<void> {
  const { codeword, id } = await converse(driver, world, steps);
  world.store(driver.harness, driver.recordKey, id);
  const before = everything(world);
  const parts = driver.parts(world, id);
  const unchanged = (when: string) => expect(same(driver.parts(world, id), parts), `the original changed ${when}`);

  const row = await migrated(driver, world, executable);
  const after = everything(world);
  const isForeign = (path: string) => path in before || path.startsWith('code/');
  const touched = Object.keys(after).filter((path) => isForeign(path) && before[path] !== after[path]);
  touched.push(...Object.keys(before).filter((path) => !(path in after)));
  expect(touched.length === 0, `the migration changed ${touched.join(', ')}`);
  unchanged('while it was migrated');
  const rename = row.agent_session_id === id ? 'same id' : 'new id';
  expect((rename === 'same id') === (driver.harness === 'claude-code'), `the row has the ${rename}`);
  steps.migrated = `yes, ${rename}`;

  world.restoreWorktree(row);
  await resumed(driver, world, row, codeword, steps);
  unchanged('after the resume');

  world.removeOldWorktree();
  await resumed(driver, world, row, codeword, null);
  if (driver.resumeOnce !== null) await resumedOnce(driver, world, row, codeword);
  steps['old gone'] = 'resumes';
  unchanged('after the second resume');
  steps.original = 'identical';

  // The conversation has gone on since: the tool must see its own work in it.
  const again = await run(world, executable, ['--yes', '--json']);
  expect(again.exitCode === 0, `a second run ended with ${again.exitCode}`);
  expect(world.row()?.agent_session_id === row.agent_session_id, 'a second run changed the row');
}

/** A conversation in the old worktree: a codeword, and a tool that says where it runs. */
async function converse(driver: Driver, world: World, steps: Steps): Promise<{ codeword: string; id: string }> {
  world.build();
  driver.configure(world);
  const codeword = `heron-${token()}`;
  const start = { title: 'begun', command: driver.begin(world), directory: world.oldWorktree };
  const said = [`Remember the codeword ${codeword} for later.`, `Say where you work [pwd:${token()}] please.`];
  const [, second] = await talk(world, driver, start, said);
  expect(second?.directory?.includes(world.oldWorktree) === true, `it began in ${second?.directory}`);
  const id = driver.conversationIn(world, world.oldWorktree);
  expect(Object.keys(driver.parts(world, id)).length > 0, 'nothing of the conversation was kept');
  steps.made = 'yes';
  return { codeword, id };
}

async function migrated(driver: Driver, world: World, executable: string): Promise<RestoredRow> {
  const done = await run(world, executable, ['--yes', '--json']);
  expect(done.exitCode === 0 && done.document.status === 'migrated', `status ${done.document.status}: ${done.stdout}`);
  const row = world.row();
  if (row === null || row.agent_session_id === '') throw new Unmet('there is no row with a conversation');
  expect(row.harness === driver.harness && row.markers === 1, `the row is ${JSON.stringify(row)}`);
  const verified = await run(world, executable, ['verify', '--json']);
  expect(verified.exitCode === 0, `verify ended with ${verified.exitCode}: ${verified.stdout}`);
  return row;
}

/** The daemon's own command in the managed worktree, and somebody who types. */
async function resumed(
  driver: Driver,
  world: World,
  { agent_session_id: id, workspace_path: worktree }: RestoredRow,
  codeword: string,
  steps: Steps | null,
): Promise<void> {
  driver.prepare(world, worktree);
  const title = steps === null ? 'resumed, old worktree gone' : 'resumed';
  const start = { title, command: driver.resume(world, id, worktree), directory: worktree };
  const [exchange] = await talk(world, driver, start, [`Say where you work now [pwd:${token()}] please.`]);
  if (steps !== null) steps.resumed = 'yes';
  expect(JSON.stringify(exchange?.first.body).includes(codeword), 'the first request does not hold the codeword');
  if (steps !== null) steps.codeword = 'in the first request';
  const where = exchange?.directory ?? '';
  expect(where.includes(worktree) && !where.includes(world.oldWorktree), `it works in ${where}`);
  if (steps !== null) steps.directory = 'new';
}

/** A resume without a terminal. */
async function resumedOnce(driver: Driver, world: World, row: RestoredRow, codeword: string): Promise<void> {
  const command = driver.resumeOnce?.(row.agent_session_id, 'Say hello.') ?? [];
  const since = world.askedSoFar();
  await started(command, row.workspace_path, world.env);
  const [first] = world.asked(since).filter(isTurn);
  expect(JSON.stringify(first?.body ?? null).includes(codeword), `${command[0]} -p knows nothing of the codeword`);
}

interface Told extends Ended {
  readonly document: Readonly<Record<string, unknown>>;
}

/** The compiled executable, while the model is able to answer. */
async function run(world: World, executable: string, args: readonly string[]): Promise<Told> {
  const ended = await started([executable, ...args], world.home, world.env);
  const { exitCode, stdout, stderr } = ended;
  appendFileSync(join(world.folder, 'runs.txt'), `==== ${args.join(' ')}: ${exitCode}\n${stdout}${stderr}\n`);
  return { ...ended, document: asObject(JSON.parse(stdout)) };
}

/**
 * Every file of the person's that a migration must leave as it is: the agents' folders, the old store, the repository.
 * OpenCode's own store is left out, because an import writes into it: there the session's rows are compared.
 */
function everything(world: World): Readonly<Record<string, string>> {
  const folders = ['.agent-orchestrator', 'code', '.claude', '.codex', '.config'];
  const isElsewhere = (name: string) => name !== '' && !folders.some((each) => `${name}/`.startsWith(`${each}/`));
  const all = Object.entries(snapshot(world.home, isElsewhere));
  // A directory's time changes with what is made in it, which is the point of a migration.
  return Object.fromEntries(all.filter(([, state]) => !state.startsWith('directory')));
}

function same(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Something is not as it must be. */
class Unmet extends Error {
  override readonly name = 'Unmet';
}

function expect(isMet: boolean, otherwise: string): void {
  if (!isMet) throw new Unmet(otherwise);
}

function token(): string {
  return crypto.randomUUID().slice(0, 8);
}
