import { afterEach, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mayChange, requireWritable } from '../../src/apply/permission';
import { emptyHome, type Home } from '../support/home';

let home: Home;
afterEach(() => home.remove());

test('a database that is gone, with or without its folder, is not one that may not be written', () => {
  home = emptyHome();
  const folder = join(home.path, 'data');
  expect(() => requireWritable(join(folder, 'ao.db'))).not.toThrow();
  writeFileSync(folder, 'no folder');
  expect(() => requireWritable(join(folder, 'ao.db'))).toThrow('data cannot be written');
  expect([mayChange(home.path), mayChange(join(home.path, 'none'))]).toEqual([true, false]);
  mkdirSync(join(home.path, 'other'));
  expect(() => requireWritable(join(home.path, 'other', 'ao.db'))).not.toThrow();
});
