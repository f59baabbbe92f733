import { describe, expect, test } from 'bun:test';
import { withoutCredentials } from '../../src/repository/credentials';

describe('credentials in origin URLs (migration.md 5)', () => {
  const cases: readonly (readonly [what: string, url: string, kept: string])[] = [
    ['user and password', 'https://user:token@github.com/o/r.git', 'https://github.com/o/r.git'],
    ['a token as the user', 'https://ghp_abc@github.com/o/r', 'https://github.com/o/r'],
    ['http, with a port', 'http://user:token@host:8080/r', 'http://host:8080/r'],
    ['a scheme in capitals', 'HTTPS://user:token@host/r', 'HTTPS://host/r'],
    ['an empty user', 'https://:token@host/r', 'https://host/r'],
    ['nothing before the @', 'https://@host/r', 'https://host/r'],
    ['an @ in the password', 'https://user:p@ss@host/r', 'https://host/r'],
    ['a slash in the password', 'https://user:pa/ss@host/r', 'https://host/r'],
    ['a hash in the password', 'https://user:pa#ss@host/r', 'https://host/r'],
    ['no path', 'https://user:token@host', 'https://host'],
    ['an IPv6 host', 'https://user:token@[::1]:8443/r', 'https://[::1]:8443/r'],
    ['a remote helper', 'codecommit::https://user:token@host/r', 'codecommit::https://host/r'],
    ['an @ in the path', 'https://host/o/r@v1', 'https://host/o/r@v1'],
    ['an @ in the path behind a port', 'https://host:8080/o/r@v1', 'https://host:8080/o/r@v1'],
    ['an @ in the path behind an IPv6 host', 'https://[::1]/o/r@v1', 'https://[::1]/o/r@v1'],
    ['an @ in the query', 'https://host/r?a=b:c@d', 'https://host/r?a=b:c@d'],
    ['ssh with a user', 'ssh://git@host:22/o/r', 'ssh://git@host:22/o/r'],
    ['ssh with a password', 'ssh://git:secret@host:22/o/r', 'ssh://git@host:22/o/r'],
    ['ssh with an empty password', 'ssh://git:@host/o/r', 'ssh://git@host/o/r'],
    ['ssh with a password only', 'ssh://:secret@host/o/r', 'ssh://host/o/r'],
    ['ssh with a slash in the password', 'ssh://git:se/cret@host/r', 'ssh://git@host/r'],
    ['ftp with a password', 'ftp://me:secret@host/r', 'ftp://me@host/r'],
    ['git+ssh', 'git+ssh://git:secret@host/r', 'git+ssh://git@host/r'],
    ['the short form', 'git@github.com:o/r.git', 'git@github.com:o/r.git'],
    ['the short form with a colon before the @', 'user:x@host:path', 'user:x@host:path'],
    ['a file URL', 'file:///srv/a:b@c/r', 'file:///srv/a:b@c/r'],
    ['a path', '/srv/a:b@c/r', '/srv/a:b@c/r'],
    ['a Windows path', 'C:\\a@b\\r', 'C:\\a@b\\r'],
    ['surrounding blanks', ' https://user:token@host/r\n', 'https://host/r'],
    ['nothing', '', ''],
  ];
  for (const [what, url, kept] of cases) {
    test(what, () => expect(withoutCredentials(url)).toBe(kept));
  }

  test('once is enough', () => {
    for (const [, url] of cases) expect(withoutCredentials(withoutCredentials(url))).toBe(withoutCredentials(url));
  });
});
