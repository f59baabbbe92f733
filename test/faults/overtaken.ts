import { documentIn } from '../support/documents';
import type { Bench } from './bench';
import { differences, type State, stateOf } from './state';
import { runStopped, type Stop, stopsOf } from './stopping';
import type { TracedRun } from './strace';
import { sample } from './sweep';

/** Commands of which one stands while another runs. */
const COMMANDS = {
  migrate: ['--yes', '--json'],
  rollback: ['rollback', '--yes', '--json'],
  status: ['status', '--json'],
  verify: ['verify', '--json'],
  explain: ['explain', '--json'],
  doctor: ['doctor', '--json'],
  'dry run': ['--dry-run', '--json'],
  'dry run of a rollback': ['rollback', '--dry-run', '--json'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type Command = keyof typeof COMMANDS;

/** Those that change something, and take the lock for it. */
const WRITERS: ReadonlySet<Command> = new Set<Command>(['migrate', 'rollback']);

/** One command stands after one of its calls, the other runs from its start to its end meanwhile. */
export interface Pair {
  readonly standing: Command;
  readonly passing: Command;
}

/** Both ways round, the command that the bench is about with every other one, and with itself. */
export function pairsWith(wanted: Command): Pair[] {
  const all = Object.keys(COMMANDS) as Command[];
  return [
    ...all.map((standing) => ({ standing, passing: wanted })),
    ...all.filter((each) => !WRITERS.has(each)).map((passing) => ({ standing: wanted, passing })),
  ];
}

/** What may truly be said of a data directory that somebody else is working on, or was a moment ago. */
const REFUSALS: ReadonlySet<string> = new Set(['RUN_IN_PROGRESS', 'DB_LOCKED', 'DAEMON_RUNNING', 'PLAN_CHANGED']);

/** What a home is in the end, and what a command says of it before and after. */
interface Truths {
  readonly expected: State;
  readonly said: readonly string[];
}

export interface OvertakenVerdict {
  readonly stop: Stop;
  /** The moment came, and the process was seen to stand. */
  readonly stood: boolean;
  /** Empty where nothing was lost and nothing untrue was said. */
  readonly problems: readonly string[];
  /** How the one that stood ended, and the other. */
  readonly ended: string;
}

async function truthsOf(bench: Bench, { standing, passing }: Pair, wanted: Command): Promise<Truths> {
  const expected = await bench.undisturbed();
  const args = COMMANDS[standing === wanted ? passing : standing];
  const before = await bench.run(args);
  bench.restore();
  await bench.run(COMMANDS[wanted]);
  const after = await bench.run(args);
  return { expected, said: [before, after].map(alike) };
}

/**
 * Tries moments of one pair, one after another.
 *
 * @param wanted the command of the bench's scenario
 * @param count so many moments, which `seed` chooses; all where there are no more
 */
export async function overtakeOften(
  bench: Bench,
  pair: Pair,
  wanted: Command,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<{ readonly verdicts: readonly OvertakenVerdict[]; readonly all: number }> {
  const truths = await truthsOf(bench, pair, wanted);
  bench.restore();
  const stops = await stopsOf([bench.home.path, bench.temporary], bench.options(COMMANDS[pair.standing]));
  const verdicts: OvertakenVerdict[] = [];
  for (const stop of sample(stops, count, seed)) verdicts.push(await overtake(bench, pair, wanted, stop, truths));
  return { verdicts, all: stops.length };
}

/** Tries one moment; then the wanted command runs once more, undisturbed, and all must be as if it had been so from the start. */
async function overtake(
  bench: Bench,
  pair: Pair,
  wanted: Command,
  stop: Stop,
  truths: Truths,
): Promise<OvertakenVerdict> {
  bench.restore();
  const passed: TracedRun[] = [];
  const stood = await runStopped(stop, bench.options(COMMANDS[pair.standing]), async () => {
    passed.push(await bench.run(COMMANDS[pair.passing]));
  });
  const [passing] = passed;
  const problems = [
    ...judged(pair.standing, stood, truths, pair.standing === wanted),
    ...(passing === undefined ? [] : judged(pair.passing, passing, truths, true)),
    ...(passing === undefined ? [] : together(pair, stood, passing)),
    ...bench.leftovers().map((name) => `left in the temporary folder: ${name}`),
  ];
  const last = await bench.run(COMMANDS[wanted]);
  if (last.exitCode !== 0) problems.push(`the last run gave ${last.exitCode}: ${last.stdout}${last.stderr}`);
  const end = stateOf(bench.home.path, { whole: false });
  problems.push(...differences(truths.expected, end).map((each) => `in the end ${each}`));
  if (!Bun.deepEquals(bench.untouchables(), bench.before.untouchables)) problems.push('the old store was touched');
  const ended = [stood, ...passed].map((run) => endOf(run)).map(({ status, code }) => code ?? status);
  return { stop, stood: stood.stood, problems, ended: ended.join(', beside ') };
}

/**
 * Whether a command told the truth: a refusal because of the other one, or for one that writes its success; for one that only
 * looks what it says where nobody else is, before or after.
 *
 * @param isBetween half of the other one's work may be done, which one that only looks may tell of, but not as damage
 */
function judged(
  name: Command,
  run: TracedRun & { readonly timedOut?: boolean },
  { said }: Truths,
  isBetween: boolean,
): string[] {
  if (run.timedOut) return [`${name} hung`];
  try {
    documentIn(run);
  } catch (error) {
    return [`${name}: ${run.exitCode}, no document: ${error instanceof Error ? error.message : error}`];
  }
  const isRefused = run.exitCode === 3 && REFUSALS.has(endOf(run).code ?? '');
  if (isRefused || said.includes(alike(run))) return [];
  const isFree = WRITERS.has(name) || isBetween;
  if (run.exitCode === 0 && isFree) return [];
  if (name === 'doctor' && isBetween && run.exitCode === 4) return damagesIn(run);
  return [`${name} said ${run.exitCode}: ${otherLines(run, said)}`];
}

/** Lines of doctor that are wrong and not because of the other one. */
function damagesIn({ stdout }: TracedRun): string[] {
  const { checks }: { checks: { id: string; state: string; message: string; code: string | null }[] } =
    JSON.parse(stdout);
  const wrong = checks.filter(({ state, code }) => state === 'fail' && !REFUSALS.has(code ?? ''));
  return wrong.map(({ id, message }) => `doctor: ${id}: ${message}`);
}

/** One of both works; who only looks keeps nobody from it. */
function together(pair: Pair, stood: TracedRun, passing: TracedRun): string[] {
  const isDone = (name: Command, run: TracedRun): boolean => !WRITERS.has(name) || run.exitCode === 0;
  const isAlone = !WRITERS.has(pair.standing) || !WRITERS.has(pair.passing);
  const done = [isDone(pair.standing, stood), isDone(pair.passing, passing)];
  if (isAlone ? done.every(Boolean) : done.some(Boolean)) return [];
  return [`nobody worked: ${stood.stdout} beside ${passing.stdout}`];
}

/** The status of a document and the code of its refusal. */
function endOf({ stdout, exitCode }: TracedRun): { readonly status: string; readonly code: string | null } {
  try {
    const { status = '', refusal }: { status?: string; refusal?: { code: string } | null } = JSON.parse(stdout);
    return { status, code: refusal?.code ?? null };
  } catch {
    return { status: `exit ${exitCode}`, code: null };
  }
}

/** The lines that a document and the nearest true one have not in common. */
function otherLines(run: TracedRun, said: readonly string[]): string {
  const lines = alike(run).split('\n');
  const found = said.map((each) => {
    const truth = each.split('\n');
    const [more, less] = [lines.filter((line) => !truth.includes(line)), truth.filter((line) => !lines.includes(line))];
    return [...more.map((line) => `+${line.trim()}`), ...less.map((line) => `-${line.trim()}`)];
  });
  return found.sort((a, b) => a.length - b.length)[0]?.join(' ') ?? '';
}

/** The document without what differs from run to run. */
function alike({ exitCode, stdout }: TracedRun): string {
  const plain = stdout
    .replaceAll(/\d{8}-\d{6}(?:-[0-9a-f]{6})?/g, '<run>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/("planHash": )"[0-9a-f]+"/g, '$1<hash>');
  return `${exitCode} ${plain}`;
}
