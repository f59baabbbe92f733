import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import type { Position, Tree, TreeMap } from '../contracts/legacy';

/** Why a YAML text could not be read, with the place. */
export class TreeError extends Error {
  override readonly name = 'TreeError';
  constructor(
    message: string,
    readonly at: Position,
  ) {
    super(message);
  }
}

/**
 * Nodes that aliases may expand to. The legacy tool's parser gives up on "billion laughs" documents as well; a tree that
 * shares nodes is small in memory, but everything that walks it later would not end.
 */
const MAX_EXPANDED_NODES = 1_000_000;

/** A document and how many stood in the text. `tree` is null for an empty one (nothing, or comments only). */
export interface ParsedTree {
  readonly tree: Tree | null;
  readonly documents: number;
}

/**
 * Reads YAML as the legacy tool does (legacy-store.md 2.1): YAML 1.2 core, duplicate keys are an error, `<<` is an
 * ordinary key, BOM and CRLF are accepted. Only the first document is converted; errors of later ones do not count.
 *
 * @throws TreeError for a syntax error, a cyclic alias or an alias bomb.
 */
export function parseTree(text: string): ParsedTree {
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
      uniqueKeys: true,
      prettyErrors: false,
      lineCounter: lines,
      logLevel: 'silent',
    });
  } catch (error) {
    // The parser recurses: a text nested some thousand levels deep overflows its stack.
    throw new TreeError(error instanceof RangeError ? 'nested too deeply' : String(error), { line: 1, column: 1 });
  }
  const list = Array.isArray(documents) ? documents : [];
  const first = list[0];
  if (first === undefined) return { tree: null, documents: 0 };
  const error = first.errors[0];
  if (error !== undefined) throw new TreeError(firstLine(error.message), position(error.pos[0]));
  if (first.contents === null) return { tree: null, documents: list.length };

  const open = new Set<Node>();
  const weights = new Map<Tree, number>();
  const done = new Map<Node, Tree>();
  const convert = (node: unknown): Tree => {
    if (isAlias(node)) {
      const at = position(node.range?.[0] ?? 0);
      const target = node.resolve(first);
      if (target === undefined) throw new TreeError(`unknown alias *${node.source}`, at);
      if (open.has(target)) throw new TreeError(`the alias *${node.source} contains itself`, at);
      return done.get(target) ?? convert(target);
    }
    if (isMap(node)) {
      const at = position(node.range?.[0] ?? 0);
      open.add(node);
      const entries = new Map<string, Tree>();
      let weight = 1;
      for (const pair of node.items) {
        const child = convert(pair.value);
        entries.set(keyText(pair.key), child);
        weight += weights.get(child) ?? 1;
      }
      open.delete(node);
      return finish(node, { kind: 'map', entries, at }, weight, at);
    }
    if (isSeq(node)) {
      const at = position(node.range?.[0] ?? 0);
      open.add(node);
      const items: Tree[] = [];
      let weight = 1;
      for (const item of node.items) {
        const child = convert(item);
        items.push(child);
        weight += weights.get(child) ?? 1;
      }
      open.delete(node);
      return finish(node, { kind: 'list', items, at }, weight, at);
    }
    if (isScalar(node)) {
      const value = node.value;
      const source = node.source ?? (value === null || value === undefined ? '' : String(value));
      const known = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      return {
        kind: 'scalar',
        value: known ? value : value === null ? null : source,
        source,
        at: position(node.range?.[0] ?? 0),
      };
    }
    return { kind: 'scalar', value: null, source: '', at: { line: 1, column: 1 } };
  };
  const finish = (node: Node, tree: Tree, weight: number, at: Position): Tree => {
    if (weight > MAX_EXPANDED_NODES) throw new TreeError('aliases expand to more than a million values', at);
    weights.set(tree, weight);
    done.set(node, tree);
    return tree;
  };
  try {
    return { tree: convert(first.contents), documents: list.length };
  } catch (error) {
    if (error instanceof RangeError) throw new TreeError('nested too deeply', { line: 1, column: 1 });
    throw error;
  }
}

function keyText(key: unknown): string {
  if (isScalar(key)) return key.value === null ? '' : String(key.value);
  return key === null || key === undefined ? '' : String(key);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

/** The map below `key`, or null. */
export function mapAt(tree: TreeMap, key: string): TreeMap | null {
  const child = tree.entries.get(key);
  return child?.kind === 'map' ? child : null;
}

/** The document as plain values, maps without prototype; for validation at the boundary. */
export function plain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plain);
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, child] of tree.entries) object[key] = plain(child);
  return object;
}
