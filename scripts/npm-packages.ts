/**
 * The packages for npm as values: the main package with its launcher, and one per target with nothing but the
 * executable (distribution.md 3). scripts/package.ts writes and packs them.
 */
import type { Manifest } from './release-files';
import { TARGETS, type Target } from './targets';

export const MAIN_PACKAGE = 'ao-migrate';

export function platformPackage({ name }: Target): string {
  return `${MAIN_PACKAGE}-${name}`;
}

/** What all packages say alike; `repository` must be the one that builds them, or npm refuses their provenance. */
function common(version: string, repository: string): Record<string, unknown> {
  return {
    version,
    license: 'MIT',
    preferUnplugged: true,
    publishConfig: { access: 'public', provenance: true },
    ...(repository === ''
      ? {}
      : {
          repository: { type: 'git', url: `git+${repository}.git` },
          homepage: repository,
          bugs: { url: `${repository}/issues` },
        }),
  };
}

/** package.json of a platform package: npm installs it only where `os`, `cpu` and `libc` fit. */
export function platformManifest(target: Target, version: string, repository: string): object {
  return {
    name: platformPackage(target),
    description: `The ao-migrate executable for ${target.name}.`,
    ...common(version, repository),
    os: [target.os],
    cpu: [target.cpu],
    ...(target.libc === null ? {} : { libc: [target.libc] }),
    files: [`bin/${target.file}`, 'THIRD-PARTY-LICENSES.txt'],
  };
}

/** package.json of the main package: its source with all versions locked to this one. */
export function mainManifest(source: Readonly<Record<string, unknown>>, version: string, repository: string): object {
  return {
    ...source,
    ...common(version, repository),
    optionalDependencies: Object.fromEntries(TARGETS.map((target) => [platformPackage(target), version])),
  };
}

/** `release.json` of the main package: what the launcher and the postinstall know of the executables. */
export function releaseRecord(manifest: Manifest, releases: string): object {
  const targets = TARGETS.map((target) => {
    const file = manifest.files.find((each) => each.target === target.name && each.kind === 'executable');
    if (file === undefined) throw new Error(`the release has no executable for ${target.name}`);
    const { name, size, sha256 } = file;
    return [target.name, { package: platformPackage(target), executable: target.file, name, size, sha256 }] as const;
  });
  return { version: manifest.version, releases, targets: Object.fromEntries(targets) };
}
