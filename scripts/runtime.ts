/**
 * The Bun that goes into an executable for another system. It comes from the packages that Bun itself publishes for
 * npm, fetched with the machine's own npm (so its registry, mirror and proxy count), and is used only if it is byte
 * for byte the file that is pinned here. `bun build --target` alone would fetch it too, unpinned, and talk on stderr.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, must } from './run';
import type { Target } from './targets';

/** Every executable is made from this version, whatever version runs the build: `build` demands that it is this one. */
export const RUNTIME_VERSION = '1.4.5';

/** `integrity` of each package of this version, by target. A new version of Bun means eight new lines. */
const INTEGRITY: Readonly<Record<string, string>> = {
  'darwin-arm64': 'sha512-4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==',
  'darwin-x64': 'sha512-qkLPMGHZM9NI6CeHTWwVezzmlo6cC4Ta7yUAjYIWXS366qQcOlcp75t2uZyiuVRBMPS0h9qE0tCcvCHGaFqjJg==',
  'linux-x64': 'sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==',
  'linux-arm64': 'sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==',
  'linux-x64-musl': 'sha512-10QoW/YfTgnURaGEaHpJCiXjLI2e5iTtfVDaA5JKcyUzaa1cq6cVUY9/Uq5XkYzvtRjHLRe9Oj/lTDIQcxy8HQ==',
  'linux-arm64-musl': 'sha512-XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeEVLb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==',
  'win32-x64': 'sha512-FNvply651vcE/GHgNWz6mZvhmkwBuu8Hw54oNzA+CQog+HW+542rXQmZqNHRkFxazD9L3xi+iTtvO3engAgJfw==',
  'win32-arm64': 'sha512-MiPFZnBNDnBXgr1oONc5pizC4fOLjnIOfNkYdFEnWzLmoFTg86naZIG3SvS7d/GglpQSAnCKMAzSjI/TAckiRw==',
};

/** Name of the package that holds the Bun of a target. */
export function runtimePackage({ os, cpu, libc }: Target): string {
  const system = os === 'win32' ? 'windows' : os;
  return `@oven/bun-${system}-${cpu === 'arm64' ? 'aarch64' : cpu}${libc === 'musl' ? '-musl' : ''}`;
}

/** sha512 that npm states for a package, base64 with the name of the hash in front. */
export function pinnedIntegrity(target: Target): string {
  const pinned = INTEGRITY[target.name];
  if (pinned === undefined) throw new Error(`no Bun is pinned for ${target.name}`);
  return pinned;
}

export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

/**
 * The file of Bun for a target; fetched and checked where the cache does not have it.
 *
 * @param cache a directory of our own, made if absent; what lies in it was checked before it got there
 * @throws Error where it cannot be fetched, or is not what is pinned
 */
export function runtimeFile(target: Target, cache: string, env: Environment): string {
  const name = target.os === 'win32' ? 'bun.exe' : 'bun';
  const folder = join(cache, `bun-${RUNTIME_VERSION}-${target.name}`);
  const file = join(folder, name);
  if (existsSync(file)) return file;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, '.fetch-'));
  try {
    const wanted = `${runtimePackage(target)}@${RUNTIME_VERSION}`;
    const printed = must(['npm', 'pack', wanted, '--silent', `--pack-destination=${work}`], work, env);
    const archive = join(work, printed.trim().split('\n').at(-1) ?? '');
    if (integrityOf(readFileSync(archive)) !== pinnedIntegrity(target)) {
      throw new Error(`${wanted} is not the package that is pinned in scripts/runtime.ts`);
    }
    must(['tar', '-xzf', archive, '-C', work, `package/bin/${name}`], work, env);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'package', 'bin'), folder);
    return file;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
