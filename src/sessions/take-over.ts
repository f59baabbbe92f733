import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmptyHome } from './agents';
import type { CommandResult, RunCommand } from './agents-command';
import { type OpencodeRun, runOpencode } from './opencode-run';
import { WORKER_FILE } from './temporary';

/**
 * The first start of an OpenCode release on a root that has only JSON files moves all of them into a database. One that is
 * cut short is never repeated, and what it had not reached is lost: so it is never killed.
 */

/** How long one is waited for. */
const WAITED_MS = 60 * 60_000;

/** Take-overs that this process waits for. */
let waitedFor = 0;

/** Whether this process waits for a take-over now. */
export function isTakingOver(): boolean {
  return waitedFor > 0;
}

/**
 * An import with a take-over. It may outlive this process, so all that it needs lies in its own home, which stays as long as
 * it works. `timedOut` means that it goes on by itself.
 */
export async function takeOver(
  exported: string,
  home: EmptyHome,
  program: string,
  command: Pick<OpencodeRun, 'cwd' | 'env'>,
  deps: { readonly run: RunCommand; readonly takeOverMs?: number },
): Promise<CommandResult> {
  const release = home.hold();
  let goesOn = false;
  try {
    const file = join(home.directory, 'import.json');
    // Recovery by the journal would remove it where it was.
    await rename(exported, file);
    const result = await asTakeOver(() =>
      runOpencode(deps.run, home, program, {
        ...command,
        args: ['import', file],
        stdoutFile: join(home.directory, 'import.out'),
        timeoutMs: deps.takeOverMs ?? WAITED_MS,
        lastingPidFile: join(home.directory, WORKER_FILE),
      }),
    );
    goesOn = result.timedOut;
    return result;
  } finally {
    if (!goesOn) release();
  }
}

/** Calls `work`, which runs a take-over. */
async function asTakeOver<T>(work: () => Promise<T>): Promise<T> {
  waitedFor += 1;
  try {
    return await work();
  } finally {
    waitedFor -= 1;
  }
}
