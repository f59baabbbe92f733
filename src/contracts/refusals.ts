import type { RefusalReport } from './outcome';

/**
 * Every refusal of migration.md 3, in the order in which refusals of one stage are named, and those of `rollback` and
 * `verify` alone; with cause and remedy for the guide.
 */
export const REFUSAL_CODES = {
  LEGACY_UNREADABLE: [
    'The global config exists and cannot be read.',
    'Correct the file at the place named, then run again.',
  ],
  LEGACY_ACTIVE: [
    'The legacy Agent Orchestrator, or an agent of it, is still running.',
    'Stop it with `ao stop`, close its terminals, then run again.',
  ],
  DAEMON_RUNNING: [
    'The new daemon is running, or another process has its database open.',
    'Quit the app and stop the daemon, then run again.',
  ],
  DB_LOCKED: ['Another process is writing the database.', 'Wait a moment, or stop that process, then run again.'],
  RUN_IN_PROGRESS: [
    'Another ao-migrate is working on this data directory.',
    'Wait until it has ended, then run again.',
  ],
  SCHEMA_TOO_OLD: [
    'The database is older than version 12.',
    'Start the new app once, it upgrades its database by itself; then run again.',
  ],
  SCHEMA_UNKNOWN: [
    'The file is not a database of the new app, or its version table has gaps.',
    'Move the file aside, or start the newest app once; then run again.',
  ],
  DB_CORRUPT: [
    'The database is damaged, or not a database.',
    'Restore it from a backup or move it aside; then run again.',
  ],
  DATA_DIR_INVALID: [
    'The data directory cannot be used.',
    'Choose another one with --data-dir, or correct AO_DATA_DIR.',
  ],
  NOT_OWNER: ['The store or the data directory belongs to another user.', 'Run as that user, without sudo.'],
  NO_SPACE: ['There is not enough free space.', 'Free the amount named, then run again.'],
  NOT_WRITABLE: [
    'A place that must be written cannot be written.',
    'Give yourself write permission to the place named, then run again.',
  ],
  SQLITE_UNUSABLE: [
    "The system's SQLite lacks something that is needed.",
    'Update the operating system, or use the build for it.',
  ],
  PLAN_CHANGED: ['The store or the database changed while the plan was shown.', 'Run again; a new plan is made.'],
  LOSSY: [
    'With --strict, a setting that cannot be carried over stops the run.',
    'Run without --strict, or remove the settings named.',
  ],
  RECOVERY_FAILED: [
    'An interrupted earlier run could be neither completed nor undone; all is left as found.',
    'Run `ao-migrate doctor` and follow its advice.',
  ],
  RECEIPT_UNREADABLE: [
    'The receipt of the newest run, or of the one named, cannot be read, so it is not known what that run did.',
    'Use the version of ao-migrate that wrote it, restore the file from a backup, or name another run with --run.',
  ],
} as const satisfies Record<string, readonly [cause: string, remedy: string]>;

export type RefusalCode = keyof typeof REFUSAL_CODES;

/** A precondition does not hold and nothing was changed: exit code 3 (migration.md 3). `message` says why, `hint` what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly hint: string = REFUSAL_CODES[code][1],
  ) {
    super(message);
  }

  /** What an outcome tells of it. */
  get report(): RefusalReport {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}

/** The command line cannot be understood: exit code 2, nothing ran. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  constructor(
    message: string,
    readonly hint: string = 'See ao-migrate --help.',
  ) {
    super(message);
  }
}
