import type { ExistingSession, HarnessId } from '../contracts/facts';
import type { SessionRecord } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import type { Provenance } from '../contracts/plan';
import { fallbackBranch } from './branch';
import type { DraftOrchestrator } from './draft';
import type { Facts } from './targets';

/** What an existing row is compared with. */
export interface ComparedWith {
  readonly draft: DraftOrchestrator;
  readonly managedPath: string;
  /** Under which the daemon files this project. */
  readonly daemonPrefix: string;
  /** Folders below which the daemon's own worktrees lie. */
  readonly managedRoots: readonly string[];
  /** Tells the ids of an agent from texts that are none. */
  readonly resumeIdOf: Facts['resumeId'];
  /** Of the conversation that the row would get now; null where that was not asked, or none was found. */
  readonly resumeId: string | null;
}

/** How a session row that is there already compares with the one that would be written (migration.md 6.3). */
export interface Compared {
  readonly outcome: 'identical' | 'differs';
  readonly reason: string | null;
  /** Columns with another value. */
  readonly fields: readonly string[];
  readonly notes: readonly Note[];
}

/** Compares all columns that the tool writes. Of the branch, which the state of the repository decides, any that it could be. */
export function compareSession(existing: ExistingSession, wanted: ComparedWith): Compared {
  const { draft, managedPath, resumeId } = wanted;
  const { columns } = existing;
  const expected: Record<string, readonly unknown[]> = {
    num: [0],
    kind: ['orchestrator'],
    harness: [draft.harness],
    activity_state: ['exited'],
    activity_last_at: [draft.times.activityAt],
    is_terminated: [1],
    branch: [draft.record.branch, fallbackBranch(wanted.daemonPrefix)],
    workspace_path: [managedPath],
    runtime_handle_id: [''],
    ...(resumeId === null ? {} : { agent_session_id: [resumeId] }),
    prompt: [draft.record.userPrompt ?? ''],
    created_at: [draft.times.createdAt],
    updated_at: [draft.times.updatedAt],
    display_name: [draft.record.displayName ?? ''],
    first_signal_at: [draft.times.activityAt],
  };
  const fields = Object.keys(expected).filter((column) => expected[column]?.includes(columns[column]) === false);
  const id = draft.project.id;
  if (isStuck(existing, wanted)) {
    const message = `an older importer wrote ${existing.id}, and no daemon can resume it; start a new orchestrator, or open the old conversation by hand with \`${byHand(existing, wanted)}\` in ${text(columns.workspace_path)}`;
    return {
      outcome: 'differs',
      reason: 'OLD_IMPORT_STUCK: an older importer wrote it',
      fields,
      notes: [{ code: 'OLD_IMPORT_STUCK', severity: 'warn', id, message }],
    };
  }
  if (fields.length === 0) return { outcome: 'identical', reason: null, fields, notes: [] };
  const message = `the rewrite has ${existing.id} already, with another ${fields.join(', ')}`;
  return {
    outcome: 'differs',
    reason: null,
    fields,
    notes: [{ code: 'SESSION_DIFFERS', severity: 'info', id, message }],
  };
}

/**
 * Whether the resume id of an existing row can only be judged by looking for its conversation: it has one, and not the one
 * that the stored id of the record leads to. It may have been recovered.
 */
export function isDoubted(
  { columns }: ExistingSession,
  { draft, managedPath, resumeIdOf }: Omit<ComparedWith, 'resumeId'>,
): boolean {
  const id = text(columns.agent_session_id);
  const stored = storedId(draft);
  if (id === '' || draft.harness === null) return false;
  return stored === null || id.toLowerCase() !== resumeIdOf(draft.harness, stored, managedPath)?.toLowerCase();
}

/** Where the values of an existing row stand in the record, those that hang on more than the old store. */
export function existingProvenance(
  { columns }: ExistingSession,
  draft: DraftOrchestrator,
  isIdOfRecord: boolean,
): Readonly<Record<string, Provenance>> {
  const from = (key: string | null): Provenance =>
    key === null ? AS_IT_IS : { rule: 'as written', from: [{ file: draft.record.file, keys: [key] }] };
  return {
    num: AS_IT_IS,
    kind: AS_IT_IS,
    activity_state: AS_IT_IS,
    is_terminated: AS_IT_IS,
    workspace_path: AS_IT_IS,
    runtime_handle_id: AS_IT_IS,
    branch: from(columns.branch === draft.record.branch ? 'branch' : null),
    agent_session_id: from(isIdOfRecord ? idKey(draft) : null),
  };
}

const AS_IT_IS: Provenance = { rule: 'as the rewrite has it', from: [] };

/** The conversation id that each agent's records keep (legacy-store.md 5.1). */
export const ID_KEYS = {
  'claude-code': 'claudeSessionUuid',
  codex: 'codexThreadId',
  opencode: 'opencodeSessionId',
} as const satisfies Record<HarnessId, keyof SessionRecord>;

/** The key under which the record of an orchestrator holds the id of its conversation. */
export function idKey({ harness }: Pick<DraftOrchestrator, 'harness'>): (typeof ID_KEYS)[HarnessId] {
  return ID_KEYS[harness ?? 'claude-code'];
}

/** The id of its conversation that the record of an orchestrator holds, as it is written there. */
export function storedId(draft: Pick<DraftOrchestrator, 'harness' | 'record'>): string | null {
  return draft.harness === null ? null : draft.record[idKey(draft)];
}

/** What the older importers wrote: no handle, and a workspace that is not the daemon's (migration.md 6.3, 6.6). */
function isStuck({ columns }: ExistingSession, { managedRoots }: ComparedWith): boolean {
  if (columns.runtime_handle_id !== '') return false;
  const slashes = (path: string): string => path.replaceAll('\\', '/');
  const workspace = slashes(text(columns.workspace_path));
  return !managedRoots.some((root) => workspace.startsWith(`${slashes(root)}/`));
}

/**
 * The command that opens the old conversation; `<id>` where nobody knows it. Somebody will type it, so nothing is told in
 * the place of an id that is none (harness-sessions.md 6).
 */
function byHand({ columns }: ExistingSession, { draft, managedPath, resumeIdOf }: ComparedWith): string {
  const harness = draft.harness ?? 'claude-code';
  const ids = [text(columns.agent_session_id), storedId(draft) ?? ''];
  const id = ids.find((each) => resumeIdOf(harness, each, managedPath) !== null) ?? '<id>';
  const agent = { 'claude-code': 'claude --resume', codex: 'codex resume', opencode: 'opencode --session' };
  return `${agent[harness]} ${id}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
