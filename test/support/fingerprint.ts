import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Everything below a folder: bytes, modes, times, links. Equal before and after means that nothing was changed. */
export function fingerprint(folder: string): Record<string, string> {
  const seen: Record<string, string> = {};
  const visit = (path: string, name: string): void => {
    const stats = lstatSync(path, { bigint: true });
    const content = stats.isFile()
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : stats.isSymbolicLink()
        ? readlinkSync(path)
        : '';
    seen[name] = `${stats.mode.toString(8)} ${stats.ino} ${stats.mtimeNs} ${content}`;
    if (!stats.isDirectory()) return;
    for (const entry of readdirSync(path).sort()) visit(join(path, entry), `${name}/${entry}`);
  };
  visit(folder, '.');
  return seen;
}
