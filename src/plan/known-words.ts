import { HARNESSES, LATER_HARNESSES } from '../rewrite/config';

/**
 * Words of the old tool's closed lists (legacy-store.md 2 and 3). A value outside of its list can be anything that
 * somebody wrote there by mistake, so it is told by its length alone (migration.md 10).
 */
const LISTS = {
  agent: [...HARNESSES, ...Object.keys(LATER_HARNESSES), 'kimicode'],
  permissions: ['permissionless', 'skip', 'auto-edit', 'default', 'suggest'],
  strategy: ['reuse', 'delete', 'ignore', 'delete-new', 'ignore-new', 'kill-previous'],
  runtime: ['tmux', 'process', 'docker'],
  workspace: ['worktree', 'clone'],
  platform: ['github', 'gitlab', 'bitbucket'],
  plugin: ['github', 'gitlab', 'bitbucket', 'linear', 'jira'],
  notifier: ['composio', 'desktop', 'slack', 'discord', 'webhook', 'openclaw', 'dashboard', 'terminal'],
  source: ['ao-project-add', 'local', 'migrated'],
  channel: ['stable', 'nightly', 'manual'],
  install: ['git', 'npm-global', 'pnpm-global', 'bun-global', 'homebrew', 'unknown'],
  level: ['debug', 'info', 'warn', 'error'],
  role: ['orchestrator', 'worker'],
  status: [
    'spawning starting working detecting pr_open ci_failed review_pending changes_requested approved mergeable',
    'needs_input stuck idle merged done errored killed terminated cleanup',
  ].flatMap((line) => line.split(' ')),
  state: [
    'not_started working idle needs_input stuck detecting done terminated',
    'none open merged closed unknown alive exited missing probe_failed',
  ].flatMap((line) => line.split(' ')),
  reason: [
    'spawn_requested agent_acknowledged task_in_progress pr_created pr_closed_waiting_decision fixing_ci',
    'resolving_review_comments awaiting_user_input awaiting_external_review research_complete',
    'merged_waiting_decision manually_killed runtime_lost agent_process_exited probe_failure error_in_process',
    'auto_cleanup pr_merged migrated_from_archive not_created in_progress ci_failing review_pending',
    'changes_requested approved merge_ready merged closed_unmerged cleared_on_restore spawn_incomplete',
    'process_running process_missing tmux_missing manual_kill_requested pr_merged_cleanup probe_error',
  ].flatMap((line) => line.split(' ')),
} as const;

export type WordList = keyof typeof LISTS;

const KNOWN = new Map(Object.entries(LISTS).map(([list, words]) => [list, new Set<string>(words)]));

export function isKnownWord(list: WordList, value: string): boolean {
  return KNOWN.get(list)?.has(value) === true;
}

/** A word of a list in backticks; of anything else only how long it is. */
export function wordText(list: WordList, value: string): string {
  if (isKnownWord(list, value)) return `\`${value}\``;
  return `(a value of ${value.length} character${value.length === 1 ? '' : 's'})`;
}
