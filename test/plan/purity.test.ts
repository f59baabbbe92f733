import { expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(import.meta.dir, '..', '..');
/** What the plan and the contracts may never reach, in any file that they load. */
const FORBIDDEN = [
  /['"](?:node|bun):/,
  /\bBun\./,
  /\bprocess\./,
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /\bMath\.random\b/,
  /\bfetch\(/,
  /\brequire\(/,
  /\bimport\(/,
];

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .sort()
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(ROOT, folder, name));
}

/** Files that a file loads at run time: type-only imports are gone then. */
function imports(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?from\s+'([^']+)'/gms)].map(
    (match) => match[1] ?? '',
  );
  return specifiers
    .filter((each) => each.startsWith('.'))
    .map((each) => {
      const base = join(dirname(file), each);
      return existsSync(`${base}.ts`) ? `${base}.ts` : base;
    });
}

test('src/plan and src/contracts reach no file, process, network, clock or environment', () => {
  const open = [...sources('src/plan'), ...sources('src/contracts')];
  const seen = new Map<string, string>(open.map((file) => [file, relative(ROOT, file)]));
  const found: string[] = [];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const text = readFileSync(file, 'utf8');
    const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    for (const pattern of FORBIDDEN) {
      const hit = pattern.exec(code)?.[0];
      if (hit !== undefined) found.push(`${seen.get(file)}: ${hit}`);
    }
    for (const next of imports(file, text)) {
      if (seen.has(next)) continue;
      seen.set(next, `${seen.get(file)} → ${relative(ROOT, next)}`);
      open.push(next);
    }
  }
  expect(seen.size).toBeGreaterThan(20);
  expect(found).toEqual([]);
});
