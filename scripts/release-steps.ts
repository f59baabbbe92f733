/**
 * The steps of a release as values: what is done in which order, and how each is seen to be done already, so that a
 * release that stopped is resumed by running it again (docs/RUNBOOK.md).
 */
import type { Packed } from './package';

/** What is asked of the outside; a dry run answers from a folder of its own. */
export interface Outside {
  /** Integrity of a published version; null where it is not published. @throws Error where nobody answers */
  published(name: string, version: string): Promise<string | null>;
  /** Under a tag that fits the version, so that `npm install` takes it if it is a final one. */
  publish(packed: Publication, tag: string): Promise<void>;
}

/** What `npm install` takes without asking, and where a version such as `1.2.3-rc.1` goes. */
export function tagOf(version: string): 'latest' | 'next' {
  return version.includes('-') ? 'next' : 'latest';
}

export interface Publication extends Packed {
  /** Of the tarball, as npm states it. */
  readonly integrity: string;
}

/**
 * Publishes platform packages, then the main one. A main package is never there without its platforms: it comes last,
 * and only after every platform has been seen. No tag is moved by hand, which a token of a workflow could not do. What is there already with the
 * same bytes is passed over; with other bytes it stops everything, because a version cannot be published twice.
 *
 * @param packages the main package last
 */
export async function publishAll(
  packages: readonly Publication[],
  outside: Outside,
  said: (line: string) => void,
): Promise<void> {
  const main = packages.at(-1);
  if (main === undefined) throw new Error('there is nothing to publish');
  const versions = new Set(packages.map(({ version }) => version));
  if (versions.size !== 1) throw new Error(`the packages have different versions: ${[...versions].join(', ')}`);
  const platforms = packages.slice(0, -1);
  for (const each of platforms) await publishOne(each, outside, said);
  for (const { name, version, integrity } of platforms) {
    if ((await outside.published(name, version)) !== integrity)
      throw new Error(`${name}@${version} is not there yet: run this again`);
  }
  await publishOne(main, outside, said);
}

async function publishOne(packed: Publication, outside: Outside, said: (line: string) => void): Promise<void> {
  const { name, version, integrity } = packed;
  const there = await outside.published(name, version);
  if (there !== null && there !== integrity) {
    throw new Error(`${name}@${version} is published with other contents: raise the version and release that`);
  }
  if (there === null) await outside.publish(packed, tagOf(version));
  said(`${name}@${version} ${there === null ? 'published' : 'was there already'}`);
}
