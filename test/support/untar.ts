import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** The texts of a .tar.gz by name, read by the format's own rules. */
export function untarred(file: string): ReadonlyMap<string, string> {
  const bytes = gunzipSync(readFileSync(file));
  const entries = new Map<string, string>();
  for (let at = 0; bytes[at] !== 0 && at < bytes.length; ) {
    const field = (from: number, length: number): string =>
      bytes.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(field(124, 12), 8);
    entries.set(field(0, 100), bytes.toString('utf8', at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}
