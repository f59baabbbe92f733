import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type {
  ConversationFinding,
  ConversationRequest,
  ExistingProject,
  ExistingSession,
  FoundConversation,
  RepositoryFacts,
  TargetFacts,
} from '../../src/contracts/facts';
import type { LegacyStore } from '../../src/contracts/legacy';
import type { Machine } from '../../src/contracts/machine';
import type { Note } from '../../src/contracts/notes';
import type { Plan, PlannedOrchestrator, PlannedProject } from '../../src/contracts/plan';
import { locateLegacy } from '../../src/legacy/locate';
import { readStore } from '../../src/legacy/store';
import { type Draft, type DraftOptions, type DraftOrchestrator, draftPlan } from '../../src/plan/draft';
import { completePlan } from '../../src/plan/plan';
import type { DraftProject } from '../../src/plan/projects';
import { askConversations, type Question } from '../../src/plan/questions';
import { decideProjects, type Facts } from '../../src/plan/targets';
import { physical } from '../../src/sessions/physical';
import { resumeIdOf } from '../../src/sessions/resume-id';
import { emptyHome, type Home, machineAt } from './home';

/** What lies at a path: text, bytes, nothing but a directory, or a link. `{{HOME}}` stands for the home in names and texts. */
export type Entry = string | Uint8Array | null | { readonly link: string };
/** By path below the home; `AO/` at the beginning stands for `.agent-orchestrator/`. */
export type Files = Readonly<Record<string, Entry>>;

export interface StoreOptions {
  readonly from?: string;
  readonly config?: string;
  readonly machine?: Partial<Machine>;
  readonly draft?: Partial<DraftOptions>;
  /** Modification times, epoch milliseconds. */
  readonly mtimes?: Readonly<Record<string, number>>;
}

/** A store that was read and drafted, in a home of its own. */
export interface Drafted {
  readonly home: string;
  readonly store: LegacyStore;
  readonly draft: Draft;
  /** Every pause that a retry asked for, milliseconds. */
  readonly pauses: readonly number[];
  project(id: string): DraftProject;
  orchestrator(sessionId: string): DraftOrchestrator;
  /** Notes of the store, of the projects and of the orchestrators. */
  notes(code?: Note['code']): Note[];
}

export const NOW = Date.parse('2026-11-21T12:00:00.000Z');

const homes: Home[] = [];

/** For afterEach or afterAll. */
export function removeHomes(): void {
  for (const home of homes.splice(0)) home.remove();
}

export function layOut(files: Files, mtimes: StoreOptions['mtimes'] = {}): string {
  const home = emptyHome();
  homes.push(home);
  const place = (name: string): string => join(home.path, name.replace(/^AO(?=\/|$)/, '.agent-orchestrator'));
  for (const [name, entry] of Object.entries(files)) {
    const path = place(name.replaceAll('{{HOME}}', home.path));
    mkdirSync(entry === null ? path : dirname(path), { recursive: true });
    if (entry === null) continue;
    if (typeof entry === 'string') writeFileSync(path, entry.replaceAll('{{HOME}}', home.path));
    else if (entry instanceof Uint8Array) writeFileSync(path, entry);
    else symlinkSync(entry.link.replaceAll('{{HOME}}', home.path), path);
  }
  for (const [name, ms] of Object.entries(mtimes)) utimesSync(place(name), ms / 1000, ms / 1000);
  return home.path;
}

/** Lays the files out, reads them and makes the draft. Throws what the reader throws. */
export function draftOf(files: Files, options: StoreOptions = {}): Drafted {
  return draftAt(layOut(files, options.mtimes), options);
}

export function draftAt(home: string, options: StoreOptions = {}): Drafted {
  const fill = (text: string | undefined): string | null => text?.replaceAll('{{HOME}}', home) ?? null;
  const env = Object.entries(options.machine?.env ?? {}).map(([name, value]) => [
    name,
    value?.replaceAll('{{HOME}}', home),
  ]);
  const machine = machineAt(home, { now: () => new Date(NOW), ...options.machine, env: Object.fromEntries(env) });
  const pauses: number[] = [];
  const location = locateLegacy(machine, { from: fill(options.from), config: fill(options.config) });
  const store = readStore(location, machine, { keepRaw: false, pause: (ms) => pauses.push(ms) });
  const draft = draftPlan(store, { projects: [], exclude: [], onlyLive: false, nowMs: NOW, ...options.draft });
  const one = <T>(found: readonly T[], what: string): T => {
    const [first] = found;
    if (first === undefined) throw new Error(`the draft has no ${what}`);
    return first;
  };
  return {
    home,
    store,
    draft,
    pauses,
    project: (id) =>
      one(
        draft.projects.filter((each) => each.id === id),
        `project ${id}`,
      ),
    orchestrator: (id) =>
      one(
        draft.orchestrators.filter(({ sessionId }) => sessionId === id),
        `orchestrator ${id}`,
      ),
    notes: (code) =>
      [
        ...draft.notes,
        ...draft.projects.flatMap(({ notes }) => notes),
        ...draft.orchestrators.flatMap(({ notes }) => notes),
      ].filter((note) => code === undefined || note.code === code),
  };
}

/** A `config.yaml`, as JSON, which YAML is a superset of. A project given as text is one that lies at that path. */
export function registry(
  projects: Readonly<Record<string, string | Readonly<Record<string, unknown>> | null>>,
  top: Readonly<Record<string, unknown>> = {},
): string {
  const entries = Object.entries(projects).map(([id, entry]) => [
    id,
    typeof entry === 'string' ? { projectId: id, path: entry } : entry,
  ]);
  return JSON.stringify({ ...top, projects: Object.fromEntries(entries) });
}

/** A V2 record of an orchestrator. */
export function orchestrator(fields: Readonly<Record<string, unknown>> = {}, state = 'working'): string {
  return JSON.stringify({
    role: 'orchestrator',
    agent: 'claude-code',
    createdAt: '2026-05-10T08:00:00.000Z',
    lifecycle: { version: 2, session: { kind: 'orchestrator', state, lastTransitionAt: '2026-05-11T09:30:00.000Z' } },
    ...fields,
  });
}

/** One project `app` with one orchestrator record, and whatever is added or overridden. */
export function oneProject(record: string, more: Files = {}): Files {
  return {
    'AO/config.yaml': registry({ app: '{{HOME}}/repos/app' }),
    'repos/app': null,
    'AO/projects/app/sessions/app-orchestrator.json': record,
    ...more,
  };
}

export interface PlanOptions {
  readonly projects?: readonly Partial<ExistingProject>[];
  readonly sessions?: readonly Partial<ExistingSession>[];
  readonly exists?: boolean;
  readonly repository?: Partial<RepositoryFacts>;
  readonly findings?: Readonly<Record<string, ConversationFinding>>;
  readonly resume?: 'auto' | 'manual';
}

export interface Planned {
  readonly plan: Plan;
  readonly questions: readonly Question[];
  request(sessionId: string): ConversationRequest;
  project(id: string): PlannedProject;
  orchestrator(projectId: string): PlannedOrchestrator;
}

export const DATA_DIR = '/data';

/** A conversation that lies ready to be copied. */
export function found(changes: Partial<FoundConversation> = {}): FoundConversation {
  return {
    state: 'found',
    resumeId: 'id-1',
    sourceId: 'id-1',
    how: 'stored',
    files: [],
    size: 1,
    messages: 1,
    destination: 'absent',
    notes: [],
    ...changes,
  };
}

/** The full plan of a draft, with a made-up target; a conversation is found for every orchestrator unless told otherwise. */
export function planOf({ store, draft }: Pick<Drafted, 'store' | 'draft'>, options: PlanOptions = {}): Planned {
  const target: TargetFacts = {
    dataDir: DATA_DIR,
    physicalDataDir: DATA_DIR,
    database: `${DATA_DIR}/ao.db`,
    exists: options.exists ?? (options.projects !== undefined || options.sessions !== undefined),
    version: 12,
    projects: (options.projects ?? []).map((row) => ({
      id: 'app',
      path: '/repos/app',
      repoOriginUrl: '',
      displayName: '',
      kind: 'single_repo',
      archived: false,
      config: null,
      ...row,
    })),
    sessions: (options.sessions ?? []).map((row) => ({
      id: 'app-orchestrator',
      projectId: 'app',
      num: 1,
      kind: 'orchestrator',
      terminated: true,
      marked: false,
      columns: {},
      ...row,
    })),
    notes: [],
  };
  const facts: Facts = {
    target,
    repositories: new Map(
      draft.selected.map(({ path }) => [
        path,
        {
          path,
          exists: true,
          git: 'read',
          originUrl: null,
          hasMain: true,
          branches: new Set<string>(),
          held: [],
          ...options.repository,
        },
      ]),
    ),
    resumeId: resumeIdOf,
    managedRoots: [`${DATA_DIR}/worktrees`],
    physicalPath: physical,
    managedPath: (id, prefix) => `${DATA_DIR}/worktrees/${id}/orchestrator/${prefix}-orchestrator`,
  };
  const projects = decideProjects(draft, facts);
  const questions = askConversations(draft, projects, facts, store);
  const findings = new Map<string, ConversationFinding>();
  for (const question of questions) {
    if ('decided' in question) continue;
    const { sessionId } = 'open' in question ? question.open.draft : question.doubted;
    findings.set(sessionId, options.findings?.[sessionId] ?? found());
  }
  const plan = completePlan({ store, draft, facts, projects, questions }, findings, {
    resume: options.resume ?? 'auto',
  });
  const one = <T>(all: readonly T[], what: string): T => {
    const [first] = all;
    if (first === undefined) throw new Error(`the plan has no ${what}`);
    return first;
  };
  return {
    plan,
    questions,
    request: (id) =>
      one(
        questions.flatMap((each) => ('open' in each && each.open.draft.sessionId === id ? [each.open.request] : [])),
        `question about ${id}`,
      ),
    project: (id) =>
      one(
        plan.projects.filter((each) => each.id === id),
        `project ${id}`,
      ),
    orchestrator: (id) =>
      one(
        plan.orchestrators.filter(({ projectId }) => projectId === id),
        `orchestrator of ${id}`,
      ),
  };
}

/** Codes of notes, sorted, each once. */
export function codes(notes: readonly Note[]): string[] {
  return [...new Set(notes.map(({ code }) => code))].sort();
}
