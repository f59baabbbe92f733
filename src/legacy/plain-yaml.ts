import type { Tree, TreeMap, TreeScalar } from '../contracts/legacy';

/** A key that is a text to every reader: it resolves to no other type, and is shorter than the 1024 that YAML allows. */
const KEY = /^[A-Za-z_][A-Za-z0-9_.-]{0,255}$/;
const NOT_TEXT = /^(?:null|true|false|~)$/i;
/** Begins like a value that needs the full reader: indicators, numbers in odd forms, quotes. */
const INTEGER = /^(?:0|[1-9][0-9]{0,14})$/;
const TEXT_START = /^[A-Za-z_/~.]/;
const SPECIAL_TEXT = /^[-+.]?(?:inf|nan)$|^\.(?![a-z_])|^~(?!\/)/i;
/** A text in quotes without escapes, to the end of what is given. */
const QUOTED = /^(?:"([^"\\]*)"|'([^']*)')$/;
/** One item of a list in brackets and what ends it; what an item means is decided as anywhere else. */
const FLOW_ITEM = / *("[^"\\]*"|'[^']*'|[A-Za-z0-9_/~.](?:[A-Za-z0-9_/~.+@ -]*[A-Za-z0-9_/~.+@-])?) *(,|\])/y;
/** Anything outside one line of ordinary text makes the whole document a case for the full reader. */
const FOREIGN = /[^\n\u0020-\u007e\u00a1-\ud7ff\ue000-\ufefe\uff00-\ufffc]|[^\S\n ]/;

/** Levels that this reader goes down; how deep a config may be is for the full one to say. */
const MAX_DEPTH = 100;

interface Open {
  readonly indent: number;
  readonly entries: Map<string, Tree> | null;
  readonly items: Tree[] | null;
}

/**
 * The form in which the legacy tool itself writes its files, and people theirs: block mappings, lists of texts, plain
 * scalars and texts in quotes on one line, `[]` and `{}`. Returns exactly the tree that the full reader gives, or null for
 * a text that holds anything else; then the full reader decides. A registry of a thousand projects takes it a second, and
 * this some milliseconds.
 */
export function readPlain(text: string): Tree | null {
  if (FOREIGN.test(text)) return null;
  const stack: Open[] = [];
  let root: TreeMap | null = null;
  /** A key whose value is still to come, on a deeper line. */
  let pending: { readonly entries: Map<string, Tree>; readonly key: string; readonly indent: number } | null = null;
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const raw = text.slice(start, end);
    start = end + 1;
    line++;
    const content = raw.trimStart();
    if (content === '' || content.startsWith('#')) continue;
    if (raw.startsWith('---') || raw.startsWith('...') || raw.startsWith('%')) return null;
    const indent = raw.length - content.length;
    const at = { line, column: indent + 1 };
    const isItem = content.startsWith('- ');

    if (pending !== null) {
      // A list may stand at the indentation of its key; a mapping must stand deeper.
      if (indent > pending.indent || (isItem && indent === pending.indent)) {
        const child: Tree = isItem ? { kind: 'list', items: [], at } : { kind: 'map', entries: new Map(), at };
        pending.entries.set(pending.key, child);
        if (stack.length >= MAX_DEPTH) return null;
        stack.push(
          isItem
            ? { indent, entries: null, items: child.kind === 'list' ? (child.items as Tree[]) : [] }
            : { indent, entries: child.kind === 'map' ? (child.entries as Map<string, Tree>) : new Map(), items: null },
        );
        pending = null;
      } else return null;
    } else {
      let top = stack.at(-1);
      while (top !== undefined && (indent < top.indent || (indent === top.indent && !isItem && top.items !== null))) {
        stack.pop();
        top = stack.at(-1);
      }
      if (top === undefined) {
        if (root !== null || isItem) return null;
        const entries = new Map<string, Tree>();
        root = { kind: 'map', entries, at };
        stack.push({ indent, entries, items: null });
      } else if (top.indent !== indent) return null;
    }

    const open = stack.at(-1);
    if (open === undefined) return null;
    if (open.items !== null) {
      if (!isItem) return null;
      const body = content.slice(2);
      const value = body.trimStart();
      if (/:(?:\s|$)/.test(value)) return null;
      const scalar = plainScalar(value, line, indent + 3 + (body.length - value.length));
      if (scalar === null) return null;
      open.items.push(scalar);
      continue;
    }
    if (isItem || open.entries === null) return null;
    const colon = content.indexOf(':');
    if (colon < 0) return null;
    const key = content.slice(0, colon);
    if (!KEY.test(key) || NOT_TEXT.test(key) || open.entries.has(key)) return null;
    const rest = content.slice(colon + 1);
    if (rest.trim() === '') {
      pending = { entries: open.entries, key, indent };
      // Its place is taken now, so that the order is that of the document.
      open.entries.set(key, EMPTY);
      continue;
    }
    if (!rest.startsWith(' ')) return null;
    const value = rest.trimStart();
    const column = indent + 1 + colon + 1 + (rest.length - value.length);
    if (value === '|-' || value === '|') {
      const block = blockText(text, start, indent);
      if (block === null) return null;
      const body = block.lines.join('\n') + (value === '|' ? '\n' : '');
      open.entries.set(key, { kind: 'scalar', value: body, source: body, at: { line, column } });
      start = block.end;
      line += block.lines.length;
      continue;
    }
    const tree = flowOrScalar(value, line, column);
    if (tree === null) return null;
    open.entries.set(key, tree);
  }
  return pending === null ? root : null;
}

/** The lines of a literal block below a key; null where the full reader should judge its white space. */
function blockText(text: string, from: number, keyIndent: number): { lines: string[]; end: number } | null {
  const lines: string[] = [];
  let indent = -1;
  let start = from;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    if (newline < 0) return null;
    const raw = text.slice(start, newline);
    const content = raw.trimStart();
    if (content === '') return null;
    const own = raw.length - content.length;
    if (own <= keyIndent) break;
    if (indent < 0) indent = own;
    if (own < indent) return null;
    lines.push(raw.slice(indent));
    start = newline + 1;
  }
  return lines.length === 0 ? null : { lines, end: start };
}

const EMPTY: TreeScalar = { kind: 'scalar', value: null, source: '', at: { line: 1, column: 1 } };

function flowOrScalar(value: string, line: number, column: number): Tree | null {
  const bare = value.trimEnd();
  if (bare === '[]') return { kind: 'list', items: [], at: { line, column } };
  if (bare === '{}') return { kind: 'map', entries: new Map(), at: { line, column } };
  if (bare.startsWith('[')) return flowList(bare, line, column);
  return plainScalar(value, line, column);
}

function flowList(text: string, line: number, column: number): Tree | null {
  const items: Tree[] = [];
  FLOW_ITEM.lastIndex = 1;
  for (;;) {
    const start = FLOW_ITEM.lastIndex;
    const match = FLOW_ITEM.exec(text);
    const written = match?.[1];
    if (match === null || written === undefined) return null;
    const item = plainScalar(written, line, column + start + match[0].indexOf(written));
    if (item === null) return null;
    items.push(item);
    if (match[2] === ']')
      return FLOW_ITEM.lastIndex === text.length ? { kind: 'list', items, at: { line, column } } : null;
  }
}

/** A scalar on one line whose type cannot be mistaken; null where only the full reader should judge. */
function plainScalar(value: string, line: number, column: number): TreeScalar | null {
  const source = value.trimEnd();
  const at = { line, column };
  const quoted = QUOTED.exec(source);
  if (quoted !== null) {
    const text = quoted[1] ?? quoted[2] ?? '';
    return { kind: 'scalar', value: text, source: text, at };
  }
  if (source === '' || / #|: |:$/.test(value)) return null;
  if (INTEGER.test(source)) return { kind: 'scalar', value: Number(source), source, at };
  if (source === 'true' || source === 'false') return { kind: 'scalar', value: source === 'true', source, at };
  if (!TEXT_START.test(source) || NOT_TEXT.test(source) || SPECIAL_TEXT.test(source)) return null;
  return { kind: 'scalar', value: source, source, at };
}
