/** What is published beside the executables: archives, checksums, manifest, bill of materials, licences (distribution.md 2). */
import { createHash } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Entry, tarPieces, zipOf } from './archive';
import { billOfMaterials, bundledComponents, licensesText, MAPS, runtimeLicense } from './components';
import { releasesAddress } from './repository';
import { RUNTIME_VERSION } from './runtime';
import { type Stamp, stampOf } from './stamp';
import { TARGETS, type Target } from './targets';

export interface Published {
  readonly name: string;
  /** Name of the target; null for what belongs to all. */
  readonly target: string | null;
  readonly kind: 'executable' | 'archive';
  readonly size: number;
  readonly sha256: string;
}

/** `manifest.json`. */
export interface Manifest {
  readonly formatVersion: 1;
  readonly name: 'ao-migrate';
  readonly version: string;
  readonly schemaVersion: number;
  readonly sourceCommit: string;
  readonly bunVersion: string;
  readonly files: readonly Published[];
}

export const LICENSES_FILE = 'THIRD-PARTY-LICENSES.txt';
export const SUMS_FILE = 'SHA256SUMS';
export const MANIFEST_FILE = 'manifest.json';
export const BILL_FILE = 'ao-migrate.cdx.json';

/** Files that people without npm run; they are published as they stand, with the release's address filled in. */
export const INSTALL_SCRIPTS = ['install.sh', 'install.ps1'] as const;

/** Name of the raw executable of a target among the published files. */
export function publishedName({ name, os }: Target): string {
  return `ao-migrate-${name}${os === 'win32' ? '.exe' : ''}`;
}

export function archiveName({ name, os }: Target): string {
  return `ao-migrate-${name}${os === 'win32' ? '.zip' : '.tar.xz'}`;
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** `SHA256SUMS` as `sha256sum -c` reads it, by name. */
export function sumsText(files: readonly Pick<Published, 'name' | 'sha256'>[]): string {
  const lines = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`);
  return lines.toSorted((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('');
}

/** An install script as it is published: it knows its version, where that is, and the checksums of its executables. */
export function installScript(
  text: string,
  version: string,
  releases: string,
  executables: readonly Pick<Published, 'name' | 'sha256'>[],
): string {
  return text
    .replaceAll('@VERSION@', version)
    .replaceAll('@RELEASES@', releases)
    .replace('@SUMS@\n', sumsText(executables));
}

/** Fills dist/release from the executables in dist/<target>. Whatever was there before goes. */
export async function writeReleaseFiles(
  root: string,
  { archives, said }: { readonly archives: boolean; readonly said: (line: string) => void },
): Promise<void> {
  const folder = join(root, 'dist', 'release');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const stamp = stampOf(root);
  const components = bundledComponents(root, join(root, 'dist', 'linux-x64', MAPS));
  writeFileSync(join(folder, LICENSES_FILE), licensesText(components, runtimeLicense(root)));
  writeFileSync(join(folder, BILL_FILE), jsonText(billOfMaterials(stamp, components)));
  const files: Published[] = [];
  for (const target of TARGETS) {
    const name = publishedName(target);
    linkSync(join(root, 'dist', target.name, target.file), join(folder, name));
    const bytes = readFileSync(join(folder, name));
    files.push({ name, target: target.name, kind: 'executable', size: bytes.length, sha256: sha256Of(bytes) });
    if (!archives) continue;
    const packed = await archiveOf(target, bytes, root, folder);
    files.push({
      name: archiveName(target),
      target: target.name,
      kind: 'archive',
      size: packed.length,
      sha256: sha256Of(packed),
    });
    said(`${archiveName(target).padEnd(36)}${String(packed.length).padStart(12)}`);
  }
  const executables = files.filter(({ kind }) => kind === 'executable');
  for (const script of INSTALL_SCRIPTS) {
    const text = readFileSync(join(root, 'scripts', script), 'utf8');
    writeFileSync(join(folder, script), installScript(text, stamp.version, releasesAddress(root), executables));
  }
  writeFileSync(join(folder, MANIFEST_FILE), jsonText(manifestOf(root, stamp, files)));
  const others = readdirSync(folder).filter((name) => !files.some((file) => file.name === name));
  const rest = others.map((name) => ({ name, sha256: sha256Of(readFileSync(join(folder, name))) }));
  writeFileSync(join(folder, SUMS_FILE), sumsText([...files, ...rest]));
}

export const jsonText = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

function manifestOf(root: string, { version, commit }: Stamp, files: readonly Published[]): Manifest {
  const versions = readdirSync(join(root, 'migrations')).flatMap((name) =>
    Number(/^(\d+)_.*\.sql$/.exec(name)?.[1] ?? 0),
  );
  return {
    formatVersion: 1,
    name: 'ao-migrate',
    version,
    schemaVersion: Math.max(...versions),
    sourceCommit: commit,
    bunVersion: RUNTIME_VERSION,
    files,
  };
}

async function archiveOf(target: Target, bytes: Uint8Array, root: string, folder: string): Promise<Uint8Array> {
  const text = (path: string, name: string): Entry => ({ name, executable: false, bytes: readFileSync(path) });
  const entries: readonly Entry[] = [
    { name: target.file, executable: true, bytes },
    text(join(root, 'LICENSE'), 'LICENSE'),
    text(join(folder, LICENSES_FILE), LICENSES_FILE),
  ];
  const packed = target.os === 'win32' ? zipOf(entries) : await xz(Buffer.concat([...tarPieces(entries)]));
  writeFileSync(join(folder, archiveName(target)), packed);
  chmodSync(join(folder, archiveName(target)), 0o644);
  return packed;
}

/** One thread: with more, blocks are cut, and the result would depend on the machine. */
async function xz(bytes: Uint8Array): Promise<Uint8Array> {
  const tool = Bun.which('xz');
  if (tool === null) throw new Error('xz is not installed (package xz-utils)');
  const child = Bun.spawn([tool, '-6', '--threads=1', '--stdout'], { stdin: bytes, stdout: 'pipe', stderr: 'inherit' });
  const [packed, exitCode] = await Promise.all([new Response(child.stdout).bytes(), child.exited]);
  if (exitCode !== 0) throw new Error(`xz ended with ${exitCode}`);
  return packed;
}
