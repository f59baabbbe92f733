import { existsSync, readFileSync } from 'node:fs';

/** Milliseconds: a machine may be busy with other work, and where it waits in vain a test has failed anyway. */
const PATIENCE = 120_000;

/** Waits until it holds. @throws Error where it does not come to that */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE; !(await holds()); await Bun.sleep(5))
    if (Date.now() > end) throw new Error(`it does not come to that: ${holds}`);
}

/** Linux: whether a process is there and has not ended; one that nobody has asked for yet counts as gone. */
export function isAtWork(pid: number): boolean {
  const file = `/proc/${pid}/status`;
  return existsSync(file) && !/\nState:\s+[ZX]/.test(readFileSync(file, 'utf8'));
}
