import { isObject, type Member, membersOf, membersOfRow, objectOf, textOf } from './members';
import type { Edit, Rewrite } from './rewrite';
import { type Row, RowSplitter } from './rows';
import { ConversationFault, contentOf, isCompressed, type OpenFile } from './source';

/** Above this many bytes a rollout is not counted (migration.md 4). */
const COUNT_LIMIT = 64 * 1024 * 1024;
/** The first `session_meta` is looked for in this many rows; any later one belongs to the parent of a fork. */
const META_ROWS = 10;
const SPEAKERS: ReadonlySet<string> = new Set(['user', 'assistant']);

/** What the rows up to the last newline say of a rollout (harness-sessions.md 2.2). */
export interface Rollout {
  /** The first `session_meta`; null where there is none. */
  readonly meta: RolloutMeta | null;
  /** R1: it holds a `response_item`, `event_msg` or `compacted` row. */
  readonly hasMessages: boolean;
  /** What the user and the agent said; null where not all rows were seen. */
  readonly messages: number | null;
  /** Bytes of content that were seen, decoded: all of them unless `messages` is null. */
  readonly size: number;
}

export interface RolloutMeta {
  readonly id: string | null;
  readonly cwd: string | null;
  /** `source` is an object: another session started it. */
  readonly isSubagent: boolean;
}

/** Reads a rollout whole, or up to `COUNT_LIMIT` and on to what decides; a compressed one always whole, for its size. */
export function readRollout(file: OpenFile): Promise<Rollout> {
  if (isCompressed(file.path) || file.size <= COUNT_LIMIT) return scan(file, () => false);
  return scan(file, (seen) => seen.size >= COUNT_LIMIT && seen.hasMessages);
}

/** Reads only the first `session_meta`. */
export async function readMeta(file: OpenFile): Promise<RolloutMeta | null> {
  return (await scan(file, (seen) => seen.meta !== null)).meta;
}

/** Whether there is something to resume. */
export async function holdsMessages(file: OpenFile): Promise<boolean> {
  return (await scan(file, (seen) => seen.hasMessages)).hasMessages;
}

const KEYS = ['type', 'payload'];

async function scan(file: OpenFile, isEnough: (seen: Rollout) => boolean): Promise<Rollout> {
  const reader = new RolloutReader();
  const { seen } = reader;
  const isOver = () => isEnough(seen) || (seen.meta === null && reader.rows >= META_ROWS);
  for await (const chunk of contentOf(file)) {
    const isKnown = reader.push(chunk, isOver);
    seen.size += chunk.length;
    if (isKnown || isOver()) return { ...seen, messages: null };
  }
  return { ...seen, messages: reader.messages };
}

/** Judges and counts the rows of a rollout as its content comes. */
class RolloutReader {
  readonly seen = { meta: null as RolloutMeta | null, hasMessages: false, messages: null, size: 0 };
  readonly #splitter = new RowSplitter((row) => this.#take(row));
  #spoken = 0;
  #items = 0;

  /** The same words stand in items, among what the agent adds of itself, and in events, which not every release writes. */
  get messages(): number {
    return this.#spoken || this.#items;
  }

  get rows(): number {
    return this.#splitter.count;
  }

  /** As `RowSplitter.push`. */
  push(chunk: Buffer, isEnough?: () => boolean): boolean {
    return this.#splitter.push(chunk, isEnough);
  }

  #take(row: Row): void {
    const { seen } = this;
    const members = membersOfRow(row, KEYS);
    if (members === null) return;
    const type = textOf(row.bytes, members, 'type');
    if (type === 'session_meta' && this.rows <= META_ROWS) seen.meta ??= metaOf(row, members);
    if (type !== 'response_item' && type !== 'event_msg' && type !== 'compacted') return;
    seen.hasMessages = true;
    const payload = objectOf(row.bytes, members, 'payload');
    const kind = textOf(row.bytes, payload, 'type');
    if (kind === 'user_message' || kind === 'agent_message') this.#spoken += 1;
    else if (kind === 'message' && SPEAKERS.has(textOf(row.bytes, payload, 'role') ?? '')) this.#items += 1;
  }
}

function metaOf(row: Row, members: readonly Member[]): RolloutMeta {
  const payload = objectOf(row.bytes, members, 'payload');
  return {
    id: textOf(row.bytes, payload, 'id'),
    cwd: textOf(row.bytes, payload, 'cwd'),
    isSubagent: isObject(row.bytes, payload, 'source'),
  };
}

/** What only the rows hold that may be changed behind the beginning. Escapes may stand in a key. */
const CHANGED = ['turn_context', '\\u00'].map((text) => Buffer.from(text));

/**
 * What the copy of a rollout is made of: the source up to its last newline with new id and directory in the first
 * `session_meta` and the new directory in the last `turn_context`, in the text itself, so that nothing else changes
 * (harness-sessions.md 2.5). A repeated key is changed everywhere. Throws a fault where the first `session_meta` names
 * no id or directory. With `counts` its messages are counted on the way.
 */
export async function rolloutRewrite(file: OpenFile, newId: string, newCwd: string, counts = false): Promise<Rewrite> {
  const found = { meta: null as Edit[] | null, lastTurn: null as Row | null };
  const id = JSON.stringify(newId);
  const cwd = JSON.stringify(newCwd);
  const splitter = new RowSplitter((row) => {
    const isBeginning = found.meta === null && splitter.count <= META_ROWS;
    if (!isBeginning) {
      splitter.wanted = CHANGED;
      if (!CHANGED.some((each) => row.bytes.includes(each))) return;
    }
    const members = membersOfRow(row, KEYS);
    if (members === null) return;
    const type = textOf(row.bytes, members, 'type');
    // Kept, not edited: with the edits made here the compiler's work on this function alone took 8 MB in a large rollout.
    if (type === 'turn_context') found.lastTurn = { ...row, bytes: Buffer.from(row.bytes) };
    if (type !== 'session_meta' || !isBeginning) return;
    const payload = objectOf(row.bytes, members, 'payload');
    if (textOf(row.bytes, payload, 'id') === null || textOf(row.bytes, payload, 'cwd') === null)
      throw unusableMeta(file.path);
    found.meta = editsIn(row, members, { id, session_id: id, cwd, runtime_workspace_roots: `[${cwd}]` });
  });
  for await (const chunk of contentOf(file)) splitter.push(chunk);
  const { meta, lastTurn } = found;
  if (meta === null) throw unusableMeta(file.path);
  const turnEdits = lastTurn === null ? [] : editsIn(lastTurn, membersOfRow(lastTurn, KEYS) ?? [], { cwd });
  const reader = counts ? new RolloutReader() : null;
  return {
    end: splitter.end,
    edits: [...meta, ...turnEdits].sort((a, b) => a.start - b.start),
    ...(reader === null ? {} : { see: (chunk) => void reader.push(chunk), messages: () => reader.messages }),
  };
}

export function unusableMeta(path: string): ConversationFault {
  return new ConversationFault(
    'CONVERSATION_UNREADABLE',
    `does not begin with a session_meta that names id and directory: ${path}`,
  );
}

/** Edits that give those members of `payload` that are there the JSON text named. */
function editsIn(row: Row, members: readonly Member[], values: Readonly<Record<string, string>>): Edit[] {
  return members
    .filter((member) => member.key === 'payload')
    .flatMap((payload) => membersOf(row.bytes, payload.start).list)
    .flatMap((member) => {
      const value = Object.hasOwn(values, member.key) ? values[member.key] : undefined;
      if (value === undefined || member.end >= row.bytes.length) return [];
      return [{ start: row.start + member.start, end: row.start + member.end, bytes: Buffer.from(value) }];
    });
}
