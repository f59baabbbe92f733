import { resolve } from 'node:path';
import { machineOfRun, type Receipt, remainderOf } from '../apply/receipt';
import { interruptedRuns } from '../apply/recover';
import { refuseRunInProgress } from '../apply/run-lock';
import { type StatePaths, statePaths } from '../apply/state';
import { steadily } from '../apply/steady';
import { whichRun } from '../apply/which-run';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { EXIT, type ExitCode, type RefusalReport } from '../contracts/outcome';
import { Refusal } from '../contracts/refusals';
import { locationOf, requireNamed } from '../legacy/locate';
import { closeDatabase, openDatabase, sqliteRefusal } from '../rewrite/connection';
import { databaseEntry, databaseTarget } from '../rewrite/inspect';
import { targetPaths } from '../rewrite/paths';
import { withPrivateCopy } from '../rewrite/private-copy';
import { recordedVersion } from '../rewrite/schema-guard';
import { changedSources, checkDerivation } from './derive';
import { movedTo, readBackup, readUnchanged } from './store-of-run';
import { type Check, checkConversations, checkDatabase, undoneChecks } from './verify';

export interface VerifyFlags {
  readonly run: string | null;
  readonly dataDir: string | null;
  /** Where the legacy store is now; where the run found it, if null. */
  readonly from: string | null;
  readonly config: string | null;
}

/** What `verify` found. `nothing`: there is no run to verify. */
export interface VerifyOutcome {
  readonly status: 'ok' | 'found' | 'nothing' | 'refused' | 'usage' | 'failed';
  readonly exitCode: ExitCode;
  readonly runId: string | null;
  /** Of the database; 0 where it is not known. */
  readonly schemaVersion: number;
  readonly checks: readonly Check[];
  readonly notes: readonly Note[];
  readonly refusal: RefusalReport | null;
}

/**
 * Checks one run against the legacy store, the receipt, the database and the disk (migration.md 8). Another way through
 * the program than the one that wrote; changes nothing.
 *
 * @throws UsageError where --from or --config names nothing, or --run no run of this data directory
 */
export async function verify(flags: VerifyFlags, machine: Machine): Promise<VerifyOutcome> {
  // With no file of the store where a flag says, the backup would answer in its place.
  requireNamed(machine, flags);
  try {
    const target = targetPaths(machine, { dataDir: flags.dataDir, legacyRoots: [] });
    const paths = statePaths(machine, target.physicalDataDir);
    const refuseAtWork = (): void => refuseRunInProgress(paths);
    const outcome = await steadily(
      paths.migrations,
      () => lookThrough(flags, paths, target.physicalDataDir, machine),
      refuseAtWork,
    );
    // What a run has begun to remove, or not yet added, is no damage.
    if (outcome.status === 'found') refuseAtWork();
    return outcome;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      status: 'refused',
      exitCode: EXIT.refused,
      runId: null,
      schemaVersion: 0,
      checks: [],
      notes: [],
      refusal: error.report,
    };
  }
}

async function lookThrough(
  flags: VerifyFlags,
  paths: StatePaths,
  physicalDataDir: string,
  machine: Machine,
): Promise<VerifyOutcome> {
  const receipt = whichRun(flags.run, paths, physicalDataDir);
  const notes: Note[] = interruptedRuns(paths, physicalDataDir).map((id) => ({
    code: 'RUN_UNFINISHED',
    severity: 'warn',
    id,
    message: `the run ${id} was interrupted; the next run of ao-migrate finishes or undoes it`,
  }));
  if (receipt === null)
    return { status: 'nothing', exitCode: EXIT.done, runId: null, schemaVersion: 0, checks: [], notes, refusal: null };
  const rest = remainderOf(receipt);
  const database = await databaseChecks(rest, machine);
  const checks = [
    ...database.checks,
    ...(await checkConversations(rest, machine)),
    ...undoneChecks(receipt),
    ...legacyChecks(rest, flags, machine),
  ];
  const found = checks.some(({ state }) => state === 'damaged');
  return {
    status: found ? 'found' : 'ok',
    exitCode: found ? EXIT.found : EXIT.done,
    runId: receipt.runId,
    schemaVersion: database.schemaVersion,
    checks,
    notes,
    refusal: null,
  };
}

type DatabaseChecks = Pick<VerifyOutcome, 'schemaVersion' | 'checks'>;

async function databaseChecks(receipt: Receipt, machine: Machine): Promise<DatabaseChecks> {
  const damaged = (detail: string): DatabaseChecks => ({
    schemaVersion: 0,
    checks: [{ kind: 'database', id: receipt.database, state: 'damaged', detail }],
  });
  const entry = databaseEntry(receipt.database);
  if (entry === null && mayBeGone(receipt)) return { schemaVersion: 0, checks: [] };
  if (entry === null) return damaged('it is missing');
  if (entry.isSymbolicLink() && databaseTarget(receipt.database) === null)
    return damaged('it is a link that leads nowhere');
  return withPrivateCopy(receipt.database, machine, (copy) => {
    try {
      const db = openDatabase(copy);
      try {
        return { checks: checkDatabase(db, receipt), schemaVersion: recordedVersion(db) };
      } finally {
        closeDatabase(db);
      }
    } catch (error) {
      const refusal = sqliteRefusal(error, receipt.database);
      if (refusal === null) throw error;
      return damaged(refusal.message);
    }
  });
}

/** With the last row of a run a rollback removes the database that the run had made, also where a conversation stays. */
function mayBeGone({ status, dbCreated, removed, projects, sessions }: Receipt): boolean {
  if (status === 'undone') return true;
  return dbCreated && removed !== undefined && projects.length === 0 && sessions.length === 0;
}

/**
 * Derived anew from the legacy store while its files hold what the run read, else from the run's backup; without one only
 * the receipt is left to compare with.
 */
function legacyChecks(receipt: Receipt, flags: VerifyFlags, machine: Machine): Check[] {
  const there = machineOfRun(receipt, machine);
  const { from, config } = receipt.options;
  const at = (name: string | null): string | null => (name === null ? null : resolve(machine.cwd, name));
  const now = { from: at(flags.from), config: at(flags.config) };
  const moved = movedTo(receipt, now);
  const changed = changedSources(receipt, moved);
  const source = { kind: 'source', id: receipt.legacyRoot } as const;
  if (changed.length === 0) {
    // The file of --config may have moved with the store that it lies in.
    const named = now.config ?? (config === null ? null : moved(resolve(there.cwd, config)));
    const location = locationOf(there, { from: now.from ?? from, config: named });
    const store = readUnchanged(receipt, location, moved, there);
    return [{ ...source, state: 'ok' }, ...checkDerivation(store, receipt, there)];
  }
  const files = `${changed.length} legacy file(s) are no longer what the run read (${changed.slice(0, 3).join(', ')})`;
  const store = receipt.backup === null ? null : backedUp(receipt, receipt.backup, there);
  if (store === null)
    return [{ ...source, state: 'changed-since', detail: `${files}; compared with the receipt only` }];
  return [
    { ...source, state: 'changed-since', detail: `${files}; derived from the backup` },
    ...checkDerivation(store, receipt, there),
  ];
}

/** The store of the backup, whether the folder and the file that the run was told of are there or not; null where it is unusable. */
function backedUp(receipt: Receipt, backup: string, machine: Machine): ReturnType<typeof readBackup> {
  try {
    return readBackup(receipt, backup, locationOf(machine, receipt.options), machine);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
