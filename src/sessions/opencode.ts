import { join } from 'node:path';
import type { ConversationFinding, ConversationRequest } from '../contracts/facts';
import type { Note } from '../contracts/notes';
import type { ConversationCopy } from '../contracts/plan';
import type { InstalledAgent } from './agents';
import { blocked, blockedBy, choiceNotes, messageOf, noteFor, notFound, Problems, sizeNotes } from './finding';
import type { Harness, Progress, SessionRoot, StagedConversation } from './harness';
import { oneAfterTheOther } from './in-parallel';
import type { Liveness } from './liveness';
import { isAstray, placementOf, willTakeOver } from './opencode-placement';
import { isSessionId, opencodeId } from './opencode-reid';
import { ending } from './opencode-run';
import { type Located, OpencodeStores, searchByDirectory, searchById } from './opencode-search';
import { databaseSetting, type StoredSession } from './opencode-store';
import { withTemporaryDirectories } from './opencode-target';
import {
  importExport,
  type OpencodeBinary,
  type PreparedExport,
  prepareExport,
  type TransferDeps,
} from './opencode-transfer';
import { emptiesDiffs, parseVersion, storeProblem } from './opencode-versions';
import { spelling } from './physical';
import { ConversationFault } from './source';
import { workerLeft } from './temporary';

export interface OpencodeDeps extends TransferDeps {
  /** In the order in which they are searched. */
  readonly roots: readonly SessionRoot[];
  readonly liveness: Liveness;
  /** What is installed; asked once, and only if a conversation is to be moved. */
  installed(): Promise<InstalledAgent>;
  /** Another rule for new ids than `opencodeId`. */
  readonly newId?: (oldId: string, newDirectory: string) => string;
}

type Refused = Extract<ConversationFinding, { state: 'blocked' }>;

/**
 * OpenCode (harness-sessions.md 3 and 4, migration.md 6.5). Its own `opencode` writes the copy, under new ids; what it
 * wrote is never deleted, neither by `discard` nor by a rollback. Programs run one at a time: each needs some 400 MB.
 */
export function opencodeHarness(deps: OpencodeDeps): Harness {
  const stores = new OpencodeStores(deps.databases, deps.machine.env);
  const newId = deps.newId ?? opencodeId;
  const prepared = new Map<string, { readonly ready: PreparedExport; readonly located: Located }>();
  const oneAtATime = oneAfterTheOther();
  let asked: Promise<InstalledAgent> | null = null;
  const installed = () => {
    asked ??= deps.installed();
    return asked;
  };
  let worker: Promise<number | null> | null = null;
  const workerSeen = () => {
    worker ??= workerLeft(deps.machine);
    return worker;
  };

  return {
    id: 'opencode',
    find: (request) => find(request).catch(blockedBy),
    stage: (copy, progress) => stage(copy, progress),
    place: (staged) => place(staged),
    discard,
    verify: (copy) => verify(copy).catch(messageOf),
  };

  async function find(request: ConversationRequest): Promise<ConversationFinding> {
    const problems = new Problems();
    const notes: Note[] = [];
    const id = request.storedId?.trim() ?? null;
    const isUsable = id !== null && isSessionId(id);
    if (id !== null && !isUsable) {
      notes.push(noteFor(request, 'RESUME_ID_INVALID', 'warn', 'the stored id is no session id of OpenCode'));
    }
    let located = isUsable ? await searchById(id, deps.roots, stores, problems) : null;
    located ??= await searchByDirectory(request, deps.roots, stores, problems);
    if (located === null) return notFound(problems.list, notes);
    return settle(request, located, notes);
  }

  async function settle(request: ConversationRequest, located: Located, notes: Note[]): Promise<ConversationFinding> {
    const { root, session } = located;
    const resumeId = newId(session.id, request.destinationCwd);
    const atWork = await workerSeen();
    if (atWork !== null) return blocked('CONVERSATION_IN_USE', isAtWork(atWork), notes);
    const placement = await placementOf(located, resumeId, request.destinationCwd, newId, stores);
    if (placement.state === 'conflict') return blocked('CONVERSATION_CONFLICT', placement.reason, notes);
    const choice = { how: located.how, id: session.id, others: located.others };
    const named = root.local ? databaseSetting(root, deps.machine.env) : null;
    notes.push(...choiceNotes(request, choice, [root.setting, named]));
    let takesOver = false;
    if (placement.state === 'absent') {
      const owner = root.local ? await deps.liveness.occupant('opencode', request) : null;
      if (owner !== null) return blocked('CONVERSATION_IN_USE', `the conversation is open in ${owner}`, notes);
      const binary = await binaryFor(located);
      if ('state' in binary) return { ...binary, notes };
      notes.push(partsNote(request, session, binary));
      takesOver = await willTakeOver(binary.version, root.destination);
    }
    notes.push(...sizeNotes(request, session.size));
    return {
      state: 'found',
      resumeId,
      sourceId: session.id,
      how: located.how,
      files: [],
      size: session.size,
      messages: session.messages,
      destination: placement.state,
      ...(takesOver ? { takesOver: true } : {}),
      notes,
    };
  }

  /** The user's `opencode`, if it can do what is needed with this store and with the one that is written. */
  async function binaryFor({ root, store }: Located): Promise<OpencodeBinary | Refused> {
    const refused = (code: Refused['code'], reason: string): Refused => ({
      state: 'blocked',
      code,
      reason,
      failed: false,
      notes: [],
    });
    const { binary, version, problem } = await installed();
    if (binary === null)
      return refused('HARNESS_MISSING', 'opencode is not installed, and only it can place its conversation');
    const parsed = version === null ? null : parseVersion(version);
    if (parsed === null)
      return refused('HARNESS_VERSION', `opencode cannot be used: ${problem ?? 'its version is unknown'}`);
    const targets = root.path === root.destination ? [] : await stores.of(at(root.destination), new Problems());
    for (const { kind } of [store, ...targets]) {
      const unfit = storeProblem(parsed, kind);
      if (unfit !== null) return refused('HARNESS_VERSION', `opencode ${version} cannot be used: ${unfit}`);
    }
    return { path: binary, version: parsed };
  }

  async function stage(copy: ConversationCopy, progress: Progress): Promise<StagedConversation> {
    if (copy.destination === 'in-place') return { copy, files: [], createdDirectories: [] };
    const located = await searchById(copy.sourceId, deps.roots, stores, new Problems());
    if (located === null)
      throw new ConversationFault('CONVERSATION_UNREADABLE', `the session ${copy.sourceId} is gone`);
    const binary = await binaryFor(located);
    if ('state' in binary) throw new ConversationFault('CONVERSATION_UNREADABLE', binary.reason);
    let left = copy.size;
    const advance = (bytes: number) => {
      const counted = Math.min(bytes, left);
      left -= counted;
      if (counted > 0) progress.advance(counted);
    };
    const newIdHere = (oldId: string) => newId(oldId, copy.destinationCwd);
    const ready = await oneAtATime(() => prepareExport(located, copy.destinationCwd, newIdHere, binary, deps, advance));
    prepared.set(ready.file, { ready, located });
    const { file, size, sha256, messages, parts } = ready;
    // A destination that never exists: recovery by the journal removes the temporary file and nothing else.
    const destination = join(ready.directory.path, 'imported');
    const sums = { sourceSha256: sha256, trimmedSha256: sha256, sha256 };
    return {
      copy,
      files: [{ temporary: file, destination, ...sums, size }],
      counts: { messages, parts },
      createdDirectories: [ready.directory.path],
    };
  }

  async function place({ copy, files }: StagedConversation): Promise<void> {
    const [file] = files;
    const work = file === undefined ? undefined : prepared.get(file.temporary);
    if (work === undefined) {
      if (copy.destination === 'in-place') return;
      throw new ConversationFault('CONVERSATION_UNREADABLE', 'its export is not there any more');
    }
    try {
      await oneAtATime(() => importAndLook(copy, work.ready, work.located));
    } finally {
      prepared.delete(work.ready.file);
      await work.ready.directory.remove();
    }
  }

  async function importAndLook(copy: ConversationCopy, ready: PreparedExport, located: Located): Promise<void> {
    const binary = await binaryFor(located);
    if ('state' in binary) throw new ConversationFault('CONVERSATION_UNREADABLE', binary.reason);
    const { root } = located;
    // Newer releases move a session that is there already, so it must be ours, or not be there (harness-sessions.md 3.3).
    const placement = await placementOf(located, copy.resumeId, copy.destinationCwd, newId, stores);
    if (placement.state === 'conflict') throw new ConversationFault('CONVERSATION_CONFLICT', placement.reason);
    const target = {
      root: root.destination,
      local: root.local,
      directory: copy.destinationCwd,
      projectPath: located.session.project === 'global' ? null : copy.projectPath,
      takesOver: await willTakeOver(binary.version, root.destination),
    };
    // Asked anew: one may have been left since the look.
    const atWork = await workerLeft(deps.machine);
    if (atWork !== null) throw new ConversationFault('CONVERSATION_CONFLICT', isAtWork(atWork));
    const result = await withTemporaryDirectories(copy.destinationCwd, async (goesOn) => {
      const ended = await importExport(ready, target, binary, deps);
      if (target.takesOver && ended.timedOut) goesOn();
      return ended;
    });
    if (target.takesOver && result.timedOut) {
      throw new ConversationFault(
        'CONVERSATION_CONFLICT',
        'opencode still takes its JSON files over, and goes on by itself',
      );
    }
    const originalDigest = await located.store.digest(located.session.id);
    const found = await copyOf(copy, root);
    if (originalDigest !== ready.originalDigest) {
      throw new ConversationFault(
        'CONVERSATION_UNREADABLE',
        `the original session ${copy.sourceId} changed during the import`,
      );
    }
    const problem = found === null ? 'left no session' : difference(found, copy, located.session, ready);
    if (problem === null) return;
    const half = found === null ? '' : `; the session ${copy.resumeId} was left as it is`;
    throw new ConversationFault('CONVERSATION_UNREADABLE', `opencode import ${ending(result)} and ${problem}${half}`);
  }

  /** The session under its new id in the root in which it belongs. */
  async function copyOf(copy: ConversationCopy, root: SessionRoot): Promise<StoredSession | null> {
    // Others than those of the search, which list files once: an old release has just written some.
    const now = new OpencodeStores(deps.databases, deps.machine.env);
    for (const store of await now.of(at(root.destination), new Problems())) {
      const session = await store.session(copy.resumeId);
      if (session !== null) return session;
    }
    return null;
  }

  async function discard({ files }: StagedConversation): Promise<void> {
    for (const { temporary } of files) {
      await prepared.get(temporary)?.ready.directory.remove();
      prepared.delete(temporary);
    }
  }

  async function verify(copy: ConversationCopy): Promise<string | null> {
    const located = await searchById(copy.sourceId, deps.roots, stores, new Problems());
    const roots = located === null ? deps.roots : [located.root];
    for (const root of roots) {
      const found = await copyOf(copy, root);
      if (found === null) continue;
      // Parts are counted nowhere but in the original, as long as it is what it was.
      const original = located?.session.messages === copy.messages ? located.session.parts : 0;
      const least = { messages: copy.messages ?? 1, parts: original };
      const problem = difference(found, copy, located?.session ?? null, least);
      return problem === null ? null : `the session ${copy.resumeId} ${problem}`;
    }
    return `the session ${copy.resumeId} is not in OpenCode's store`;
  }
}

/** What is wrong with a placed session, or null. One that has gone on since has more, never less. */
function difference(
  found: StoredSession,
  copy: ConversationCopy,
  original: StoredSession | null,
  least: { readonly messages: number; readonly parts: number },
): string | null {
  if (spelling(found.directory) !== spelling(copy.destinationCwd)) return `has the directory ${found.directory}`;
  if (original !== null && isAstray(found, original)) return 'is in no repository, because git could not be asked';
  if (found.messages < least.messages) return `has ${found.messages} of ${least.messages} messages`;
  if (found.parts < least.parts) return `has ${found.parts} of ${least.parts} message parts`;
  return null;
}

/** What OpenCode's export leaves out (harness-sessions.md 3.3). */
function partsNote(request: ConversationRequest, session: StoredSession, binary: OpencodeBinary): Note {
  const left = ['its undo history'];
  if (session.todos > 0) left.push('its to-do list');
  if (session.children > 0) left.push(`${session.children} conversations of sub-agents`);
  if (session.shared) left.push('its share link');
  if (emptiesDiffs(binary.version, 'mixed')) left.push('lists of changed files that another release wrote');
  return noteFor(request, 'CONVERSATION_PARTS', 'info', `stay behind: ${left.join(', ')}`);
}

function isAtWork(pid: number): string {
  return `opencode (pid ${pid}) still takes its JSON files over for an earlier run`;
}

/** The root at a destination, which is always on this machine. */
function at(path: string): SessionRoot {
  return { path, destination: path, setting: null, local: true };
}
