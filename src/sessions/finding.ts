import { closeSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import type { ConversationFile, ConversationFinding, ConversationRequest, FoundConversation } from '../contracts/facts';
import type { Note, NoteCode, Severity } from '../contracts/notes';
import { type Comparison, compare, rewritten } from './rewrite';
import { ConversationFault, isSystemError, type OpenFile, openRegular, withFile } from './source';

/** Ids or paths that one note lists. */
const LISTED = 10;

/** Bytes of a conversation above which a resume may need more memory than there is. */
const LARGE = 100_000_000;

/** Something in the way of a search: it matters only if nothing is found. */
export interface Problem {
  readonly reason: string;
  /** The system refused, not we. */
  readonly failed: boolean;
}

/** What a search met on its way. */
export class Problems {
  readonly list: Problem[] = [];

  /** The same reason is kept once. */
  refuse(reason: string): void {
    if (this.list.every((problem) => problem.reason !== reason)) this.list.push({ reason, failed: false });
  }

  /** Null where the thing does not exist, and where it is refused or cannot be read, which is a problem. */
  async guard<T>(attempt: () => Promise<T>): Promise<T | null> {
    try {
      return await attempt();
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return null;
      if (error instanceof ConversationFault) this.refuse(error.message);
      else if (error instanceof Error && 'code' in error) this.list.push({ reason: error.message, failed: true });
      else throw error;
      return null;
    }
  }
}

/** Nothing usable was found: no conversation, or one that may not be touched (migration.md 6.3). */
export function notFound(problems: readonly Problem[], notes: readonly Note[]): ConversationFinding {
  const [first] = problems;
  if (first === undefined) return { state: 'missing', reason: 'none was found', notes };
  const failed = problems.some((problem) => problem.failed);
  return { state: 'blocked', code: 'CONVERSATION_UNREADABLE', reason: first.reason, failed, notes };
}

export function blocked(
  code: 'CONVERSATION_IN_USE' | 'CONVERSATION_CONFLICT' | 'CONVERSATION_UNREADABLE',
  reason: string,
  notes: readonly Note[],
): ConversationFinding {
  return { state: 'blocked', code, reason, failed: false, notes };
}

/** What an error means that a search did not foresee. */
export function blockedBy(error: unknown): ConversationFinding {
  if (error instanceof ConversationFault) return blocked(error.code, error.message, []);
  return { state: 'blocked', code: 'CONVERSATION_UNREADABLE', reason: messageOf(error), failed: true, notes: [] };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function noteFor(request: ConversationRequest, code: NoteCode, severity: Severity, message: string): Note {
  return { code, severity, id: request.recordId, message };
}

/** Notes on how a conversation came to be chosen, and on the settings without which the daemon does not look there. */
export function choiceNotes(
  request: ConversationRequest,
  chosen: { readonly how: FoundConversation['how']; readonly id: string; readonly others: readonly string[] },
  settings: readonly (string | null)[],
): Note[] {
  const { how, id, others } = chosen;
  const warn = (code: NoteCode, message: string) => noteFor(request, code, 'warn', message);
  const notes: Note[] = [];
  const recovered = {
    recovered: 'the newest one of the worktree',
    'by-history': "the last one of the worktree in the agent's history",
    'by-title': 'the one with the title of the session',
  };
  if (how !== 'stored' && how !== 'by-time')
    notes.push(warn('CONVERSATION_RECOVERED', `${recovered[how]} was taken: ${id}`));
  if (how === 'by-time') notes.push(warn('CONVERSATION_BY_TIME', `the only one that began with the record: ${id}`));
  if (others.length > 0) notes.push(warn('CONVERSATION_CANDIDATES', `not taken: ${listing(others)}`));
  for (const setting of settings) {
    if (setting !== null) notes.push(warn('CONVERSATION_ROOT', `the daemon needs ${setting}`));
  }
  return notes;
}

/** A resume was measured to hold nine to fourteen times the size of its file (harness-sessions.md 1.3). */
export function sizeNotes(request: ConversationRequest, bytes: number): Note[] {
  if (bytes <= LARGE) return [];
  const size = `${Math.round(bytes / 1_000_000)} MB`;
  return [
    noteFor(
      request,
      'CONVERSATION_LARGE',
      'warn',
      `the conversation has ${size}, and its agent may need many times that in memory to resume it`,
    ),
  ];
}

export function listing(items: readonly string[]): string {
  const more = items.length > LISTED ? ` and ${items.length - LISTED} more` : '';
  return items.slice(0, LISTED).join(', ') + more;
}

/** Null where nothing is there. Anything but a regular file at a destination is a conflict. */
export async function ifPresent<T>(path: string, use: (existing: OpenFile) => Promise<T>): Promise<T | null> {
  let existing: OpenFile;
  try {
    existing = openRegular(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    if (error instanceof ConversationFault) throw new ConversationFault('CONVERSATION_CONFLICT', error.message);
    throw error;
  }
  try {
    return await use(existing);
  } finally {
    closeSync(existing.descriptor);
  }
}

/** How a file that is copied as it is compares with what is at its destination; null where nothing is. */
export function stateOfVerbatim(file: ConversationFile): Promise<Comparison | null> {
  return ifPresent(file.destination, (existing) =>
    withFile(file.source, (source) => compare(existing, rewritten(source, { end: source.size, edits: [] }))),
  );
}

/** The root that a path lies in. Paths of a copy come from `find`; one that lies in none is a fault. */
export function rootOf(path: string, roots: readonly string[]): string {
  const root = roots.find((each) => {
    // Both are clean and absolute nearly always, and then nothing must be computed.
    if (path.startsWith(`${each}${sep}`) && !path.includes('..')) return true;
    const way = relative(each, path);
    return way !== '' && !isAbsolute(way) && !/^\.\.([\\/]|$)/.test(way);
  });
  if (root === undefined)
    throw new ConversationFault('CONVERSATION_UNREADABLE', `outside the agent's folders: ${path}`);
  return root;
}

/** Newest first, equal ages by id, so that a choice does not depend on the order of a directory. */
export function byAge(a: { mtimeMs: number; id: string }, b: { mtimeMs: number; id: string }): number {
  return b.mtimeMs - a.mtimeMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
