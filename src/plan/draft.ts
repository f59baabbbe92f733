import type { HarnessId } from '../contracts/facts';
import type { LegacyStore, SessionRecord } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import type { Provenance } from '../contracts/plan';
import { UsageError } from '../contracts/refusals';
import { CandidateFinder, type Choice } from './candidates';
import { discoverProjects } from './discovered';
import { wordText } from './known-words';
import { machineNotes } from './losses';
import { type DraftProject, draftProjects } from './projects';
import { type SessionTimes, sessionTimes } from './session-times';

export interface DraftOptions {
  readonly projects: readonly string[];
  readonly exclude: readonly string[];
  readonly onlyLive: boolean;
  readonly nowMs: number;
}

/** The orchestrator chosen for one project. */
export interface DraftOrchestrator {
  readonly project: DraftProject;
  readonly sessionId: string;
  readonly record: SessionRecord;
  readonly choice: Choice;
  /** Null where its agent cannot be resumed by the rewrite. */
  readonly harness: HarnessId | null;
  /** Why it is not imported whatever the target says, or null. */
  readonly reason: string | null;
  /** Id of the project that has the session id instead, or null. */
  readonly ownedBy: string | null;
  readonly times: SessionTimes;
  readonly notes: readonly Note[];
  readonly provenance: Readonly<Record<string, Provenance>>;
}

/** Everything that the old store alone decides. */
export interface Draft {
  readonly projects: readonly DraftProject[];
  /** Those that the filters leave, in the same order. */
  readonly selected: readonly DraftProject[];
  /** Of selected projects. */
  readonly orchestrators: readonly DraftOrchestrator[];
  readonly notes: readonly Note[];
  /** Orchestrators lie here whose project is unknown: status `partial`. */
  readonly hasUnknown: boolean;
  /** Every conversation id and worktree of other records, for the guards of legacy-store.md 5.2 (R24). Gathered when asked. */
  readonly named: readonly SessionRecord[];
}

/**
 * First of three pure steps: which projects there are, and which orchestrator each has.
 *
 * @throws UsageError where --project or --exclude names no project of the store
 */
export function draftPlan(store: LegacyStore, options: DraftOptions): Draft {
  const found = discoverProjects(store);
  const projects = draftProjects(store, found, options.nowMs);
  const selected = select(projects, options);
  const finder = new CandidateFinder(store, projects);
  const owners = new Map<string, DraftProject>();
  const all: DraftOrchestrator[] = [];
  for (const project of projects) {
    const choice = finder.choose(project, options);
    if (choice.record === null) continue;
    const drafted = draftOrchestrator(project, choice, choice.record, options.nowMs);
    const owner = owners.get(drafted.sessionId);
    // R26 and R35: whoever could be imported keeps the id, also where it is filtered out or cannot be placed now.
    if (owner === undefined && drafted.reason === null) owners.set(drafted.sessionId, project);
    all.push(drafted);
  }
  const chosen = new Set(selected);
  const unknown = finder.unattributed();
  return {
    projects,
    selected,
    orchestrators: all
      .filter(({ project }) => chosen.has(project))
      .map((each) => withOwner(each, owners.get(each.sessionId))),
    notes: [
      ...store.notes,
      ...machineNotes(store),
      ...found.notes,
      ...unknown.map(({ path, records }) => unknownNote(path, records)),
      ...(unknown.length > 0 ? store.unusable : []),
    ],
    hasUnknown: unknown.length > 0,
    get named() {
      return namingRecords(store, all);
    },
  };
}

function select(projects: readonly DraftProject[], options: DraftOptions): DraftProject[] {
  const ids = new Set(projects.map((project) => project.id));
  for (const [flag, values] of [
    ['--project', options.projects],
    ['--exclude', options.exclude],
  ] as const) {
    for (const id of values) {
      if (!ids.has(id)) throw new UsageError(`${flag} ${id}: the store has no such project`, known(ids));
    }
  }
  const wanted = new Set(options.projects);
  const unwanted = new Set(options.exclude);
  return projects.filter(({ id }) => (wanted.size === 0 || wanted.has(id)) && !unwanted.has(id));
}

function known(ids: ReadonlySet<string>): string {
  const some = [...ids].slice(0, 5).join(', ');
  return ids.size === 0
    ? 'The store has no projects.'
    : `Its projects are: ${some}${ids.size > 5 ? `, and ${ids.size - 5} more` : ''}.`;
}

const HARNESSES: ReadonlySet<string> = new Set<HarnessId>(['claude-code', 'codex', 'opencode']);

function isHarness(agent: string): agent is HarnessId {
  return HARNESSES.has(agent);
}

function draftOrchestrator(
  project: DraftProject,
  choice: Choice,
  record: SessionRecord,
  nowMs: number,
): DraftOrchestrator {
  const notes: Note[] = [...choice.notes];
  const agent = record.agent ?? project.built.orchestratorAgent;
  const harness = isHarness(agent) ? agent : null;
  let reason = choice.reason;
  if (harness === null && choice.importable) {
    reason = `the rewrite cannot resume conversations of ${wordText('agent', agent)}`;
    notes.push({
      code: 'HARNESS_NOT_MIGRATED',
      severity: 'warn',
      id: project.id,
      message: `${reason}; the project is migrated without its orchestrator`,
      file: record.file,
    });
  }
  const strategy = project.settings.own?.map.entries.get('orchestratorSessionStrategy');
  if (
    choice.importable &&
    strategy?.kind === 'scalar' &&
    typeof strategy.value === 'string' &&
    strategy.value !== 'reuse'
  ) {
    notes.push({
      code: 'STRATEGY_DISCARDS',
      severity: 'info',
      id: project.id,
      message: `the strategy ${wordText('strategy', strategy.value)} would have discarded this conversation`,
      file: record.file,
    });
  }
  if (choice.importable && record.restoreFallbackReason !== null) {
    // Its text is what some program once said, so nobody knows what is in it.
    notes.push({
      code: 'RESUME_FELL_BACK',
      severity: 'info',
      id: project.id,
      message: `${record.id} was not resumed but started afresh the last time, and \`restoreFallbackReason\` says why`,
      file: record.file,
    });
  }
  const times = sessionTimes(record, nowMs);
  const origin = (...keys: string[]) => [{ file: record.file, keys }];
  return {
    project,
    sessionId: `${project.prefix}-orchestrator`,
    record,
    choice,
    harness,
    reason,
    ownedBy: null,
    times: times.value,
    notes: [
      ...notes,
      ...times.invalid.map(
        (key): Note => ({
          code: 'TIMESTAMP_INVALID',
          severity: 'info',
          id: project.id,
          message: `\`${key}\` is not a date`,
          file: record.file,
        }),
      ),
    ],
    provenance: {
      id: { rule: 'session prefix and `-orchestrator`', from: [] },
      harness:
        record.agent === null
          ? { rule: "the project's orchestrator agent", from: [] }
          : { rule: 'as written', from: origin('agent') },
      prompt: {
        rule: record.userPrompt === null ? 'none' : 'as written',
        from: record.userPrompt === null ? [] : origin('userPrompt'),
      },
      display_name: {
        rule: record.displayName === null ? 'none' : 'as written',
        from: record.displayName === null ? [] : origin('displayName'),
      },
      ...times.provenance,
    },
  };
}

function withOwner(draft: DraftOrchestrator, owner: DraftProject | undefined): DraftOrchestrator {
  if (owner === undefined || owner === draft.project || draft.reason !== null) return draft;
  const note: Note = {
    code: 'PREFIX_CLASH',
    severity: 'warn',
    id: draft.project.id,
    message: `its session prefix is also that of \`${owner.id}\`, which has the session ${draft.sessionId}`,
    file: draft.record.file,
  };
  return { ...draft, ownedBy: owner.id, notes: [...draft.notes, note] };
}

function unknownNote(path: string, records: readonly SessionRecord[]): Note {
  const keys = [...new Set(records.flatMap(({ project }) => project ?? []))];
  const ids = [...new Set(records.map(({ id }) => id))];
  const named = keys.length > 0 ? `names ${keys.map((key) => `\`${key}\``).join(', ')}` : 'names it';
  return {
    code: 'PROJECT_UNKNOWN',
    severity: 'warn',
    id: path.split(/[\\/]/).at(-1) ?? path,
    message: `records of an orchestrator (${ids.join(', ')}) lie here, but no config names their project: --config needs the agent-orchestrator.yaml that ${named}`,
    file: path,
  };
}

/** Session records, V1 candidates, and an `orchestrator.json`, which is no session record of its directory. */
function namingRecords(store: LegacyStore, chosen: readonly DraftOrchestrator[]): SessionRecord[] {
  const records = store.v2.flatMap((directory) => directory.records);
  const read = new Set(records);
  const importable = chosen.filter(({ project }) => project.refusal === null);
  return [...records, ...importable.map(({ record }) => record).filter((record) => !read.has(record))];
}
