import { dirname } from 'node:path';
import { stands } from '../sessions/entry';
import { errorCode } from '../sessions/system-error';
import { isStill } from './file-state';
import { mayChange } from './permission';
import type { Receipt, RemovedItems } from './receipt';
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

/** Conversations of the run: those of a refused session stay with it, grown ones stay, OpenCode's are only named. */
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
    return [{ ...item, ...verdictOf(files) }];
  });
}

/** Judged before anything of it goes: a file that could not be removed later would leave the rollback half done. */
function verdictOf(files: Receipt['conversations'][number]['files']): Pick<RollbackItem, 'outcome' | 'reason'> {
  const [main] = files;
  try {
    if (main === undefined || !stands(main.destination)) return { outcome: 'absent' };
    if (!isStill(main.destination, main.size, main.sha256))
      return { outcome: 'refused', reason: 'it has grown since, and is never deleted' };
    const closed = files
      .filter(({ destination }) => stands(destination))
      .map(({ destination }) => dirname(destination))
      .find((folder) => !mayChange(folder));
    return closed === undefined
      ? { outcome: 'removed' }
      : { outcome: 'refused', reason: `nothing may be removed from ${closed}` };
  } catch (error) {
    return { outcome: 'refused', reason: `it cannot be read (${errorCode(error)})` };
  }
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
