import { describe, expect, test } from 'bun:test';
import { booleanOf, integerOf, parseConfig, splitKey } from '../../src/repository/syntax';
import { processorTime } from '../support/processor-time';

/** Variables as `key=value` lines; a name without a value stands alone. */
function parsed(text: string): readonly string[] | null {
  return parseConfig(text)?.map(({ key, value }) => (value === null ? key : `${key}=${value}`)) ?? null;
}

describe('config syntax', () => {
  const accepted: readonly (readonly [what: string, text: string, ...expected: string[]])[] = [
    ['nothing', ''],
    ['only comments', '# a\n; b\n\t # c'],
    ['a byte order mark', '\uFEFF[a]\nb=c', 'a.b=c'],
    ['sections and names in any case', '[CoRe]\nBARE=True', 'core.bare=True'],
    ['a subsection with its case', '[Remote "Or.Igin"]\nURL=x', 'remote.Or.Igin.url=x'],
    ['escapes in a subsection', '[a "b\\"c\\\\d\\e"]\nf=g', 'a.b"c\\de.f=g'],
    ['an empty subsection', '[a ""]\nb=c', 'a..b=c'],
    ['blanks before a subsection', '[a \t"b"]\nc=d', 'a.b.c=d'],
    ['a dotted section', '[Remote.Origin]\nurl=x', 'remote.origin.url=x'],
    ['a variable on the line of its section', '[a "b"] c = d', 'a.b.c=d'],
    ['a name without a value', '[a]\nb\n c \n', 'a.b', 'a.c'],
    ['an empty value', '[a]\nb=\nc =  ; x', 'a.b=', 'a.c='],
    ['blanks around a value', '[a]\nb \t=  c d \t\n', 'a.b=c d'],
    ['blanks within a value, each as a space', '[a]\nb=c\t  d\re', 'a.b=c   d e'],
    ['comments behind a value', '[a]\nb=c;d\nc=d # e', 'a.b=c', 'a.c=d'],
    ['quoted comment signs and blanks', '[a]\nb=" c;d#e "f  "g" ', 'a.b= c;d#e f  g'],
    ['a blank kept in quotes at the end', '[a]\nb="c "  ', 'a.b=c '],
    ['blanks before an empty quotation', '[a]\nb= "" c', 'a.b=c'],
    ['escapes in a value', '[a]\nb=\\t\\n\\b\\\\\\"', 'a.b=\t\n\b\\"'],
    ['a continued line', '[a]\nb=c\\\n  d\\\r\ne', 'a.b=c  de'],
    ['a continued quotation', '[a]\nb="c\\\nd"', 'a.b=cd'],
    ['a backslash at the end of a comment', '[a]\nb=c # d\\\ne=f', 'a.b=c', 'a.e=f'],
    ['a backslash at the end of the file', '[a]\nb=c\\', 'a.b=c'],
    ['CRLF', '[a]\r\nb=c\r\nd\r\n', 'a.b=c', 'a.d'],
    ['a value that a NUL ends', '[a]\nb=c\0d', 'a.b=c'],
    ['a variable before any section', 'b=c', 'b=c'],
  ];
  for (const [what, text, ...expected] of accepted) {
    test(`takes ${what}`, () => expect(parsed(text)).toEqual(expected));
  }

  const refused: readonly (readonly [what: string, text: string])[] = [
    ['a section that does not end', '[a'],
    ['a section without a name', '[]'],
    ['a section with a foreign character', '[a_b]'],
    ['a subsection without quotes', '[a b]'],
    ['a subsection without a blank', '[a"b"]'],
    ['a blank behind a subsection', '[a "b" ]'],
    ['a line end in a subsection', '[a "b\n"]'],
    ['an escaped line end in a subsection', '[a "b\\\n"]'],
    ['a blank before the section name', '[ a]'],
    ['a name that begins with a digit', '[a]\n1b=c'],
    ['a name with a foreign character', '[a]\nb_c=d'],
    ['a comment behind a bare name', '[a]\nb ; c'],
    ['another sign than =', '[a]\nb:c'],
    ['an open quotation', '[a]\nb="c\nd="'],
    ['an open quotation at the end', '[a]\nb="c'],
    ['an unknown escape', '[a]\nb=\\q'],
    ['a byte order mark in the middle', '[a]\n\uFEFFb=c'],
    ['a form feed', '[a]\n\f'],
  ];
  for (const [what, text] of refused) {
    test(`refuses ${what}`, () => expect(parsed(text)).toBeNull());
  }

  test('takes time that grows with the file only', () => {
    const started = processorTime();
    expect(parsed(`[a]\nb=${' '.repeat(2_000_000)}c`)).toEqual(['a.b=c']);
    expect(parsed(`${'#\n'.repeat(500_000)}[a "${'x'.repeat(500_000)}"]`)).toEqual([]);
    expect(processorTime() - started).toBeLessThan(3000);
  });
});

describe('values', () => {
  test('a key splits at its first and last dot', () => {
    expect(splitKey('remote.a.b.url', 'remote')).toEqual({ subsection: 'a.b', name: 'url' });
    expect(splitKey('remote..url', 'remote')).toEqual({ subsection: '', name: 'url' });
    expect(splitKey('remote.url', 'remote')).toEqual({ subsection: null, name: 'url' });
    expect(splitKey('remotes.a.url', 'remote')).toBeNull();
  });

  test('booleans are words and numbers', () => {
    for (const value of [null, 'true', 'YES', 'On', '1', '-1', '0x10', '1k']) expect(booleanOf(value)).toBe(true);
    for (const value of ['', 'false', 'No', 'OFF', '0', '0x0', '00']) expect(booleanOf(value)).toBe(false);
    for (const value of ['maybe', '08', '1 ', '1x', 'tru']) expect(booleanOf(value)).toBeNull();
  });

  test('integers have a base and a unit', () => {
    expect(['0', '10', '-3', '0x1F', '010', '2k', '1M', ' 5'].map(integerOf)).toEqual([
      0, 10, -3, 31, 8, 2048, 1_048_576, 5,
    ]);
    expect([null, '', 'x', '09', '1.5', '3g', '99999999999'].map(integerOf)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
