/** Transport, scheme and what may hold a user: `helper::https://user:password@host…`. */
const URL_FORM = /^((?:[A-Za-z0-9][A-Za-z0-9+.-]*::)*([A-Za-z][A-Za-z0-9+.-]*):\/\/)(.*)$/s;

/**
 * The URL as it may be kept (migration.md 5), without surrounding blanks: http and https lose all userinfo, every other
 * scheme only a password. Paths and the short form `user@host:path` have no place for a password and stay as they are.
 */
export function withoutCredentials(url: string): string {
  const trimmed = url.trim();
  const [, head, scheme, rest] = URL_FORM.exec(trimmed) ?? [];
  if (head === undefined || scheme === undefined || rest === undefined) return trimmed;
  const at = endOfUserinfo(rest);
  if (at < 0) return trimmed;
  const host = rest.slice(at + 1);
  const [user = ''] = rest.slice(0, at).split(':', 1);
  return /^https?$/i.test(scheme) || user === '' ? head + host : `${head}${user}@${host}`;
}

/** Where the `@` before the host stands, or -1 where there is no userinfo. */
function endOfUserinfo(rest: string): number {
  const end = rest.search(/[/?#\\]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const at = authority.lastIndexOf('@');
  if (at >= 0) return at;
  // `user:pass/word@host`: a port has only digits, so this is a password that someone forgot to encode.
  return /^[^:[\]]*:[^:]*[^:0-9]/.test(authority) ? rest.lastIndexOf('@') : -1;
}
