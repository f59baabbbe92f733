import type { Note } from '../contracts/notes';
import { MessageCounter } from './claude-count';
import { isLiteral, leadingText, type Member, memberOf, membersOfRow, objectOf, textOf } from './members';
import type { Edit, Rewrite } from './rewrite';
import { type Row, RowSplitter } from './rows';
import { bytesOf, CHUNK, endOfRows, type OpenFile } from './source';

/** Above this a file is not counted (migration.md 4), only judged by as much of its beginning as it takes. */
export const COUNT_LIMIT = 64 * 1024 * 1024;

/** What the rows up to the last newline say of a transcript (harness-sessions.md 1.3). */
export interface Transcript {
  /** User and assistant rows; null where not all were seen. */
  readonly messages: number | null;
  readonly hasMessage: boolean;
  /** One of the messages is no sidechain; a missing `isSidechain` is false. */
  readonly hasOwnMessage: boolean;
  readonly firstCwd: string | null;
  /** Epoch milliseconds of the first row that has a date. */
  readonly firstTimestampMs: number | null;
  /** A recorded system prompt is carried, in as much as was read. */
  readonly hasSnapshot: boolean;
  /** Its beginning decided; recorded prompts may lie behind. */
  readonly isBeginning: boolean;
}

/** Reads a transcript whole, or up to `COUNT_LIMIT` and on to its first message. */
export function readTranscript(file: OpenFile): Promise<Transcript> {
  if (file.size <= COUNT_LIMIT) return scan(file, () => false, CHUNK);
  return scan(file, (seen, offset) => offset >= COUNT_LIMIT && seen.hasMessage, CHUNK);
}

/** What transcripts held when a run first looked, so that its second look reads only those that changed (migration.md 7). */
export class TranscriptMemory {
  readonly #kept = new Map<string, { readonly file: Omit<OpenFile, 'descriptor'>; readonly transcript: Transcript }>();

  /** @param whole somebody will be told, before they are copied, how many messages there are and what else is in them */
  constructor(private readonly whole: boolean) {}

  /** As `readTranscript` or, where that can wait, `readBeginning`. */
  async read(file: OpenFile): Promise<Transcript> {
    const { path, inode, size, mtimeMs } = file;
    const kept = this.#kept.get(path);
    if (kept?.file.inode === inode && kept.file.size === size && kept.file.mtimeMs === mtimeMs) return kept.transcript;
    const transcript = await (this.whole ? readTranscript : readBeginning)(file);
    this.#kept.set(path, { file: { path, inode, size, mtimeMs }, transcript });
    return transcript;
  }
}

/** Reads only until it is known whose transcript this is: for candidates of a recovery. `messages` is null. */
export function readBeginning(file: OpenFile): Promise<Transcript> {
  return scan(file, isJudged);
}

/** Whether there is any user or assistant row. */
export async function holdsMessage(file: OpenFile): Promise<boolean> {
  return (await scan(file, (seen) => seen.hasMessage)).hasMessage;
}

/** Whose transcript this is, and since when; what follows can only be counted. */
function isJudged(seen: Seen): boolean {
  return seen.hasOwnMessage && seen.firstCwd !== null && seen.firstTimestampMs !== null;
}

const KEYS = ['type', 'cwd', 'timestamp', 'isSidechain', 'attachment'];

/** @param first bytes read at once in the beginning */
async function scan(
  file: OpenFile,
  isEnough: (seen: Seen, offset: number) => boolean,
  first?: number,
): Promise<Transcript> {
  const reader = new TranscriptReader();
  const { seen } = reader;
  let offset = 0;
  for await (const chunk of bytesOf(file, 0, file.size, first)) {
    const isKnown = reader.push(chunk, () => isEnough(seen, reader.end));
    offset += chunk.length;
    if (isKnown || isEnough(seen, offset))
      return { ...seen, messages: null, isBeginning: offset < file.size || isKnown };
  }
  return { ...seen, isBeginning: false };
}

type Seen = TranscriptReader['seen'];

/** Judges and counts the rows of a transcript as its bytes come. */
class TranscriptReader {
  readonly seen = {
    messages: 0,
    hasMessage: false,
    hasOwnMessage: false,
    firstCwd: null as string | null,
    firstTimestampMs: null as number | null,
    hasSnapshot: false,
  };
  readonly #splitter = new RowSplitter((row) => (this.#judged ? this.#count(row) : this.#judge(row)));
  #judged = false;

  /** Offset after the last row seen. */
  get end(): number {
    return this.#splitter.end;
  }

  /** As `RowSplitter.push`. */
  push(chunk: Buffer, isEnough?: () => boolean): boolean {
    return this.#splitter.push(chunk, isEnough);
  }

  #judge(row: Row): void {
    const { seen } = this;
    const members = membersOfRow(row, KEYS);
    if (members === null) return;
    seen.firstCwd ??= textOf(row.bytes, members, 'cwd');
    seen.firstTimestampMs ??= timestampOf(row, members);
    const type = textOf(row.bytes, members, 'type');
    if (type === 'user' || type === 'assistant') {
      seen.messages += 1;
      seen.hasMessage = true;
      seen.hasOwnMessage ||= !isLiteral(row.bytes, members, 'isSidechain', 'true');
    } else if (type === 'attachment') seen.hasSnapshot ||= isSnapshot(row, members);
    this.#judged = isJudged(seen);
  }

  /** Of a file that is judged only the kinds of its rows count: none is read further than it takes to know that. */
  #count(row: Row): void {
    const type = leadingText(row.bytes, 'type');
    if ((type === 'user' || type === 'assistant') && isClosed(row)) this.seen.messages += 1;
    else if (type === 'attachment' && !this.seen.hasSnapshot) this.#judge(row);
  }
}

/** Nothing is torn off the end of the row. */
function isClosed({ bytes, whole }: Row): boolean {
  return !whole || bytes[bytes.length - 1] === CLOSING_BRACE || bytes.toString('latin1').trimEnd().endsWith('}');
}

const CLOSING_BRACE = 0x7d;

function timestampOf(row: Row, members: readonly Member[]): number | null {
  const time = Date.parse(textOf(row.bytes, members, 'timestamp') ?? '');
  return Number.isNaN(time) ? null : time;
}

function isSnapshot(row: Row, members: readonly Member[]): boolean {
  return textOf(row.bytes, objectOf(row.bytes, members, 'attachment'), 'type') === 'prompt_snapshot';
}

/**
 * What the copy of a transcript is made of: the source up to its last newline, a row at the end that cancels Claude's own
 * worktree where the session was last in one, and with `strip` without recorded system prompts (harness-sessions.md 1.3).
 * What a plan that read only its beginning could not say is found on the way.
 */
export async function transcriptRewrite(
  file: OpenFile,
  sessionId: string,
  strip: boolean,
  { counts, roleNote }: Unsaid = {},
): Promise<Rewrite> {
  let inWorktree = false;
  let hasSnapshot = false;
  const splitter = new RowSplitter((row) => {
    const isState = row.bytes.includes(WORKTREE_STATE);
    if (!isState && (roleNote === undefined || hasSnapshot || !row.bytes.includes(SNAPSHOT))) return;
    const members = membersOfRow(row);
    if (members === null) return;
    const type = textOf(row.bytes, members, 'type');
    if (type === 'worktree-state')
      inWorktree = textOf(row.bytes, objectOf(row.bytes, members, 'worktreeSession'), 'worktreePath') !== null;
    else if (type === 'attachment') hasSnapshot ||= isSnapshot(row, members);
  });
  splitter.wanted = roleNote === undefined ? [WORKTREE_STATE] : [WORKTREE_STATE, SNAPSHOT];
  const counter = counts === true ? new MessageCounter() : null;
  return {
    end: await endOfRows(file),
    edits: strip ? await snapshotEdits(file) : [],
    see: (chunk) => {
      splitter.push(chunk);
      counter?.push(chunk);
    },
    ...(counter === null ? {} : { messages: () => counter.total }),
    ...(roleNote === undefined ? {} : { notes: () => (hasSnapshot ? [roleNote] : []) }),
    tail: () => Buffer.from(inWorktree ? cancelRow(sessionId) : ''),
  };
}

/** What a copy is to be asked for because the plan does not say it. */
export interface Unsaid {
  /** The number of its messages. */
  readonly counts?: boolean;
  /** For a recorded system prompt. */
  readonly roleNote?: Note;
}

const WORKTREE_STATE = Buffer.from('worktree-state');
const SNAPSHOT = Buffer.from('prompt_snapshot');

function cancelRow(sessionId: string): string {
  return `${JSON.stringify({ type: 'worktree-state', worktreeSession: null, sessionId })}\n`;
}

/** Edits that drop `prompt_snapshot` rows and hang their children on the next row above that stays. */
async function snapshotEdits(file: OpenFile): Promise<readonly Edit[]> {
  const dropped = new Map<string, string | null>();
  const edits: Edit[] = [];
  await eachRow(file, (row) => {
    if (!row.bytes.includes('prompt_snapshot')) return;
    const members = membersOfRow(row);
    if (members === null || textOf(row.bytes, members, 'type') !== 'attachment' || !isSnapshot(row, members)) return;
    edits.push({ start: row.start, end: row.start + row.length, bytes: new Uint8Array() });
    const id = textOf(row.bytes, members, 'uuid');
    if (id !== null) dropped.set(id, textOf(row.bytes, members, 'parentUuid'));
  });
  if (dropped.size === 0) return edits;
  const droppedRows = new Set(edits.map((edit) => edit.start));
  await eachRow(file, (row) => {
    const members = droppedRows.has(row.start) ? null : membersOfRow(row);
    for (const key of ['parentUuid', 'leafUuid']) {
      const member = memberOf(members ?? [], key);
      const id = member === undefined ? null : textOf(row.bytes, members ?? [], key);
      if (member === undefined || id === null || !dropped.has(id)) continue;
      const bytes = Buffer.from(JSON.stringify(remaining(id, dropped)));
      edits.push({ start: row.start + member.start, end: row.start + member.end, bytes });
    }
  });
  return edits.sort((a, b) => a.start - b.start);
}

/** The nearest ancestor that is not dropped; null at the root, and where the rows name each other in a circle. */
function remaining(id: string, dropped: ReadonlyMap<string, string | null>): string | null {
  const passed = new Set<string>();
  let at: string | null = id;
  while (at !== null && dropped.has(at)) {
    if (passed.has(at)) return null;
    passed.add(at);
    at = dropped.get(at) ?? null;
  }
  return at;
}

async function eachRow(file: OpenFile, onRow: (row: Row) => void): Promise<void> {
  const splitter = new RowSplitter(onRow);
  for await (const chunk of bytesOf(file, 0, file.size)) splitter.push(chunk);
}
