import type { LegacyStore, SessionRecord } from '../contracts/legacy';
import type { PlannedOrchestrator } from '../contracts/plan';
import { stateKey } from '../legacy/lifecycle';
import { type CandidateFinder, looksLikeOrchestrator } from './candidates';
import {
  defaultsReason,
  degradedReason,
  entryReason,
  localReason,
  preferenceReason,
  registeredReason,
} from './config-reasons';
import { derived, ignored, type Reason } from './disposition';
import type { DraftOrchestrator } from './draft';
import type { Leaf } from './leaves';
import type { DraftProject } from './projects';
import { recordReason } from './record-reasons';
import { isRegistration } from './registration';
import { isNothing } from './settings';

/** A part of a file that belongs to a project, and why its leaves are in no row where none cites them. */
export interface Claim {
  readonly file: string;
  /** First key, or the first two below `projects`; null for the whole file. */
  readonly part: string | null;
  /** Keys that lead to the part. */
  readonly below: number;
  readonly reason: (leaf: Leaf) => Reason;
}

/** The part of a file that a leaf is in: its first key, and below `projects` the next one too. */
export function partOf(keys: readonly (string | number)[]): string {
  return keys[0] === 'projects' && keys.length > 1 ? `projects\0${keys[1]}` : String(keys[0] ?? '');
}

/** What a project's ledger is made for. */
export interface ClaimContext {
  readonly store: LegacyStore;
  readonly finder: CandidateFinder;
  readonly ids: ReadonlySet<string>;
  /** Read files by directory, see `filesByFolder`. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  readonly drafted: DraftOrchestrator | null;
  readonly planned: PlannedOrchestrator | null;
}

/** Everything of the old store that is about one project, file by file; a part is claimed once. */
export function claimsOf(project: DraftProject, context: ClaimContext): Claim[] {
  const { store } = context;
  const claims = [...configClaims(project, store), ...portfolioClaims(project, store)];
  for (const { file, record, isOrigin } of recordFiles(project, context)) {
    const reason = isOrigin
      ? () => derived('tells which config made this folder')
      : recordReasons(project, record, context);
    claims.push({ file, part: null, below: 0, reason: (leaf) => formReason(leaf) ?? reason(leaf) });
  }
  const seen = new Set<string>();
  return claims.filter(({ file, part }) => {
    const key = `${file}\0${part ?? ''}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}

function configClaims(project: DraftProject, store: LegacyStore): Claim[] {
  const { entry, settings } = project;
  const { own, kind } = settings;
  const claims: Claim[] = [];
  const inside = (file: string, id: string, isOwn: boolean): Claim => ({
    file,
    part: `projects\0${id}`,
    below: 2,
    reason: (leaf) => entryReason(leaf.keys.slice(2), leaf, settings, isOwn),
  });
  const ownId = own !== null && own.keys[0] === 'projects' ? String(own.keys[1]) : null;
  const isOwn = own !== null && own.file === entry.origin.file && ownId === entry.id;
  claims.push(inside(entry.origin.file, entry.id, isOwn));
  if (own !== null && ownId !== null && !isOwn) {
    const reason = (leaf: Leaf): Reason => localReason(leaf.keys.slice(2), leaf);
    claims.push({ file: own.file, part: `projects\0${ownId}`, below: 2, reason });
  }
  for (const section of [settings.registryDefaults, settings.wrappedDefaults]) {
    if (section === null) continue;
    const reason = (leaf: Leaf): Reason => defaultsReason(leaf.keys.slice(1), leaf);
    claims.push({ file: section.file, part: 'defaults', below: 1, reason });
  }
  const local = entry.path.resolved === null ? undefined : store.locals.get(entry.path.resolved);
  if (!settings.registered || local === undefined || local.kind === 'missing') return claims;
  const whole = { file: local.file, part: null, below: 0 };
  if (local.kind === 'loaded') claims.push({ ...whole, reason: (leaf) => localReason(leaf.keys, leaf) });
  else if (kind === 'degraded') {
    const problem = local.kind === 'wrapped' ? 'no entry in it is this project' : local.problem;
    const lossy = local.kind !== 'invalid' || !isNothing(local.tree);
    claims.push({ ...whole, reason: () => degradedReason(problem, lossy) });
  }
  return claims;
}

function portfolioClaims({ id, entry }: DraftProject, store: LegacyStore): Claim[] {
  const claims: Claim[] = [];
  if (store.preferences !== null) {
    const reason = (leaf: Leaf): Reason => preferenceReason(leaf.keys.slice(2), leaf);
    claims.push({ file: store.preferences.file, part: `projects\0${id}`, below: 2, reason });
  }
  for (const each of store.registered) {
    if (!isRegistration(each, entry)) continue;
    const reason = (leaf: Leaf): Reason => registeredReason(leaf.keys.slice(2));
    claims.push({ file: each.origin.file, part: partOf(each.origin.keys), below: 2, reason });
  }
  return claims;
}

/** A leaf that is in no row because of the form of its file, or null. */
export function formReason(leaf: Leaf): Reason | null {
  if (leaf.overridden) return ignored('a later line of the file has the same key');
  if (!leaf.unparsed) return null;
  return leaf.tree.kind === 'scalar' && leaf.tree.source.trim() === ''
    ? ignored('the file is empty')
    : ignored('the file cannot be read as what it should be', 'Repair the file by hand and run again.');
}

interface RecordFile {
  readonly file: string;
  readonly record: SessionRecord | null;
  readonly isOrigin: boolean;
}

/** Files of the project's directories, of both generations, that were read. */
function recordFiles(project: DraftProject, { store, finder, files }: ClaimContext): RecordFile[] {
  const records = new Map<string, SessionRecord>();
  const folders = new Set<string>();
  for (const directory of store.v2) {
    if (!project.recordKeys.includes(directory.id)) continue;
    folders.add(directory.path);
    for (const record of directory.records) records.set(record.file, record);
    if (directory.standalone !== null) records.set(directory.standalone.file, directory.standalone);
  }
  for (const directory of store.v1) {
    if (!finder.owns(directory, project)) continue;
    folders.add(directory.path);
    for (const record of [...directory.records, ...directory.archives]) records.set(record.file, record);
  }
  const found = [...folders].flatMap((folder) => files.get(folder) ?? []);
  return found.map((file) => ({
    file,
    record: records.get(file) ?? null,
    isOrigin: /[\\/]\.origin$/.test(file),
  }));
}

/** The read files of each V1 and V2 directory, in the order of their paths. */
export function filesByFolder(store: LegacyStore): Map<string, string[]> {
  const files = new Map<string, string[]>();
  for (const { path } of store.files) {
    const folder = folderOf(path, store.root);
    const members = files.get(folder);
    if (members === undefined) files.set(folder, [path]);
    else members.push(path);
  }
  return files;
}

/** The V1 or V2 directory that a file of the store is in, as a path; empty for others. */
export function folderOf(path: string, root: string): string {
  if (!path.startsWith(root)) return '';
  const [, first = '', second = ''] = path.slice(root.length).split(/[\\/]/);
  const depth = first === 'projects' ? first.length + second.length + 2 : first.length + 1;
  return path.slice(0, root.length + depth);
}

function recordReasons(
  project: DraftProject,
  record: SessionRecord | null,
  { drafted, planned, ids }: ClaimContext,
): (leaf: Leaf) => Reason {
  if (record === null)
    return () => ignored('the file holds no session record', 'Repair the file by hand and run again.');
  if (drafted !== null && drafted.record.file === record.file) {
    const chosen = {
      harness: drafted.harness,
      branchRule: planned?.provenance.branch?.rule ?? null,
      conversationRule: planned?.provenance.agent_session_id?.rule ?? null,
      payload: stateKey(record.raw),
    };
    return (leaf) => recordReason(leaf, chosen);
  }
  const why = otherRecord(project, record, drafted, ids);
  return () => why;
}

function otherRecord(
  project: DraftProject,
  record: SessionRecord,
  drafted: DraftOrchestrator | null,
  ids: ReadonlySet<string>,
): Reason {
  if (record.generation === 'v1' && record.project !== null && record.project !== project.id && ids.has(record.project))
    return ignored(`the record belongs to the project ${record.project}`);
  if (!looksLikeOrchestrator(record)) return ignored('the record of a worker; only orchestrators are migrated');
  return drafted === null
    ? ignored('no orchestrator of this project is migrated')
    : ignored(`another record of the orchestrator was chosen: ${drafted.record.file}`);
}
