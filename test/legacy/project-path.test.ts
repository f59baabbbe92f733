import { describe, expect, test } from 'bun:test';
import { posix } from 'node:path';
import * as fc from 'fast-check';
import { type PathContext, projectPath } from '../../src/legacy/project-path';
import { runs } from '../support/property';

const at = { line: 1, column: 1 };
const linux: PathContext = { home: '/home/me', platform: 'linux' };
const windows: PathContext = { home: 'C:\\Users\\me', platform: 'win32' };
const resolve = (text: string, context = linux) =>
  projectPath({ kind: 'scalar', value: text, source: text, at }, context).resolved;

describe('2.8 paths', () => {
  const segment = fc.constantFrom('a', 'b c', '.', '..', '', 'ü', '~', '...');
  const path = fc.array(segment, { maxLength: 8 }).map((parts) => parts.join('/'));

  test('an absolute path is normalised, and normalising again changes nothing', () => {
    fc.assert(
      fc.property(path, (tail) => {
        const resolved = resolve(`/${tail}`);
        expect(resolved).toBe(posix.resolve(`/${tail}`.trim()));
        if (resolved !== null) expect(resolve(resolved)).toBe(resolved);
      }),
      runs(),
    );
  });

  test('a path below the home stays below it, or is none', () => {
    fc.assert(
      fc.property(path, (tail) => {
        const resolved = resolve(`~/${tail}`);
        const wanted = posix.join('/home/me', `~/${tail}`.trim().slice(1));
        const inside = wanted.replace(/\/$/, '') === '/home/me' || wanted.startsWith('/home/me/');
        expect(resolved).toBe(inside ? wanted.replace(/(.)\/$/, '$1') : null);
      }),
      runs(),
    );
  });

  test('any text is absolute, kept, or none; never relative', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), path), fc.constantFrom(linux, windows), (text, context) => {
        const result = projectPath({ kind: 'scalar', value: text, source: text, at }, context);
        expect(result.resolved === null).toBe(result.problem !== null);
        if (result.resolved !== null) expect(result.resolved).toMatch(/^(?:\/|[A-Za-z]:[\\/]|\\\\)/);
      }),
      runs(),
    );
  });

  test('a folder that only begins like the home is not inside it', () => {
    expect(resolve('~/../me2/x')).toBeNull();
    expect(resolve('~/../me/x')).toBe('/home/me/x');
  });

  test.each([
    ['C:\\a\\..\\b\\', 'C:\\b'],
    ['c:/a//b', 'c:\\a\\b'],
    ['\\\\srv\\share\\x\\', '\\\\srv\\share\\x'],
    ['~', 'C:\\Users\\me'],
    ['~/a/b', 'C:\\Users\\me\\a\\b'],
    ['~/../x', null],
    ['/home/x', '/home/x'],
    ['C:relative', null],
    ['~\\a', null],
  ])('on Windows %s is %s', (text, wanted) => {
    expect(resolve(text, windows)).toBe(wanted);
  });
});
