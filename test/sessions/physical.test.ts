import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { directoryMatcher, PhysicalPaths, physical, spelling } from '../../src/sessions/physical';
import { World } from './world';

let world: World;
beforeEach(() => {
  world = new World();
  mkdirSync(join(world.path, 'real', 'deep'), { recursive: true });
  symlinkSync(join(world.path, 'real'), join(world.path, 'link'));
});
afterEach(() => world.remove());

describe('physical', () => {
  test('resolves links, cleans, and needs nothing to exist', () => {
    const real = join(world.path, 'real');
    expect(physical(join(world.path, 'link', 'deep'))).toBe(join(real, 'deep'));
    expect(physical(join(world.path, 'link', 'deep', 'not', 'there'))).toBe(join(real, 'deep', 'not', 'there'));
    expect(physical(`${world.path}/link/./deep/../gone/`)).toBe(join(real, 'gone'));
    expect(physical('/no-such-directory-at-all/x')).toBe('/no-such-directory-at-all/x');
    expect(physical('/')).toBe('/');
  });

  test('a link to nothing is a name like another', () => {
    symlinkSync(join(world.path, 'nothing'), join(world.path, 'dangling'));
    expect(physical(join(world.path, 'link', '..', 'dangling', 'x'))).toBe(join(world.path, 'dangling', 'x'));
  });

  test('what is no absolute path here is returned as it is', () => {
    for (const path of ['', 'relative/x', 'C:\\Users\\dev', '~/x']) expect(physical(path)).toBe(path);
  });
});

describe('physical paths of one look', () => {
  test('are those that are found one by one, in whatever order they are asked for', () => {
    const { path } = world;
    writeFileSync(join(path, 'file'), '');
    symlinkSync(join(path, 'nothing', 'x'), join(path, 'dangling'));
    symlinkSync('loop', join(path, 'loop'));
    symlinkSync(join(path, 'link', 'deep'), join(path, 'twice'));
    const names = [
      'link',
      'link/deep',
      'link/gone/a/b',
      'twice',
      'twice/x',
      'dangling',
      'dangling/x',
      'loop/x',
      'file/x',
    ];
    const asked = [
      ...names.map((name) => join(path, name)),
      path,
      '/',
      '/gone/x/y',
      `${path}/link/./deep/../z/`,
      'rel',
      '',
    ];
    for (const order of [asked, asked.toReversed()]) {
      const paths = new PhysicalPaths();
      expect(order.map((each) => paths.of(each))).toEqual(order.map(physical));
    }
  });

  test('are not looked for again', () => {
    const paths = new PhysicalPaths();
    const below = join(world.path, 'later', 'x');
    expect(paths.of(below)).toBe(below);
    symlinkSync(join(world.path, 'real'), join(world.path, 'later'));
    expect(paths.of(below)).toBe(below);
    expect(physical(below)).toBe(join(world.path, 'real', 'x'));
  });
});

describe('directoryMatcher', () => {
  test('knows a directory by its words and by its place', () => {
    const matches = directoryMatcher([join(world.path, 'link', 'deep'), '/gone/x']);
    expect(matches(join(world.path, 'link', 'deep'))).toBe(true);
    expect(matches(join(world.path, 'real', 'deep'))).toBe(true);
    expect(matches(join(world.path, 'real'))).toBe(false);
    expect(matches('/gone/x/')).toBe(true);
    expect(matches('/gone')).toBe(false);
    expect(directoryMatcher([])('/')).toBe(false);
  });

  test('one spelling for slashes, drive letters and ends', () => {
    expect(spelling('C:\\a\\b\\')).toBe('c:/a/b');
    expect(spelling('c:/A/b')).toBe('c:/A/b');
    expect(spelling('/')).toBe('/');
    expect(spelling('//')).toBe('/');
  });
});
