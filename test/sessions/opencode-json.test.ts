import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { JsonEditor, type JsonVisitor } from '../../src/sessions/opencode-json';

/** Pushes a text in pieces of one size through one buffer, which is used again for each, as a file reader does. */
function edited(text: string, visitor: JsonVisitor, size = 7): string {
  const out: Buffer[] = [];
  const editor = new JsonEditor(visitor, (bytes) => out.push(Buffer.from(bytes)));
  const bytes = Buffer.from(text);
  const buffer = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const length = bytes.copy(buffer, 0, at, at + size);
    editor.push(buffer.subarray(0, length));
  }
  editor.end();
  return Buffer.concat(out).toString();
}

const placesOf = (text: string) => {
  const places: string[] = [];
  edited(text, {
    string: ({ path, key }, value) => {
      places.push(`${path} ${key} ${value}`);
      return null;
    },
  });
  return places;
};

describe('a document in pieces', () => {
  test('stays byte for byte what it was, whatever the pieces', () => {
    const value = fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' });
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 40 }), fc.boolean(), (inner, size, indented) => {
        const text = JSON.stringify({ inner, tail: 'x' }, null, indented ? 2 : undefined);
        expect(edited(text, { string: () => null }, size)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test('numbers, escapes and repeated keys are not touched', () => {
    const text = '{"a":1e400,"a":-0,"b":"\\u0041\\/\\ud800","c":[1.0,\ttrue , null]}\n';
    for (const size of [1, 2, 3, 64]) expect(edited(text, { string: () => null }, size)).toBe(text);
  });

  test('a string is replaced where it stands, also when it is cut between two pieces', () => {
    const text = `{"long":"${'x\\"y'.repeat(900)}","id":"a\\"b","list":["old"]}`;
    const visitor: JsonVisitor = { string: ({ key }, value) => (key === 'long' ? null : `<${value}>`) };
    const expected = text.replace('"a\\"b"', '"<a\\"b>"').replace('"old"', '"<old>"');
    for (const size of [1, 5, 64, 1000, 10_000]) expect(edited(text, visitor, size)).toBe(expected);
  });

  test('a string of 1024 bytes can be seen, a longer one only replaced, whatever the pieces', () => {
    for (const size of [1, 100, 1023, 1024, 1025, 1026, 5000]) {
      for (const length of [1023, 1024, 1025, 1026]) {
        const seen: (string | null)[] = [];
        const visitor: JsonVisitor = {
          string: (_, value) => {
            seen.push(value);
            return 'r';
          },
        };
        expect(edited(`{"a":"${'x'.repeat(length)}", "b":{}}`, visitor, size)).toBe('{"a":"r", "b":{}}');
        expect(seen).toEqual([length <= 1024 ? 'x'.repeat(length) : null]);
      }
    }
  });
});

describe('places', () => {
  test('name objects by key and elements by *, and elements keep the key of their array', () => {
    expect(placesOf('{"a":{"b":["x",["y"],{"c":"z"}]},"d":"w"}')).toEqual([
      '/a/b/* b x',
      '/a/b/*/* b y',
      '/a/b/*/c c z',
      '/d d w',
    ]);
  });

  test('cannot be imitated by a key', () => {
    expect(placesOf('{"a/b":"x","*":"y","info":{"s/t":{"u":"z"}}}')).toEqual(['/? a/b x', '/? * y', '/info/?/u u z']);
  });

  test('have no path below depth 8, but a key', () => {
    expect(placesOf(`${'{"n":'.repeat(12)}{"id":"x"}${'}'.repeat(12)}`)).toEqual(['** id x']);
  });
});

describe('a container written empty', () => {
  test('keeps its brackets and loses everything inside, also nested and across pieces', () => {
    const text = `{"s":{"diffs":[{"a":["${'x'.repeat(3000)}"]},[{}]] , "t":"u"},"diffs":[1]}`;
    const visitor: JsonVisitor = { open: ({ path }) => path === '/s/diffs', string: () => 'seen' };
    for (const size of [1, 9, 2000, 10_000]) {
      expect(edited(text, visitor, size)).toBe('{"s":{"diffs":[] , "t":"seen"},"diffs":[1]}');
    }
  });

  test('may be an object', () => {
    expect(edited('{"a":{"b":1},"c":{"d":2}}', { open: ({ path }) => path === '/a' })).toBe('{"a":{},"c":{"d":2}}');
  });
});

test('what is not one whole JSON object is refused', () => {
  const refused = [
    '',
    '{',
    '{"a":"b',
    '{"a":["b"}',
    '{"a":1}}',
    '{"a":1}{"b":2}',
    '{"a":1} x',
    'Exporting {"a":1}',
    '[1]',
    '"text"',
    '{1:2}',
    '{[]}',
  ];
  for (const text of refused) {
    for (const size of [1, 50]) expect(() => edited(text, {}, size)).toThrow(SyntaxError);
  }
});
