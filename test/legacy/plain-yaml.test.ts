import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseFully } from '../../src/legacy/full-yaml';
import { readPlain } from '../../src/legacy/plain-yaml';
import { TreeError } from '../../src/legacy/tree';

const settings = { seed: Number(process.env.AO_TEST_SEED ?? 7), numRuns: Number(process.env.AO_TEST_COUNT ?? 3_000) };

/** What the full reader says, or null where it rejects the text. */
function fully(text: string): ReturnType<typeof parseFully> | null {
  try {
    return parseFully(text);
  } catch (error) {
    if (error instanceof TreeError) return null;
    throw error;
  }
}

function expectSame(text: string): void {
  const plainly = readPlain(text);
  if (plainly !== null) expect<unknown>({ tree: plainly, documents: 1 }).toEqual(fully(text) ?? 'rejected');
}

/** Lines as files have them, and lines that nearly are. */
const line = fc
  .tuple(
    fc.constantFrom('', '  ', '    ', '      ', ' ', '   '),
    fc.constantFrom(
      'a:',
      'b: c',
      'key_1: value',
      '- x',
      '- y z',
      'path: /home/me/My App',
      'n: 17',
      'n: 0',
      'n: 017',
      'n: 1.5',
      'n: 1e3',
      'url: https://h/x',
      'flag: true',
      'flag: yes',
      'nil: null',
      'nil: ~',
      'home: ~/x',
      'e: []',
      'e: {}',
      'q: "quoted"',
      "q: 'single'",
      '# comment',
      'c: d # comment',
      'c: d#e',
      'l: [a]',
      'l: [.env, "b c",  d e ,1]',
      'l: [a,b]',
      'l: [a,]',
      'l: [,a]',
      'l: [a] # c',
      'l: [a, [b]]',
      "l: [ 'x' , true , null ]",
      'l: [a: b]',
      'l: [a # b]',
      'l: [a',
      'l: [-1, 017]',
      'q: "a: b # c"',
      'q: "a" b',
      'q: "a\\tb"',
      "q: 'it''s'",
      '- "x"',
      "- 'y z' ",
      '- "a": b',
      '"k": v',
      'q: ""',
      'e: .env',
      'e: .e5',
      'e: ."x"',
      'm: {a: b}',
      'k: a: b',
      'k:v',
      'x: -',
      'x: -1',
      '-',
      '- - a',
      '- a: b',
      '? a',
      '---',
      '...',
      'b: |',
      'b: |-',
      't: |-',
      'b: >-',
      '&a b: c',
      'r: *a',
      't: !t x',
      'é: ü',
      'n: .inf',
      'n: .5',
      'n: 0x1',
      'd: 2026-01-01',
      '<<: x',
      'true: 1',
      'null: 1',
      '1: 2',
      'a b: c',
      'trail: x  ',
      '\t',
      'tab:\tx',
      '"a": b',
      '%x',
      '@a: b',
      'a: @b',
      'a: `b',
      'a: b,c',
      'a: b}',
      'a: ,b',
      'key:  two',
      ' : x',
      ':',
      'a: :b',
      'a: b:',
      '- b:',
      '-x: y',
    ),
  )
  .map(([indent, text]) => indent + text);

describe('the plain reader', () => {
  test('never says anything that the full reader does not say, on generated documents', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), (lines, newline) =>
        expectSame(lines.join(newline)),
      ),
      settings,
    );
  });

  test('nor on documents of its own form with one character changed', () => {
    const text =
      'port: 3000\ndefaults:\n  agent: claude-code\n  notifiers:\n    - composio\n    - desktop\nprojects:\n  a_1:\n    path: /x/My App\n    repo:\n      owner: acme\n    registeredAt: 1795236322\nnotifiers: {}\nreactions: []\nsymlinks: [.env, "a b", c/d e]\nenv:\n  CI: "1"\n  B: \'x y\'\n';
    expect(readPlain(text)).not.toBeNull();
    fc.assert(
      fc.property(
        fc.nat(text.length),
        fc.oneof(
          fc.constantFrom(
            '',
            ' ',
            '\n',
            '#',
            ':',
            '-',
            '"',
            "'",
            '\t',
            '0',
            '.',
            '~',
            '&',
            '*',
            '|',
            '\uFEFF',
            '\u0000',
            '\u2028',
            'é',
            '[',
            ']',
            ',',
            '\\',
            '{',
            '!',
            'x: [y]',
          ),
          fc.string({ maxLength: 2 }),
        ),
        fc.nat(2),
        (at, put, cut) => expectSame(text.slice(0, at) + put + text.slice(at + cut)),
      ),
      settings,
    );
  });

  test('gives up where a text is nested deeper than any config', () => {
    const nested = (levels: number) =>
      Array.from({ length: levels }, (_, level) => `${' '.repeat(level)}a:`).join('\n');
    expect(readPlain(`${nested(50)} b\n`)).not.toBeNull();
    expect(readPlain(`${nested(1_500)} b\n`)).toBeNull();
    expectSame(`${nested(1_500)} b\n`);
  });

  test('reads what the legacy tool wrote, and the same as the full reader', () => {
    const folder = join(import.meta.dir, '..', 'fixtures', 'real');
    let plain = 0;
    for (const name of readdirSync(folder).filter((each) => !each.includes('expected'))) {
      const { files }: { files: Record<string, { text?: string }> } = JSON.parse(
        readFileSync(join(folder, name), 'utf8'),
      );
      for (const [path, { text }] of Object.entries(files)) {
        if (!path.endsWith('.yaml') || text === undefined) continue;
        const filled = text.replaceAll('{{HOME}}', '/home/me');
        expectSame(filled);
        if (readPlain(filled) !== null) plain++;
      }
    }
    expect(plain).toBeGreaterThanOrEqual(4);
  });
});
