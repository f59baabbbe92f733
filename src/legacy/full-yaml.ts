import {
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
  type YAMLParseError,
} from 'yaml';
import type { Position, Tree } from '../contracts/legacy';
import { type ParsedTree, TreeError } from './tree';

/**
 * Values that aliases may expand to, a long text counting for several. The legacy tool's parser gives up on "billion
 * laughs" documents as well; a tree that shares nodes is small in memory, but everything that walks it later would not end.
 */
const MAX_EXPANDED_VALUES = 1_000_000;
const CHARACTERS_PER_VALUE = 64;
/** Levels inside one another. No config has ten, and everything that walks a tree recurses. */
const MAX_DEPTH = 1_000;
/**
 * Characters that can begin a value. The parser needs some microseconds and a few hundred bytes for each, so a text above
 * this would take minutes; a registry of five thousand projects has a quarter of it.
 */
const MAX_STRUCTURE = 1_000_000;

/**
 * Reads any YAML with the library (see `parseTree`).
 *
 * @throws TreeError for a syntax error, a cyclic alias or an alias bomb.
 */
export function parseFully(text: string): ParsedTree {
  if (structureOf(text) > MAX_STRUCTURE) throw new TreeError('it holds more values than a config can', START);
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, {
      version: '1.2',
      merge: false,
      // The parser compares every key with every other one of its mapping; the converter below does not need to.
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: lines,
      logLevel: 'silent',
    });
  } catch (error) {
    // The parser recurses: a text nested some thousand levels deep overflows its stack.
    throw new TreeError(error instanceof RangeError ? TOO_DEEP : NOT_YAML, START);
  }
  const list = Array.isArray(documents) ? documents : [];
  const first = list[0];
  if (first === undefined) return { tree: null, documents: 0 };
  const error = first.errors[0];
  if (error !== undefined) throw new TreeError(reasonOf(error), position(error.pos[0]));
  if (first.contents === null) return { tree: null, documents: list.length };
  try {
    return { tree: new Converter(position).document(first.contents), documents: list.length };
  } catch (thrown) {
    if (thrown instanceof TreeError) throw thrown;
    throw new TreeError(thrown instanceof RangeError ? TOO_DEEP : NOT_YAML, START);
  }
}

const START: Position = { line: 1, column: 1 };
const TOO_DEEP = 'it is nested too deeply';
const NOT_YAML = 'it is not YAML';
const SAME_KEY = 'a key stands twice in one mapping';

function structureOf(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    // Line feed, comma, hyphen, colon, question mark, and the opening brackets.
    if (code === 10 || code === 44 || code === 45 || code === 58 || code === 63 || code === 91 || code === 123) count++;
  }
  return count;
}

/**
 * What is wrong, by the parser's code. Its own sentences may quote the file, and any piece of it may be of a secret
 * (migration.md 10), so only those of `FIXED_SENTENCES` are told. The place says the rest.
 */
const WORDS: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias has an anchor or a tag of its own',
  BAD_ALIAS: 'an anchor or an alias has no usable name',
  BAD_COLLECTION_TYPE: 'a tag does not fit the value after it',
  BAD_DIRECTIVE: 'a directive that is none',
  BAD_DQ_ESCAPE: 'an escape after `\\` that does not exist; a text in single quotes knows none',
  BAD_INDENT: 'the indentation is wrong',
  BAD_PROP_ORDER: 'an anchor or a tag stands in the wrong place',
  BAD_SCALAR_START: 'a text that begins like this must stand in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a list or a mapping begins where a key is expected',
  BLOCK_IN_FLOW: 'a list or a mapping by indentation stands inside brackets',
  DUPLICATE_KEY: SAME_KEY,
  IMPOSSIBLE: NOT_YAML,
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a quote, a bracket, a colon, a comma or a space is missing',
  MULTILINE_IMPLICIT_KEY: 'a key has more than one line',
  MULTIPLE_ANCHORS: 'a value has two anchors',
  MULTIPLE_DOCS: 'it holds several YAML documents',
  MULTIPLE_TAGS: 'a value has two tags',
  NON_STRING_KEY: 'a key is not a text',
  RESOURCE_EXHAUSTION: TOO_DEEP,
  TAB_AS_INDENT: 'a tab stands where only spaces may indent',
  TAG_RESOLVE_FAILED: 'a tag that nothing is known of',
  UNEXPECTED_TOKEN: 'something that is not expected here',
};

/** Sentences of the parser in which nothing is filled in, where its code alone says little. */
const FIXED_SENTENCES: ReadonlySet<string> = new Set([
  'All mapping items must start at the same column',
  'All sequence items must start at the same column',
  'Block scalar values in collections must be indented',
  'Comments must be separated from other tokens by white space characters',
  'Flow map in block collection must be sufficiently indented and end with a }',
  'Flow map must end with a }',
  'Flow sequence in block collection must be sufficiently indented and end with a ]',
  'Flow sequence must end with a ]',
  'Implicit map keys need to be followed by map values',
  'Missing closing "quote',
  "Missing closing 'quote",
  'Missing , between flow map items',
  'Missing , between flow sequence items',
  'Missing , or : between flow map items',
  'Missing space after : in flow map',
  'Nested mappings are not allowed in compact mappings',
  'Sequence item without - indicator',
]);

function reasonOf({ code, message }: YAMLParseError): string {
  return FIXED_SENTENCES.has(message) ? message : (WORDS[code] ?? NOT_YAML);
}

/** Turns the parser's nodes into a tree, in document order, so that an alias means the last anchor of its name before it. */
class Converter {
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  readonly #done = new Map<Node, Tree>();
  readonly #weights = new Map<Tree, number>();
  /** Keys that are two to the legacy tool's parser, and one text. */
  readonly #alike: { readonly map: Tree; readonly name: string; readonly key: unknown }[] = [];

  constructor(private readonly position: (offset: number) => Position) {}

  /** Elsewhere the last of keys that are alike wins, as it did; but no project may go unseen (E6). */
  document(contents: unknown): Tree {
    const tree = this.convert(contents);
    const projects = tree.kind === 'map' ? tree.entries.get('projects') : undefined;
    const lost = this.#alike.find(({ map, name }) => map === projects || (map === tree && name === 'projects'));
    if (lost !== undefined) throw new TreeError(SAME_KEY, isNode(lost.key) ? this.#at(lost.key) : lost.map.at);
    return tree;
  }

  convert(node: unknown): Tree {
    if (isAlias(node)) return this.#aliased(node.source, this.#at(node));
    if (!isNode(node)) return { kind: 'scalar', value: null, source: '', at: START };
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    const at = this.#at(node);
    if (isMap(node)) return this.#nested(node, at, () => this.#map(node.items, at));
    if (isSeq(node))
      return this.#nested(node, at, () => ({ kind: 'list', items: node.items.map((item) => this.convert(item)), at }));
    const written = isScalar(node) ? node.value : null;
    // Escapes can write half of a pair of surrogates, which no database keeps.
    const value = typeof written === 'string' ? written.toWellFormed() : written;
    const source = (
      (isScalar(node) ? node.source : undefined) ?? (value === null || value === undefined ? '' : String(value))
    ).toWellFormed();
    const known = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    const tree: Tree = { kind: 'scalar', value: known ? value : value === null ? null : source, source, at };
    return this.#finish(node, tree, 1 + Math.floor(source.length / CHARACTERS_PER_VALUE), at);
  }

  /** An alias is not named: an unquoted password may begin with `*`. */
  #aliased(name: string, at: Position): Tree {
    const target = this.#anchors.get(name);
    if (target === undefined) throw new TreeError('an alias of something that is not there', at);
    if (this.#open.has(target)) throw new TreeError('an alias that contains itself', at);
    return this.#done.get(target) ?? this.convert(target);
  }

  #map(pairs: readonly Pair[], at: Position): Tree {
    const entries = new Map<string, Tree>();
    const map: Tree = { kind: 'map', entries, at };
    const keys = new Set<string>();
    for (const { key, value } of pairs) {
      if (isScalar(key)) {
        // As the legacy tool's parser has it, `1` and `"1"` are two keys, of which the last wins.
        const identity = `${typeof key.value} ${String(key.value)}`;
        if (keys.has(identity)) throw new TreeError(SAME_KEY, this.#at(key));
        keys.add(identity);
      }
      const name = this.#keyText(key).toWellFormed();
      if (entries.has(name)) this.#alike.push({ map, name, key });
      entries.set(name, this.convert(value));
    }
    return map;
  }

  #keyText(key: unknown): string {
    if (isAlias(key)) {
      const target = this.#aliased(key.source, this.#at(key));
      return target.kind === 'scalar' ? String(target.value ?? '') : '';
    }
    if (!isNode(key)) return '';
    visit(key, {
      Node: (_, node) => {
        if (!isAlias(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
      },
    });
    if (isScalar(key)) return key.value === null || key.value === undefined ? '' : String(key.value);
    return String(key);
  }

  #nested(node: Node, at: Position, build: () => Tree): Tree {
    this.#open.add(node);
    if (this.#open.size > MAX_DEPTH) throw new TreeError(TOO_DEEP, at);
    const tree = build();
    this.#open.delete(node);
    const children = tree.kind === 'map' ? tree.entries.values() : tree.kind === 'list' ? tree.items : [];
    let weight = 1;
    for (const child of children) weight += this.#weights.get(child) ?? 1;
    return this.#finish(node, tree, weight, at);
  }

  #finish(node: Node, tree: Tree, weight: number, at: Position): Tree {
    if (weight > MAX_EXPANDED_VALUES) throw new TreeError('aliases expand to more than a million values', at);
    this.#weights.set(tree, weight);
    this.#done.set(node, tree);
    return tree;
  }

  #at(node: Node): Position {
    return this.position(node.range?.[0] ?? 0);
  }
}
