import { Bench } from './bench';
import type { Scenario } from './scenarios';
import { differences, type State, stateOf } from './state';
import { type Point, pointText, type TracedRun } from './strace';

/** What became of one accident. */
export interface Verdict {
  readonly point: Point;
  /** Empty where nothing was lost and nothing untrue was said. */
  readonly problems: readonly string[];
  /** How the disturbed run ended; `untouched`: the call did not come up again in this run. */
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
  /** Picks among the points; all, if absent. */
  readonly pick?: (points: readonly Point[]) => readonly Point[];
  readonly program?: string;
  readonly said?: (line: string) => void;
  readonly until?: number;
}

const EXIT_CODES = new Set([0, 1, 3, 5]);

/** Tries accidents in one scenario, one after another. */
export async function sweep(scenario: Scenario, options: SweepOptions): Promise<Sweep> {
  const bench = await Bench.make(scenario, options.strace, options.program);
  try {
    const expected = await bench.undisturbed();
    const points = await bench.points();
    const verdicts: Verdict[] = [];
    for (const point of options.pick?.(points) ?? points) {
      if (options.until !== undefined && Date.now() > options.until) break;
      const verdict = await tryPoint(bench, point, expected);
      if (verdict.problems.length > 0)
        options.said?.(`${scenario.name}: ${pointText(point)} [${verdict.ended}]\n    ${verdict.problems.join('\n    ')}`);
      verdicts.push(verdict);
    }
    return { scenario: scenario.name, verdicts, all: points.length };
  } finally {
    bench.remove();
  }
}

export async function tryPoint(bench: Bench, point: Point, expected: State): Promise<Verdict> {
  bench.restore();
  const before = stateOf(bench.home.path, { whole: true });
  const untouchables = bench.untouchables();
  const { args } = bench.scenario;
  const first = await bench.faulted(point, args);
  const isKill = first.exitCode === null || first.timedOut;
  const problems = isKill ? [] : judge(bench, first, before, expected);
  if (!Bun.deepEquals(bench.untouchables(), untouchables)) problems.push('the old store was touched by the disturbed run');
  const second = await bench.run(args);
  if (second.exitCode !== 0) problems.push(`the second run gave ${second.exitCode}: ${second.stdout}${second.stderr}`);
  problems.push(...differences(expected, stateOf(bench.home.path, { whole: false })).map((each) => `in the end ${each}`));
  if (!Bun.deepEquals(bench.untouchables(), untouchables)) problems.push('the old store was touched');
  return { point, problems, ended: first.timedOut ? 'hung' : first.exitCode === null ? 'killed' : `exit ${first.exitCode}` };
}

interface Document {
  readonly status?: string;
  readonly refusal?: { code?: string; message?: string } | null;
  readonly notes?: readonly { code?: string }[];
}

/** Whether a run that an error went through said the truth. */
function judge(bench: Bench, run: TracedRun, before: State, expected: State): string[] {
  if (run.exitCode === null || !EXIT_CODES.has(run.exitCode)) return [`exit code ${run.exitCode}: ${run.stderr}`];
  let document: Document;
  try {
    document = JSON.parse(run.stdout);
  } catch {
    return [`no document on stdout, exit code ${run.exitCode}: ${run.stderr}`];
  }
  const said = `${run.exitCode} ${document.status} ${document.refusal?.code ?? ''} ${document.refusal?.message ?? ''}`.trim();
  const problems = (list: readonly string[]): string[] => list.map((each) => `after "${said}": ${each}`);
  const left = bench.leftovers().filter((name) => !/^ao-migrate-[0-9a-f]{8}\.txt$/.test(name));
  const inTemporary = left.length === 0 ? [] : [`after "${said}": left in the temporary folder: ${left.join(', ')}`];
  // Recovery itself may have changed something before the refusal.
  if (bench.scenario.killed !== undefined && run.exitCode !== 0) return inTemporary;
  const unfinished = document.refusal?.message?.includes('next') === true || /unfinished|put back\./.test(document.refusal?.message ?? '');
  if (run.exitCode === 0) {
    const open = document.notes?.some(({ code }) => code === 'RECEIPT_UNFINISHED') === true;
    const now = stateOf(bench.home.path, { whole: false });
    if (document.status === 'partial') return [...inTemporary, ...problems(now.problems)];
    const except = (name: string): boolean => open && /^\.ao\/(?:migrations|data)\//.test(name);
    return [...inTemporary, ...problems(differences(expected, open ? { ...now, problems: [] } : now, except))];
  }
  if (run.exitCode === 1 && (document.status !== 'failed' || unfinished)) return inTemporary;
  return [...inTemporary, ...problems(differences(before, stateOf(bench.home.path, { whole: true })))];
}
