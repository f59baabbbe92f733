import type { Database } from 'bun:sqlite';
import { existsSync } from 'node:fs';
import { apply, type SettleCommit, stagingTag } from '../apply/apply';
import { backupPlace } from '../apply/backup';
import { Interrupted } from '../apply/interruption';
import { refuseOtherOwner } from '../apply/preflight';
import { PutBack, Unfinished } from '../apply/put-back';
import { placesOf } from '../apply/receipt';
import { isCommitted } from '../apply/recover';
import { type RunLock, refuseRunInProgress, takeLock } from '../apply/run-lock';
import { newRunId, type StatePaths, statePaths } from '../apply/state';
import { steadily } from '../apply/steady';
import type { TargetFacts } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { EXIT, type MigrateOutcome } from '../contracts/outcome';
import type { Plan } from '../contracts/plan';
import { Refusal } from '../contracts/refusals';
import { legacyActivity } from '../legacy/activity';
import { storeMemory } from '../legacy/file-memory';
import { type LegacyLocation, locateLegacy } from '../legacy/locate';
import { listTmuxSessions } from '../legacy/tmux';
import { lossyRefusal } from '../plan/lossy';
import { closeDatabase } from '../rewrite/connection';
import { findDaemon, isAlive } from '../rewrite/daemon';
import { absentTarget, inspectTarget, leftOverNotes, openElsewhereNote, readTarget } from '../rewrite/inspect';
import { openExclusive, probeWriter } from '../rewrite/lock';
import { managedRoots, runFile, type TargetPaths, targetPaths } from '../rewrite/paths';
import { TranscriptMemory } from '../sessions/claude-transcript';
import type { Progress } from '../sessions/harness';
import { type AskedTarget, type Survey, type SurveyOptions, survey } from '../survey/survey';
import { agentNotes } from './agents';
import { OutcomeBuilder } from './outcome-builder';
import type { Phase } from './phases';
import { requirePlaces } from './places';
import { type RecoverySetting, recoverFirst, recoverUnder } from './recovery';
import { harnessesFor } from './services';

/** The flags of `migrate`, as far as they decide something. */
export interface MigrateFlags extends SurveyOptions {
  readonly dryRun: boolean;
  readonly from: string | null;
  readonly config: string | null;
  readonly dataDir: string | null;
  readonly forceMigrate: boolean;
  readonly strict: boolean;
  readonly backup: boolean;
  readonly stripRoleSnapshot: boolean;
}

/** What a run does besides reading and writing; the edge decides how. */
export interface MigrateSetting {
  readonly machine: Machine;
  readonly version: string;
  /** Shows the plan and asks; null where nobody is asked. */
  readonly confirm: ((plan: Plan, backup: string | null) => Promise<boolean>) | null;
  /**
   * When somebody is told how many messages each conversation has: with the plan they are counted for it, with the result
   * while they are copied, which costs no reading.
   */
  readonly tellsMessages: 'with the plan' | 'with the result' | 'never';
  readonly progress: (plan: Plan) => Progress;
  /** Told when a part begins. */
  readonly phase?: (phase: Phase) => void;
  /** Throws Interrupted at a safe point if a signal has come. */
  readonly interrupted: () => void;
  readonly debug: (area: string, message: string) => void;
}

/** A new plan under the lock is tried so often before the store counts as changing all the time (migration.md 7). */
const REPLANS = 3;

/**
 * One migration, in the order of migration.md 7. Refusals, put-backs and interruptions are outcomes; an error that is
 * thrown was unexpected and came before the first change.
 *
 * @throws UsageError
 */
export async function migrate(flags: MigrateFlags, setting: MigrateSetting): Promise<MigrateOutcome> {
  const run = new Migration(flags, setting);
  try {
    return await run.carryOut();
  } catch (error) {
    if (error instanceof Refusal) return run.outcome.refused(error);
    if (error instanceof Interrupted)
      return run.outcome.ended('interrupted', error.signal === 'SIGINT' ? EXIT.sigint : EXIT.sigterm, null);
    if (error instanceof PutBack) return run.outcome.ended('put-back', EXIT.putBack, error);
    if (error instanceof Unfinished) {
      const hint = 'Run ao-migrate again: it finishes or undoes what is left.';
      return run.outcome.ended(
        'failed',
        EXIT.failed,
        new PutBack(`${error.message}, and not everything could be put back.`, hint),
      );
    }
    throw error;
  }
}

class Migration {
  readonly outcome: OutcomeBuilder;
  readonly #memory;
  readonly #transcripts;

  constructor(
    private readonly flags: MigrateFlags,
    private readonly setting: MigrateSetting,
  ) {
    this.outcome = new OutcomeBuilder(flags.dryRun);
    this.#transcripts = new TranscriptMemory(setting.tellsMessages === 'with the plan');
    this.#memory = storeMemory(setting.machine.now().getTime());
  }

  async carryOut(): Promise<MigrateOutcome> {
    const { flags, setting } = this;
    const { machine } = setting;
    const location = locateLegacy(machine, flags);
    const target = targetPaths(machine, {
      dataDir: flags.dataDir,
      legacyRoots: location.root === null ? [] : [location.root],
    });
    refuseOtherOwner(target.physicalDataDir, machine.uid);
    const paths = statePaths(machine, target.physicalDataDir);
    this.outcome.runId = newRunId(machine, paths.migrations);
    setting.phase?.('recover');
    const { unfinished, first } = await this.#first(location, target, paths);
    this.outcome.notes.push(...unfinished);
    setting.debug(
      'plan',
      `${first.plan.projects.length} projects, ${first.plan.orchestrators.length} orchestrators, ${first.store.files.length} files read`,
    );
    if (flags.strict) refuseLossy(first.plan);
    if (!first.plan.hasActions) return this.outcome.completed(first.plan);
    setting.phase?.('guard');
    await this.#guard(first, target);
    const agents = await agentNotes(first.plan, machine);
    this.outcome.notes.push(...agents);
    if (flags.dryRun) return this.#dryRun(first, target, paths);
    const place = flags.backup ? backupPlace(paths, machine.now(), this.outcome.runId).final : null;
    if (setting.confirm !== null) setting.phase?.('ask');
    if (
      setting.confirm !== null &&
      !(await setting.confirm({ ...first.plan, notes: [...first.plan.notes, ...agents] }, place))
    )
      return this.outcome.ended('declined', EXIT.usage, null);
    return this.#underLock(location, target, paths, first);
  }

  #recovery(paths: StatePaths, { physicalDataDir }: TargetPaths): RecoverySetting {
    const { machine, debug } = this.setting;
    return {
      paths,
      physicalDataDir,
      machine,
      runId: this.outcome.runId,
      debug: (message) => debug('recover', message),
    };
  }

  /** The look at both sides before the lock is taken; a dry run, which never takes it, sees unfinished runs with it. */
  async #first(
    location: LegacyLocation,
    target: TargetPaths,
    paths: StatePaths,
  ): Promise<{ unfinished: readonly Note[]; first: Survey }> {
    const { flags, setting } = this;
    const recovery = this.#recovery(paths, target);
    const recovered = flags.dryRun ? [] : await recoverFirst(recovery, false);
    setting.phase?.('plan');
    const look = async () => ({
      unfinished: flags.dryRun ? await recoverFirst(recovery, true) : recovered,
      first: await this.#look(location, target, () => inspectTarget(target, setting.machine), null),
    });
    return steadily(paths.migrations, look, () => refuseRunInProgress(paths));
  }

  async #look(
    location: LegacyLocation,
    target: TargetPaths,
    ask: AskedTarget['ask'],
    before: Survey | null,
  ): Promise<Survey> {
    const { flags, setting } = this;
    const harnesses = harnessesFor(setting.machine, location, target, {
      tag: stagingTag(this.outcome.runId),
      stripRoleSnapshot: flags.stripRoleSnapshot,
      transcripts: this.#transcripts,
    });
    // A dry run looks once.
    const read = { keepRaw: false, pause: Bun.sleepSync, ...(flags.dryRun ? {} : { memory: this.#memory }) };
    const tools = { machine: setting.machine, harnesses, read };
    this.outcome.survey = await survey(location, { paths: target, ask }, flags, tools, before);
    return this.outcome.survey;
  }

  /** Guards without side effects; only for a plan that has something to write (migration.md 3). */
  async #guard(current: Survey, target: TargetPaths): Promise<void> {
    const { flags, setting } = this;
    const { machine } = setting;
    if (!flags.forceMigrate) {
      const prefixes = current.draft.projects.map(({ prefix }) => prefix);
      const activity = await legacyActivity(current.store, prefixes, managedRoots(target), machine, {
        isAlive,
        tmuxSessions: () => listTmuxSessions(machine),
      });
      if (activity !== null) {
        throw new Refusal(
          'LEGACY_ACTIVE',
          `The legacy Agent Orchestrator is still in use: ${activity}.`,
          'Stop it with `ao stop`, close its terminals, then run again. If that process is another program, --force-migrate goes on.',
        );
      }
    }
    const daemon = await findDaemon(runFile(machine), machine);
    this.outcome.notes.push(
      ...daemon.notes.filter(({ code }) => !this.outcome.notes.some((note) => note.code === code)),
    );
    if (daemon.refusal !== null && !flags.forceMigrate) throw daemon.refusal;
  }

  /** What the real run would be refused for under the lock counts too, as far as it can be seen without one. */
  #dryRun(current: Survey, target: TargetPaths, paths: StatePaths): MigrateOutcome {
    refuseRunInProgress(paths);
    requirePlaces(current, target, paths, this.flags.backup);
    this.outcome.notes.push(...besideNotes(current));
    return this.outcome.completed(current.plan);
  }

  async #underLock(
    location: LegacyLocation,
    target: TargetPaths,
    paths: StatePaths,
    shown: Survey,
  ): Promise<MigrateOutcome> {
    const { machine } = this.setting;
    this.setting.phase?.('lock');
    const lock = takeLock(paths, this.outcome.runId, machine);
    let db: Database | null = null;
    try {
      this.outcome.notes.push(...(await recoverUnder(lock, this.#recovery(paths, target))));
      let current = shown;
      await this.#guard(current, target);
      requirePlaces(current, target, paths, this.flags.backup);
      for (let attempt = 0; ; attempt++) {
        if (db === null && existsSync(target.database)) {
          probeWriter(target.database);
          db = openExclusive(target.database);
        }
        this.setting.phase?.('plan');
        const held = db;
        const facts = (): TargetFacts => (held === null ? absentTarget(target) : readTarget(held, target));
        const again = await this.#look(location, target, facts, current);
        const same = again.planHash === current.planHash;
        current = again;
        if (same) break;
        if (this.setting.confirm !== null || attempt >= REPLANS)
          throw new Refusal('PLAN_CHANGED', 'The store or the database changed while the plan was made.');
        if (this.flags.strict) refuseLossy(current.plan);
      }
      if (!current.plan.hasActions) return this.outcome.completed(current.plan);
      this.setting.interrupted();
      if (current.plan.createsDatabase) this.outcome.notes.push(...leftOverNotes(target.database));
      return await this.#apply(current, target, paths, lock, db);
    } finally {
      if (db !== null) closeQuietly(db);
      lock.release();
    }
  }

  async #apply(
    current: Survey,
    target: TargetPaths,
    paths: StatePaths,
    lock: RunLock,
    db: Database | null,
  ): Promise<MigrateOutcome> {
    const { flags, setting } = this;
    const { machine } = setting;
    const harnesses = harnessesFor(machine, current.location, target, {
      tag: stagingTag(this.outcome.runId),
      stripRoleSnapshot: flags.stripRoleSnapshot,
      countsCopies: setting.tellsMessages !== 'never',
    });
    const settle: SettleCommit = (receipt) => isCommitted(receipt, machine);
    const applied = await apply(
      {
        plan: current.plan,
        planHash: current.planHash,
        store: current.store,
        target,
        paths,
        runId: this.outcome.runId,
        startedAt: machine.now(),
        machine,
        version: setting.version,
        harnesses,
        db,
        backup: flags.backup,
        options: {
          from: flags.from,
          config: flags.config,
          cwd: machine.cwd,
          onlyLive: flags.onlyLive,
          resume: flags.resume,
          projects: [...flags.projects],
          exclude: [...flags.exclude],
          registry: current.location.config,
          environment: placesOf(machine.env),
        },
        lockDirectories: lock.madeDirectories,
        progress: setting.progress(current.plan),
        ...(setting.phase === undefined ? {} : { phase: setting.phase }),
        interrupted: setting.interrupted,
      },
      settle,
    );
    return this.outcome.applied(current.plan, applied);
  }
}

function refuseLossy(plan: Plan): void {
  const refusal = lossyRefusal(plan);
  if (refusal !== null) throw refusal;
}

/** The rows are committed or abandoned by now; a failing close changes nothing of that. */
function closeQuietly(db: Database): void {
  try {
    closeDatabase(db);
  } catch {
    // Closed already, after a COMMIT whose outcome had to be looked up on the disk.
  }
}

/** What a dry run tells of the files beside the database, or in place of one: without it nobody can have it open. */
function besideNotes({ plan, facts }: Survey): Note[] {
  const { database, exists } = facts.target;
  if (plan.createsDatabase) return leftOverNotes(database);
  const open = exists ? openElsewhereNote(database) : null;
  return open === null ? [] : [open];
}
