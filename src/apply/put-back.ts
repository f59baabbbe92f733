import { codeOf } from '../sessions/system-error';

/** Something went wrong before the commit point, and all that had changed was put back: exit code 5. */
export class PutBack extends Error {
  override readonly name = 'PutBack';
  constructor(
    message: string,
    readonly hint: string,
    override readonly cause?: unknown,
  ) {
    super(message);
  }
}

/** An error came up, and so did one while putting things back: the journal stays, and the next run goes on with it. */
export class Unfinished extends Error {
  override readonly name = 'Unfinished';
  constructor(
    message: string,
    override readonly cause: unknown,
  ) {
    super(message);
  }
}

/** An error in words that hold no data of the store, without a full stop. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? ` at ${error.path}` : '';
  if (isFullDisk(code)) return `The disk is full${path}`;
  if (code === null)
    return error instanceof Error ? `An unexpected error came up (${error.name})` : 'An unexpected error came up';
  return `The system refused a step (${code}${path})`;
}

/** What to do after everything was put back. */
export function hintFor(error: unknown): string {
  if (isFullDisk(codeOf(error))) return 'Everything is as it was. Free some space, then run again.';
  return 'Everything is as it was. Look at the reason, then run again.';
}

function isFullDisk(code: string | null): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL';
}
