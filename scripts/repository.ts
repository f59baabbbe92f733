/** Where the source is, and so where releases are: an input of each release that it refuses to go without. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Ways in which npm lets a manifest name a repository. Host and path; the host of the first is left out. */
const NAMED = [
  /^(?:github:)?()([\w.-]+\/[\w.-]+)$/,
  /^(?:git\+)?https:\/\/([\w.:-]+)\/(.+)$/,
  /^(?:git\+)?ssh:\/\/git@([\w.-]+)\/(.+)$/,
  /^git@([\w.-]+):(.+)$/,
];

/** Where releases are published, without a slash at its end; empty until the repository is known (docs/RUNBOOK.md). */
export function releasesAddress(root: string, env: Environment = process.env): string {
  const repository = repositoryOf(root, env);
  return repository === '' ? '' : `${repository}/releases/download`;
}

/**
 * https address of the source repository: package.json names it, or the service that builds. Empty where neither does.
 *
 * @throws Error where what is named is no address, or the two name different ones: npm would refuse the provenance
 */
export function repositoryOf(root: string, env: Environment = process.env): string {
  const manifest: { repository?: string | { url?: string } } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const named = typeof manifest.repository === 'string' ? manifest.repository : manifest.repository?.url;
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = env;
  const own = named === undefined ? '' : webAddress(named);
  const building = server === undefined || repository === undefined ? '' : webAddress(`${server}/${repository}`);
  if (own !== '' && building !== '' && own.toLowerCase() !== building.toLowerCase())
    throw new Error(`package.json names the repository ${own}, but it is built by ${building}`);
  return own === '' ? building : own;
}

function webAddress(named: string): string {
  const [, host, path = ''] = NAMED.map((each) => each.exec(named)).find((found) => found !== null) ?? [];
  const clean = path.replace(/\/+$/, '').replace(/\.git$/, '');
  if (host === undefined || !/^[\w.~-]+(?:\/[\w.~-]+)+$/.test(clean))
    throw new Error(`this is no address of a repository: ${named}`);
  return `https://${host === '' ? 'github.com' : host}/${clean}`;
}
