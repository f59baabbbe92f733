import { describe, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import { normaliseOrigin, normaliseRepo } from '../../src/plan/remote-url';
import { runs } from '../support/property';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,10}$/);
const host = fc.constantFrom('github.com', 'GitLab.com', 'bitbucket.org', 'my.github.com', 'x.bitbucket.com');

describe('origins of the registry', () => {
  test('every spelling of one repository is one URL', () => {
    fc.assert(
      fc.property(host, fc.array(name, { minLength: 2, maxLength: 4 }), (where, parts) => {
        const path = parts.join('/');
        const wanted = `https://${where.toLowerCase()}/${path}`;
        for (const text of [
          `https://${where}/${path}`,
          `http://u:p@${where}/${path}.git`,
          `ssh://git@${where}:22/${path}/`,
          `git://${where}/${path}.git/`,
          `git@${where}:${path}.git`,
          ` git@${where}:/${path} `,
        ]) {
          expect(normaliseOrigin(text)).toBe(wanted);
          expect(normaliseRepo(text)).toBe(wanted);
        }
        expect(normaliseOrigin(wanted)).toBe(wanted);
      }),
      runs(100),
    );
  });

  test('any text gives null or a URL without blanks and credentials', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const url of [normaliseOrigin(text), normaliseRepo(text)])
          if (url !== null) expect(url).toMatch(/^https:\/\/[^/@\s]+(?:\/[^/\s]+)+$/);
      }),
      runs(),
    );
  });

  test.each([
    '',
    'foo',
    'https://example.org/a/b',
    'git@example.org:a/b',
    'https://github.com',
    'https://github.com/a',
    'notgithub.com/a/b',
    'a/b/c',
    'a//b',
    '/a/b',
    'a b/c',
    'C:\\x',
    'https://github.com.evil.org/a/b',
  ])('%p is none', (text) => expect(normaliseRepo(text)).toBeNull());
});
