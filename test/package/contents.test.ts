import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { mainManifest, platformManifest, platformPackage, releaseRecord } from '../../scripts/npm-packages';
import { pack } from '../../scripts/package';
import { type Manifest, publishedName } from '../../scripts/release-files';
import { TARGETS } from '../../scripts/targets';
import { HERE, installed, script } from '../support/installed';

setDefaultTimeout(180_000);

const ROOT = resolve(import.meta.dir, '../..');
const work = mkdtempSync(join(tmpdir(), 'ao-migrate-pack-'));
const laid = installed(script(''));
afterAll(() => {
  laid.remove();
  rmSync(work, { recursive: true, force: true });
});

const SOURCE = JSON.parse(readFileSync(join(ROOT, 'packages/ao-migrate/package.json'), 'utf8'));

describe('npm pack of the main package', () => {
  const packed = pack(laid.main, work);
  test('holds the launcher, what it needs, and nothing else', () => {
    expect(packed.files.map(({ path }) => path).sort()).toEqual([
      'LICENSE',
      'README.md',
      'THIRD-PARTY-LICENSES.txt',
      'bin/ao-migrate.js',
      'lib/download.js',
      'lib/ending.js',
      'lib/environment.js',
      'lib/fetch.js',
      'lib/ladder.js',
      'lib/locate.js',
      'lib/platform.js',
      'lib/postinstall.js',
      'lib/proxy.js',
      'package.json',
      'release.json',
    ]);
  });
  test('is small, and its launcher is executable', () => {
    expect(packed.unpackedSize).toBeLessThan(120_000);
    expect(packed.files.find(({ path }) => path === 'bin/ao-migrate.js')?.mode).toBe(0o755);
  });
});

test('npm pack of a platform package holds the executable, executable, and nothing else', () => {
  laid.add(HERE, script(''));
  const folder = join(laid.modules, platformPackage(HERE));
  for (const name of ['LICENSE', 'README.md', 'THIRD-PARTY-LICENSES.txt']) writeFileSync(join(folder, name), name);
  writeFileSync(join(folder, 'bin', 'ao-migrate.map'), 'a map of the source');
  const packed = pack(folder, work);
  expect(packed.files.map(({ path }) => path).sort()).toEqual([
    'LICENSE',
    'README.md',
    'THIRD-PARTY-LICENSES.txt',
    `bin/${HERE.file}`,
    'package.json',
  ]);
  expect(packed.files.find(({ path }) => path === `bin/${HERE.file}`)?.mode).toBe(0o755);
});

describe('the manifests', () => {
  const repository = 'https://example.org/team/ao-migrate';
  const main = mainManifest(SOURCE, '1.2.3', repository);
  test('lock all versions together', () => {
    expect(main).toMatchObject({ name: 'ao-migrate', version: '1.2.3', bin: { 'ao-migrate': 'bin/ao-migrate.js' } });
    expect(main).toHaveProperty(
      'optionalDependencies',
      Object.fromEntries(TARGETS.map((target) => [`ao-migrate-${target.name}`, '1.2.3'])),
    );
    expect(main).not.toHaveProperty('dependencies');
    for (const target of TARGETS)
      expect(platformManifest(target, '1.2.3', repository)).toMatchObject({ version: '1.2.3' });
  });
  test('let npm choose by system, processor and C library', () => {
    const chosen = TARGETS.map((target) => {
      const { name, os, cpu, libc } = JSON.parse(JSON.stringify(platformManifest(target, '1.2.3', '')));
      return [name, os, cpu, libc];
    });
    expect(chosen).toEqual([
      ['ao-migrate-darwin-arm64', ['darwin'], ['arm64'], undefined],
      ['ao-migrate-darwin-x64', ['darwin'], ['x64'], undefined],
      ['ao-migrate-linux-x64', ['linux'], ['x64'], ['glibc']],
      ['ao-migrate-linux-arm64', ['linux'], ['arm64'], ['glibc']],
      ['ao-migrate-linux-x64-musl', ['linux'], ['x64'], ['musl']],
      ['ao-migrate-linux-arm64-musl', ['linux'], ['arm64'], ['musl']],
      ['ao-migrate-win32-x64', ['win32'], ['x64'], undefined],
      ['ao-migrate-win32-arm64', ['win32'], ['arm64'], undefined],
    ]);
  });
  test('are ready for provenance: public, and of the repository that builds them', () => {
    for (const manifest of [main, ...TARGETS.map((target) => platformManifest(target, '1.2.3', repository))]) {
      expect(manifest).toMatchObject({
        license: 'MIT',
        preferUnplugged: true,
        publishConfig: { access: 'public', provenance: true },
        repository: { type: 'git', url: `git+${repository}.git` },
      });
    }
  });
});

test('release.json pins every executable, and needs all of them', () => {
  const files = TARGETS.map((target, index) => ({
    name: publishedName(target),
    target: target.name,
    kind: 'executable' as const,
    size: 100 + index,
    sha256: String(index).repeat(64),
  }));
  const manifest: Manifest = {
    formatVersion: 1,
    name: 'ao-migrate',
    version: '1.2.3',
    schemaVersion: 12,
    sourceCommit: '',
    bunVersion: '',
    files,
  };
  const record = releaseRecord(manifest, 'https://example.org/releases');
  expect(record).toMatchObject({ version: '1.2.3', releases: 'https://example.org/releases' });
  expect(record).toHaveProperty('targets.win32-x64', {
    package: 'ao-migrate-win32-x64',
    executable: 'ao-migrate.exe',
    name: 'ao-migrate-win32-x64.exe',
    size: 106,
    sha256: '6'.repeat(64),
  });
  expect(() => releaseRecord({ ...manifest, files: files.slice(1) }, '')).toThrow('no executable for darwin-arm64');
});

test('the packages load nothing but Node itself and each other', () => {
  const folder = join(ROOT, 'packages', 'ao-migrate');
  const files = ['bin', 'lib'].flatMap((name) =>
    readdirSync(join(folder, name)).map((file) => join(folder, name, file)),
  );
  mkdirSync(join(work, 'none'), { recursive: true });
  for (const file of files) {
    const wanted = [...readFileSync(file, 'utf8').matchAll(/require\('([^']+)'\)/g)].map(([, name]) => name ?? '');
    expect(
      wanted.filter((name) => !name.startsWith('node:') && !name.startsWith('.') && name !== 'ao-migrate/postinstall'),
    ).toEqual([]);
  }
});
