import type { SessionRecord } from '../contracts/legacy';
import { asObject, readLifecycle, stateKey, text } from './lifecycle';

type Fields = Readonly<Record<string, unknown>>;

/** Where a record was found, as far as it matters for its meaning. */
export interface RecordPlace {
  readonly id: string;
  readonly file: string;
  readonly generation: 'v1' | 'v2';
  readonly archivedAt: string | null;
  readonly mtimeMs: number;
}

/** Shared: most records name one folder, and there are tens of thousands. */
const NO_PATHS: readonly string[] = Object.freeze([]);
const NO_RAW: Fields = Object.freeze(Object.create(null));

/**
 * One record's fields by name and type (legacy-store.md 3.5). A field of another type counts as absent: shell hooks and
 * flattening updates write odd things, and one of them must not cost the rest.
 *
 * @param keepRaw keep the decoded document for `explain`; a migration of thousands of records needs no second copy
 */
export function decodeRecord(place: RecordPlace, fields: Fields, keepRaw: boolean): SessionRecord {
  const handle = asObject(fields.runtimeHandle);
  const key = stateKey(fields);
  const payload = (key === null ? null : asObject(fields[key])) ?? asObject(fields.statePayload);
  const runtime = payload === null ? null : asObject(payload.runtime);
  const innerHandle = runtime === null ? null : asObject(runtime.handle);
  const worktree = text(fields.worktree);
  let workspacePaths = NO_PATHS;
  for (const each of [handle, innerHandle]) {
    const path = each === null ? null : text(asObject(each.data)?.workspacePath);
    if (path !== null && path !== worktree && !workspacePaths.includes(path))
      workspacePaths = [...workspacePaths, path];
  }
  return {
    ...place,
    lifecycle: readLifecycle(fields),
    role: text(fields.role),
    agent: text(fields.agent)?.trim() ?? null,
    project: text(fields.project),
    worktree,
    branch: text(fields.branch),
    displayName: text(fields.displayName),
    userPrompt: text(fields.userPrompt),
    createdAt: text(fields.createdAt),
    restoredAt: text(fields.restoredAt),
    tmuxName: text(fields.tmuxName) ?? text(runtime?.tmuxName),
    runtimeId: text(handle?.id) ?? text(innerHandle?.id),
    claudeSessionUuid: text(fields.claudeSessionUuid),
    codexThreadId: text(fields.codexThreadId),
    opencodeSessionId: text(fields.opencodeSessionId),
    restoreFallbackReason: text(fields.restoreFallbackReason),
    workspacePaths,
    raw: keepRaw ? fields : NO_RAW,
  };
}

/** Names of records and session ids: legacy-store.md 3.1. */
export const RECORD_ID = /^[A-Za-z0-9_-]+$/;

/** legacy-store.md 3.11: `<id>_<stamp>`, where the id itself may hold `_<digit>`. */
const ARCHIVE_NAME = /^(.+)_(\d{8}T\d{6}Z|\d{4}-\d{2}-\d{2}T[\d:.-]+Z)(?:\.json)?$/;

/** Session id and sortable UTC stamp (`YYYYMMDDHHMMSSmmm`) of an archive's file name, or null. */
export function archiveName(name: string): { id: string; stamp: string } | null {
  const match = ARCHIVE_NAME.exec(name);
  const id = match?.[1];
  const written = match?.[2];
  if (id === undefined || written === undefined || !RECORD_ID.test(id)) return null;
  return { id, stamp: written.replace(/\D/g, '').slice(0, 17).padEnd(17, '0') };
}
