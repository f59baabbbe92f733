import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Every entry below a folder with its kind, mode, mtime and content: two equal values mean that nothing was touched. */
export function snapshot(folder: string, except: (path: string) => boolean = () => false): Record<string, string> {
  const entries: Record<string, string> = {};
  const walk = (path: string, name: string): void => {
    if (except(name)) return;
    const stat = lstatSync(path, { bigint: true });
    const mode = (stat.mode & 0o7777n).toString(8);
    if (stat.isSymbolicLink()) entries[name] = `link ${readlinkSync(path)}`;
    else if (stat.isDirectory()) {
      entries[name] = `directory ${mode} ${stat.mtimeNs}`;
      for (const child of readdirSync(path).sort()) walk(join(path, child), name === '' ? child : `${name}/${child}`);
    } else if (stat.isFile()) {
      entries[name] = `file ${mode} ${stat.mtimeNs} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    } else entries[name] = `other ${mode}`;
  };
  walk(folder, '');
  return entries;
}
