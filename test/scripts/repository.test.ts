import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { releasesAddress, repositoryOf } from '../../scripts/repository';

const SERVICE = { GITHUB_SERVER_URL: 'https://github.com', GITHUB_REPOSITORY: 'team/tool' };
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ao-migrate-repository-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function named(repository: unknown): string {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ repository }));
  return folder;
}

test.each([
  'team/tool',
  'github:team/tool',
  'https://github.com/team/tool',
  'https://github.com/team/tool/',
  'git+https://github.com/team/tool.git',
  'git+ssh://git@github.com/team/tool.git',
  'git@github.com:team/tool.git',
])('a repository that is named as %s has one address', (name) => {
  expect(repositoryOf(named(name), {})).toBe('https://github.com/team/tool');
  expect(repositoryOf(named({ type: 'git', url: name }), SERVICE)).toBe('https://github.com/team/tool');
});

test('groups within groups and other hosts keep their place', () => {
  expect(repositoryOf(named('https://git.example.org:8443/a/b/c.git'), {})).toBe('https://git.example.org:8443/a/b/c');
});

test('the service that builds names it where package.json does not', () => {
  expect(repositoryOf(named(undefined), SERVICE)).toBe('https://github.com/team/tool');
  expect(releasesAddress(named(undefined), SERVICE)).toBe('https://github.com/team/tool/releases/download');
});

test('nobody names it: it is empty, which a release refuses', () => {
  expect(repositoryOf(named(undefined), {})).toBe('');
  expect(releasesAddress(named(undefined), {})).toBe('');
});

test.each(['tool', 'http://github.com/team/tool', 'https://github.com/', 'file:///srv/tool', 'a b/c', ''])(
  '%p is no address',
  (name) => expect(() => repositoryOf(named(name), {})).toThrow('no address of a repository'),
);

test('package.json and the service that builds must agree, but for upper case', () => {
  expect(() => repositoryOf(named('other/tool'), SERVICE)).toThrow('it is built by https://github.com/team/tool');
  expect(repositoryOf(named('Team/Tool'), SERVICE)).toBe('https://github.com/Team/Tool');
});
