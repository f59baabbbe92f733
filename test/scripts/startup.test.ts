import { beforeAll, describe, expect, test } from 'bun:test';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dir, '../..');

/** One piece of the split program: what it loads at once, and which sources are in it. */
interface Piece {
  readonly entry: boolean;
  readonly loads: readonly string[];
  readonly sources: readonly string[];
}

const pieces = new Map<string, Piece>();

beforeAll(async () => {
  const built = await Bun.build({ entrypoints: [resolve(ROOT, 'src/main.ts')], target: 'bun', splitting: true });
  for (const output of built.outputs) {
    const text = await output.text();
    const found = (form: RegExp): string[] => Array.from(text.matchAll(form), ([, name]) => name ?? '');
    pieces.set(output.path.replace(/^\.\//, ''), {
      entry: output.kind === 'entry-point',
      loads: found(/^(?:import|export)\b[^;]*?["']([^"']+)["'];/gm).map((name) => name.replace(/^\.\//, '')),
      sources: found(/^\/\/ (src\/\S+|node_modules\/[^/\s]+(?:\/[^/\s]+)?)/gm),
    });
  }
});

/** Everything that is loaded with a piece: sources of our own, and modules of the system. */
function loadedWith(first: readonly string[]): { readonly sources: string[]; readonly system: string[] } {
  const seen = new Set<string>();
  const system = new Set<string>();
  const walk = (name: string): void => {
    if (seen.has(name)) return;
    const piece = pieces.get(name);
    if (piece === undefined) {
      system.add(name.replace(/^node:/, ''));
      return;
    }
    seen.add(name);
    piece.loads.forEach(walk);
  };
  first.forEach(walk);
  return { sources: [...seen].flatMap((name) => pieces.get(name)?.sources ?? []).sort(), system: [...system].sort() };
}

const pieceOf = (source: string): string[] =>
  [...pieces].flatMap(([name, piece]) => (piece.sources.includes(source) ? [name] : []));

// Measured: one system module costs as much as the whole start of `--version`, `node:http` as much as all of `status`.
describe('what a start loads', () => {
  test('--version: no module of the system, nothing of node_modules', () => {
    const { sources, system } = loadedWith([...pieces].flatMap(([name, { entry }]) => (entry ? [name] : [])));
    expect(system).toEqual([]);
    expect(sources).toContain('src/cli/gate.ts');
    expect(sources.filter((source) => !source.startsWith('src/'))).toEqual([]);
    expect(sources.filter((source) => /^src\/(?!cli\/|report\/|contracts\/|main)/.test(source))).toEqual([]);
  });

  test('status: files and paths only, and no YAML', () => {
    const parts = [
      'src/cli/status.ts',
      'src/survey/standing.ts',
      'src/apply/receipt-reader.ts',
      'src/legacy/activity.ts',
      'src/rewrite/daemon.ts',
      'src/legacy/tmux.ts',
      'src/report/status-text.ts',
    ];
    const first = parts.flatMap(pieceOf);
    expect(first.length).toBeGreaterThanOrEqual(parts.length - 1);
    const { sources, system } = loadedWith(first);
    expect(system.filter((name) => !['fs', 'path'].includes(name))).toEqual([]);
    expect(sources.filter((source) => source.includes('yaml') || source.startsWith('src/plan/config'))).toEqual([]);
  });
});
