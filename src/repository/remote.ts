import { join } from 'node:path';
import { textOf } from './files';
import { booleanOf, type ConfigEntry, splitKey } from './syntax';
import { trimEnd, trimStart } from './text';

/** Variables of any remote, branch or URL rewrite that make git give up when they stand without a value. */
const NEEDS_VALUE: Readonly<Record<string, ReadonlySet<string>>> = {
  remote: new Set([
    'url',
    'pushurl',
    'push',
    'fetch',
    'receivepack',
    'uploadpack',
    'tagopt',
    'proxy',
    'proxyauthmethod',
    'vcs',
  ]),
  branch: new Set(['remote', 'pushremote', 'merge']),
  url: new Set(['insteadof', 'pushinsteadof']),
};
const BOOLEANS: ReadonlySet<string> = new Set(['mirror', 'skipdefaultupdate', 'skipfetchall', 'prune', 'prunetags']);

/** What the config says of one remote. */
interface Remote {
  readonly urls: readonly string[];
  /** Some variable of it is set. */
  readonly configured: boolean;
  /** A foreign remote helper is named, so no URL is needed. */
  readonly foreign: boolean;
}

/** A beginning of URLs and what git puts in its place. */
interface Rewrite {
  readonly from: string;
  readonly to: string;
}

/**
 * What `git remote get-url origin` prints, without its newline, for the variables of a repository's config and the common
 * directory; null where it fails (migration.md 5). Credentials are still in it.
 */
export function originUrl(entries: readonly ConfigEntry[], commonDir: string): string | null {
  if (!entries.every(isAccepted)) return null;
  const remote = remoteOf(entries, 'origin');
  const old = remote.urls.length > 0 || remote.foreign ? null : oldRemote(commonDir, 'origin');
  const [url] = old === null ? remote.urls : old.urls;
  if (url !== undefined) return rewritten(url, rewritesOf(entries));
  if (remote.foreign || !(remote.configured || old !== null)) return null;
  // A remote that is configured without a URL has its own name for one.
  return rewritten('origin', rewritesOf(entries));
}

/** Whether git reads on after the variable. It reads all remotes, so that one bad one spoils the others. */
function isAccepted({ key, value }: ConfigEntry): boolean {
  if (key === 'remote.pushdefault') return value !== null;
  for (const [section, names] of Object.entries(NEEDS_VALUE)) {
    const parts = splitKey(key, section);
    if (parts === null || parts.subsection === null) continue;
    if (section === 'branch' && parts.subsection === '') return false;
    if (section === 'remote' && parts.subsection.startsWith('/')) continue;
    if (value === null && names.has(parts.name)) return false;
    if (section === 'remote' && BOOLEANS.has(parts.name) && booleanOf(value) === null) return false;
  }
  return true;
}

function remoteOf(entries: readonly ConfigEntry[], name: string): Remote {
  const urls: string[] = [];
  let configured = false;
  let foreign = false;
  for (const { key, value } of entries) {
    const parts = splitKey(key, 'remote');
    if (parts?.subsection !== name) continue;
    configured = true;
    if (parts.name === 'url' && value !== null) urls.push(value);
    if (parts.name === 'vcs') foreign = true;
  }
  return { urls, configured, foreign };
}

/** A remote as it was kept before config had remotes; git still reads both forms. Null where neither is there. */
function oldRemote(commonDir: string, name: string): Pick<Remote, 'urls'> | null {
  const remotes = textOf(join(commonDir, 'remotes', name));
  const urls = (remotes ?? '')
    .split('\n')
    .map((line) => trimEnd(line))
    .filter((line) => line.startsWith('URL:'))
    .map((line) => trimStart(line.slice('URL:'.length)));
  if (urls.length > 0) return { urls };
  const [line = ''] = (textOf(join(commonDir, 'branches', name)) ?? '').split('\n');
  const branches = trimStart(trimEnd(line));
  if (branches !== '') return { urls: [branches.replace(/#.*$/s, '')] };
  return remotes === null ? null : { urls: [] };
}

/** In the order in which git keeps them: bases as they first appear, and what stands for each as written. */
function rewritesOf(entries: readonly ConfigEntry[]): readonly Rewrite[] {
  const rewrites = new Map<string, Rewrite[]>();
  for (const { key, value } of entries) {
    const parts = splitKey(key, 'url');
    if (parts === null || parts.subsection === null || parts.name !== 'insteadof' || value === null) continue;
    const to = parts.subsection;
    rewrites.set(to, [...(rewrites.get(to) ?? []), { from: value, to }]);
  }
  return [...rewrites.values()].flat();
}

/** The longest beginning that fits wins, among equals the first. */
function rewritten(url: string, rewrites: readonly Rewrite[]): string {
  let best: Rewrite | null = null;
  for (const rewrite of rewrites) {
    if (url.startsWith(rewrite.from) && (best === null || rewrite.from.length > best.from.length)) best = rewrite;
  }
  return best === null ? url : best.to + url.slice(best.from.length);
}
