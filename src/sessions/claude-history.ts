import { entryAt } from './entry';
import { Problems } from './finding';
import { isUuid } from './ids';
import { membersOfRow, textOf } from './members';
import { composed } from './physical';
import { RowSplitter } from './rows';
import { bytesOf, withFile } from './source';

/** Bytes of the end that are read: more lines than anybody types. */
const LIMIT = 8 * 1024 * 1024;
const KEYS = ['project', 'sessionId'];

/** One entry of the history. */
interface Entry {
  readonly sessionId: string;
  /** Offset of its line: the greater, the later. */
  readonly start: number;
}

/** The last session of each directory, as Claude's `history.jsonl` has it (harness-sessions.md 1.5). */
export class ClaudeHistory {
  readonly #last: ReadonlyMap<string, Entry>;

  private constructor(last: ReadonlyMap<string, Entry>) {
    this.#last = last;
  }

  /**
   * Reads the file as a stream. What is no regular file, or may not be read, says nothing: a history is never needed. Lines
   * that are broken, of another form, or name no UUID are passed over.
   */
  static async read(path: string): Promise<ClaudeHistory> {
    const last = new Map<string, Entry>();
    await new Problems().guard(async () => {
      if (entryAt(path)?.isFile() !== true) return;
      await withFile(path, async (file) => {
        const splitter = new RowSplitter((row) => {
          const members = membersOfRow(row, KEYS);
          const project = members === null ? null : textOf(row.bytes, members, 'project');
          const sessionId = members === null ? null : textOf(row.bytes, members, 'sessionId');
          if (project === null || sessionId === null || !isUuid(sessionId)) return;
          last.set(composed(project), { sessionId, start: row.start });
        });
        for await (const chunk of bytesOf(file, Math.max(0, file.size - LIMIT), file.size)) splitter.push(chunk);
      });
    });
    return new ClaudeHistory(last);
  }

  /** Id of the session that was last used in a directory, by any of its spellings; null where there is none. */
  lastIn(spellings: readonly string[]): string | null {
    const entries = spellings.flatMap((each) => this.#last.get(composed(each)) ?? []);
    return entries.reduce<Entry | null>((a, b) => (a === null || b.start > a.start ? b : a), null)?.sessionId ?? null;
  }
}
