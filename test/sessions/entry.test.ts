import { afterEach, expect, test } from 'bun:test';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { entryAt, stands, targetAt } from '../../src/sessions/entry';
import { emptyHome, type Home, write } from '../support/home';

let home: Home | null = null;
afterEach(() => home?.remove());

test('what has a name, and where it leads', () => {
  home = emptyHome();
  const at = (name: string): string => join(home?.path ?? '', name);
  write(home, { file: 'four' });
  symlinkSync('file', at('link'));
  symlinkSync('nowhere', at('broken'));
  symlinkSync('circle', at('circle'));
  expect([entryAt(at('file'))?.size, targetAt(at('link'))?.size]).toEqual([4, 4]);
  expect(entryAt(at('link'))?.isSymbolicLink()).toBe(true);
  expect(['file', 'link', 'broken', 'circle'].map((name) => stands(at(name)))).toEqual([true, true, true, true]);
  expect([entryAt(at('none')), targetAt(at('none')), targetAt(at('broken'))]).toEqual([null, null, null]);
  // Below a file nothing has a name, which the system tells as an error.
  expect([entryAt(at('file/below')), targetAt(at('file/below')), stands(at('file/below'))]).toEqual([
    null,
    null,
    false,
  ]);
  expect(() => targetAt(at('circle'))).toThrow('ELOOP');
});
