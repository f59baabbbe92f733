import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import { derivePrefix, effectivePrefix } from '../../src/plan/prefix';
import { isProjectId } from '../../src/plan/projects';
import { daemonPrefix } from '../../src/rewrite/prefix';
import { runs } from '../support/property';

const projectId = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$/).filter(isProjectId);

describe('session prefixes', () => {
  test('whatever is given, the prefix is never empty, has only its characters, and is the one that the daemon computes', () => {
    fc.assert(
      fc.property(fc.option(fc.string()), fc.string({ unit: 'binary' }), projectId, (given, folder, id) => {
        const { value, from } = effectivePrefix(given, folder, id);
        expect(value).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(daemonPrefix(id, JSON.stringify({ sessionPrefix: value }))).toBe(value);
        if (from === 'given') expect(given).not.toBeNull();
      }),
      runs(),
    );
  });

  test('one that needs no change is kept, and cleaning twice is cleaning once', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), projectId, (given, folder, id) => {
        const once = effectivePrefix(given, folder, id);
        expect(effectivePrefix(once.value, folder, id)).toEqual({ value: once.value, from: 'given', changed: false });
      }),
      runs(),
    );
  });

  test('2.6 an empty one is not given', () => {
    expect(effectivePrefix('', 'tools', 'id')).toEqual({ value: 'too', from: 'derived', changed: false });
    expect(effectivePrefix(null, 'tools', 'id')).toEqual({ value: 'too', from: 'derived', changed: false });
  });

  test('2.9 derivation depends on the name alone, in lower case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const derived = derivePrefix(name);
        expect(derived).toBe(derived.toLowerCase());
        if (/^[a-z]{5,}$/.test(name)) expect(derived).toBe(name.slice(0, 3));
      }),
      runs(),
    );
  });

  test.each([
    ['a', 'a'],
    ['ABCD', 'abcd'],
    ['AbcDe', 'ad'],
    ['Abcde', 'abc'],
    ['A-very-Long', 'al'],
    ['web-app-two', 'wat'],
    ['web_app', 'wa'],
    ['web-app_two', 'wa'],
    ['agentx', 'age'],
    ['a--b--c', 'abc'],
    ['', ''],
  ])('2.9 %s → %s', (name, prefix) => {
    expect(derivePrefix(name)).toBe(prefix);
  });
});
