import {
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
    throw new TreeError(error instanceof RangeError ? TOO_DEEP : 'it is not YAML', START);
  }
  const list = Array.isArray(documents) ? documents : [];
  const first = list[0];
  if (first === undefined) return { tree: null, documents: 0 };
  const error = first.errors[0];
  if (error !== undefined) throw new TreeError(reasonOf(error), position(error.pos[0]));
  if (first.contents === null) return { tree: null, documents: list.length };
  try {
    return { tree: new Converter(position).convert(first.contents), documents: list.length };
  } catch (thrown) {
    if (thrown instanceof TreeError) throw thrown;
    throw new TreeError(thrown instanceof RangeError ? TOO_DEEP : 'it is not YAML', START);
  }
}

const START: Position = { line: 1, column: 1 };
const TOO_DEEP = 'it is nested too deeply';

function structureOf(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    // Line feed, comma, hyphen, colon, question mark, and the opening brackets.
    if (code === 10 || code === 44 || code === 45 || code === 58 || code === 63 || code === 91 || code === 123) count++;
  }
  return count;
}

/** The parser's own words without what it quotes of the file, which may be a secret (migration.md 10). */
function reasonOf({ code, message }: YAMLParseError): string {
  if (code === 'RESOURCE_EXHAUSTION') return TOO_DEEP;
  return (message.split('\n', 1)[0] ?? '').replace(/(?<=\w):\s.*$/, '');
}

/** Turns the parser's nodes into a tree, in document order, so that an alias means the last anchor of its name before it. */
class Converter {
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  readonly #done = new Map<Node, Tree>();
  readonly #weights = new Map<Tree, number>();

  constructor(private readonly position: (offset: number) => Position) {}

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
    const keys = new Set<string>();
    for (const { key, value } of pairs) {
      if (isScalar(key)) {
        // As the legacy tool's parser has it, `1` and `"1"` are two keys, of which the last wins.
        const identity = `${typeof key.value} ${String(key.value)}`;
        if (keys.has(identity)) throw new TreeError('Map keys must be unique', this.#at(key));
        keys.add(identity);
      }
      const name = this.#keyText(key).toWellFormed();
      entries.set(name, this.convert(value));
    }
    return { kind: 'map', entries, at };
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
