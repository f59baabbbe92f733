import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import { parseKeyValue } from '../../src/legacy/keyvalue';
import { runs } from '../support/property';

describe('key=value records', () => {
  const key = fc
    .string({ minLength: 1 })
    .filter((text) => text === text.trim() && text !== '' && !/[=\n\r]/.test(text) && !text.startsWith('#'));
  const value = fc.string().filter((text) => text === text.trim() && !/[\n\r]/.test(text));

  test('what was written is read, the last of equal keys', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, value)),
        fc.constantFrom('\n', '\r\n', '\n\n', '\n # x=y\n'),
        fc.constantFrom('', ' '),
        (pairs, end, pad) => {
          const text = pairs.map(([name, written]) => `${pad}${name}${pad}=${pad}${written}${pad}${end}`).join('');
          expect(Object.entries(parseKeyValue(text)).sort()).toEqual([...new Map(pairs)].sort());
        },
      ),
      runs(),
    );
  });

  test('any text gives texts', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const [name, written] of Object.entries(parseKeyValue(text))) {
          expect(name).toBe(name.trim());
          expect(name).not.toBe('');
          expect(written).toBe(written.trim());
        }
      }),
      runs(),
    );
  });

  test('a key named like a member of objects is a key', () => {
    expect(Object.entries(parseKeyValue('__proto__=a\nconstructor=b\n'))).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    expect(parseKeyValue('x=1').toString).toBeUndefined();
  });
});
