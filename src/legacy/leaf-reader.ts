import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { LegacyStore, Tree } from '../contracts/legacy';
import { type Leaf, leavesOf } from '../plan/leaves';
import { parseJsonTree } from './json-tree';
import { parseTree } from './yaml';

/** The leaves of one of the files that a store was read from. */
export type ReadLeaves = (file: string) => readonly Leaf[];

/**
 * The leaves of the files of a store, for `explain`. Configs come from what was read of them; records are opened again,
 * one at a time and only when asked for, because a store keeps no positions of theirs.
 */
export function leafReader(store: LegacyStore): ReadLeaves {
  const trees = configTrees(store);
  return (file) => {
    const tree = trees.get(file);
    if (tree !== undefined) return leavesOf(tree, { decode: false });
    const name = basename(file);
    const text = textOf(file);
    if (text === null) return [whole('', true)];
    if (name === '.origin') return [whole(text.trim(), false)];
    if (/\.ya?ml(?:\.pre-migration)?$/.test(name)) return yamlLeaves(text);
    return recordLeaves(text);
  };
}

/** Trees of the YAML files, as the plan saw them. */
function configTrees(store: LegacyStore): Map<string, Tree> {
  const trees = new Map<string, Tree>();
  for (const { file, tree } of store.wrapped) trees.set(file, tree);
  for (const local of store.locals.values()) {
    if (local.kind !== 'missing' && local.tree !== null) trees.set(local.file, local.tree);
  }
  if (store.registry !== null) trees.set(store.registry.file, store.registry.tree);
  return trees;
}

function textOf(file: string): string | null {
  try {
    return statSync(file).isFile() ? readFileSync(file, 'utf8') : null;
  } catch {
    return null;
  }
}

function yamlLeaves(text: string): readonly Leaf[] {
  try {
    const { tree } = parseTree(text);
    return tree === null ? [whole('', true)] : leavesOf(tree, { decode: false });
  } catch {
    return [whole(text, true)];
  }
}

/** JSON, or else `key=value` lines. */
function recordLeaves(text: string): readonly Leaf[] {
  const tree = parseJsonTree(text);
  if (tree !== null) return leavesOf(tree, { decode: true });
  const first = text.replace(/^\uFEFF/, '').trimStart()[0];
  const lines = first === '{' || first === '[' ? [] : keyValueLeaves(text);
  return lines.length > 0 ? lines : [whole(text, true)];
}

/** One leaf a line (legacy-store.md 3.3), with those that a later line overrides. */
function keyValueLeaves(text: string): readonly Leaf[] {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  const found = lines.flatMap((raw, index) => {
    const line = raw.trim();
    const split = line.indexOf('=');
    const key = split < 0 ? '' : line.slice(0, split).trim();
    if (line.startsWith('#') || key === '') return [];
    const value = line.slice(split + 1).trim();
    const after = raw.indexOf('=') + 1;
    const column = after + (raw.slice(after).length - raw.slice(after).trimStart().length) + 1;
    return [{ key, value, at: { line: index + 1, column } }];
  });
  const last = new Map(found.map(({ key }, index) => [key, index]));
  return found.flatMap(({ key, value, at }, index): readonly Leaf[] => {
    const tree: Tree = { kind: 'scalar', value, source: value, at };
    if (last.get(key) !== index) return [{ keys: [key], at, inside: [], tree, overridden: true }];
    return leavesOf(tree, { decode: true }, [key]);
  });
}

function whole(text: string, unparsed: boolean): Leaf {
  const at = { line: 1, column: 1 };
  const tree: Tree = { kind: 'scalar', value: text, source: text, at };
  return unparsed ? { keys: [], at, inside: [], tree, unparsed } : { keys: [], at, inside: [], tree };
}
