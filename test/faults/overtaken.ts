import { documentIn } from '../support/documents';
import type { Bench } from './bench';
import { differences, type State, stateOf } from './state';
import { runStopped, type Stop } from './stopping';
import type { TracedRun } from './strace';

/** Commands that can be overtaken, by what they are called here. */
export const OVERTAKEN: Readonly<Record<string, readonly string[]>> = {
  migrate: ['--yes', '--json'],
  rollback: ['rollback', '--yes', '--json'],
  status: ['status', '--json'],
  verify: ['verify', '--json'],
  explain: ['explain', '--json'],
  doctor: ['doctor', '--json'],
  'dry run': ['--dry-run', '--json'],
  'rollback, dry run': ['rollback', '--dry-run', '--json'],
};

/** Those that change something, and take the lock for it. */
const WRITERS = new Set(['migrate', 'rollback']);

/** What may truly be said of a data directory that somebody else is working on, or was a moment ago. */
const REFUSALS = new Set(['RUN_IN_PROGRESS', 'DB_LOCKED', 'DAEMON_RUNNING', 'PLAN_CHANGED']);

/** What the command says alone, before and after the other one. */
export interface Truths {
  readonly expected: State;
  readonly said: readonly string[];
}

export interface OvertakenVerdict {
  readonly stop: Stop;
  readonly stood: boolean;
  /** Empty where nothing was lost and nothing untrue was said. */
  readonly problems: readonly string[];
  /** How both ended. */
  readonly ended: string;
}

export async function truthsOf(bench: Bench, args: readonly string[]): Promise<Truths> {
  const expected = await bench.undisturbed();
  const before = await bench.run(args);
  bench.restore();
  await bench.run(bench.scenario.args);
  const after = await bench.run(args);
  bench.restore();
  return { expected, said: [before, after].map(alike) };
}

/** One command stands after one of its calls while the command of the bench runs whole; then that one runs again. */
export async function overtake(bench: Bench, name: string, stop: Stop, truths: Truths): Promise<OvertakenVerdict> {
  bench.restore();
  const { args } = bench.scenario;
  let first: TracedRun | null = null;
  const run = await runStopped(stop, bench.options(OVERTAKEN[name] ?? []), async () => {
    first = await bench.run(args);
  });
  const problems = [
    ...judge(name, run, first, truths),
    ...bench.leftovers().map((each) => `left in the temporary folder: ${each}`),
  ];
  const last = await bench.run(args);
  if (last.exitCode !== 0) problems.push(`the last run gave ${last.exitCode}: ${last.stdout}${last.stderr}`);
  problems.push(
    ...differences(truths.expected, stateOf(bench.home.path, { whole: false })).map((each) => `in the end ${each}`),
  );
  if (!Bun.deepEquals(bench.untouchables(), bench.before.untouchables)) problems.push('the old store was touched');
  return { stop, stood: run.stood, problems, ended: `${first === null ? 'nobody' : ending(first)} / ${ending(run)}` };
}

function judge(name: string, run: TracedRun, first: TracedRun | null, { said }: Truths): string[] {
  const problems: string[] = [];
  const isWriter = WRITERS.has(name);
  if (run.timedOut) return ['it hung'];
  const what = `${run.exitCode} ${run.stdout}${run.stderr}`;
  try {
    documentIn(run);
  } catch (error) {
    return [`no document: ${what} ${error instanceof Error ? error.message : ''}`];
  }
  const { status, code } = endOf(run);
  const isRefused = run.exitCode === 3 && REFUSALS.has(code ?? '');
  if (!isRefused && run.exitCode !== 0 && !said.includes(alike(run))) problems.push(`it said ${what}`);
  else if (!isRefused && !isWriter && !said.includes(alike(run)))
    problems.push(`neither before nor after: ${otherLines(run, said)}`);
  if (first === null) return problems;
  const other = endOf(first);
  const isOtherRefused = first.exitCode === 3 && REFUSALS.has(other.code ?? '');
  if (first.exitCode !== 0 && !(isWriter && isOtherRefused))
    problems.push(`the other said ${first.exitCode} ${first.stdout}${first.stderr}`);
  if (isOtherRefused && (run.exitCode !== 0 || status === 'nothing-to-undo'))
    problems.push(`both refused: ${what} ${first.stdout}`);
  return problems;
}

interface End {
  readonly status: string;
  readonly code: string | null;
}

function endOf({ stdout }: TracedRun): End {
  const { status = '', refusal }: { status?: string; refusal?: { code: string } | null } = JSON.parse(stdout);
  return { status, code: refusal?.code ?? null };
}

function ending(run: TracedRun): string {
  try {
    const { status, code } = endOf(run);
    return code ?? status;
  } catch {
    return `exit ${run.exitCode}`;
  }
}

/** The lines of a document that the nearest true one has not, and the other way round. */
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
  return `${exitCode} ${stdout
    .replaceAll(/\d{8}-\d{6}(?:-[0-9a-f]{6})?/g, '<run>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')}`;
}
