import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { platformManifest, platformPackage } from '../../scripts/npm-packages';
import { assembleMain } from '../../scripts/package';
import { type Manifest, publishedName, sha256Of } from '../../scripts/release-files';
import { TARGETS, type Target } from '../../scripts/targets';

const ROOT = resolve(import.meta.dir, '../..');
export const VERSION = '7.8.9';

/** The target of the Node that runs the launcher. */
export const HERE: Target = (() => {
  const found = TARGETS.find(({ os, cpu, libc }) => os === process.platform && cpu === process.arch && libc !== 'musl');
  if (found === undefined) throw new Error('no target for this machine');
  return found;
})();

/** Stands in for the executable: says its version, its arguments and what is asked of it. */
export function script(body: string, version = VERSION): Uint8Array {
  return Buffer.from(`#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; exit 0; fi\n${body}\n`);
}

export interface Installed {
  /** Folder of the main package. */
  readonly main: string;
  readonly modules: string;
  readonly launcher: string;
  /** Puts the package of a target there, with these bytes or the file of this path. */
  add(target: Target, executable: Uint8Array | string, version?: string): string;
  remove(): void;
}

/** The main package as installers lay it out, pinned to `executable` for this machine, without any platform package. */
export function installed(executable: Uint8Array, below = tmpdir()): Installed {
  const top = realpathSync(mkdtempSync(join(below, 'ao-migrate-npm-')));
  const modules = join(top, 'node_modules');
  const main = join(modules, 'ao-migrate');
  const licenses = join(top, 'licenses');
  writeFileSync(licenses, 'licences\n');
  const manifest: Manifest = {
    formatVersion: 1,
    name: 'ao-migrate',
    version: VERSION,
    schemaVersion: 12,
    sourceCommit: '',
    bunVersion: '0',
    files: TARGETS.map((target) => ({
      name: publishedName(target),
      target: target.name,
      kind: 'executable',
      size: executable.length,
      sha256: sha256Of(executable),
    })),
  };
  assembleMain(ROOT, main, manifest, licenses);
  return {
    main,
    modules,
    launcher: join(main, 'bin', 'ao-migrate.js'),
    add: (target, executable, version = VERSION) => {
      const folder = join(modules, platformPackage(target));
      mkdirSync(join(folder, 'bin'), { recursive: true });
      writeFileSync(join(folder, 'package.json'), JSON.stringify(platformManifest(target, version, '')));
      const file = join(folder, 'bin', target.file);
      if (typeof executable === 'string') lay(executable, file);
      else writeFileSync(file, executable);
      chmodSync(file, 0o755);
      return file;
    },
    remove: () => rmSync(top, { recursive: true, force: true }),
  };
}

/** As installed, with the real executable, which is too large to be written for every test. */
export function installedExecutable(file: string, below = tmpdir()): Installed {
  const laid = installed(readFileSync(file), below);
  laid.add(HERE, file);
  return laid;
}

function lay(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    // On another file system.
    copyFileSync(from, to);
  }
}

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: string | number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const NODE = Bun.which('node') ?? 'node';

/** Runs a file of the package with Node and nothing of this environment but PATH. */
export async function node(
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = Bun.spawn([NODE, file, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  return { exitCode: child.exitCode, signal: child.signalCode, stdout, stderr };
}
