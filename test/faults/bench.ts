import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXECUTABLE } from '../support/executable';
import type { Home } from '../support/home';
import { snapshot } from '../support/tree';
import type { Scenario } from './scenarios';
import { type State, stateOf } from './state';
import {
  type Call,
  type Point,
  pointsOf,
  runFaulted,
  type TracedRun,
  type TraceOptions,
  traceBytes,
  traceChanges,
} from './strace';

export interface Before {
  readonly state: State;
  readonly untouchables: Readonly<Record<string, string>>;
}

/** A home that is laid out once and then restored before every accident; the paths stay the same, so rows can be compared. */
export class Bench {
  readonly #template: string;
  readonly #folder: string;
  readonly temporary: string;
  #before: Before | null = null;

  private constructor(
    readonly scenario: Scenario,
    readonly home: Home,
    private readonly strace: string | null,
    private readonly program: string,
  ) {
    process.on('exit', this.#atExit);
    this.#folder = inFolder(MEMORY, () => mkdtempSync(join(tmpdir(), 'ao-migrate-bench-')));
    this.#template = join(this.#folder, 'template');
    this.temporary = join(this.#folder, 'tmp');
    mkdirSync(this.temporary);
  }

  /**
   * @param strace null where only undisturbed runs are wanted; a scenario with a killed command needs it
   * @param folder where the home is laid out
   */
  static async make(
    scenario: Scenario,
    strace: string | null,
    program: string = EXECUTABLE,
    folder: string | null = null,
  ): Promise<Bench> {
    if (!existsSync(program)) throw new Error(`${program} is missing: run \`bun run build\` first`);
    const place = folder ?? (scenario.onDisk === true ? null : MEMORY);
    const bench = new Bench(scenario, inFolder(place, scenario.lay), strace, program);
    try {
      for (const args of scenario.before) {
        const done = await bench.run(args);
        if (done.exitCode !== 0)
          throw new Error(`${scenario.name}: ${args.join(' ')} gave ${done.exitCode}\n${done.stdout}`);
      }
      scenario.since?.(bench.home);
      bench.#keep();
      if (scenario.killed !== undefined) await bench.#kill(scenario.killed);
      bench.restore();
      bench.#before = { state: stateOf(bench.home.path, { whole: true }), untouchables: bench.untouchables() };
    } catch (error) {
      bench.remove();
      throw error;
    }
    return bench;
  }

  async #kill({ args, at }: NonNullable<Scenario['killed']>): Promise<void> {
    const { calls } = await this.trace(args);
    const call = calls.find(at);
    if (call === undefined) throw new Error(`${this.scenario.name}: no call to be killed at`);
    this.restore();
    const point: Point = { call: call.name, nth: call.nth, fault: 'SIGKILL', forGood: false, line: call.line };
    const run = await this.faulted(point, args);
    if (run.exitCode !== null) throw new Error(`${this.scenario.name}: the run was not killed`);
    this.#keep();
  }

  #keep(): void {
    rmSync(this.#template, { recursive: true, force: true });
    copyTree(this.home.path, this.#template);
  }

  /** How everything stands before the command that is tried. */
  get before(): Before {
    if (this.#before === null) throw new Error('the bench is not ready');
    return this.#before;
  }

  /** How the command ends undisturbed. */
  get exitCode(): number {
    return this.scenario.exitCode ?? 0;
  }

  restore(): void {
    rmSync(this.home.path, { recursive: true, force: true });
    copyTree(this.#template, this.home.path);
    for (const name of readdirSync(this.temporary))
      rmSync(join(this.temporary, name), { recursive: true, force: true });
  }

  get env(): Record<string, string> {
    return {
      HOME: this.home.path,
      PATH: process.env.PATH ?? '',
      TMUX_TMPDIR: this.home.path,
      TMPDIR: this.temporary,
      LANG: 'C.UTF-8',
    };
  }

  start(args: readonly string[]): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
    return Bun.spawn([this.program, ...args], {
      cwd: this.home.path,
      env: this.env,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    });
  }

  async run(args: readonly string[]): Promise<TracedRun> {
    const child = this.start(args);
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    await child.exited;
    return { exitCode: child.signalCode === null ? child.exitCode : null, stdout, stderr, timedOut: false };
  }

  trace(args: readonly string[]): Promise<{ run: TracedRun; calls: Call[] }> {
    return traceChanges([this.home.path, this.temporary], this.options(args));
  }

  /** The trace of an undisturbed run, or of one in which a call always fails, with all that it wrote. */
  async bytes(args: readonly string[], failing: string | null = null): Promise<string> {
    const { run, text } = await traceBytes(this.options(args), failing);
    if (run.exitCode !== 0)
      throw new Error(`${this.scenario.name}: the traced run gave ${run.exitCode}\n${run.stdout}`);
    return text;
  }

  faulted(point: Point, args: readonly string[]): Promise<TracedRun> {
    return runFaulted(point, this.options(args));
  }

  /** How strace runs a command here. */
  options(args: readonly string[]): TraceOptions {
    if (this.strace === null) throw new Error('strace is missing');
    return {
      strace: this.strace,
      program: [this.program, ...args],
      cwd: this.home.path,
      env: this.env,
      log: join(this.#folder, 'trace'),
      noLinks: this.scenario.noLinks === true,
    };
  }

  /** The points of this scenario, by a traced run; the home is as before afterwards. */
  async points(): Promise<Point[]> {
    this.restore();
    const { run, calls } = await this.trace(this.scenario.args);
    if (run.exitCode !== this.exitCode)
      throw new Error(`${this.scenario.name}: the traced run gave ${run.exitCode}\n${run.stdout}`);
    this.restore();
    const isTaken = (call: Call): boolean => this.scenario.noLinks === true && /^link/.test(call.name);
    return pointsOf(
      calls.filter((call) => !isTaken(call)),
      this.scenario.alike === true ? isBackedUp : () => false,
    );
  }

  /** What a run without any accident leaves behind. */
  async undisturbed(): Promise<State> {
    this.restore();
    const done = await this.run(this.scenario.args);
    if (done.exitCode !== this.exitCode)
      throw new Error(`${this.scenario.name}: an undisturbed run gave ${done.exitCode}\n${done.stdout}`);
    const state = stateOf(this.home.path, { whole: false });
    this.restore();
    return state;
  }

  /** The old store and the repositories with their times: nothing may ever touch them. */
  untouchables(): Record<string, string> {
    return snapshot(this.home.path, (name) => name === '' || /^\.(?:ao|claude)(?:\/|$)/.test(name));
  }

  /** Names left in the folder for temporary files. */
  leftovers(): string[] {
    return readdirSync(this.temporary);
  }

  /** A sweep that is given up leaves nothing in memory. */
  readonly #atExit = (): void => this.remove();

  remove(): void {
    process.off('exit', this.#atExit);
    this.home.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A call on one flat file of a backup that is being made. */
function isBackedUp({ line }: Call): boolean {
  return /\.ao\/backups\/legacy-[\da-f-]+\.partial\/root\/.*\.json\b/.test(line);
}

/** On a disk every sync costs its time, thousands of times. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : null;

/** Makes temporary folders below another one than the system's. */
export function inFolder<T>(folder: string | null, make: () => T): T {
  if (folder === null) return make();
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

/** With modes and times, which the plan reads. */
function copyTree(from: string, to: string): void {
  const done = Bun.spawnSync(['cp', '-a', '--reflink=auto', from, to]);
  if (done.exitCode !== 0) throw new Error(`cp: ${done.stderr}`);
}
