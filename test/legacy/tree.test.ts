import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import type { Tree } from '../../src/contracts/legacy';
import { plain, TreeError } from '../../src/legacy/tree';
import { parseTree } from '../../src/legacy/yaml';
import { processorTime } from '../support/processor-time';
import { runs } from '../support/property';

/** Values that YAML core and JSON have in common; maps without prototype, as `plain` makes them. */
const document = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: false }),
  ),
})).value;

function same(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(same);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.entries(value)
    .map(([key, child]) => [key, same(child)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

function failure(text: string): TreeError {
  try {
    parseTree(text);
  } catch (error) {
    if (error instanceof TreeError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

function fails(text: string): boolean {
  try {
    parseTree(text);
    return false;
  } catch {
    return true;
  }
}

function* scalars(tree: Tree): Generator<Tree> {
  if (tree.kind === 'scalar') yield tree;
  else for (const child of tree.kind === 'map' ? tree.entries.values() : tree.items) yield* scalars(child);
}

describe('YAML to a tree', () => {
  test('what was written is read, as YAML and as JSON', () => {
    fc.assert(
      fc.property(document, (value) => {
        for (const text of [stringify(value), JSON.stringify(value)]) {
          const { tree } = parseTree(text);
          expect(same(tree === null ? null : plain(tree))).toEqual(same(JSON.parse(JSON.stringify(value))));
        }
      }),
      runs(200),
    );
  });

  test('any text gives a tree or its own error with a place', () => {
    const yamlish = fc
      .array(
        fc.constantFrom(
          'a',
          ': ',
          '- ',
          '\n',
          '  ',
          '[',
          ']',
          '{',
          '}',
          ',',
          '&x ',
          '*x',
          '"',
          "'",
          '|',
          '#',
          '? ',
          '<<',
          '!!',
          '%',
          '---',
          '1',
          '\t',
          '\0',
          '\uFEFF',
        ),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.string(), yamlish), (text) => {
        try {
          const { tree } = parseTree(text);
          for (const each of tree === null ? [] : scalars(tree)) expect(each.at.line).toBeGreaterThanOrEqual(1);
        } catch (error) {
          if (!(error instanceof TreeError)) throw error;
          expect(error.at.line).toBeGreaterThanOrEqual(1);
          expect(error.at.column).toBeGreaterThanOrEqual(1);
          expect(error.message).not.toContain('\n');
        }
      }),
      runs(1_500),
    );
  });

  test('no piece of the text is in an error, for it may be of a secret', () => {
    // No sentence of ours or of the parser has one of these characters.
    const secret = 'Q7Z5';
    const quoted = (text: string): void => {
      try {
        parseTree(text);
      } catch (error) {
        if (!(error instanceof TreeError)) throw error;
        expect({ text, quoted: /[QZ75]/.test(error.message) ? error.message : null }).toEqual({ text, quoted: null });
      }
    };
    const broken = [
      `env:\n  TOKEN: "C:\\U${secret}\\x"`,
      `env:\n  TOKEN: "\\x${secret}"`,
      `env:\n  TOKEN: "\\u${secret}"`,
      `env:\n  TOKEN: "\\${secret}"`,
      `env:\n  TOKEN: "${secret}`,
      `env:\n  TOKEN: '${secret}`,
      `env: {TOKEN: ${secret}`,
      `env: [${secret}, {`,
      `env: {TOKEN: ${secret} x: }}`,
      `env:\n  TOKEN: ${secret}\n ${secret}: 1`,
      `env:\n  ${secret}\n  a: 1`,
      `env: a: ${secret}: b`,
      `env: @${secret}`,
      `env: \`${secret}`,
      `env: %${secret}\n%${secret}\n---`,
      `env: |${secret}\n  x`,
      `env: >1${secret}\n  x`,
      `env: !<${secret}\n`,
      `env: !${secret}! x`,
      `env: !e!${secret} x`,
      `env: !!${secret} [x]`,
      `env: !${secret} !${secret} x`,
      `env: &${secret} &${secret} x`,
      `env: *${secret}`,
      `env: &${secret} *${secret}`,
      `env: !!map ${secret}`,
      `env: !!int ${secret}`,
      `env: !!seq {a: ${secret}}`,
      `${secret}: 1\n${secret}: 2`,
      `"${secret}": 1\n"${secret}": 2`,
      `env: [\n  ${secret}: |\n  ${secret}]`,
      `env: ${secret}\n\t${secret}: 1`,
      `env: "${secret}"${secret}`,
      `env: [a]${secret}`,
      `- ${secret}\n${secret}`,
      `? ${secret}\n- ${secret}`,
      `%YAML ${secret}\n---\na: 1`,
      `%TAG ${secret}\n---\na: 1`,
      `--- ${secret}: |\n${secret}`,
      `...\n${secret}\n... ${secret}`,
      `${secret.repeat(300)}: 1`,
    ];
    for (const text of broken) quoted(text);
    expect(broken.filter(fails).length).toBeGreaterThan(30);
    const pieces = fc.constantFrom(
      ...[
        secret,
        `\\${secret}`,
        `\\U${secret}`,
        `\\x${secret}`,
        `!${secret}`,
        `!<${secret}`,
        `&${secret} `,
        `*${secret} `,
      ],
      ...[
        '"',
        "'",
        '[',
        ']',
        '{',
        '}',
        ',',
        ': ',
        ':',
        '- ',
        '? ',
        '|',
        '>',
        '%',
        '@',
        '`',
        '!',
        '!!',
        '#',
        '\\',
        '\t',
      ],
      ...['\n', '\n  ', '\n    ', '---', '...', '%YAML ', '%TAG ', 'env', 'TOKEN', ' ', '\r\n', '\uFEFF', '\0'],
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 25 }).map((all) => all.join('')),
        quoted,
      ),
      runs(3_000),
    );
  });

  test('2.1 merge keys, booleans of YAML 1.1 and numbers with underscores are ordinary texts', () => {
    const { tree } = parseTree('<<: {a: 1}\nb: yes\nc: off\nd: 1_000\ne: 0x1F\n');
    expect(tree === null ? null : plain(tree)).toEqual(
      Object.assign(Object.create(null), { '<<': { a: 1 }, b: 'yes', c: 'off', d: '1_000', e: 31 }),
    );
  });

  test('2.1 a byte order mark and line ends of Windows are accepted, tabs as indentation are not', () => {
    expect(plain(parseTree('\uFEFFa: 1\r\nb: 2\r\n').tree ?? failNull())).toEqual({ a: 1, b: 2 });
    expect(failure('a:\n\tb: 1').at).toEqual({ line: 2, column: 1 });
  });

  test('an alias is the last anchor of its name before it, also in keys', () => {
    expect(plain(parseTree('- &a 1\n- *a\n- &a 2\n- *a\n').tree ?? failNull())).toEqual([1, 1, 2, 2]);
    expect(plain(parseTree('&k key: 1\nx: *k\n').tree ?? failNull())).toEqual({ key: 1, x: 'key' });
    expect(plain(parseTree('a: &v x\n*v : 1\n').tree ?? failNull())).toEqual({ a: 'x', x: 1 });
    expect(failure('a: *later\nb: &later 1').message).toContain('alias');
    expect(failure('a: &x [*x]').message).toContain('itself');
  });

  test('a thousand aliases of a thousand aliases end at once', () => {
    const level = (name: string, of: string) => `${name}: &${name} [${Array(100).fill(`*${of}`).join(', ')}]\n`;
    const bomb = `a: &a [${Array(100).fill('x').join(', ')}]\n${level('b', 'a')}${level('c', 'b')}${level('d', 'c')}`;
    const start = processorTime();
    expect(failure(bomb).message).toContain('million');
    expect(failure(`t: &t ${'x'.repeat(100_000)}\nenv: [${Array(1_000).fill('*t').join(', ')}]`).message).toContain(
      'million',
    );
    expect(processorTime() - start).toBeLessThan(2_000);
  });

  test('many keys, many aliases and deep nesting take no more than their share of time', () => {
    const start = processorTime();
    parseTree(Array.from({ length: 20_000 }, (_, index) => `key${index}: 1\n`).join(''));
    parseTree(`- &a 1\n${'- *a\n'.repeat(20_000)}`);
    expect(failure('['.repeat(50_000)).message).toBe('it is nested too deeply');
    expect(failure(`${'['.repeat(2_000)}${']'.repeat(2_000)}`).message).toBe('it is nested too deeply');
    expect(failure('\n'.repeat(1_000_001)).message).toContain('more values');
    expect(processorTime() - start).toBeLessThan(5_000);
  });
});

function failNull(): never {
  throw new Error('no tree');
}
