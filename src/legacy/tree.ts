import type { Position, Tree, TreeMap } from '../contracts/legacy';
import { readPlain } from './plain-yaml';

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
  const plainly = readPlain(text);
  if (plainly !== null) return { tree: plainly, documents: 1 };
  // The library costs milliseconds to load, and most stores never need it.
  const { parseFully }: typeof import('./full-yaml') = require('./full-yaml');
  return parseFully(text);
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
