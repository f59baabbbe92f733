import { refuseOtherOwner } from '../apply/preflight';
import { refuseRunInProgress, runningOwner } from '../apply/run-lock';
import { type StatePaths, statePaths } from '../apply/state';
import { steadily } from '../apply/steady';
import type { HarnessId, TargetFacts } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import { Refusal } from '../contracts/refusals';
import { legacyActivity } from '../legacy/activity';
import { type LegacyLocation, locateLegacy } from '../legacy/locate';
import { listTmuxSessions } from '../legacy/tmux';
import { requirePlaces } from '../migrate/places';
import { counted } from '../report/words';
import { findDaemon, isAlive } from '../rewrite/daemon';
import { absentTarget, inspectTarget, openElsewhereNote } from '../rewrite/inspect';
import { managedRoots, runFile, type TargetPaths, targetPaths } from '../rewrite/paths';
import { askVersions, type InstalledAgent } from '../sessions/agents';
import type { RunCommand } from '../sessions/agents-command';
import { type Survey, type SurveyTools, survey } from '../survey/survey';
import { type Check, examined, failed, passed, warned } from './check';
import { agentChecks, machineChecks, type Runtime } from './machine-checks';
import { planChecks } from './plan-checks';
import { type Places, pastChecks } from './run-checks';

export interface DoctorTools {
  readonly machine: Machine;
  readonly runtime: Runtime;
  readonly run: RunCommand;
  readonly harnesses: (location: LegacyLocation, target: TargetPaths) => SurveyTools['harnesses'];
}

/** Everything that was found; what could not be looked at is null and a line of its own. */
export interface Examination {
  readonly checks: readonly Check[];
  readonly location: LegacyLocation;
  readonly target: TargetPaths | null;
  readonly paths: StatePaths | null;
  readonly facts: TargetFacts | null;
  readonly survey: Survey | null;
  readonly agents: readonly InstalledAgent[];
}

const DATABASE = { id: 'database', title: 'New database' };
const OLD_STORE = { id: 'old-store', title: 'Old store' };

const AGENTS: readonly HarnessId[] = ['claude-code', 'codex', 'opencode'];

/**
 * Looks at the machine, both stores, the daemon and the agents, and at what a migration would do and what would stop it
 * (migration.md 2). Changes nothing; goes on whatever it finds.
 *
 * @throws UsageError
 */
export async function examine(question: Places, tools: DoctorTools): Promise<Examination> {
  const { machine, runtime } = tools;
  const checks: Check[] = machineChecks(machine, runtime);
  const location = locateLegacy(machine, question);
  const target = await examined(DATABASE, checks, null, () =>
    targetPaths(machine, {
      dataDir: question.dataDir,
      legacyRoots: location.root === null ? [] : [location.root],
    }),
  );
  const paths =
    target === null ? null : await examined(DATABASE, checks, null, () => statePaths(machine, target.physicalDataDir));
  const seen = await steadily(
    paths?.migrations ?? null,
    () => bothSides(question, location, target, paths, tools),
    () => (paths === null ? undefined : refuseRunInProgress(paths)),
  );
  const { facts, found } = seen;
  checks.push(...seen.checks);
  const agents = await askVersions(machine, AGENTS, tools.run);
  checks.push(...agentChecks(agents, found?.plan ?? null));
  if (found !== null && facts !== null) checks.push(...planChecks(found.plan));
  return { checks, location, target, paths, facts, survey: found, agents };
}

interface BothSides {
  readonly checks: readonly Check[];
  readonly facts: TargetFacts | null;
  readonly found: Survey | null;
}

/** Everything that a run of the tool can change while it is looked at. */
async function bothSides(
  question: Places,
  location: LegacyLocation,
  target: TargetPaths | null,
  paths: StatePaths | null,
  tools: DoctorTools,
): Promise<BothSides> {
  const { machine } = tools;
  const checks: Check[] = [];
  const facts = target === null ? null : await examined(DATABASE, checks, null, () => inspectTarget(target, machine));
  const look = (): Promise<Survey> | null =>
    target === null ? null : surveyOf(location, target, facts ?? absentTarget(target), tools);
  const found = await examined(OLD_STORE, checks, null, look);
  if (found !== null) checks.push(storeCheck(found));
  if (target !== null && facts !== null) checks.push(databaseCheck(facts), ...openChecks(facts));
  if (target !== null && paths !== null) {
    checks.push(...(await runningChecks(location, target, paths, found, tools)));
    checks.push(...(await pastChecks(paths, target, question, machine)));
    if (found?.plan.hasActions === true) checks.push(...(await placeChecks(found, target, paths, machine)));
  }
  return { checks, facts, found };
}

function surveyOf(
  location: LegacyLocation,
  target: TargetPaths,
  facts: TargetFacts,
  { machine, harnesses }: DoctorTools,
): Promise<Survey> {
  const options = { projects: [], exclude: [], onlyLive: false, resume: 'auto' as const };
  const read = { keepRaw: true, pause: Bun.sleepSync };
  const tools = { machine, harnesses: harnesses(location, target), read };
  return survey(location, { paths: target, ask: () => facts }, options, tools);
}

function storeCheck({ store, draft }: Survey): Check {
  if (!store.exists && store.registry === null) return passed(OLD_STORE, `there is none at ${store.root}`);
  const records = [
    ...store.v2.flatMap((directory) => directory.records),
    ...store.v1.flatMap(({ records, archives }) => [...records, ...archives]),
  ].length;
  const config = store.registry === null ? 'no global config' : store.registry.file;
  const what = `${counted(draft.projects.length, 'project')}, ${counted(records, 'session record')}`;
  return passed(OLD_STORE, `${store.root}: ${what}; ${config}`);
}

function databaseCheck({ exists, database, version, projects, sessions }: TargetFacts): Check {
  if (!exists) return passed(DATABASE, `none yet at ${database}; a migration makes it`);
  const what = `${counted(projects.length, 'project')}, ${counted(sessions.length, 'session')}`;
  return passed(DATABASE, `${database}: version ${version}, sound, ${what}`);
}

function openChecks({ database, exists, notes }: TargetFacts): Check[] {
  const open = exists ? openElsewhereNote(database) : null;
  const remarks = open === null ? notes : [...notes, open];
  return remarks.map(({ code, message }) =>
    warned(
      DATABASE,
      message,
      code === 'DATABASE_OPEN'
        ? 'Quit the app before you migrate.'
        : 'Look for a newer ao-migrate if something is missing.',
      code,
    ),
  );
}

/** Who is running: it stops a migration only where there is something to write (migration.md 3). */
async function runningChecks(
  location: LegacyLocation,
  target: TargetPaths,
  paths: StatePaths,
  found: Survey | null,
  { machine }: DoctorTools,
): Promise<Check[]> {
  const checks: Check[] = [];
  const isPending = found?.plan.hasActions === true;
  const harmless = 'which does no harm: nothing is left to migrate.';
  const legacy = { id: 'legacy-running', title: 'Old tool' };
  if (found === null) checks.push(passed(legacy, 'not looked at, because the old store cannot be read'));
  else {
    const prefixes = found.draft.projects.map(({ prefix }) => prefix);
    const probes = { isAlive, tmuxSessions: () => listTmuxSessions(machine) };
    const activity = await examined(legacy, checks, null, () =>
      legacyActivity(found.store, prefixes, managedRoots(target), machine, probes),
    );
    if (activity === null)
      checks.push(passed(legacy, location.foreign ? 'not looked at: a foreign store' : 'not running'));
    else if (!isPending) checks.push(passed(legacy, `${activity}, ${harmless}`));
    else checks.push(failed(legacy, new Refusal('LEGACY_ACTIVE', `It is still in use: ${activity}.`)));
  }
  const named = { id: 'daemon', title: 'New daemon' };
  const daemon = await examined(named, checks, null, () => findDaemon(runFile(machine), machine));
  if (daemon !== null) {
    for (const { code, message } of daemon.notes)
      checks.push(warned(named, message, 'Delete that file if no daemon is running.', code));
    if (daemon.refusal === null) checks.push(passed(named, 'not running'));
    else checks.push(isPending ? failed(named, daemon.refusal) : passed(named, `running, ${harmless}`));
  }
  const owner = runningOwner(paths);
  if (owner !== null) {
    const message = `Another ao-migrate (pid ${owner}) is working on this data directory.`;
    checks.push(failed({ id: 'run-lock', title: 'Another run' }, new Refusal('RUN_IN_PROGRESS', message)));
  }
  return checks;
}

async function placeChecks(found: Survey, target: TargetPaths, paths: StatePaths, machine: Machine): Promise<Check[]> {
  const named = { id: 'places', title: 'Space, permission' };
  const checks: Check[] = [];
  const isEnough = await examined(named, checks, false, () => {
    refuseOtherOwner(target.physicalDataDir, machine.uid);
    requirePlaces(found, target, paths, true);
    return true;
  });
  if (isEnough) checks.push(passed(named, 'enough for a migration'));
  return checks;
}
