/** `bun run package`: dist/npm/*.tgz, the nine packages for npm, from dist/release. Run `bun run build --all` first. */
import { chmodSync, cpSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MAIN_PACKAGE, mainManifest, platformManifest, platformPackage, releaseRecord } from './npm-packages';
import { jsonText, LICENSES_FILE, MANIFEST_FILE, type Manifest, publishedName, sha256Of } from './release-files';
import { releasesAddress, repositoryOf } from './repository';
import { must } from './run';
import { TARGETS } from './targets';

const ROOT = resolve(import.meta.dir, '..');

/** What an `npm pack` made. Sizes in bytes. */
export interface Packed {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** Packs all, platforms first, in the order in which they are to be published. */
export function packAll(root: string = ROOT): readonly Packed[] {
  const release = join(root, 'dist', 'release');
  const manifest: Manifest = JSON.parse(readFileSync(join(release, MANIFEST_FILE), 'utf8'));
  const npm = join(root, 'dist', 'npm');
  rmSync(npm, { recursive: true, force: true });
  for (const target of TARGETS) {
    const folder = join(npm, platformPackage(target));
    const file = join(folder, 'bin', target.file);
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const source = join(release, publishedName(target));
    const expected = manifest.files.find(({ name }) => name === publishedName(target))?.sha256;
    if (sha256Of(readFileSync(source)) !== expected) throw new Error(`${source} is not the file of the manifest`);
    linkSync(source, file);
    chmodSync(file, 0o755);
    const readme = readFileSync(join(root, 'packages', 'platform', 'README.md'), 'utf8');
    writeFileSync(
      join(folder, 'README.md'),
      readme.replace('@NAME@', platformPackage(target)).replace('@TARGET@', target.name),
    );
    finish(root, folder, platformManifest(target, manifest.version, repositoryOf(root)));
  }
  assembleMain(root, join(npm, MAIN_PACKAGE), manifest, join(release, LICENSES_FILE));
  return [...TARGETS.map(platformPackage), MAIN_PACKAGE].map((name) => pack(join(npm, name), npm));
}

/** The main package as a folder. `manifest` may be of any release; tests make small ones. */
export function assembleMain(root: string, folder: string, manifest: Manifest, licenses: string): void {
  const source = join(root, 'packages', MAIN_PACKAGE);
  mkdirSync(folder, { recursive: true });
  for (const name of ['bin', 'lib', 'README.md']) cpSync(join(source, name), join(folder, name), { recursive: true });
  chmodSync(join(folder, 'bin', 'ao-migrate.js'), 0o755);
  writeFileSync(join(folder, 'release.json'), jsonText(releaseRecord(manifest, releasesAddress(root))));
  const own: Record<string, unknown> = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  finish(root, folder, mainManifest(own, manifest.version, repositoryOf(root)), licenses);
}

function finish(
  root: string,
  folder: string,
  manifest: object,
  licenses = join(root, 'dist', 'release', LICENSES_FILE),
): void {
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  cpSync(licenses, join(folder, LICENSES_FILE));
  writeFileSync(join(folder, 'package.json'), jsonText(manifest));
}

/** @param destination where the tarball goes */
export function pack(folder: string, destination: string): Packed {
  const args = ['pack', folder, '--json', '--ignore-scripts', `--pack-destination=${destination}`];
  const printed: unknown = JSON.parse(must(['npm', ...args], destination, process.env));
  const [packed] = Array.isArray(printed) ? printed : Object.values(printed ?? {});
  const { name, version, filename, size, unpackedSize, files } = packed;
  const tarball = readdirSync(destination).find((each) => each === filename.replace(/^@/, '').replaceAll('/', '-'));
  if (tarball === undefined) throw new Error(`npm pack made no ${filename}`);
  return { name, version, file: join(destination, tarball), size, unpackedSize, files };
}

if (import.meta.main) {
  for (const { name, version, size } of packAll())
    process.stdout.write(`${`${name}@${version}`.padEnd(36)}${String(size).padStart(12)}\n`);
}
