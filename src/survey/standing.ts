import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from '../apply/receipt-reader';
import { steadily } from '../apply/steady';
import { type UnreadableReceipt, unreadableText } from '../apply/unreadable-receipt';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { unusableOf, yieldsNothing } from '../contracts/plan';
import { Refusal } from '../contracts/refusals';
import { NOTHING_KNOWN, type Standing, type StandingStatus } from '../contracts/standing';
import { type LegacyLocation, locateLegacy } from '../legacy/locate';
import { managedRoots, migrationsDir, runFile, type TargetPaths, targetPaths } from '../rewrite/paths';
import { targetAt } from '../sessions/entry';
import type { Survey } from './survey';
import { leftBy } from './without-store';

// YAML, valibot, SQLite and the agents are imported only where the question cannot be answered without them.

/** The whole read-only look at both sides, with a private copy of the database. */
export type Look = (location: LegacyLocation, target: TargetPaths) => Promise<Survey>;

export interface StandingQuestion {
  readonly machine: Machine;
  readonly from: string | null;
  readonly config: string | null;
  readonly dataDir: string | null;
  readonly survey: Look;
}

/**
 * Where the migration of this home stands (migration.md 2 and 10), found with as little work as possible: no store and no
 * run, nothing else is looked at; a receipt whose sources are as they were, nothing is parsed and no database opened.
 *
 * @throws Refusal DATA_DIR_INVALID; whatever else keeps it from being told is the status `unreadable`
 * @throws UsageError
 */
export async function standingOf(question: StandingQuestion): Promise<Standing> {
  const { machine } = question;
  const location = locateLegacy(machine, question);
  const legacyRoots = location.root === null ? [] : [location.root];
  const empty = { ...NOTHING_KNOWN, legacyRoot: location.root };
  const target = targetPaths(machine, { dataDir: question.dataDir, legacyRoots });
  const migrations = migrationsDir(machine);
  return steadily(
    migrations,
    () => bothSides(question, location, target, migrations, empty),
    async () => {
      const { refuseRunInProgress } = await import('../apply/run-lock');
      const { statePaths } = await import('../apply/state');
      refuseRunInProgress(statePaths(machine, target.physicalDataDir));
    },
  );
}

async function bothSides(
  question: StandingQuestion,
  location: LegacyLocation,
  target: TargetPaths,
  migrations: string | null,
  empty: Omit<Standing, 'status'>,
): Promise<Standing> {
  const { machine } = question;
  const hasStore = !isAbsent(location);
  const past = await pastOf(migrations, target, machine);
  const isNew = past.last === null && past.told.unfinished.length === 0 && past.unreadable.length === 0;
  if (!hasStore && isNew) return { ...empty, status: 'none' };
  const common = { ...empty, dataDir: target.dataDir, hasStore, ...past.told };
  const daemon = await runningDaemon(machine);
  const running = async (found: Survey | null): Promise<Standing['running']> => ({
    legacy: await runningLegacy(location, target, found, past.last, machine),
    daemon: daemon.running,
  });
  const unfinished = past.told.unfinished.map(unfinishedNote);
  const ofRuns = [...past.unreadable.map(unreadableNote), ...unfinished];
  const notes = [...location.notes, ...daemon.notes, ...ofRuns];
  if (!hasStore) {
    const { last } = past;
    if (last === null) return { ...common, status: 'none', running: await running(null), notes };
    return {
      ...common,
      legacyRoot: last.legacyRoot,
      ...(await leftBy(last, past.standsWhole(last), target, machine)),
      running: await running(null),
      notes: [...notes, absentNote(last)],
    };
  }
  const settled = unfinished.length > 0 ? null : settledBy(past, location);
  if (settled !== null) {
    // Nobody has written to the database since, or nothing is known of it.
    const schemaVersion = settled === 'undone' ? 0 : (past.last?.schemaVersion ?? 0);
    return { ...common, status: settled, schemaVersion, running: await running(null), notes };
  }
  try {
    const found = await question.survey(location, target);
    const { plan } = found;
    const created = (of: readonly { readonly outcome: string }[]): number =>
      of.filter(({ outcome }) => outcome === 'created').length;
    return {
      ...common,
      status: judged(found, past.last),
      schemaVersion: found.facts.target.version,
      running: await running(found),
      pending: { projects: created(plan.projects), orchestrators: created(plan.orchestrators) },
      unusable: unusableOf(plan).map(({ id, reason }) => ({ id, reason: reason ?? '' })),
      yieldsNothing: yieldsNothing(plan),
      notes: [...plan.notes.filter(({ code }) => WORTH_TELLING.has(code)), ...daemon.notes, ...ofRuns],
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ...common, status: 'unreadable', running: await running(null), notes, refusal: error.report };
  }
}

/** Notes about the store as a whole, or about what keeps it from being done; the plan tells the others. */
const WORTH_TELLING: ReadonlySet<Note['code']> = new Set<Note['code']>([
  'CONFIG_EMPTY',
  'CONFIG_ELSEWHERE',
  'CONFIG_INVALID',
  'CONFIG_MISSING',
  'FOREIGN_STORE',
  'MIGRATION_INTERRUPTED',
  'STORE_V0',
  'PROJECT_UNKNOWN',
  'CONVERSATION_IN_USE',
  'CONVERSATION_CONFLICT',
  'CONVERSATION_UNREADABLE',
  'HARNESS_MISSING',
  'SCHEMA_NEWER',
]);

/** No store, and no config elsewhere that could name one: nothing else is looked at. */
function isAbsent({ root, config, configFlag }: LegacyLocation): boolean {
  const known = [root, config].filter((path) => path !== null);
  return configFlag === null && !known.some(mayStand);
}

/** What cannot be looked at counts as there: the whole look says what is wrong with it. */
function mayStand(path: string): boolean {
  try {
    return targetAt(path) !== null;
  } catch {
    return true;
  }
}

interface Past {
  readonly told: Pick<Standing, 'lastRun' | 'unfinished' | 'postinstall'>;
  /** The newest run that is not undone; where all are, the newest; null also where that cannot be told. */
  readonly last: RunRecord | null;
  readonly unreadable: readonly UnreadableReceipt[];
  readonly isUnchanged: (run: RunRecord) => boolean;
  readonly standsWhole: (run: RunRecord) => boolean;
}

/** What earlier runs left in the state directory. */
async function pastOf(migrations: string | null, target: TargetPaths, machine: Machine): Promise<Past> {
  const told = { lastRun: null, unfinished: [], postinstall: null };
  const none = { told, last: null, unreadable: [], isUnchanged: () => false, standsWhole: () => false };
  if (migrations === null || !mayStand(migrations)) return none;
  const reader = await import('../apply/receipt-reader');
  const { isUnchanged, lastOf, pastRuns, postinstallNote, standsWhole, unfinishedIds } = reader;
  const past = pastRuns(migrations, target.physicalDataDir);
  const { runs, unreadable } = past;
  const last = lastOf(past);
  const unfinished = unfinishedIds(migrations, target.physicalDataDir);
  return {
    told: {
      lastRun: last,
      unfinished: unfinished.length > 0 && (await isAtWork(machine, target)) ? [] : unfinished,
      postinstall: postinstallNote(migrations, runs[0] ?? null),
    },
    last,
    unreadable,
    isUnchanged: ({ sources }) => isUnchanged(sources),
    standsWhole: (run) => standsWhole(run, past),
  };
}

/** A run that goes on now is not an interrupted one. */
async function isAtWork(machine: Machine, { physicalDataDir }: TargetPaths): Promise<boolean> {
  const { runningOwner } = await import('../apply/run-lock');
  const { statePaths } = await import('../apply/state');
  return runningOwner(statePaths(machine, physicalDataDir)) !== null;
}

/**
 * The status that the newest run's receipt gives by itself, or null: where the store, its config or its records are not
 * those that the run read, or what the run did may not be all or may not be there any more, or a receipt cannot be read, both
 * sides must be. Somebody may throw the old store away on the word `done`.
 */
function settledBy(
  { last, unreadable, isUnchanged, standsWhole }: Past,
  location: LegacyLocation,
): StandingStatus | null {
  if (last === null || unreadable.length > 0 || last.status === 'committing' || location.configFlag !== null)
    return null;
  if (last.legacyRoot !== location.root || !isUnchanged(last)) return null;
  const read = new Set(last.sources.map(({ path }) => path));
  const { config, root } = location;
  if (config !== null && !read.has(config) && mayStand(config)) return null;
  if (hasOtherRecords(root, read)) return null;
  if (last.status === 'undone') return 'undone';
  if (!standsWhole(last)) return null;
  return last.outcome === 'partial' ? 'partial' : 'done';
}

/** Session records that the run did not know. */
function hasOtherRecords(root: string, read: ReadonlySet<string>): boolean {
  const names = (folder: string): string[] => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  const projects = join(root, 'projects');
  const early = names(root).filter(
    (name) => /^[0-9a-f]{12}(?:-.+)?$/.test(name) && !/-observability$|\.migrated$/.test(name),
  );
  const isRecord = (name: string): boolean => /^[A-Za-z0-9_-]+(?:\.json)?$/.test(name) && name !== 'archive';
  return [
    ...names(projects).map((id) => ({ folder: join(projects, id, 'sessions'), form: /\.json$/ })),
    ...early.map((name) => ({ folder: join(root, name, 'sessions'), form: /./ })),
  ].some(({ folder, form }) =>
    names(folder).some((name) => isRecord(name) && form.test(name) && !read.has(join(folder, name))),
  );
}

/** What a full look at both sides says. */
function judged({ plan, draft }: Survey, last: RunRecord | null): StandingStatus {
  if (plan.projects.length === 0 && !draft.hasUnknown) return 'empty';
  if (plan.hasActions) return last?.status === 'undone' ? 'undone' : 'pending';
  // Whoever hears `empty` or `done` may throw the old store away.
  return draft.hasUnknown || plan.orchestrators.some(({ later }) => later) ? 'partial' : 'done';
}

async function runningDaemon(machine: Machine): Promise<{ running: string | null; notes: readonly Note[] }> {
  const file = runFile(machine);
  if (file === null || !mayStand(file)) return { running: null, notes: [] };
  const { findDaemon } = await import('../rewrite/daemon');
  const { refusal, notes } = await findDaemon(file, machine);
  return { running: refusal?.message ?? null, notes };
}

/** Prefixes of terminals come from the store where it was read, else from the sessions of the last run. */
async function runningLegacy(
  location: LegacyLocation,
  target: TargetPaths,
  found: Survey | null,
  last: RunRecord | null,
  machine: Machine,
): Promise<string | null> {
  const { legacyActivity } = await import('../legacy/activity');
  const { listTmuxSessions } = await import('../legacy/tmux');
  const { isAlive } = await import('../rewrite/daemon');
  const store = found?.store ?? {
    root: location.root ?? '',
    exists: location.root !== null,
    foreign: location.foreign,
    registry: null,
    wrapped: [],
    locals: new Map(),
    preferences: null,
    registered: [],
    storageKeys: new Map(),
    v2: [],
    v1: [],
    checkouts: new Map(),
    worktrees: new Map(),
    physical: new Map(),
    files: [],
    notes: [],
    unusable: [],
  };
  const known = last?.sessions.map((id) => id.replace(/-orchestrator$/, '')) ?? [];
  const prefixes = found?.draft.projects.map(({ prefix }) => prefix) ?? known;
  const probes = { isAlive, tmuxSessions: () => listTmuxSessions(machine) };
  return legacyActivity(store, prefixes, managedRoots(target), machine, probes);
}

function absentNote({ runId, legacyRoot }: RunRecord): Note {
  const message = mayStand(legacyRoot)
    ? `there is no old store here; the run ${runId} took this one, and --from asks about it`
    : `the old store that the run ${runId} took is gone`;
  return { code: 'STORE_ABSENT', severity: 'info', message, file: legacyRoot };
}

function unreadableNote(receipt: UnreadableReceipt): Note {
  return {
    code: 'RECEIPT_UNREADABLE',
    severity: 'warn',
    id: receipt.runId,
    message: unreadableText(receipt),
    file: receipt.file,
  };
}

function unfinishedNote(id: string): Note {
  return {
    code: 'RUN_UNFINISHED',
    severity: 'warn',
    id,
    message: `the run ${id} was interrupted; the next real run finishes or undoes it first`,
  };
}
