import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { entryAt } from './entry';

/** Limits of the walk, not of what is copied: a tree beyond them is nothing that Claude Code has made. */
const MAX_DEPTH = 16;
const MAX_ENTRIES = 20_000;

export interface Sidecar {
  /** Regular files below the folder, by path with `/` between names, in code unit order. */
  readonly files: readonly { readonly name: string; readonly size: number; readonly mtimeMs: number }[];
  /** What was left out: links, devices, and what lies beyond the limits. */
  readonly left: readonly string[];
}

/** Lists the folder of the same name beside a transcript (harness-sessions.md 1.2, 6) without following anything. */
export function readSidecar(folder: string): Sidecar {
  const files: { name: string; size: number; mtimeMs: number }[] = [];
  const left: string[] = [];
  let entries = 0;
  const walk = (name: string, depth: number): void => {
    const stats = entryAt(join(folder, name));
    entries += 1;
    if (stats?.isFile()) files.push({ name, size: stats.size, mtimeMs: stats.mtimeMs });
    else if (stats === null || !stats.isDirectory() || depth > MAX_DEPTH) left.push(name);
    else {
      for (const child of readdirSync(join(folder, name)).sort()) {
        const path = name === '' ? child : `${name}/${child}`;
        if (entries >= MAX_ENTRIES) {
          left.push(path);
          return;
        }
        walk(path, depth + 1);
      }
    }
  };
  const stats = entryAt(folder);
  if (stats?.isDirectory()) walk('', 0);
  else if (stats !== null) left.push('.');
  return { files, left };
}
