import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXECUTABLE } from './executable';
import { COMMON_FOLDER } from './home';

export const NOBODY = 65534;
/** In front of a command: a user without rights runs it. */
export const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] as const;

const canBeNobody = process.platform === 'linux' && process.getuid?.() === 0 && Bun.which('setpriv') !== null;

/** Whether this process is root and a user without rights can run a program: it may lie in root's own folders. */
export function nobodyRuns(program: string): boolean {
  return canBeNobody && Bun.spawnSync([...AS_NOBODY, program, '--version'], { cwd: '/' }).exitCode === 0;
}

/** The executable where everybody may run it: the tree of the project may be closed to others. */
export function openExecutable(): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(join(COMMON_FOLDER, 'ao-migrate-program-'));
  const path = join(folder, 'ao-migrate');
  copyFileSync(EXECUTABLE, path);
  for (const each of [folder, path]) chmodSync(each, 0o755);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
