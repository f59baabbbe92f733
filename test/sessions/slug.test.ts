import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { longSlugPrefixes, slug, sourceSlugs } from '../../src/sessions/slug';
import { FIXTURES } from './world';

interface Vector {
  readonly cwd: string;
  readonly slug: string;
  readonly uncapped: string;
  readonly note: string;
}

const vectors = JSON.parse(readFileSync(join(FIXTURES, 'claude', 'slug-vectors.json'), 'utf8')) as Vector[];

describe('slug', () => {
  test.each(vectors.filter(({ note }) => !note.includes('Bun.hash')))('$cwd', (vector) => {
    expect(slug(vector.cwd)).toBe(vector.slug);
    expect(sourceSlugs(vector.cwd)).toContain(vector.slug);
    expect(sourceSlugs(vector.cwd)).toContain(vector.uncapped);
  });

  test('names of native builds are sought, not written', () => {
    const vector = vectors.find(({ note }) => note.includes('Bun.hash'));
    expect(sourceSlugs(vector?.cwd ?? '')).toContain(vector?.slug ?? 'none');
    expect(slug(vector?.cwd ?? '')).not.toBe(vector?.slug ?? 'none');
  });

  test('the most negative hash is written without a sign', () => {
    // A string whose int32 hash is -2^31 exactly, made long enough to be hashed by zero-valued units in front.
    const path = `${'\0'.repeat(200)}polygenelubricants`;
    expect(slug(path)).toBe(`${'-'.repeat(200)}-${(2 ** 31).toString(36)}`);
  });

  test('both spellings of an accented name are sought, the one given first', () => {
    expect(sourceSlugs('/a/cafe\u0301')).toEqual(['-a-cafe-', '-a-caf-', '-a-cafe\u0301', '-a-caf\u00e9']);
    expect(sourceSlugs('/a/caf\u00e9')).toEqual(['-a-caf-', '-a-cafe-', '-a-caf\u00e9', '-a-cafe\u0301']);
  });

  test('the wrong encoding of migrate-storage keeps all but separators, dots and colons', () => {
    expect(sourceSlugs('C:\\Users\\a_b\\x y.z')).toEqual(['C--Users-a-b-x-y-z', 'C-Users-a_b-x y-z']);
    expect(sourceSlugs('/srv/a_b')).toEqual(['-srv-a-b', '-srv-a_b']);
  });

  test('a long path is also sought without cap, as releases up to 2.1.45 wrote it', () => {
    const path = `/x_y/${'a'.repeat(220)}`;
    expect(sourceSlugs(path)).toContain(`-x-y-${'a'.repeat(220)}`);
  });

  test('only a long path has a beginning to look for', () => {
    expect(longSlugPrefixes(`/x/${'a'.repeat(197)}`)).toEqual([]);
    expect(longSlugPrefixes(`/x/${'a'.repeat(198)}`)).toEqual([`-x-${'a'.repeat(197)}-`]);
  });
});
