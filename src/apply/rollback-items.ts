import { dirname, join } from 'node:path';
import { readSidecar } from '../sessions/claude-sidecar';
import { entryAt, stands } from '../sessions/entry';
import { errorCode } from '../sessions/system-error';
import { digestOf, isStill } from './file-state';
import { mayChange } from './permission';
import type { Receipt, ReceiptConversation, RemovedItems } from './receipt';
import type { RowVerdict } from './rollback-rows';

/** What a rollback does, or would do, with one thing that the run made. */
export interface RollbackItem {
  readonly kind: 'project' | 'orchestrator' | 'conversation' | 'database';
  readonly id: string;
  readonly outcome: 'removed' | 'refused' | 'absent' | 'left';
  readonly reason?: string;
}

/** A row as the report names it. */
export function itemOf({ kind, id, outcome, reason }: RowVerdict): RollbackItem {
  return { kind, id, outcome, ...(reason === undefined ? {} : { reason }) };
}

/** The session stays, and all that belongs to it. */
export function isRefused(verdicts: readonly RowVerdict[], sessionId: string): boolean {
  return verdicts.some(({ kind, id, outcome }) => kind === 'orchestrator' && id === sessionId && outcome === 'refused');
}

/** Conversations of the run: those of a refused session stay with it, changed ones stay, OpenCode's are only named. */
export function conversationItems(receipt: Receipt, verdicts: readonly RowVerdict[]): RollbackItem[] {
  return receipt.conversations.flatMap(({ sessionId, resumeId, placed, harness, files }): RollbackItem[] => {
    if (!placed) return [];
    const item = { kind: 'conversation', id: resumeId } as const;
    if (isRefused(verdicts, sessionId)) return [{ ...item, outcome: 'refused', reason: 'its session stays' }];
    if (harness === 'opencode')
      return [
        {
          ...item,
          outcome: 'left',
          reason: 'OpenCode keeps the imported session; delete it there if it is not wanted',
        },
      ];
    return [{ ...item, ...verdictOf(files, harness) }];
  });
}

type ConversationFiles = ReceiptConversation['files'];

/** Judged before anything of it goes: a file that could not be removed later would leave the rollback half done. */
function verdictOf(
  files: ConversationFiles,
  harness: ReceiptConversation['harness'],
): Pick<RollbackItem, 'outcome' | 'reason'> {
  const [main] = files;
  if (main === undefined) return { outcome: 'absent' };
  try {
    const standing = files.filter(({ destination }) => stands(destination));
    const other = standing.find(({ destination, size, sha256 }) => !isStill(destination, size, sha256));
    if (other !== undefined) return { outcome: 'refused', reason: `${changeOf(other)}, and is never deleted` };
    if (harness === 'claude-code' && hasMore(files, main))
      return { outcome: 'refused', reason: `${GROWN}, and is never deleted` };
    if (!standing.includes(main)) return { outcome: 'absent' };
    const closed = standing.map(({ destination }) => dirname(destination)).find((folder) => !mayChange(folder));
    return closed === undefined
      ? { outcome: 'removed' }
      : { outcome: 'refused', reason: `nothing may be removed from ${closed}` };
  } catch (error) {
    return { outcome: 'refused', reason: `it cannot be read (${errorCode(error)})` };
  }
}

const GROWN = 'it has grown since';

function changeOf({ destination, size, sha256 }: ConversationFiles[number]): string {
  const now = entryAt(destination);
  const begins = now?.isFile() === true && now.size > size && digestOf(destination, size) === sha256;
  return begins ? GROWN : 'it is not what was written';
}

/** The agent has put a file of its own into the folder of the same name beside the transcript. */
function hasMore(files: ConversationFiles, { source, destination }: ConversationFiles[number]): boolean {
  const [from, to] = [source, destination].map((path) => path.replace(/\.jsonl$/, ''));
  if (from === undefined || to === undefined || to === destination) return false;
  const written = new Set(files.map((file) => file.destination));
  // What was there before the run, equal to the original, is no file of the run.
  return readSidecar(to).files.some(({ name }) => !written.has(join(to, name)) && !stands(join(from, name)));
}

/** Resume ids of the conversations that stay, each whole, with the files that belong to it. */
export function stayingIds(conversations: readonly RollbackItem[]): ReadonlySet<string> {
  return new Set(conversations.flatMap(({ id, outcome }) => (outcome === 'refused' ? id : [])));
}

/**
 * What will be gone of the run, or is: its rows without a database too.
 *
 * @param staying resume ids of its conversations
 */
export function removedItems(
  receipt: Receipt,
  verdicts: readonly RowVerdict[],
  staying: ReadonlySet<string>,
): RemovedItems {
  const gone = (kind: RowVerdict['kind'], all: Receipt['projects'] | Receipt['sessions']): string[] => {
    const stay = new Set(verdicts.flatMap((each) => (each.kind === kind && each.outcome === 'refused' ? each.id : [])));
    return all.flatMap(({ id }) => (stay.has(id) ? [] : id));
  };
  return {
    projects: gone('project', receipt.projects),
    sessions: gone('orchestrator', receipt.sessions),
    conversations: receipt.conversations.flatMap(({ sessionId, resumeId, placed }) =>
      placed && !staying.has(resumeId) ? sessionId : [],
    ),
  };
}
