import { basename, dirname, join } from 'node:path';
import type { ConversationFile, ConversationFinding, ConversationRequest } from '../contracts/facts';
import type { Note } from '../contracts/notes';
import type { ConversationCopy } from '../contracts/plan';
import { ClaudeRoot, type ClaudeRootDeps } from './claude-folders';
import { ClaudeSearch, type Located } from './claude-search';
import { readSidecar } from './claude-sidecar';
import {
  holdsMessage,
  readTranscript,
  type Transcript,
  TranscriptMemory,
  transcriptRewrite,
  type Unsaid,
} from './claude-transcript';
import {
  blocked,
  blockedBy,
  choiceNotes,
  ifPresent,
  listing,
  messageOf,
  noteFor,
  notFound,
  rootOf,
  sizeNotes,
  stateOfVerbatim,
} from './finding';
import type { Harness, HarnessOptions, SessionRoot } from './harness';
import { isUuid } from './ids';
import { type Comparison, compare, rewritten } from './rewrite';
import { slug } from './slug';
import { type OpenFile, obstacleBelow, withFile } from './source';
import { discardFiles, placeFiles, type StagingDeps, type StagingJob, stageFiles } from './staging';

export interface ClaudeDeps extends ClaudeRootDeps, StagingDeps {
  /** In the order in which they are searched. */
  readonly roots: readonly SessionRoot[];
  readonly options: HarnessOptions;
  /** Shared by the looks of one run. */
  readonly transcripts?: TranscriptMemory;
}

/**
 * Claude Code (harness-sessions.md 1 and 4, migration.md 6.5). The id stays; the file goes to the slug of the new
 * directory. Folders and registries are listed once, so an instance serves one plan and its application.
 */
export function claudeHarness(deps: ClaudeDeps): Harness {
  const roots = deps.roots.map((root) => new ClaudeRoot(root, deps));
  const transcripts = deps.transcripts ?? new TranscriptMemory(true);
  return {
    id: 'claude-code',
    find: (request) => find(request).catch(blockedBy),
    stage: async (copy, progress) => stageFiles(copy, jobsOf(copy), progress, deps),
    place: placeFiles,
    discard: discardFiles,
    verify: (copy) => verify(copy).catch(messageOf),
  };

  async function find(request: ConversationRequest): Promise<ConversationFinding> {
    const search = new ClaudeSearch(request, roots, transcripts);
    const notes: Note[] = [];
    let located: Located | null = null;
    if (request.storedId !== null && isUuid(request.storedId)) located = await search.byId(request.storedId);
    else if (request.storedId !== null)
      notes.push(noteFor(request, 'RESUME_ID_INVALID', 'warn', 'the stored id is no UUID'));
    if (located === null && request.mayRecover) located = (await search.newest()) ?? (await search.byHistory());
    if (located === null && request.byTime) located = await search.byTime();
    if (located === null) return notFound(search.problems.list, notes);
    const user = located.root.isLocal ? await userOf(request, located) : null;
    if (user !== null) return blocked('CONVERSATION_IN_USE', `the conversation is in use by ${user}`, notes);
    return settle(request, located, notes);
  }

  async function settle(request: ConversationRequest, found: Located, before: Note[]): Promise<ConversationFinding> {
    const { root, id, path, size, mtimeMs, how } = found;
    const folder = join(root.destination, 'projects', slug(deps.paths.of(request.destinationCwd)));
    const main = { source: path, destination: join(folder, `${id}.jsonl`), size, mtimeMs };
    const obstacle = obstacleBelow(root.destination, folder);
    const state = obstacle === null ? await stateOf(main, id) : null;
    const isPlaced = state === 'equal' || state === 'grown';
    // What is in place is not copied, so nobody would come by what lies behind its beginning.
    const transcript = isPlaced ? await wholeOf(found) : found.transcript;
    const notes = [...before, ...notesOf(request, found, transcript)];
    if (obstacle !== null) return blocked('CONVERSATION_CONFLICT', `is a link or no directory: ${obstacle}`, notes);
    if (state === 'different')
      return blocked('CONVERSATION_CONFLICT', `another file is there: ${main.destination}`, notes);

    const sidecar = await sidecarOf(join(dirname(path), id), join(folder, id));
    const memory = join(dirname(path), 'memory');
    const behind = [...sidecar.left, ...(readSidecar(memory).files.length > 0 ? [memory] : [])];
    if (isPlaced) behind.push(...sidecar.missing.map((file) => file.source));
    else if (sidecar.conflict !== null) {
      return blocked('CONVERSATION_CONFLICT', `another file is there: ${sidecar.conflict}`, notes);
    }
    if (behind.length > 0) notes.push(noteFor(request, 'CONVERSATION_PARTS', 'info', `not copied: ${listing(behind)}`));
    const files = isPlaced ? [main] : [main, ...sidecar.missing];
    return {
      state: 'found',
      resumeId: id,
      sourceId: id,
      how,
      files,
      size: files.reduce((sum, file) => sum + file.size, 0),
      messages: transcript.messages,
      destination: isPlaced ? 'in-place' : 'absent',
      ...(mayHideRole(transcript) ? { roleNote: roleNote(request) } : {}),
      notes,
    };
  }

  async function wholeOf({ path, transcript }: Located): Promise<Transcript> {
    return transcript.isBeginning ? withFile(path, readTranscript) : transcript;
  }

  function mayHideRole({ isBeginning, hasSnapshot }: Transcript): boolean {
    return isBeginning && !hasSnapshot && !deps.options.stripRoleSnapshot;
  }

  /** Who has the conversation open (migration.md 6.3), for people; null if nobody. */
  async function userOf(request: ConversationRequest, { root, id }: Located): Promise<string | null> {
    const registered = await root.ownerOf(id);
    if (registered !== null) return `process ${registered}`;
    return deps.liveness.occupant('claude-code', request);
  }

  /** How the destination compares with what would be written; null where nothing is there. */
  async function stateOf(file: ConversationFile, id: string): Promise<Comparison | null> {
    if (file.source === file.destination) return 'equal';
    return ifPresent(file.destination, (existing) =>
      withFile(file.source, async (source) => compare(existing, rewritten(source, await rewriteOf(source, id)))),
    );
  }

  function rewriteOf(file: OpenFile, id: string, unsaid: Unsaid = {}) {
    return transcriptRewrite(file, id, deps.options.stripRoleSnapshot, unsaid);
  }

  function jobsOf(copy: ConversationCopy): StagingJob[] {
    if (copy.destination === 'in-place') return [];
    const unsaid: Unsaid = {
      counts: copy.messages === null && deps.options.countsCopies,
      ...(copy.roleNote === undefined ? {} : { roleNote: copy.roleNote }),
    };
    return copy.files.map((file, index) => ({
      ...file,
      sourceRoot: rootOf(
        file.source,
        roots.map((root) => root.path),
      ),
      destinationRoot: rootOf(
        file.destination,
        roots.map((root) => root.destination),
      ),
      rewrite: async (source) =>
        index === 0 ? rewriteOf(source, copy.resumeId, unsaid) : { end: source.size, edits: [] },
    }));
  }

  /** The Claude column of harness-sessions.md 4. That the last row parses follows from its being the source's own. */
  async function verify(copy: ConversationCopy): Promise<string | null> {
    const [main, ...sidecar] = copy.files;
    if (main === undefined) return 'no file is named';
    const path = join(slug(deps.paths.of(copy.destinationCwd)), `${copy.resumeId}.jsonl`);
    if (join(basename(dirname(main.destination)), basename(main.destination)) !== path) {
      return `not where the agent looks for it: ${main.destination}`;
    }
    const state = await stateOf(main, copy.resumeId);
    if (state === null) return `missing: ${main.destination}`;
    if (state === 'different') return `not the same as its source: ${main.destination}`;
    if (!(await withFile(main.destination, holdsMessage))) return `without a message: ${main.destination}`;
    for (const file of sidecar) {
      const part = await stateOfVerbatim(file);
      if (part === null || part === 'different') return `not the same as its source: ${file.destination}`;
    }
    return null;
  }

  function notesOf(request: ConversationRequest, located: Located, transcript: Transcript): Note[] {
    const { root, size } = located;
    const notes = choiceNotes(request, located, [root.setting]);
    if (transcript.hasSnapshot && !deps.options.stripRoleSnapshot) notes.push(roleNote(request));
    notes.push(...sizeNotes(request, size));
    return notes;
  }
}

function roleNote(request: ConversationRequest): Note {
  return noteFor(request, 'CONVERSATION_ROLE', 'warn', 'a recorded system prompt is carried along');
}

/** What of a sidecar is still to be copied. Files that are there and equal are left out; a different one is a conflict. */
async function sidecarOf(from: string, to: string) {
  const { files, left } = readSidecar(from);
  const missing: ConversationFile[] = [];
  let conflict: string | null = null;
  for (const { name, size, mtimeMs } of files) {
    const file = { source: join(from, name), destination: join(to, name), size, mtimeMs };
    const obstacle = await obstacleBelow(dirname(to), dirname(file.destination));
    const state = obstacle === null ? await stateOfVerbatim(file) : 'different';
    if (state === null) missing.push(file);
    else if (state !== 'equal') conflict ??= obstacle ?? file.destination;
  }
  return { missing, conflict, left: left.map((name) => join(from, name)) };
}
