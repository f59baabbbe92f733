import { randomOf } from '../../scripts/random';
import { Bench } from './bench';
import type { Scenario } from './scenarios';
import { differences, type State, stateOf } from './state';
import { type Point, pointName, pointText, type TracedRun } from './strace';

/** What became of one accident. */
export interface Verdict {
  readonly point: Point;
  /** Empty where nothing was lost and nothing untrue was said. */
  readonly problems: readonly string[];
  /** How the disturbed run ended. */
  readonly ended: string;
}

export interface Sweep {
  readonly scenario: string;
  readonly verdicts: readonly Verdict[];
  /** Points that there are; the sample may be smaller. */
  readonly all: number;
}

export interface SweepOptions {
  readonly strace: string;
  /** Points to try; all, if null. */
  readonly count: number | null;
  /** Chooses them. */
  readonly seed: number;
  /** This one instead, so often as `count` says: threads take turns as they like. */
  readonly point?: Point;
  readonly program?: string;
  readonly said?: (line: string) => void;
}

/** Exit codes of a run that was not asked to stop (migration.md 2). */
const EXIT_CODES = new Set([0, 1, 3, 5]);

/** How a run says that something is left for the next one. */
const UNFINISHED = /not everything could be put back|The rollback was not finished/;

/** Tries accidents in one scenario, one after another. */
export async function sweep(scenario: Scenario, options: SweepOptions): Promise<Sweep> {
  const bench = await Bench.make(scenario, options.strace, options.program);
  try {
    const expected = await bench.undisturbed();
    const points = options.point === undefined ? await bench.points() : [options.point];
    const verdicts: Verdict[] = [];
    const chosen = chosenOf(points, options);
    for (const point of chosen) {
      const verdict = await tryPoint(bench, point, expected);
      const { problems, ended } = verdict;
      if (problems.length > 0)
        options.said?.(
          `${scenario.name}: ${pointText(point)} [${ended}]\n    ${problems.join('\n    ')}\n    again: ${again(scenario, point)}`,
        );
      verdicts.push(verdict);
    }
    return { scenario: scenario.name, verdicts, all: points.length };
  } finally {
    bench.remove();
  }
}

function chosenOf(points: readonly Point[], { point, count, seed }: SweepOptions): readonly Point[] {
  if (point !== undefined) return Array.from({ length: count ?? 1 }, () => point);
  return count === null ? points : spread(sample(points, points.length, seed), count);
}

/** The command that tries this one alone. */
function again({ name }: Scenario, point: Point): string {
  return `AO_FAULTS_ONLY='${name}' AO_FAULTS_POINT='${pointName(point)}' bun run test:faults`;
}

/** One accident, then a run without any: what is in the end, and whether the first run told the truth. */
export async function tryPoint(bench: Bench, point: Point, expected: State): Promise<Verdict> {
  bench.restore();
  const { args } = bench.scenario;
  const first = await bench.faulted(point, args);
  const isKill = first.exitCode === null || first.timedOut;
  const problems = isKill ? [] : judge(bench, point, first, expected);
  const second = await bench.run(args);
  if (second.exitCode !== bench.exitCode)
    problems.push(`the second run gave ${second.exitCode}: ${second.stdout}${second.stderr}`);
  const end = stateOf(bench.home.path, { whole: false });
  problems.push(...differences(expected, end).map((each) => `in the end ${each}`));
  if (!Bun.deepEquals(bench.untouchables(), bench.before.untouchables)) problems.push('the old store was touched');
  const ended = first.timedOut ? 'hung' : first.exitCode === null ? 'killed' : `exit ${first.exitCode}`;
  return { point, problems, ended };
}

/** What is unsound now and was not before: what a run has left to be recovered may still be so after a refusal. */
function newProblems(bench: Bench): string[] {
  const { problems } = bench.before.state;
  return stateOf(bench.home.path, { whole: false }).problems.filter((each) => !problems.includes(each));
}

interface Document {
  readonly status?: string;
  readonly refusal?: { readonly code?: string; readonly message?: string } | null;
  readonly notes?: readonly { readonly code?: string }[];
}

/** Whether a run that an error went through said the truth. */
function judge(bench: Bench, point: Point, run: TracedRun, expected: State): string[] {
  if (run.exitCode === null || !EXIT_CODES.has(run.exitCode)) return [`exit code ${run.exitCode}: ${run.stderr}`];
  // The last write of a run, and of a thread that has made as many: it has nowhere else to say anything, and where each
  // stream is written by a thread of its own both fail. What the run itself ended with stays its exit code, but never as a
  // success.
  const isSilent = run.stdout === '' && run.stderr === '';
  const isUnwritten =
    point.call === 'write' && (isSilent || /could not be written to standard output/.test(run.stderr));
  if (isUnwritten && run.exitCode !== 0) return [...leftInTemporary(bench, point), ...newProblems(bench)];
  let document: Document;
  try {
    document = JSON.parse(run.stdout);
  } catch {
    return [`no document on stdout, exit code ${run.exitCode}: ${run.stderr}`];
  }
  const { status, refusal } = document;
  const said = `${run.exitCode} ${status} ${refusal?.code ?? ''} ${refusal?.message ?? ''}`.trim();
  return [...leftInTemporary(bench, point), ...judgeState(bench, point, run.exitCode, document, expected)].map(
    (each) => `after "${said}": ${each}`,
  );
}

function judgeState(bench: Bench, point: Point, exitCode: number, document: Document, expected: State): string[] {
  if (exitCode === 0 || (exitCode === bench.exitCode && document.status === 'partly-undone')) {
    const now = stateOf(bench.home.path, { whole: false });
    if (document.status === 'partial') return [...now.problems];
    const open = document.notes?.some(({ code }) => code === 'RECEIPT_UNFINISHED') === true;
    const isLeft = (name: string): boolean => open && /^\.ao\/(?:migrations|data)\//.test(name);
    return differences(expected, open ? { ...now, problems: [] } : now, (name) => isLeft(name) || isLock(point, name));
  }
  // Recovery itself may have changed something before the run ended.
  const mayHaveChanged = bench.scenario.killed !== undefined || UNFINISHED.test(document.refusal?.message ?? '');
  if (mayHaveChanged || (exitCode === 1 && document.status !== 'failed')) return [];
  const now = stateOf(bench.home.path, { whole: true });
  const isHeld = Object.keys(now.tree).some((name) => isLock(point, name));
  const isFolder = (name: string): boolean => name === '.ao' || name === '.ao/migrations';
  return differences(bench.before.state, now, (name) => isLock(point, name) || (isHeld && isFolder(name)));
}

/** Where removal is what fails, the lock and the journal may stay: the next run finds them stale. */
function isLock({ call }: Point, name: string): boolean {
  return call === 'unlink' && /^\.ao\/migrations\/(?:lock-|\.writing-|.*\.journal$)/.test(name);
}

/** Private copies, which may stay only where their own removal is what fails. */
function leftInTemporary(bench: Bench, point: Point): string[] {
  if (point.call.startsWith('unlink') || point.call === 'rmdir') return [];
  const left = bench.leftovers().filter((name) => !/^ao-migrate-[0-9a-f]{8}\.txt$/.test(name));
  return left.length === 0 ? [] : [`left in the temporary folder: ${left.join(', ')}`];
}

/** So many of them, always the same for one seed. */
export function sample<T>(all: readonly T[], count: number, seed: number): T[] {
  const random = randomOf(seed);
  return all
    .map((each) => ({ each, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ each }) => each);
}

/** The first of each kind of call, then the second of each, and so on: most calls of a run write pages of a database. */
function spread(points: readonly Point[], count: number): Point[] {
  const seen = new Map<string, number>();
  return points
    .map((point) => {
      const rank = seen.get(point.call) ?? 0;
      seen.set(point.call, rank + 1);
      return { point, rank };
    })
    .sort((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ point }) => point);
}
