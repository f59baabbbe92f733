import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bytesToCopy, copiesOf } from '../apply/conversations';
import { makeDirectories, writeDurably } from '../apply/durable';
import { Interrupted } from '../apply/interruption';
import { statePaths } from '../apply/state';
import type { Machine } from '../contracts/machine';
import type { MigrateOutcome } from '../contracts/outcome';
import { Refusal, type RefusalCode, UsageError } from '../contracts/refusals';
import { locateLegacy } from '../legacy/locate';
import { readStore } from '../legacy/store';
import { leavesNoTrace, type SkipCode, skipOf } from './install';
import { type MigrateFlags, type MigrateSetting, migrate } from './migrate';

/** Why an install did not migrate, as `postinstall.json` has it. */
export type PostinstallCode =
  | SkipCode
  | RefusalCode
  | 'PLANNED'
  | 'TIME_LIMIT'
  | 'TOO_LARGE'
  | 'TAKE_OVER'
  | 'INTERRUPTED'
  | 'PUT_BACK'
  | 'FAILED'
  | 'USAGE';

export interface PostinstallEnd {
  /** Null where the migration was carried out, or there was nothing to do. */
  readonly code: PostinstallCode | null;
  /** A legacy store with projects is there. */
  readonly hasProjects: boolean;
  /** Null for a skip: nothing was planned. */
  readonly outcome: MigrateOutcome | null;
  /** Why, where neither code nor outcome tells. */
  readonly message: string | null;
}

export interface PostinstallLimits {
  /** For all until the commit point. */
  readonly milliseconds: number;
  /** Conversations to be copied; more is left to the user from the start. */
  readonly bytes: number;
}

export const LIMITS: PostinstallLimits = { milliseconds: 60_000, bytes: 1_000_000_000 };

/** Where a store changes while it is read, a new run is tried so often (migration.md 7: no question was shown). */
const ATTEMPTS = 3;

type Setting = Pick<MigrateSetting, 'machine' | 'version' | 'interrupted' | 'debug'>;

/**
 * A migration out of a package install (migration.md 9): decides whether to run, never asks, stops at its limits with
 * everything put back, and leaves a note where it did not migrate. Whatever it cannot do is an end, not an error.
 */
export async function postinstall(
  flags: MigrateFlags,
  setting: Setting,
  limits: PostinstallLimits = LIMITS,
): Promise<PostinstallEnd> {
  const { machine } = setting;
  const skip = skipOf(machine, homeOwner(machine));
  const end = skip === null ? await carriedOut(flags, setting, limits) : skipped(skip, machine, flags);
  note(end, setting);
  return end;
}

function skipped(code: SkipCode, machine: Machine, flags: MigrateFlags): PostinstallEnd {
  // On behalf of another user nothing of that home is even read.
  const hasProjects = !leavesNoTrace(code) && storeHasProjects(machine, flags);
  return { code, hasProjects, outcome: null, message: null };
}

async function carriedOut(flags: MigrateFlags, setting: Setting, limits: PostinstallLimits): Promise<PostinstallEnd> {
  const { machine } = setting;
  const planOnly = machine.env.AO_MIGRATE === 'plan';
  const deadline = machine.now().getTime() + limits.milliseconds;
  let stop: 'TIME_LIMIT' | 'TOO_LARGE' | 'TAKE_OVER' | null = null;
  const interrupted = (): void => {
    setting.interrupted();
    if (machine.now().getTime() < deadline) return;
    stop = 'TIME_LIMIT';
    throw new Interrupted('SIGTERM');
  };
  try {
    for (let attempt = 1; ; attempt++) {
      const outcome = await migrate(
        { ...flags, dryRun: planOnly },
        {
          ...setting,
          interrupted,
          tellsMessages: 'never',
          // Not a question: the one place where the plan is known and nothing has begun.
          confirm: async (plan) => {
            interrupted();
            if (bytesToCopy(plan) > limits.bytes) stop = 'TOO_LARGE';
            // It may take any time and must not be cut short.
            else if (copiesOf(plan).some(({ takesOver }) => takesOver)) stop = 'TAKE_OVER';
            return stop === null;
          },
          progress: () => ({ advance: interrupted }),
        },
      );
      if (outcome.refusal?.code === 'PLAN_CHANGED' && attempt < ATTEMPTS) continue;
      const code = stop ?? codeOf(outcome, planOnly);
      const known = outcome.plan !== null && outcome.plan.projects.length > 0;
      return {
        code,
        hasProjects: known || (code !== null && storeHasProjects(machine, flags)),
        outcome,
        message: null,
      };
    }
  } catch (error) {
    if (error instanceof UsageError)
      return { code: 'USAGE', hasProjects: false, outcome: null, message: error.message };
    if (!(error instanceof Interrupted)) throw error;
    return { code: stop ?? 'INTERRUPTED', hasProjects: storeHasProjects(machine, flags), outcome: null, message: null };
  }
}

function codeOf({ status, refusal }: MigrateOutcome, planOnly: boolean): PostinstallCode | null {
  if (refusal !== null && status === 'refused' && refusal.code !== 'USAGE' && refusal.code !== 'UNEXPECTED')
    return refusal.code;
  if (status === 'put-back') return 'PUT_BACK';
  if (status === 'interrupted') return 'INTERRUPTED';
  if (status === 'failed' || status === 'refused' || status === 'declined') return 'FAILED';
  return planOnly ? 'PLANNED' : null;
}

/** Whether the old store, of whatever generation, holds anything that could be migrated. */
function storeHasProjects(machine: Machine, flags: MigrateFlags): boolean {
  try {
    const store = readStore(locateLegacy(machine, flags), machine, { keepRaw: false, pause: () => {} });
    const wrapped = store.wrapped.length > 0;
    const records = [...store.v2, ...store.v1].some((directory) => directory.records.length > 0);
    return (store.registry?.entries.length ?? 0) > 0 || wrapped || records;
  } catch (error) {
    // What cannot be read is there.
    if (error instanceof Refusal) return error.code === 'LEGACY_UNREADABLE';
    if (error instanceof UsageError) return false;
    throw error;
  }
}

function homeOwner(machine: Machine): number | null {
  const home = machine.home ?? machine.legacyHome;
  if (home === null || machine.uid === null) return null;
  try {
    return statSync(home, { throwIfNoEntry: false })?.uid ?? null;
  } catch {
    return null;
  }
}

/** Keeps `postinstall.json` true: written where something is left to migrate, removed where it no longer is. */
function note({ code, hasProjects }: PostinstallEnd, { machine, version, debug }: Setting): void {
  if (code !== null && (leavesNoTrace(code) || !hasProjects)) return;
  try {
    const { migrations } = statePaths(machine, '');
    const file = join(migrations, 'postinstall.json');
    if (code === null) {
      rmSync(file, { force: true });
      return;
    }
    makeDirectories(migrations);
    const text = `${JSON.stringify({ time: machine.now().toISOString(), version, code })}\n`;
    writeDurably(file, text, join(migrations, `.postinstall-${machine.randomHex(4)}`));
  } catch (error) {
    // A home that cannot be written is no reason to fail an install.
    debug('postinstall', `no note was left (${error instanceof Error ? error.name : 'unknown'})`);
  }
}
