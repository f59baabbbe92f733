import { readdirSync, readlinkSync } from 'node:fs';
import { type Driver, isTurn, toolResult } from './driver';
import { ASK_DIRECTORY, type Asked } from './model';
import { Terminal, until } from './terminal';
import type { World } from './world';

/** For a busy machine, and a native agent that unpacks itself at its first start. */
const START_MS = 180_000;
const TURN_MS = 90_000;
/** How often Enter is pressed until the model is asked: an agent may still be busy with its first screen. */
const ENTERS = 5;
/** A program that was hung up on gets so long to end by itself. */
const HANG_UP_MS = 8_000;

/** What one prompt led to. */
export interface Exchange {
  /** The first request of the conversation after the prompt. */
  readonly first: Asked;
  /** What `pwd` said through the agent's tool; null where the prompt did not ask. */
  readonly directory: string | null;
}

/** Something that the agent or its screen did instead of what was asked. The message is for the table. */
export class Stuck extends Error {
  override readonly name = 'Stuck';
}

/** Starts the agent in a terminal, says one thing after the other, waits for each answer, and hangs up. */
export async function talk(
  world: World,
  driver: Driver,
  where: { readonly title: string; readonly command: readonly string[]; readonly directory: string },
  prompts: readonly string[],
): Promise<Exchange[]> {
  const terminal = Terminal.start(world.folder, where.command, where.directory, world.env);
  try {
    await waitUntilReady(terminal, driver);
    const exchanges: Exchange[] = [];
    for (const prompt of prompts) exchanges.push(await say(terminal, driver, world, prompt));
    return exchanges;
  } finally {
    world.keepScreen(where.title, terminal.screen());
    terminal.close();
    await endAll(world.folder);
  }
}

async function waitUntilReady(terminal: Terminal, driver: Driver): Promise<void> {
  let before = '';
  const ready = await until(() => {
    const screen = terminal.screen();
    if (terminal.isOver()) throw new Stuck(`ended at once: ${lastLine(screen)}`);
    const stands = screen === before && screen !== '';
    before = screen;
    if (!stands) return null;
    if (driver.menu.test(screen)) throw new Stuck(`stopped at a menu: ${driver.menu.exec(screen)?.[0] ?? ''}`);
    return driver.ready.test(screen) ? screen : null;
  }, START_MS);
  if (ready === null) throw new Stuck(`never ready for input: ${lastLine(before)}`);
}

async function say(terminal: Terminal, driver: Driver, world: World, prompt: string): Promise<Exchange> {
  const since = world.askedSoFar();
  const id = ASK_DIRECTORY.exec(prompt)?.[1] ?? null;
  terminal.type(prompt);
  await until(() => (terminal.screen().includes(prompt.slice(-12)) ? true : null), TURN_MS / 10);
  const turns = () => world.asked(since).filter(isTurn);
  let first: Asked | undefined;
  for (let enter = 0; enter < ENTERS && first === undefined; enter += 1) {
    terminal.press('Enter');
    first = (await until(() => turns()[0] ?? null, TURN_MS / ENTERS)) ?? undefined;
    const screen = terminal.screen();
    if (first === undefined && driver.menu.test(screen)) throw new Stuck(`stopped at a menu: ${lastLine(screen)}`);
  }
  if (first === undefined) throw new Stuck(`the model was never asked: ${lastLine(terminal.screen())}`);
  const directory = id === null ? null : await until(() => lastResult(turns(), `call_${id}`), TURN_MS);
  if (id !== null && directory === null) throw new Stuck('the tool was never run');
  await settled(terminal);
  return { first, directory };
}

function lastResult(turns: readonly Asked[], id: string): string | null {
  return turns.map(({ body }) => toolResult(body, id)).findLast((result) => result !== null) ?? null;
}

/** Waits until the screen stands still: the answer is shown, and what was said is written down. */
async function settled(terminal: Terminal): Promise<void> {
  let before = '';
  let same = 0;
  await until(() => {
    const screen = terminal.screen();
    same = screen === before ? same + 1 : 0;
    before = screen;
    return same >= 6 ? true : null;
  }, TURN_MS / 4);
}

/**
 * Ends what was left behind in the box: background servers, and terminals' programs that outlive them. All processes
 * here are the test's own, because the box has its own numbering of them.
 */
async function endAll(folder: string): Promise<void> {
  const left = () => processesBelow(folder);
  if ((await until(() => (left().length === 0 ? true : null), HANG_UP_MS)) !== null) return;
  for (const pid of left()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended in the same moment.
    }
  }
  await until(() => (left().length === 0 ? true : null), HANG_UP_MS);
}

function processesBelow(folder: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      return readlinkSync(`/proc/${name}/cwd`).startsWith(folder) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

function lastLine(screen: string): string {
  const lines = screen.split('\n').map((line) => line.trim());
  return lines.findLast((line) => /[A-Za-z]{3}/.test(line) && !line.startsWith('Pane is dead')) ?? '(an empty screen)';
}
