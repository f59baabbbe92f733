import { describe, expect, test } from 'bun:test';
import {
  isLiteral,
  isObject,
  leadingText,
  memberOf,
  membersOf,
  membersOfRow,
  objectOf,
  textOf,
} from '../../src/sessions/members';

const keysOf = (text: string) => membersOf(Buffer.from(text)).list.map((member) => member.key);
const stateOf = (text: string) => membersOf(Buffer.from(text)).state;
const row = (text: string, whole = true) => membersOfRow({ bytes: Buffer.from(text), whole });

describe('membersOf', () => {
  test('lists keys in order with the spans of their values', () => {
    const text = ' { "a" : [1,{"b":"}"}] ,\t"c":"x\\"y" , "d":-1.5e+3,"e":null,"f":{}, "é\\u0061":true } ';
    const { list, state, end } = membersOf(Buffer.from(text));
    const json = Buffer.from(text);
    expect(state).toBe('whole');
    expect(json.subarray(0, end).toString().endsWith('}')).toBe(true);
    expect(list.map(({ key, start, end: to }) => [key, json.subarray(start, to).toString()])).toEqual([
      ['a', '[1,{"b":"}"}]'],
      ['c', '"x\\"y"'],
      ['d', '-1.5e+3'],
      ['e', 'null'],
      ['f', '{}'],
      ['éa', 'true'],
    ]);
  });

  test.each(['{}', '{ }', '{"a":1}', '{"":""}', '{"a":[[[]]]}'])('%s is whole', (text) => {
    expect(stateOf(text)).toBe('whole');
  });

  test.each(['', ' ', '{', '{"a', '{"a"', '{"a":', '{"a":1', '{"a":"x', '{"a":"x\\', '{"a":[1', '{"a":1,', '{"a":tru'])(
    '%s is cut',
    (text) => {
      expect(stateOf(text)).toBe('cut');
    },
  );

  test.each([
    '[1]',
    '"a"',
    'x',
    '{a:1}',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '{"a":x}',
    '{"a":[x]}',
    '{"a":{b:1}}',
    '{"a\\x":1}',
  ])('%s is broken', (text) => {
    expect(stateOf(text)).toBe('broken');
  });

  test('every beginning of an object is cut, never whole', () => {
    const text = '{"type":"user","n":[1,"]"],"o":{"p":"q\\\\"},"z":false}';
    for (let length = 0; length < text.length; length += 1) expect(stateOf(text.slice(0, length))).toBe('cut');
  });

  test('a key that is repeated is listed each time', () => {
    expect(keysOf('{"a":1,"b":2,"a":3}')).toEqual(['a', 'b', 'a']);
  });
});

describe('membersOfRow', () => {
  test('a row is whole, or damaged', () => {
    expect(row('{"a":1} \t\r')).toHaveLength(1);
    for (const text of ['{"a":1}x', '{"a":1}{"b":2}', '{"a":1', '', 'null']) expect(row(text)).toBeNull();
  });

  test('a row that is torn inside a value is damaged even where the brackets add up', () => {
    expect(row('{"type":"user","message":{"role":"us{"type":"assistant","message":{}}}')).toBeNull();
  });

  test('the beginning of a long row shows what it shows', () => {
    expect(row('{"type":"user","message":{"content":"xxx', false)?.map((member) => member.key)).toEqual([
      'type',
      'message',
    ]);
    expect(row('[1,2', false)).toBeNull();
  });
});

describe('values', () => {
  const json = Buffer.from('{"a":"1","a":"2","n":1,"l":true,"o":{"x":"y","x":"z"},"o2":[1],"u":"\\u00e9","bad":"\\q"}');
  const members = membersOf(json).list;

  test('the last of repeated keys counts, as for parsers', () => {
    expect(textOf(json, members, 'a')).toBe('2');
    expect(textOf(json, objectOf(json, members, 'o'), 'x')).toBe('z');
    expect(memberOf(members, 'a')?.start).toBe(json.indexOf('"2"'));
  });

  test('only strings are text, only objects have members', () => {
    expect(textOf(json, members, 'n')).toBeNull();
    expect(textOf(json, members, 'none')).toBeNull();
    expect(textOf(json, members, 'bad')).toBeNull();
    expect(textOf(json, members, 'u')).toBe('é');
    expect(objectOf(json, members, 'o2')).toEqual([]);
    expect(isObject(json, members, 'o')).toBe(true);
    expect(isObject(json, members, 'o2')).toBe(false);
    expect(isLiteral(json, members, 'l', 'true')).toBe(true);
    expect(isLiteral(json, members, 'a', 'true')).toBe(false);
  });
});

describe('leadingText', () => {
  const of = (text: string) => leadingText(Buffer.from(text), 'type');

  test.each([
    ['{"type":"user"}', 'user'],
    [' { "a" : {"type":"x"}, "b":[{"type":"y"}] , "type" : "user" , "z', 'user'],
    ['{"a":"\\"type\\":\\"x\\"","type":"a\\u0062"', 'ab'],
    ['{"types":"x","typ":"y","type":"z"', 'z'],
    ['{"a":-1.5e3,"b":null,"c":"","type":"z","type":"last"}', 'z'],
  ])('%s', (text, value) => {
    expect(of(text)).toBe(value);
  });

  test.each([
    '',
    '[]',
    '{',
    '{}',
    '{"a":1}',
    '{"type"',
    '{"type":',
    '{"type":1}',
    '{"type":"x',
    '{"a":{"type":"x"}}',
    '{"a" "type":"x"}',
  ])('%s has none', (text) => {
    expect(of(text)).toBeNull();
  });
});
