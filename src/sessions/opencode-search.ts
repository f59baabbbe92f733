import { join } from 'node:path';
import type { ConversationRequest } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import { byAge, type Problems } from './finding';
import type { SessionRoot } from './harness';
import { isSessionId } from './opencode-reid';
import { databasesOf, type OpencodeDatabases, type SessionStore, type StoredSession } from './opencode-store';
import { OpencodeTree } from './opencode-tree';
import { physical, spelling } from './physical';

/** A conversation and where it lies. */
export interface Located {
  readonly root: SessionRoot;
  readonly store: SessionStore;
  readonly session: StoredSession;
  readonly how: 'stored' | 'recovered' | 'by-title';
  /** Ids of conversations that could have been taken instead. */
  readonly others: readonly string[];
}

/** The stores of each root, databases first: what a release took over from the JSON files goes on in the database. */
export class OpencodeStores {
  readonly #trees = new Map<string, OpencodeTree>();
  readonly #spellings = new Map<string, readonly string[]>();

  constructor(
    readonly databases: OpencodeDatabases,
    readonly env: Machine['env'],
  ) {}

  async of(root: SessionRoot, problems: Problems): Promise<SessionStore[]> {
    const paths = (await problems.guard(() => databasesOf(root, this.env))) ?? [];
    const stores: SessionStore[] = [];
    for (const path of paths) {
      const store = await problems.guard(() => this.databases.open(path));
      if (store !== null) stores.push(store);
    }
    // With a database that cannot be read, the JSON files may hold an older state of the same conversation.
    return stores.length < paths.length ? stores : [...stores, this.#tree(join(root.path, 'storage'))];
  }

  /** A directory as written and as the system sees it; asked once each, because many sessions share few directories. */
  spellingsOf(directory: string): readonly string[] {
    const known = this.#spellings.get(directory);
    if (known !== undefined) return known;
    const spellings = [...new Set([spelling(directory), spelling(physical(directory))])];
    this.#spellings.set(directory, spellings);
    return spellings;
  }

  /** One tree per folder, because it lists its files once. */
  #tree(path: string): OpencodeTree {
    const tree = this.#trees.get(path) ?? new OpencodeTree(path);
    this.#trees.set(path, tree);
    return tree;
  }
}

/** The session of an id in the first root that has it, if it holds a message. */
export async function searchById(
  id: string,
  roots: readonly SessionRoot[],
  stores: OpencodeStores,
  problems: Problems,
): Promise<Located | null> {
  for (const root of roots) {
    for (const store of await stores.of(root, problems)) {
      const session = await problems.guard(() => store.session(id));
      if (session !== null && session.messages > 0) return { root, store, session, how: 'stored', others: [] };
    }
  }
  return null;
}

/**
 * The conversation of a record that names none (harness-sessions.md 3.5), in the first root that has a usable one: the
 * newest of the worktree with the title that the legacy tool gave it, else, under the guards of a recovery, the newest that
 * is no sub-agent's and not archived.
 */
export async function searchByDirectory(
  request: ConversationRequest,
  roots: readonly SessionRoot[],
  stores: OpencodeStores,
  problems: Problems,
): Promise<Located | null> {
  if (request.worktree === null) return null;
  const among = (directories: readonly string[]) => {
    const spellings = new Set(directories.flatMap((directory) => stores.spellingsOf(directory)));
    return (directory: string) => stores.spellingsOf(directory).some((each) => spellings.has(each));
  };
  const isProject = among([request.projectPath]);
  const directories = [request.worktree, ...request.workspacePaths];
  const isNamed = among(directories);
  // The project's own folder is shared with its user's sessions, and another record's worktree is that record's, whatever
  // this one says of them.
  const isOurs = among(directories.filter((directory) => !isProject(directory) && !request.isOthers(directory)));
  const passes = (session: StoredSession) =>
    isTitled(session, request.recordId) ? isNamed(session.directory) : isOurs(session.directory) && request.mayRecover;
  for (const root of roots) {
    const here = new Map<string, { readonly store: SessionStore; readonly session: StoredSession }>();
    for (const store of await stores.of(root, problems)) {
      for (const session of (await problems.guard(() => store.sessions())) ?? []) {
        const isCandidate = isSessionId(session.id) && passes(session) && !request.isTaken(session.id);
        if (isCandidate && !here.has(session.id)) here.set(session.id, { store, session });
      }
    }
    const located = await newest(root, here, request.recordId, problems);
    if (located !== null) return located;
  }
  return null;
}

/** Candidates, best first: those with the title that the legacy tool gives, then those that a person could have meant. */
export function rank(sessions: readonly StoredSession[], recordId: string): StoredSession[] {
  const byUpdate = (a: StoredSession, b: StoredSession) =>
    byAge({ mtimeMs: a.updatedMs, id: a.id }, { mtimeMs: b.updatedMs, id: b.id });
  const titled = sessions.filter((session) => isTitled(session, recordId)).sort(byUpdate);
  const plain = sessions.filter(
    (session) => !isTitled(session, recordId) && session.parentId === null && !session.archived,
  );
  return [...titled, ...plain.sort(byUpdate)];
}

function isTitled(session: StoredSession, recordId: string): boolean {
  return session.title === `AO:${recordId}`;
}

async function newest(
  root: SessionRoot,
  here: ReadonlyMap<string, { readonly store: SessionStore; readonly session: StoredSession }>,
  recordId: string,
  problems: Problems,
): Promise<Located | null> {
  const ranked = rank(
    [...here.values()].map(({ session }) => session),
    recordId,
  );
  for (const [index, candidate] of ranked.entries()) {
    const store = here.get(candidate.id)?.store;
    // Counts are asked for here, because JSON files have them only by looking.
    const session = store === undefined ? null : await problems.guard(() => store.session(candidate.id));
    if (store === undefined || session === null || session.messages === 0) continue;
    const titled = isTitled(candidate, recordId);
    const others = ranked.slice(index + 1).filter((other) => isTitled(other, recordId) === titled);
    return { root, store, session, how: titled ? 'by-title' : 'recovered', others: others.map(({ id }) => id) };
  }
  return null;
}
