import type { Position, Tree } from '../contracts/legacy';

/** One value of a legacy file: a scalar, or a map or list without members. */
export interface Leaf {
  /** From the root of the file; empty for a file that is one value, or that cannot be read as anything else. */
  readonly keys: readonly (string | number)[];
  readonly at: Position;
  /** Where the maps and lists stand that it is in, outermost first. */
  readonly inside: readonly Position[];
  readonly tree: Tree;
  /** The file has the form of no document: this leaf is its whole text. */
  readonly unparsed?: true;
  /** A later line of the same key=value file has the same key. */
  readonly overridden?: true;
}

/** Keys of a session record that hold an object, also one that was flattened into JSON text (legacy-store.md 3.4, 3.7). */
const OBJECT_KEYS = new Set([
  'lifecycle',
  'statePayload',
  'runtimeHandle',
  'session',
  'runtime',
  'handle',
  'data',
  'pr',
]);

export interface LeafOptions {
  /** Look into JSON text where a session record keeps its objects so. */
  readonly decode: boolean;
}

/** Every leaf of a tree, in document order. */
export function leavesOf(root: Tree, options: LeafOptions, above: readonly (string | number)[] = []): Leaf[] {
  const leaves: Leaf[] = [];
  // A stack of its own: a document may be nested deeper than calls can be.
  const open: Omit<Leaf, 'at'>[] = [{ keys: above, tree: root, inside: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { keys, inside } = next;
    const tree = options.decode ? decoded(next.tree, keys.at(-1)) : next.tree;
    const members: (readonly [string | number, Tree])[] =
      tree.kind === 'map' ? [...tree.entries] : tree.kind === 'list' ? [...tree.items.entries()] : [];
    if (members.length === 0) leaves.push({ keys, at: tree.at, inside, tree });
    const within = [...inside, tree.at];
    for (const [key, child] of members.reverse()) open.push({ keys: [...keys, key], tree: child, inside: within });
  }
  return leaves;
}

/** The object behind a text that is JSON, at most twice over; every value of it stands where the text stands. */
function decoded(tree: Tree, key: string | number | undefined): Tree {
  if (tree.kind !== 'scalar' || typeof tree.value !== 'string' || !OBJECT_KEYS.has(String(key))) return tree;
  let value: unknown = tree.value;
  try {
    for (let level = 0; level < 2 && typeof value === 'string'; level++) value = JSON.parse(value.trim());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? treeOf(value, tree.at) : tree;
  } catch {
    // No JSON after all, or nested too deeply for the stack: then it is a text.
    return tree;
  }
}

function treeOf(value: unknown, at: Position): Tree {
  if (Array.isArray(value)) return { kind: 'list', items: value.map((each) => treeOf(each, at)), at };
  if (typeof value === 'object' && value !== null) {
    return { kind: 'map', entries: new Map(Object.entries(value).map(([key, each]) => [key, treeOf(each, at)])), at };
  }
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  return { kind: 'scalar', value: scalar, source: String(scalar), at };
}

/** The keys as one text, the same for equal keys only. */
export function keyPath(keys: readonly (string | number)[]): string {
  return keys.join('\0');
}

/** The leaf says nothing: no members, null or empty text. */
export function isEmptyLeaf({ tree }: Leaf): boolean {
  return tree.kind !== 'scalar' || tree.value === null || tree.value === '';
}
