import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseJsonTree } from '../../src/legacy/json-tree';
import { leafReader } from '../../src/legacy/leaf-reader';
import { locateLegacy } from '../../src/legacy/locate';
import { readStore } from '../../src/legacy/store';
import { plain } from '../../src/legacy/tree';
import { type Leaf, leavesOf } from '../../src/plan/leaves';
import { emptyHome, machineAt, write } from '../support/home';

const RUNS = Number(process.env.AO_TEST_COUNT ?? '200');

describe('JSON with places', () => {
  test('is what JSON.parse says, however it is spaced', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom(0, 1, 2, '\t'),
        fc.constantFrom('', '\uFEFF', '\n \t'),
        (value, space, lead) => {
          const tree = parseJsonTree(lead + JSON.stringify(value, null, space));
          expect(tree === null ? undefined : JSON.stringify(plain(tree))).toBe(JSON.stringify(value));
        },
      ),
      { numRuns: RUNS },
    );
  });

  test('every scalar stands where its place says', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value, null, 2);
        const tree = parseJsonTree(text);
        const lines = text.split('\n');
        for (const { at, tree: leaf } of tree === null ? [] : leavesOf(tree, { decode: false })) {
          const there = lines[at.line - 1]?.slice(at.column - 1) ?? '';
          const written = leaf.kind === 'scalar' ? JSON.stringify(leaf.value) : leaf.kind === 'map' ? '{}' : '[]';
          expect(there.startsWith(written)).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('the last of equal keys wins; what is no JSON is null', () => {
    expect(plain(parseJsonTree('{"a": 1, "a": 2}') ?? { kind: 'list', items: [], at: { line: 1, column: 1 } })).toEqual(
      { a: 2 },
    );
    for (const text of ['', '{', '{"a": }', 'a=b', '[1] 2']) expect(parseJsonTree(text)).toBeNull();
  });

  test('too deep a text is no document, not a crash', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(() => parseJsonTree(deep)).not.toThrow();
  });
});

describe('leaves of a record', () => {
  function read(name: string, text: string): readonly Leaf[] {
    const home = emptyHome();
    try {
      write(home, { [`.agent-orchestrator/${name}`]: text });
      const machine = machineAt(home.path);
      const location = locateLegacy(machine, { from: null, config: null });
      const store = readStore(location, machine, { keepRaw: true, pause: () => undefined });
      return leafReader(store)(`${home.path}/.agent-orchestrator/${name}`);
    } finally {
      home.remove();
    }
  }
  const told = (leaves: readonly Leaf[]): unknown[] =>
    leaves.map(({ keys, at, tree, overridden }) => [
      keys.join('.'),
      `${at.line}:${at.column}`,
      tree.kind === 'scalar' ? tree.value : tree.kind,
      ...(overridden ? ['overridden'] : []),
    ]);
  const V1 = '0123456789ab/sessions/x-orchestrator';

  test('key=value lines, with the lines that a later one overrides', () => {
    expect(
      told(read(V1, '# c\r\nrole=worker\r\n  role = orchestrator \n=none\n\nlifecycle={"session":{"state":"idle"}}\n')),
    ).toEqual([
      ['role', '2:6', 'worker', 'overridden'],
      ['role', '3:10', 'orchestrator'],
      ['lifecycle.session.state', '6:11', 'idle'],
    ]);
  });

  test('objects that updates flattened into text, twice over', () => {
    const inner = JSON.stringify({ state: 'idle', list: [] });
    const text = JSON.stringify(
      { lifecycle: JSON.stringify(JSON.stringify({ session: inner })), other: inner },
      null,
      1,
    );
    expect(told(read(V1, text))).toEqual([
      ['lifecycle.session.state', '2:15', 'idle'],
      ['lifecycle.session.list', '2:15', 'list'],
      ['other', '3:11', inner],
    ]);
  });

  test('a file of no form is one leaf', () => {
    for (const text of ['', '{"half', 'no lines of that kind']) {
      const [leaf, ...more] = read(V1, text);
      expect([leaf?.keys, leaf?.unparsed, more]).toEqual([[], true, []]);
    }
  });
});
