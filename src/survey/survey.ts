import type { ConversationFinding, HarnessId, RepositoryFacts, TargetFacts } from '../contracts/facts';
import type { LegacyStore } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import type { Plan } from '../contracts/plan';
import { Refusal } from '../contracts/refusals';
import type { LegacyLocation } from '../legacy/locate';
import { type ReadStoreOptions, readStore } from '../legacy/store';
import { fallbackBranch } from '../plan/branch';
import { type Draft, draftPlan } from '../plan/draft';
import { completePlan } from '../plan/plan';
import { askConversations, type DoubtedId } from '../plan/questions';
import { type DecidedProject, decideProjects, type Facts } from '../plan/targets';
import { readRepository } from '../repository/repository';
import { unusableTarget } from '../rewrite/inspect';
import { managedRoots, managedWorktree, type TargetPaths } from '../rewrite/paths';
import { daemonPrefix } from '../rewrite/prefix';
import type { Harness } from '../sessions/harness';
import { inParallel, turn } from '../sessions/in-parallel';
import { PhysicalPaths } from '../sessions/physical';
import { resumeIdOf } from '../sessions/resume-id';
import { codeOf } from '../sessions/system-error';
import { requireDescriptors } from './descriptors';
import { planHash } from './plan-hash';

/** What the user asked for, as far as it shapes the plan. */
export interface SurveyOptions {
  readonly projects: readonly string[];
  readonly exclude: readonly string[];
  readonly onlyLive: boolean;
  readonly resume: 'auto' | 'manual';
}

export interface SurveyTools {
  readonly machine: Machine;
  readonly harnesses: Readonly<Record<HarnessId, Harness>>;
  readonly read: ReadStoreOptions;
}

/** The target, and how to find what it holds: from a private copy, or from the connection that holds the database. */
export interface AskedTarget {
  readonly paths: TargetPaths;
  /** Asked once the store was read: of two things that are wrong, the one with the store is named first (migration.md 3). */
  readonly ask: () => TargetFacts | Promise<TargetFacts>;
}

/** Everything that was read and what follows from it. */
export interface Survey {
  readonly location: LegacyLocation;
  readonly store: LegacyStore;
  readonly draft: Draft;
  readonly facts: Facts;
  /** The projects of the plan, with what the target has of each. */
  readonly projects: readonly DecidedProject[];
  readonly plan: Plan;
  readonly planHash: string;
}

/** A conversation that is looked for, and the session for which it is. */
type Asked = Pick<DoubtedId, 'sessionId' | 'request'>;

/** Conversations looked for at a time: enough to hide the disk, few enough to bound memory. */
const PARALLEL = 8;

/**
 * Reads both sides and plans (migration.md 4 to 6). Changes nothing anywhere.
 *
 * @param before an earlier look of the same run: where the store is as it was then, its draft is taken over. All that lies
 * outside of the store is looked at anew: rows, repositories, links on the way, conversations and who uses them
 * @throws Refusal, UsageError; the system's EMFILE or ENFILE where too few files can be opened
 */
export async function survey(
  location: LegacyLocation,
  asked: AskedTarget,
  options: SurveyOptions,
  tools: SurveyTools,
  before: Survey | null = null,
): Promise<Survey> {
  const { machine, harnesses } = tools;
  // Each of these is one piece of work, of seconds with a hundred thousand files: in between a second Ctrl-C is heard.
  await turn();
  requireDescriptors();
  const store = readStore(location, machine, tools.read);
  await turn();
  const draft =
    before !== null && isSame(store, before.store)
      ? before.draft
      : draftPlan(store, { ...options, nowMs: machine.now().getTime() });
  const target = await targetFor(draft, asked);
  const paths = new PhysicalPaths();
  const facts: Facts = {
    target,
    repositories: repositoriesOf(draft, target, machine),
    resumeId: resumeIdOf,
    managedRoots: managedRoots(target),
    physicalPath: (path) => paths.of(path),
    managedPath: (projectId, prefix) => managedWorktree(target, projectId, prefix, (path) => paths.of(path)),
  };
  await turn();
  const projects = decideProjects(draft, facts);
  const questions = askConversations(draft, projects, facts, store);
  const open = questions.flatMap((question): Asked[] => {
    if ('doubted' in question) return [question.doubted];
    return 'open' in question ? [{ sessionId: question.open.draft.sessionId, request: question.open.request }] : [];
  });
  const findings = new Map<string, ConversationFinding>();
  await inParallel(open, PARALLEL, async (question) => {
    findings.set(question.sessionId, await find(question, harnesses));
  });
  await turn();
  const plan = completePlan({ store, draft, facts, projects, questions }, findings, options);
  return { location, store, draft, facts, projects, plan, planHash: planHash(plan) };
}

/** Where the store has no project there is nothing to migrate, whatever the database is like (migration.md 3). */
async function targetFor({ projects }: Draft, { paths, ask }: AskedTarget): Promise<TargetFacts> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Refusal) || projects.length > 0) throw error;
    return unusableTarget(paths, error);
  }
}

/** What is the same object costs nothing here: records and configs that did not change are those of the first look. */
function isSame(store: LegacyStore, before: LegacyStore): boolean {
  try {
    return Bun.deepEquals(store, before, true);
  } catch (error) {
    // A JSON file may hold lists in lists by the thousand, which is more than the stack does.
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** An error while looking is a finding too: that one orchestrator waits for a later run, the others go on. */
async function find({ request }: Asked, harnesses: SurveyTools['harnesses']): Promise<ConversationFinding> {
  try {
    return await harnesses[request.harness].find(request);
  } catch (error) {
    const reason = codeOf(error) ?? 'an unexpected error';
    return {
      state: 'blocked',
      code: 'CONVERSATION_UNREADABLE',
      reason: `the conversation could not be read (${reason})`,
      failed: true,
      notes: [],
    };
  }
}

function repositoriesOf(draft: Draft, target: TargetFacts, machine: Machine): Map<string, RepositoryFacts> {
  const rows = new Map(target.projects.map((row) => [row.id, row]));
  const recorded = new Map(draft.orchestrators.map(({ project, record }) => [project, record.branch]));
  const branches = new Map<string, Set<string>>();
  for (const project of draft.selected) {
    if (project.refusal !== null) continue;
    const wanted = branches.get(project.path) ?? new Set<string>();
    branches.set(project.path, wanted);
    const row = rows.get(project.id);
    wanted.add(fallbackBranch(row === undefined ? project.prefix : daemonPrefix(row.id, row.config)));
    const branch = recorded.get(project) ?? null;
    if (branch !== null) wanted.add(branch);
  }
  return new Map([...branches].map(([path, wanted]) => [path, readRepository(path, [...wanted], machine)]));
}
