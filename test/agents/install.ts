import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, must } from '../../scripts/run';
import { nameOf, type Release } from './releases';

/** Where releases are kept between runs: outside the tree, in the place that the system has for caches. */
export function cacheFolder(env: Environment): string {
  const home = env.HOME ?? '/tmp';
  const base =
    env.XDG_CACHE_HOME === undefined || env.XDG_CACHE_HOME === '' ? join(home, '.cache') : env.XDG_CACHE_HOME;
  return join(base, 'ao-migrate', 'agents');
}

/**
 * The folder of a release below the cache; installed from npm unless it is there. In its final place from the beginning,
 * because some releases link to themselves by absolute path. @throws Error with what npm said
 */
export function installed(release: Release, cache: string, env: Environment): string {
  const folder = join(cache, nameOf(release));
  // Written last, so that an interrupted installation never counts as one.
  const done = join(folder, 'installed');
  if (existsSync(done)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const wanted = [`${release.npmPackage}@${release.version}`, ...release.companions];
  must(['npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', '--save-exact', ...wanted], folder, env);
  writeFileSync(done, '');
  return folder;
}
