import { describe, expect, test } from 'bun:test';
import { BUILD_FLAGS, buildArguments, hostTarget, TARGETS } from '../../scripts/targets';

describe('targets', () => {
  test('are the eight of distribution.md 2', () => {
    expect(TARGETS.map(({ name }) => name).toSorted()).toEqual(
      [
        ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-arm64-musl', 'linux-x64', 'linux-x64-musl'],
        ['win32-arm64', 'win32-x64'],
      ].flat(),
    );
  });
  test.each([
    ['linux', 'x64', false, 'linux-x64', 'ao-migrate'],
    ['linux', 'arm64', true, 'linux-arm64-musl', 'ao-migrate'],
    ['darwin', 'arm64', false, 'darwin-arm64', 'ao-migrate'],
    ['win32', 'x64', false, 'win32-x64', 'ao-migrate.exe'],
  ] as const)('%s %s, musl %p is %s', (platform, arch, musl, name, file) => {
    expect(hostTarget(platform, arch, musl)).toMatchObject({ name, file });
  });
  test('another machine has none', () => expect(hostTarget('freebsd', 'x64', false)).toBeNull());
});

test('the build has the flags of distribution.md 1, each with its reason', () => {
  const target = TARGETS.find(({ name }) => name === 'linux-x64');
  if (target === undefined) throw new Error('no such target');
  expect(buildArguments(target, 'src/main.ts', 'dist/x/ao-migrate', { version: '1.2.3', commit: 'abc' })).toEqual(
    [
      ['build', 'src/main.ts', '--target=bun-linux-x64', '--compile', '--bytecode', '--format=esm'],
      ['--compile-jit-policy=10', '--splitting', '--minify-whitespace', '--minify-syntax', '--sourcemap=linked'],
      ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig', '--define=process.env.NODE_ENV="production"'],
      ['--define=AO_MIGRATE_VERSION="1.2.3"', '--define=AO_MIGRATE_COMMIT="abc"', '--outfile=dist/x/ao-migrate'],
    ].flat(),
  );
  for (const { reason } of BUILD_FLAGS) expect(reason.length).toBeGreaterThan(10);
});
