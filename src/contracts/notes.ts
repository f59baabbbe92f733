/** How much a note matters: `info` explains, `lossy` drops or degrades a setting (section 5, LOSSY), `warn` needs a look. */
export type Severity = 'info' | 'lossy' | 'warn';

/** One remark about one thing, for people and for `notes[]` of the JSON document (migration.md 10). Never holds a secret. */
export interface Note {
  readonly code: NoteCode;
  readonly severity: Severity;
  /** Project id, session id or directory that it is about. */
  readonly id?: string;
  readonly message: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  readonly column?: number;
}

/** Of the YAML documents of a config, a wrapped one too, the first counts (legacy-store.md E5). */
export function multiDocumentNote({ file, documents }: { readonly file: string; readonly documents: number }): Note {
  const message = `the file holds ${documents} YAML documents; the first is read`;
  return { code: 'CONFIG_MULTI_DOCUMENT', severity: 'warn', message, file };
}

/**
 * Every note that the tool can make, with what it means and what a person can do. The support guide is generated from
 * this table, so a code that is not here cannot be used and one without a remedy cannot be added.
 */
export const NOTE_CODES = {
  // --- reading the legacy store
  CONFIG_EMPTY: [
    'The global config file is empty or holds only comments.',
    'Nothing to do unless projects are missing; then name the right file with --config.',
  ],
  CONFIG_MULTI_DOCUMENT: [
    'A config holds several YAML documents; only the first is read.',
    'Move what is still wanted into the first document.',
  ],
  CONFIG_ELSEWHERE: [
    'XDG_CONFIG_HOME points to a place without a config; the one below ~/.agent-orchestrator was used.',
    'Unset XDG_CONFIG_HOME for the run, or name the file with --config, if that is the wrong one.',
  ],
  CONFIG_MISSING: ['The config file named by the environment does not exist.', 'Correct or unset AO_GLOBAL_CONFIG.'],
  DEFAULTS_IGNORED: [
    'The `defaults` block, or a key in it, has the wrong type and is treated as absent.',
    'Correct the key at the place named and run again before the first migration.',
  ],
  PREFERENCES_IGNORED: [
    'portfolio/preferences.json has another version or a wrong type, so the legacy tool ignored it whole, and so does this one.',
    'Rename the projects in the new app if their display names are missed.',
  ],
  REGISTERED_IGNORED: [
    'portfolio/registered.json has another version or a bad element, so it is ignored whole.',
    'Nothing: only the registration date of a project comes from another source.',
  ],
  MIGRATION_INTERRUPTED: [
    '`ao migrate-storage` was started here and did not finish; both generations were read, the newer preferred.',
    'Compare the orchestrators in the plan with what you remember before saying yes.',
  ],
  STORE_V0: [
    'Session files of the very first releases (before 2026-02-18) lie here; they cannot be migrated.',
    'Keep the folder; open the old conversations by hand with the agent.',
  ],
  FOREIGN_STORE: [
    'The store was copied from another machine: its process ids, locks and terminal names say nothing about this one.',
    'Make sure that the legacy tool is stopped on the machine that the store came from.',
  ],
  OWNED_BY_OTHER: [
    'A config file belongs to another user and is ignored.',
    'Name it with --config if it is really yours.',
  ],
  FILE_UNREADABLE: [
    'A file of the store could not be read.',
    'Give yourself permission to read it and run again; what is already in place stays.',
  ],
  CONFIG_INVALID: [
    'A config that could name a project is no valid YAML, or has not the form of a config, and adds nothing.',
    'Correct the file at the place named and run again.',
  ],
  RECORD_EMPTY: [
    'A session record is empty: a reserved id, or a write that failed.',
    'Nothing, unless that orchestrator is missed; then look for a .corrupt- or .tmp file beside it.',
  ],
  RECORD_INVALID: [
    'A session record is not readable as JSON (or not an object) and counts as absent.',
    'Repair the file by hand and run again; a later run completes what is missing.',
  ],
  RECORD_CORRUPT_COPY: [
    'The legacy tool put an unreadable record aside under a .corrupt- name.',
    'If that orchestrator is missed, repair the copy and rename it back.',
  ],
  TIMESTAMP_INVALID: [
    'A date could not be understood; the next source was used.',
    'Nothing; only the date shown may differ.',
  ],
  // --- projects
  PROJECT_ID_INVALID: [
    'The id cannot exist in the rewrite; the project and its orchestrator are skipped.',
    'Register the repository in the new app under another id.',
  ],
  PROJECT_PATH_INVALID: [
    "The path is empty, relative, leaves the home directory, or names another user's home; the project is skipped.",
    'Write an absolute path into the config at the place named and run again.',
  ],
  PROJECT_ENTRY_INVALID: [
    'The entry is not a mapping, or has no usable path; the project is skipped.',
    'Correct the entry at the place named and run again.',
  ],
  PROJECT_FIELD: [
    'A field of a project has a wrong type and is treated as absent.',
    'Correct it at the place named before the first migration, or set it in the new app afterwards.',
  ],
  PROJECT_UNKNOWN: [
    'Records of an orchestrator lie here, but nothing names the project that they belong to.',
    'Look for that file in the folder of the project, and run again with `--config FILE`.',
  ],
  PROJECT_CONFLICT: [
    'The project is not imported, or was archived, because the database already knows its id or its path otherwise; its orchestrator is skipped with it.',
    'Open the existing project in the app, or remove it there and run again.',
  ],
  PROJECT_DIFFERS: [
    'The database has this project already, with other values; nothing of it is changed.',
    'Change the settings in the app if the legacy values are wanted.',
  ],
  SAME_PATH: [
    'Two entries name the same folder; both are imported.',
    'Remove one of the two in the app if it is not wanted.',
  ],
  SAME_KEY: [
    'Two config files name a project alike, with different folders; one is taken.',
    'Run again with --config and the other file if the wrong one was taken.',
  ],
  CANDIDATE_IGNORED: [
    "A config file matched only by a project's name, and a better one was found.",
    'Name it with --config if it is the right one.',
  ],
  PATH_MISSING: [
    'The project folder does not exist on this machine.',
    'Clone or move the repository to that path before starting the session.',
  ],
  PATH_FOREIGN: [
    'The path has the form of another operating system and is kept as it is.',
    "Correct the project's path in the app.",
  ],
  DEGRADED: [
    "The repository's own config cannot be used; the project is imported without the settings in it.",
    'Correct the file and set what is missing in the app.',
  ],
  WRAPPED_SALVAGED: [
    "The repository's config has the old form with `projects:`; its settings were taken from there.",
    "Nothing; check the project's settings once in the app.",
  ],
  LEFTOVER_SETTINGS: [
    'The repository has no config file; settings that an older release left in the registry were used.',
    "Check the project's settings once in the app.",
  ],
  ID_TOO_LONG: [
    'The id is longer than 128 characters, so the legacy tool can never have kept sessions for it.',
    'Nothing.',
  ],
  PREFIX_CHANGED: [
    'The session prefix was derived, or lost characters that the rewrite does not accept.',
    'Nothing; names of sessions look different from before.',
  ],
  // --- settings
  SETTING_DROPPED: [
    'A setting cannot be carried over and is dropped.',
    'Set what you need in the app; the message says which.',
  ],
  SETTING_NO_COUNTERPART: [
    'The rewrite has nothing that corresponds to this setting.',
    'Nothing can be done here; the legacy file keeps the value.',
  ],
  PERMISSION_DEGRADED: [
    'A permission mode has no exact counterpart and became `default`.',
    'Choose the mode in the app.',
  ],
  HARNESS_UNKNOWN: [
    'The rewrite does not know this agent, so it is left out; newer daemons ask for one before they start a session.',
    'Choose an agent for the project in the app.',
  ],
  YAML_MERGE_KEY: [
    '`<<` is an ordinary key in this file format; nothing is merged, as before.',
    'Write the values out if they were meant to be merged.',
  ],
  // --- orchestrators
  ORCHESTRATOR_DONE: [
    'The orchestrator had finished its work (`done`) and is not migrated.',
    'Start a new one in the app.',
  ],
  ORCHESTRATOR_ALIAS: [
    'The only record left is the copy that `migrate-storage` put aside; it is migrated.',
    'Compare its conversation with what you remember.',
  ],
  ORCHESTRATOR_OLDER: [
    'Another record than the main one was taken, because it was the live one.',
    'Nothing; the message names both.',
  ],
  ORCHESTRATOR_ARCHIVED: ['The orchestrator comes from the archive of an early release.', 'Nothing.'],
  ORCHESTRATOR_EXISTS: [
    'The project has an orchestrator in the rewrite already, so this one is not resumed by itself.',
    'Resume it in the app when you want it.',
  ],
  ORCHESTRATOR_NOT_LIVE: ['Left out by --only-live.', 'Run without --only-live to migrate it.'],
  HARNESS_NOT_MIGRATED: [
    'Conversations of this agent cannot be resumed by the rewrite; the project is migrated without its orchestrator.',
    'Start a new orchestrator in the app.',
  ],
  STRATEGY_DISCARDS: [
    'The legacy settings said to discard this conversation at the next start; it is migrated all the same.',
    'Delete the session in the app if it is not wanted.',
  ],
  RESUME_FELL_BACK: [
    'The legacy tool could not resume this orchestrator the last time and started it afresh; its record says why.',
    'Nothing, unless the conversation is not the expected one; then read `restoreFallbackReason` in the record.',
  ],
  PREFIX_CLASH: [
    'Two projects share one session prefix; only the first gets its orchestrator.',
    'Change the prefix of one project in the legacy config and run again.',
  ],
  PREFIX_UNUSABLE: [
    'The project exists in the rewrite with a session prefix that is no folder name.',
    'Correct the prefix in the app, then run again.',
  ],
  NUM_TAKEN: [
    'The project has another session with the number 0.',
    'Nothing can be done here; open the old conversation by hand.',
  ],
  SESSION_CONFLICT: [
    'Another project has a session with this id.',
    'Change the prefix of one project in the legacy config and run again.',
  ],
  SESSION_DIFFERS: [
    'The database has this session already, with other values; nothing of it is changed.',
    'Nothing; the daemon has probably used it since.',
  ],
  OLD_IMPORT_STUCK: [
    'An older importer wrote this session; no daemon can resume it.',
    'Start a new orchestrator in the app; the message says how to open the old conversation by hand.',
  ],
  // --- branches
  BRANCH_HELD: [
    "The orchestrator's old branch is checked out elsewhere, so a branch of its own is used.",
    'Nothing; to go on with the old branch, remove the worktree that holds it and merge.',
  ],
  BRANCH_MISSING: ["The repository no longer has the orchestrator's old branch, so a new one is used.", 'Nothing.'],
  BRANCH_UNUSABLE: [
    'The new branch is checked out outside the managed folder, so the session is not resumed by itself.',
    'Remove the worktree named, then resume the session in the app.',
  ],
  BRANCH_UNREADABLE: [
    'The repository keeps its branches in a form that cannot be read here, so the session is not resumed by itself.',
    'Resume the session in the app.',
  ],
  NO_MAIN_BRANCH: [
    'The repository has no branch `main`; early daemons create new branches from it only.',
    'Update the daemon, or create a branch `main`, before resuming.',
  ],
  WORKTREE_LEFT: [
    'The legacy worktree stays where it is, with its own files.',
    'Commit or copy what you need from it.',
  ],
  // --- conversations
  CONVERSATION_MISSING: [
    'No conversation was found for this orchestrator; it is listed as ended.',
    'Start a new one in the app.',
  ],
  CONVERSATION_RECOVERED: [
    'The record names no conversation that is there; another one was taken, and the message says by what.',
    'Check in the app that it is the right one.',
  ],
  CONVERSATION_BY_TIME: [
    'The conversation was identified by its time alone, in a folder shared with your own sessions.',
    'Check in the app that it is the right one.',
  ],
  CONVERSATION_CANDIDATES: [
    "Several conversations could be this orchestrator's; the newest was taken.",
    'The others are listed and stay where they are.',
  ],
  CONVERSATION_IN_USE: [
    'An agent is using this conversation now, so the session is left for a later run.',
    'Close the agent and run again.',
  ],
  CONVERSATION_CONFLICT: [
    'Another conversation is already at the destination; nothing is overwritten.',
    'Move that file away if it is not wanted, and run again.',
  ],
  CONVERSATION_UNREADABLE: [
    'The conversation could not be read or copied.',
    'Read the reason, mend it, and run again.',
  ],
  CONVERSATION_LARGE: [
    'The conversation is large; the agent may need many times its size in memory.',
    'Nothing, or start a new one if the agent fails.',
  ],
  CONVERSATION_ROLE: [
    'The conversation carries its old role text, which the agent keeps after a resume.',
    'Use --strip-role-snapshot where it applies, or start a new orchestrator.',
  ],
  CONVERSATION_ROOT: [
    'The conversation lies in a folder named by an environment variable; the daemon needs the same variable.',
    'Start the daemon with the variable set.',
  ],
  CONVERSATION_ARCHIVED: ['The conversation was archived in the agent; its copy is not.', 'Nothing.'],
  CONVERSATION_PARTS: [
    'Parts of the conversation are kept by the agent elsewhere and stay behind.',
    'Nothing; the message names them.',
  ],
  RESUME_ID_INVALID: [
    'The stored resume id is not of a form that the agent uses, and was not used.',
    'Nothing, unless the conversation is missed.',
  ],
  AGENT_VERSION: ['The agent that the conversations will be resumed with, as it is installed here.', 'Nothing.'],
  HARNESS_VERSION: [
    'The installed version of the agent is known to fail at resuming, or could not be asked.',
    'Update the agent.',
  ],
  HARNESS_MISSING: ['The agent is not installed here.', 'Install it and run again.'],
  // --- target and run
  SCHEMA_NEWER: [
    'The database was made by a newer daemon than any that this tool was tested with; its tables fit.',
    'Nothing; look for a newer ao-migrate if something is missing.',
  ],
  DATABASE_OPEN: [
    'The database seems to be in use; a real run would check that first.',
    'Stop the daemon before the real run.',
  ],
  RUN_FILE_UNREADABLE: [
    "The daemon's run file cannot be read as JSON.",
    'Delete ~/.ao/running.json if no daemon is running.',
  ],
  STORE_ABSENT: [
    'A run has migrated an old store, and there is none here now.',
    'Nothing, if you have removed it. A copy elsewhere is named with --from.',
  ],
  RUN_UNFINISHED: [
    'An earlier run was interrupted; the next real run finishes or undoes it first.',
    'Run `ao-migrate` without --dry-run.',
  ],
  RECEIPT_UNFINISHED: [
    'The migration is complete, but its receipt could not be finished.',
    'Run again; the next run repairs it.',
  ],
  RECEIPT_UNREADABLE: [
    'The receipt of an earlier run cannot be read, so nothing is known of what that run did.',
    'Use the version of ao-migrate that wrote it, or restore the file from a backup.',
  ],
  STALE_FILE_MOVED: [
    'A left-over file of a database that is gone is put aside before a new one is made.',
    'Nothing; the receipt names it.',
  ],
  ROW_FAILED: [
    'A row could not be inserted; its conversation was taken back.',
    "The message gives the database's reason; the rest is in place.",
  ],
} as const satisfies Record<string, readonly [meaning: string, remedy: string]>;

export type NoteCode = keyof typeof NOTE_CODES;
