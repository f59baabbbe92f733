import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Entry, tarPieces, zipOf } from '../../scripts/archive';
import { billOfMaterials, bundledComponents, licensesText, runtimeLicense } from '../../scripts/components';
import { sumsText } from '../../scripts/release-files';
import { integrityOf, pinnedIntegrity, RUNTIME_VERSION, runtimePackage } from '../../scripts/runtime';
import { TARGETS } from '../../scripts/targets';

const ROOT = resolve(import.meta.dir, '../..');
const work = mkdtempSync(join(tmpdir(), 'ao-migrate-release-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const ENTRIES: readonly Entry[] = [
  { name: 'ao-migrate', executable: true, bytes: Buffer.alloc(70_000, 'payload ') },
  { name: 'LICENSE', executable: false, bytes: Buffer.from('a licence\n') },
  { name: 'empty', executable: false, bytes: new Uint8Array(0) },
];

function expectExtracted(folder: string): void {
  for (const { name, executable, bytes } of ENTRIES) {
    const file = join(folder, name);
    expect(readFileSync(file).equals(Buffer.from(bytes))).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(executable ? 0o755 : 0o644);
  }
}

describe('archives', () => {
  test('a tar is read by tar, has no owner, and no time of its making', () => {
    const file = join(work, 'a.tar');
    writeFileSync(file, Buffer.concat([...tarPieces(ENTRIES)]));
    expect(statSync(file).size % 512).toBe(0);
    const listed = Bun.spawnSync(['tar', '--numeric-owner', '-tvf', file], {
      env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' },
    });
    expect(listed.stderr.toString()).toBe('');
    for (const line of listed.stdout.toString().trim().split('\n')) {
      expect(line).toContain('0/0');
      expect(line).toContain('1980-01-01 00:00');
    }
    const folder = mkdtempSync(join(work, 'tar-'));
    expect(Bun.spawnSync(['tar', '-xpf', file, '-C', folder]).exitCode).toBe(0);
    expectExtracted(folder);
  });
  test('a zip is read by others, with its modes and a time that every system can show', () => {
    const file = join(work, 'a.zip');
    writeFileSync(file, zipOf(ENTRIES));
    const program = `import os,sys,zipfile
z=zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
for i in z.infolist():
  assert i.date_time==(1980,1,1,0,0,0), i.date_time
  p=z.extract(i,sys.argv[2]); os.chmod(p,(i.external_attr>>16)&0o777)
`;
    const folder = mkdtempSync(join(work, 'zip-'));
    const done = Bun.spawnSync(['python3', '-c', program, file, folder]);
    expect(done.stderr.toString()).toBe('');
    expectExtracted(folder);
  });
  test('are the same when made again', () => {
    expect(Buffer.from(zipOf(ENTRIES)).equals(zipOf(ENTRIES))).toBe(true);
    expect(Buffer.concat([...tarPieces(ENTRIES)]).equals(Buffer.concat([...tarPieces(ENTRIES)]))).toBe(true);
  });
});

test('checksums are in the form of sha256sum, by name', () => {
  const text = sumsText([
    { name: 'b.txt', sha256: 'f'.repeat(64) },
    { name: 'a.txt', sha256: 'e'.repeat(64) },
  ]);
  expect(text).toBe(`${'e'.repeat(64)}  a.txt\n${'f'.repeat(64)}  b.txt\n`);
});

describe('what is inside', () => {
  const name = (path: string): string => `../../node_modules/${path}`;
  const maps = (pieces: Readonly<Record<string, readonly string[]>>): string => {
    const folder = mkdtempSync(join(work, 'maps-'));
    for (const [piece, sources] of Object.entries(pieces))
      writeFileSync(join(folder, `${piece}.js.map`), JSON.stringify({ sources }));
    return folder;
  };
  const entry = ['../src/main.ts', name('citty/dist/a.mjs'), name('yaml/dist/b.js')];
  const piece = [name('yaml/dist/index.js'), name('valibot/dist/index.mjs'), name('consola/dist/core.mjs')];
  const components = bundledComponents(ROOT, maps({ 'ao-migrate': entry, 'main-1': piece, 'main-2': [] }));
  test('is read from the maps of all pieces of the bundle, with the locked hash', () => {
    expect(components.map((each) => each.name)).toEqual(['citty', 'consola', 'valibot', 'yaml']);
    for (const { integrity, text } of components) {
      expect(Buffer.from(integrity ?? '', 'base64')).toHaveLength(64);
      expect(text).toMatch(/MIT|ISC|Permission to use/);
    }
  });
  test('is not guessed where maps are missing', () => {
    expect(() => bundledComponents(ROOT, maps({ 'ao-migrate': entry }))).toThrow(/do not name consola, valibot$/);
  });
  test('is in the licences, with Bun and the libraries in it', () => {
    const text = licensesText(components, runtimeLicense(ROOT));
    for (const part of [
      'citty 0.',
      'yaml 2.',
      'Copyright',
      `Bun ${RUNTIME_VERSION}`,
      'JavaScriptCore',
      'LGPL',
      'boringssl',
      'sqlite',
    ]) {
      expect(text).toContain(part);
    }
  });
  test('is in the bill of materials', () => {
    const bill = JSON.parse(JSON.stringify(billOfMaterials({ version: '1.2.3', commit: 'abc' }, components)));
    expect(bill).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      metadata: { component: { version: '1.2.3' } },
    });
    const references = bill.components.map((each: { 'bom-ref': string }) => each['bom-ref']);
    expect(references).toEqual([
      `pkg:npm/bun@${RUNTIME_VERSION}`,
      expect.stringMatching(/^pkg:npm\/citty@/),
      expect.stringMatching(/^pkg:npm\/consola@/),
      expect.stringMatching(/^pkg:npm\/valibot@/),
      expect.stringMatching(/^pkg:npm\/yaml@/),
    ]);
    expect(bill.dependencies[0].dependsOn).toEqual(references);
    expect(JSON.stringify(bill)).not.toMatch(/timestamp|serialNumber/);
  });
});

describe('the runtime', () => {
  test('is pinned for every target, each with its own package', () => {
    expect(new Set(TARGETS.map(runtimePackage)).size).toBe(8);
    expect(new Set(TARGETS.map(pinnedIntegrity)).size).toBe(8);
    expect(TARGETS.map(runtimePackage)).toContain('@oven/bun-windows-aarch64');
    expect(TARGETS.map(runtimePackage)).toContain('@oven/bun-linux-x64-musl');
  });
  test('is compared by the hash that npm states', () => {
    expect(integrityOf(Buffer.from('a'))).toBe(`sha512-${new Bun.CryptoHasher('sha512').update('a').digest('base64')}`);
  });
});
