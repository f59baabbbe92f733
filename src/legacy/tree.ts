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

/** A document and how many stood in the text. `tree` is null for an empty one (nothing, or comments only). */
export interface ParsedTree {
  readonly tree: Tree | null;
  readonly documents: number;
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
