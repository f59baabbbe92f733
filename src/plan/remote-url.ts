/**
 * What the legacy tool makes of an origin URL (legacy-store.md 2.3): `git@host:path` and every URL scheme become https,
 * the host lower-case, trailing slashes and one `.git` gone. Null for text that is no URL of a host that it knows.
 */
export function normaliseOrigin(text: string): string | null {
  const scp = /^(?:[^@/\s]+@)([^:/\s]+):(?!\/\/)(.+)$/.exec(text.trim());
  const url = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/\s]*@)?([^:/?#\s]+)(?::\d+)?\/([^?#\s]+)/i.exec(text.trim());
  const host = (scp?.[1] ?? url?.[1])?.toLowerCase();
  const path = (scp?.[2] ?? url?.[2])
    ?.replace(/^\/+|\/+$/g, '')
    .replace(/\.git$/, '')
    .replace(/\/+$/, '');
  if (host === undefined || path === undefined || !isKnownHost(host) || !/^[^/\s]+(?:\/[^/\s]+)+$/.test(path))
    return null;
  return `https://${host}/${path}`;
}

/** The string form of `repo`: `owner/name`, `host.with.dot/group/name`, or any URL; null where it names no known host. */
export function normaliseRepo(text: string): string | null {
  const value = text.trim();
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || /^[^@/\s]+@[^:/\s]+:/.test(value)) return normaliseOrigin(value);
  const parts = value.split('/');
  if (parts.length < 2 || parts.some((part) => part === '' || /\s/.test(part))) return null;
  const first = parts[0] ?? '';
  if (first.includes('.') && parts.length > 2) return normaliseOrigin(`https://${value}`);
  return parts.length === 2 ? `https://github.com/${value.replace(/\.git$/, '')}` : null;
}

function isKnownHost(host: string): boolean {
  const hosts = ['github.com', 'gitlab.com', 'bitbucket.org'];
  return hosts.includes(host) || [...hosts, 'bitbucket.com'].some((known) => host.endsWith(`.${known}`));
}
