import { derive } from './ids';
import { JsonEditor, type JsonPlace } from './opencode-json';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Characters of an id after its prefix that say when it was made; they put messages and parts in order, so they stay. */
const TIME = 12;
/** Keys whose value may be an id of the document. The last two point from a revert and from a compaction to what they mean. */
const ID_KEYS: ReadonlySet<string> = new Set(['id', 'sessionID', 'messageID', 'parentID', 'partID', 'tail_start_id']);
const SESSION_ID = /^ses_[A-Za-z0-9]{1,64}$/;

/** The only form in which a session id may reach a path or an argument list (harness-sessions.md 6). */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/**
 * Id of the copy of a session, message or part (migration.md 6.5): prefix and 12 characters of time kept, each other
 * character from D, base 62, least significant first. An id without further characters comes back unchanged.
 */
export function opencodeId(oldId: string, newDirectory: string): string {
  const kept = oldId.indexOf('_') + 1 + TIME;
  let number = BigInt(`0x${Buffer.from(derive(oldId, newDirectory)).toString('hex')}`);
  let fresh = '';
  for (let place = kept; place < oldId.length; place += 1) {
    fresh += ALPHABET.charAt(Number(number % 62n));
    number /= 62n;
  }
  return oldId.slice(0, kept) + fresh;
}

/** True if every id gets one of its own that is none of the old ones: else an import would change the original. */
export function renewable(ids: ReadonlySet<string>, newId: (oldId: string) => string): boolean {
  const fresh = new Set<string>();
  for (const id of ids) fresh.add(newId(id));
  if (fresh.size !== ids.size) return false;
  for (const id of fresh) if (ids.has(id)) return false;
  return true;
}

/**
 * Form of the items of `summary.diffs`, which changed between releases (harness-sessions.md 3.3). `mixed`: none of the two
 * throughout.
 */
export type DiffShape = 'none' | 'before-after' | 'patch' | 'mixed';

/** What an export holds. */
export interface Survey {
  readonly sessionId: string | null;
  /** Every id that the document gives to a session, message or part. */
  readonly ids: ReadonlySet<string>;
  readonly messages: number;
  readonly parts: number;
  readonly diffs: DiffShape;
}

const DIFFS = /^(\/info|\/messages\/\*\/info)\/summary\/diffs$/;
const DIFF = /^(\/info|\/messages\/\*\/info)\/summary\/diffs\/\*$/;

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Reads an export, `{info, messages: [{info, parts}]}`, in pieces. Throws a `SyntaxError` where it was cut. */
export async function survey(pieces: Pieces): Promise<Survey> {
  const ids = new Set<string>();
  const count = { messages: 0, parts: 0, diffs: 0, patch: 0, before: 0, after: 0 };
  let sessionId: string | null = null;
  const editor = new JsonEditor({
    string(place, text) {
      const { path } = place;
      if (path === '/info/id') sessionId = text;
      if (path === '/info/id' || path === '/messages/*/info/id' || path === '/messages/*/parts/*/id') {
        if (text !== null) ids.add(text);
      } else if (DIFF.test(path.slice(0, path.lastIndexOf('/')))) {
        if (place.key === 'patch' || place.key === 'before' || place.key === 'after') count[place.key] += 1;
      }
      return null;
    },
    open({ path }) {
      if (path === '/messages/*') count.messages += 1;
      else if (path === '/messages/*/parts/*') count.parts += 1;
      else if (DIFF.test(path)) count.diffs += 1;
      return false;
    },
  });
  for await (const piece of pieces) editor.push(piece);
  editor.end();
  return { sessionId, ids, messages: count.messages, parts: count.parts, diffs: shape(count) };
}

function shape(count: { diffs: number; patch: number; before: number; after: number }): DiffShape {
  if (count.diffs === 0) return 'none';
  if (count.patch === count.diffs) return 'patch';
  return count.before === count.diffs && count.after === count.diffs ? 'before-after' : 'mixed';
}

export interface Reid {
  readonly ids: ReadonlySet<string>;
  readonly newDirectory: string;
  /** Write every `summary.diffs` empty: the release that imports cannot read their items. */
  readonly emptyDiffs: boolean;
  /** Gives the new id of an old one. */
  readonly newId: (oldId: string) => string;
}

/**
 * The export as it is to be imported (harness-sessions.md 3.4): every id of the document replaced wherever it stands,
 * `info.directory` set, all else byte for byte. Pieces are valid until the next one is asked for.
 */
export async function* reid(pieces: Pieces, change: Reid): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  const editor = new JsonEditor(
    {
      string({ path, key }: JsonPlace, text) {
        if (path === '/info/directory') return change.newDirectory;
        return text !== null && ID_KEYS.has(key) && change.ids.has(text) ? change.newId(text) : null;
      },
      open: ({ path }) => change.emptyDiffs && DIFFS.test(path),
    },
    (bytes) => ready.push(bytes),
  );
  for await (const piece of pieces) {
    editor.push(piece);
    yield* ready;
    ready = [];
  }
  editor.end();
}
