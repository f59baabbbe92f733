import { basename, dirname, join } from 'node:path';
import type { ConversationFinding, ConversationRequest, FoundConversation } from '../contracts/facts';
import type { Note } from '../contracts/notes';
import type { ConversationCopy } from '../contracts/plan';
import { CodexRoot, type RolloutFile } from './codex-index';
import { holdsMessages, type Rollout, readMeta, readRollout, rolloutRewrite, unusableMeta } from './codex-rollout';
import {
  blocked,
  blockedBy,
  choiceNotes,
  ifPresent,
  listing,
  messageOf,
  noteFor,
  notFound,
  Problems,
  rootOf,
} from './finding';
import type { Harness, HarnessOptions, SessionRoot } from './harness';
import { codexId, isUuid } from './ids';
import type { Liveness } from './liveness';
import { directoryMatcher, physical } from './physical';
import { type Comparison, compare, rewritten } from './rewrite';
import { obstacleBelow, withFile } from './source';
import { discardFiles, placeFiles, type StagingDeps, type StagingJob, stageFiles } from './staging';

export interface CodexDeps extends StagingDeps {
  /** In the order in which they are searched. */
  readonly roots: readonly SessionRoot[];
  readonly liveness: Liveness;
  readonly countsCopies: HarnessOptions['countsCopies'];
  /** Another rule for new ids than `codexId`. */
  readonly newId?: (oldId: string, newDirectory: string) => string;
}

interface Located {
  readonly root: CodexRoot;
  readonly file: RolloutFile;
  readonly how: FoundConversation['how'];
  readonly size: number;
  readonly mtimeMs: number;
  readonly rollout: Rollout;
  readonly others: readonly string[];
}

/**
 * Codex (harness-sessions.md 2 and 4, migration.md 6.5). The copy is a rollout of its own, with a new id and the new
 * directory in it. Names and first rows are listed once, so an instance serves one plan and its application.
 */
export function codexHarness(deps: CodexDeps): Harness {
  const roots = deps.roots.map((root) => new CodexRoot(root));
  const newId = deps.newId ?? codexId;
  return {
    id: 'codex',
    find: (request) => find(request).catch(blockedBy),
    stage: async (copy, progress) => stageFiles(copy, jobsOf(copy), progress, deps),
    place: placeFiles,
    discard: discardFiles,
    verify: (copy) => verify(copy).catch(messageOf),
  };

  async function find(request: ConversationRequest): Promise<ConversationFinding> {
    const problems = new Problems();
    const notes: Note[] = [];
    let located: Located | null = null;
    if (request.storedId !== null && isUuid(request.storedId)) located = await byId(request.storedId, problems);
    else if (request.storedId !== null)
      notes.push(noteFor(request, 'RESUME_ID_INVALID', 'warn', 'the stored id is no UUID'));
    if (located === null && request.mayRecover) located = await newest(request, problems);
    if (located === null) return notFound([...problems.list, ...roots.flatMap((root) => root.problems.list)], notes);
    const user = located.root.isLocal ? await userOf(request, located) : null;
    if (user !== null) return blocked('CONVERSATION_IN_USE', `the conversation is in use by ${user}`, notes);
    return settle(request, located, [...notes, ...(await notesOf(request, located))]);
  }

  async function byId(id: string, problems: Problems): Promise<Located | null> {
    for (const root of roots) {
      for (const file of await root.filesOf(id)) {
        const located = await problems.guard(() => read(root, file, 'stored', []));
        if (located !== null) return located;
      }
    }
    return null;
  }

  /**
   * The newest that was begun in the worktree, else in another workspace path of the record that is no other record's
   * worktree; the first such root decides (R27). One without id in its first row is no candidate; where there is no other,
   * it is in the way.
   */
  async function newest(request: ConversationRequest, problems: Problems): Promise<Located | null> {
    const isProject = directoryMatcher([request.projectPath]);
    const workspaces = request.workspacePaths.filter((path) => !isProject(path) && !request.isOthers(path));
    for (const root of roots) {
      for (const directory of [...(request.worktree === null ? [] : [request.worktree]), ...workspaces]) {
        const usable: RolloutFile[] = [];
        for (const file of await root.begunIn(directory)) {
          if (request.isTaken(file.id)) continue;
          if (!(await problems.guard(() => withFile(file.path, holdsMessages)))) continue;
          if (file.namesId) usable.push(file);
          else problems.refuse(unusableMeta(file.path).message);
        }
        const [first, ...rest] = usable;
        if (first === undefined) continue;
        const others = new Set(rest.map((each) => each.id).filter((id) => id !== first.id));
        return problems.guard(() => read(root, first, 'recovered', [...others]));
      }
    }
    return null;
  }

  /** Null where the rollout has no messages (R1). */
  function read(
    root: CodexRoot,
    file: RolloutFile,
    how: Located['how'],
    others: readonly string[],
  ): Promise<Located | null> {
    return withFile(file.path, async (open) => {
      const rollout = await readRollout(open);
      if (!rollout.hasMessages) return null;
      // The copy needs both; without them the fault belongs in the plan, not in its application.
      if (rollout.meta === null || rollout.meta.id === null || rollout.meta.cwd === null) throw unusableMeta(file.path);
      const size = file.isCompressed ? rollout.size : open.size;
      return { root, file, how, size, mtimeMs: open.mtimeMs, rollout, others };
    });
  }

  async function settle(
    request: ConversationRequest,
    located: Located,
    notes: readonly Note[],
  ): Promise<ConversationFinding> {
    const { root, file, how, size, mtimeMs, rollout } = located;
    const directory = physical(request.destinationCwd);
    const resumeId = newId(file.id, directory);
    const main = { source: file.path, destination: root.destinationOf(file, resumeId), size, mtimeMs };
    const obstacle = await obstacleBelow(root.destination, dirname(main.destination));
    if (obstacle !== null) return blocked('CONVERSATION_CONFLICT', `is a link or no directory: ${obstacle}`, notes);
    const other = await otherFileOf(resumeId, main.destination);
    if (other !== null) return blocked('CONVERSATION_CONFLICT', `the new id is taken: ${other}`, notes);
    const state = await stateOf(main, resumeId, directory);
    if (state === 'different')
      return blocked('CONVERSATION_CONFLICT', `another file is there: ${main.destination}`, notes);
    return {
      state: 'found',
      resumeId,
      sourceId: file.id,
      how,
      files: [main],
      size,
      messages: rollout.messages,
      destination: state === null ? 'absent' : 'in-place',
      notes,
    };
  }

  /** Who has the conversation open (migration.md 6.3), for people; null if nobody. */
  async function userOf(request: ConversationRequest, { root, file }: Located): Promise<string | null> {
    const lock = join(root.path, 'thread-writer-locks', `${file.id}.lock`);
    const pid = deps.liveness.lockHolder(lock) ?? deps.liveness.opener(file.path);
    return pid === null ? deps.liveness.occupant('codex', request) : `process ${pid}`;
  }

  /** How the destination compares with what would be written; null where nothing is there. Both may be read whole. */
  function stateOf(file: { source: string; destination: string }, id: string, cwd: string): Promise<Comparison | null> {
    return ifPresent(file.destination, (existing) =>
      withFile(file.source, async (source) =>
        compare(existing, rewritten(source, await rolloutRewrite(source, id, cwd))),
      ),
    );
  }

  /** Another file with the new id in the root of the destination, which would make `codex resume` ambiguous. */
  async function otherFileOf(id: string, destination: string): Promise<string | null> {
    const root = roots.find(
      (each) =>
        each.path ===
        rootOf(
          destination,
          roots.map((one) => one.destination),
        ),
    );
    const files = (await root?.filesOf(id)) ?? [];
    return files.find((file) => file.path !== destination)?.path ?? null;
  }

  function jobsOf(copy: ConversationCopy): StagingJob[] {
    if (copy.destination === 'in-place') return [];
    const counts = copy.messages === null && deps.countsCopies;
    return copy.files.map((file) => ({
      ...file,
      sourceRoot: rootOf(
        file.source,
        roots.map((root) => root.path),
      ),
      destinationRoot: rootOf(
        file.destination,
        roots.map((root) => root.destination),
      ),
      rewrite: (source) => rolloutRewrite(source, copy.resumeId, physical(copy.destinationCwd), counts),
    }));
  }

  /** The Codex column of harness-sessions.md 4. That the line count is equal follows from the bytes. */
  async function verify(copy: ConversationCopy): Promise<string | null> {
    const [main] = copy.files;
    if (main === undefined) return 'no file is named';
    const path = main.destination;
    if (!basename(path).endsWith(`-${copy.resumeId}.jsonl`)) return `not named by its id: ${path}`;
    const cwd = physical(copy.destinationCwd);
    const state = await stateOf(main, copy.resumeId, cwd);
    if (state === null) return `missing: ${path}`;
    if (state === 'different') return `not the same as its source: ${path}`;
    const meta = await withFile(path, readMeta);
    if (meta?.id !== copy.resumeId || meta.cwd !== cwd) return `its first row does not name the new session: ${path}`;
    if (!(await withFile(path, holdsMessages))) return `without a message: ${path}`;
    const other = await otherFileOf(copy.resumeId, path);
    return other === null ? null : `a second file has its id: ${other}`;
  }

  async function notesOf(request: ConversationRequest, located: Located): Promise<Note[]> {
    const { root, file, how, others } = located;
    const notes = choiceNotes(request, { how, id: file.id, others }, [root.setting]);
    notes.push(
      noteFor(request, 'CONVERSATION_ROLE', 'warn', 'the standing instructions recorded in it are carried along'),
    );
    if (file.isArchived)
      notes.push(noteFor(request, 'CONVERSATION_ARCHIVED', 'info', `the copy of ${file.id} is not archived`));
    const stores = await root.stores();
    if (stores.length > 0) {
      notes.push(
        noteFor(request, 'CONVERSATION_PARTS', 'info', `not copied, if it has any: what is kept in ${listing(stores)}`),
      );
    }
    return notes;
  }
}
