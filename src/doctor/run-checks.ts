import { readReceipt, remainderOf } from '../apply/receipt';
import { hidesLast, lastOf, pastRuns, postinstallNote, type RunRecord } from '../apply/receipt-reader';
import { interruptedRuns } from '../apply/recover';
import type { StatePaths } from '../apply/state';
import { remedyOf, type UnreadableReceipt, unreadableSentence } from '../apply/unreadable-receipt';
import type { Machine } from '../contracts/machine';
import { counted, listed, sizeText } from '../report/words';
import type { TargetPaths } from '../rewrite/paths';
import { verify } from '../verify/run-verify';
import { type Check, examined, passed, warned } from './check';

/** Bytes of conversations above which a run is not verified here: they are read from end to end. */
const CHEAP = 100_000_000;

const LAST = { id: 'last-run', title: 'Last run' };

/** Where both sides are, as the command line says. */
export interface Places {
  readonly from: string | null;
  readonly config: string | null;
  readonly dataDir: string | null;
}

/** What earlier runs and installs left behind, and whether what the last run wrote is still so. */
export async function pastChecks(
  paths: StatePaths,
  { physicalDataDir }: TargetPaths,
  places: Places,
  machine: Machine,
): Promise<Check[]> {
  const { migrations } = paths;
  const checks: Check[] = [];
  const interrupted = await examined(LAST, checks, null, () => interruptedRuns(paths, physicalDataDir));
  if (interrupted === null) return checks;
  const past = pastRuns(migrations, physicalDataDir);
  const last = lastOf(past);
  checks.push(...past.unreadable.map(unreadable));
  // Which run is the last one cannot be told where a newer receipt cannot be read: that is said already.
  if (last === null && !hidesLast(past)) checks.push(passed(LAST, 'none'));
  else if (last?.status === 'done') checks.push(...(await verified(last, paths, places, machine)));
  else if (last !== null) checks.push(unverified(last));
  for (const runId of interrupted) {
    const message = `The run ${runId} was interrupted.`;
    const next = 'Run `ao-migrate`: it finishes or undoes that run first.';
    checks.push(warned({ id: 'unfinished', title: 'Interrupted run' }, message, next, 'RUN_UNFINISHED'));
  }
  const note = postinstallNote(migrations, past.runs[0] ?? null);
  if (note !== null) {
    const when = note.time === null ? '' : ` (${note.time})`;
    const message = `The last install did not migrate: ${note.code ?? 'no reason is recorded'}${when}.`;
    checks.push(warned({ id: 'install', title: 'Install' }, message, 'Run `ao-migrate` yourself.'));
  }
  return checks;
}

function unreadable(receipt: UnreadableReceipt): Check {
  const message = unreadableSentence(receipt);
  const other = receipt.isNewer ? '' : ', or name another run with --run to `verify` and `rollback`';
  const next = `${remedyOf(receipt)}${other}.`;
  return warned({ id: 'receipt', title: 'Receipt' }, message, next, 'RECEIPT_UNREADABLE');
}

/** A run that was undone, or whose receipt is not finished. */
function unverified({ runId, status }: RunRecord): Check {
  if (status === 'undone') return passed(LAST, `${runId}: undone`);
  const next = 'Run `ao-migrate`: it repairs the receipt.';
  return warned(LAST, `${runId}: its receipt is not finished.`, next, 'RECEIPT_UNFINISHED');
}

async function verified(run: RunRecord, paths: StatePaths, places: Places, machine: Machine): Promise<Check[]> {
  const { runId, outcome, partlyUndone } = run;
  const told = ['done', ...(outcome === null ? [] : [outcome]), ...(partlyUndone ? ['undone in part'] : [])];
  const how = `${runId}: ${listed(told)}`;
  const receipt = readReceipt(paths, runId);
  const bytes = (receipt === null ? [] : remainderOf(receipt).conversations)
    .flatMap(({ files, standing = [] }) => [...files, ...standing])
    .reduce((sum, { size }) => sum + size, 0);
  if (bytes > CHEAP) {
    return [passed(LAST, `${how}; with ${sizeText(bytes)} of conversations only \`ao-migrate verify\` checks it`)];
  }
  const checks: Check[] = [];
  const found = await examined(LAST, checks, null, () => verify({ run: runId, ...places }, machine));
  if (found === null) return checks;
  if (found.refusal !== null) {
    const { message, hint, code } = found.refusal;
    return [
      warned(
        LAST,
        `${how}; it cannot be verified: ${message}`,
        hint,
        code === 'USAGE' || code === 'UNEXPECTED' ? null : code,
      ),
    ];
  }
  const damaged = found.checks.filter(({ state }) => state === 'damaged');
  const [first] = damaged;
  const left = partlyUndone ? 'what the rollback left of it' : 'what it wrote';
  if (first === undefined) return [passed(LAST, `${how}; ${left} is as it should be`)];
  const detail = first.detail === undefined ? '' : ` (${first.detail})`;
  const more = damaged.length === 1 ? '' : `, and ${counted(damaged.length - 1, 'more thing')}`;
  return [
    {
      ...LAST,
      state: 'fail',
      message: `${runId}: damaged since: ${first.kind} ${first.id}${detail}${more}`,
      next: 'Run `ao-migrate verify`, which tells all of it; `ao-migrate rollback` undoes what is still whole.',
      code: null,
    },
  ];
}
