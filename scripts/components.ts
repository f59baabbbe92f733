/** What is inside an executable besides our own code: taken from the maps of the bundle, not from a list. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUNTIME_VERSION } from './runtime';

export interface Component {
  readonly name: string;
  readonly version: string;
  /** SPDX expression that its manifest states. */
  readonly license: string;
  readonly text: string;
  /** sha512 of its package in base64, as locked. */
  readonly integrity: string | null;
}

/** Folder of the source maps beside an executable: one of each piece of the bundle, as it is split. */
export const MAPS = 'maps';

/**
 * Packages of which some file is in the bundle, by name.
 *
 * @param folder the source maps of all pieces of the bundle
 * @throws Error where one states no licence, or where one that the tool depends on is in no map: then maps are missing
 */
export function bundledComponents(root: string, folder: string): readonly Component[] {
  const sources = readdirSync(folder).flatMap((name) => {
    const map: { sources: readonly string[] } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    return map.sources;
  });
  const names = sources.flatMap((source) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1] ?? []);
  const { dependencies }: { dependencies: object } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const absent = Object.keys(dependencies).filter((name) => !names.includes(name));
  if (absent.length > 0) throw new Error(`the source maps in ${folder} do not name ${absent.join(', ')}`);
  const lock = readFileSync(join(root, 'bun.lock'), 'utf8');
  return [...new Set(names)].sort().map((name) => componentOf(join(root, 'node_modules', name), lock));
}

function componentOf(folder: string, lock: string): Component {
  const manifest: { name: string; version: string; license?: string } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE'].map((name) => join(folder, name)).find(existsSync);
  if (manifest.license === undefined || file === undefined) throw new Error(`${manifest.name} states no licence`);
  const { name, version, license } = manifest;
  return {
    name,
    version,
    license,
    text: readFileSync(file, 'utf8').trim(),
    integrity: lockedIntegrity(lock, name, version),
  };
}

function lockedIntegrity(lock: string, name: string, version: string): string | null {
  const line = lock.split('\n').find((each) => each.includes(`"${name}@${version}"`) && each.includes('"sha512-'));
  return /"sha512-([^"]+)"/.exec(line ?? '')?.[1] ?? null;
}

/** What Bun says of its own licence and of the libraries in it; its packages for npm carry no other text. */
export function runtimeLicense(root: string): string {
  const page = readFileSync(join(root, 'node_modules', 'bun-types', 'docs', 'project', 'license.mdx'), 'utf8');
  return page.replace(/^---\n[\s\S]*?\n---\n/, '').trim();
}

/** The text that goes with every archive and package: our own parts' licences, word for word. */
export function licensesText(components: readonly Component[], runtime: string): string {
  const rule = '='.repeat(78);
  const parts = components.map(
    ({ name, version, license, text }) => `${rule}\n${name} ${version} (${license})\n\n${text}`,
  );
  return `${[
    'The ao-migrate executables contain the packages below and the Bun runtime.',
    ...parts,
    `${rule}\nBun ${RUNTIME_VERSION} (MIT, with the libraries named here)\n\n${runtime}`,
  ].join('\n\n')}\n`;
}

/** A bill of materials, CycloneDX 1.6; the same for the same contents. */
export function billOfMaterials(
  subject: { readonly version: string; readonly commit: string },
  components: readonly Component[],
): object {
  const reference = (name: string, version: string): string => `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const self = reference('ao-migrate', subject.version);
  const runtime = reference('bun', RUNTIME_VERSION);
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': self,
        name: 'ao-migrate',
        version: subject.version,
        purl: self,
        licenses: [{ license: { id: 'MIT' } }],
        properties: [{ name: 'sourceCommit', value: subject.commit }],
      },
    },
    components: [
      {
        type: 'platform',
        'bom-ref': runtime,
        name: 'bun',
        version: RUNTIME_VERSION,
        purl: runtime,
        licenses: [{ license: { id: 'MIT' } }],
        description: 'JavaScript runtime; the libraries in it are named in THIRD-PARTY-LICENSES.txt',
      },
      ...components.map(({ name, version, license, integrity }) => ({
        type: 'library',
        'bom-ref': reference(name, version),
        name,
        version,
        purl: reference(name, version),
        licenses: [{ license: { id: license } }],
        ...(integrity === null
          ? {}
          : { hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity, 'base64').toString('hex') }] }),
      })),
    ],
    dependencies: [
      { ref: self, dependsOn: [runtime, ...components.map(({ name, version }) => reference(name, version))] },
    ],
  };
}
