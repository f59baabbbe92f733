import { withoutCredentials } from '../repository/credentials';
import { looksLikeCredential } from './credential-forms';
import type { Leaf } from './leaves';

/** Keys below which, or at which, values may not be told (migration.md 10). */
const SECRET_KEYS = new Set(['env', 'postCreate', 'agentRules', 'orchestratorRules', 'userPrompt', 'prompt']);
/** Words that stand in the names of keys that hold a credential. */
const CREDENTIAL = /token|secret|passw|api_?-?key|auth|credential|webhook|cookie|private|bearer/i;

/**
 * Values that are told as they are: identity, choices from a list, dates, names of places. Whatever is not named here is
 * told by its name alone, because nobody can know what a person wrote under a free key.
 */
const TOLD: readonly RegExp[] = [
  /^(?:projectId|path|repo|repo\.(?:owner|name|platform|originUrl)|originUrl|defaultBranch|source|registeredAt)$/,
  /^(?:displayName|name|sessionPrefix|storageKey|agent|runtime|workspace|agentRulesFile|symlinks\.\d+)$/,
  /^(?:(?:worker|orchestrator)\.)?(?:agent|agentConfig\.(?:permissions|model|orchestratorModel))$/,
  /^(?:orchestratorSessionStrategy|opencodeIssueSessionStrategy|(?:tracker|scm)\.plugin|pinned|enabled|version)$/,
  /^(?:addedAt|configProjectKey|worktree|branch|status|role|project|createdAt|restoredAt|tmuxName|stateVersion)$/,
  /^(?:claudeSessionUuid|codexThreadId|codexModel|opencodeSessionId|displayNameUserSet)$/,
  /^(?:lifecycle|statePayload)\.(?:version|session\.[A-Za-z]+|(?:pr|runtime)\.(?:state|reason|lastObservedAt|number|tmuxName))$/,
  /^(?:runtimeHandle|(?:lifecycle|statePayload)\.runtime\.handle)\.(?:id|runtimeName|data\.(?:createdAt|workspacePath|pid))$/,
  /^(?:port|terminalPort|directTerminalPort|readyThresholdMs|updateChannel|installMethod|observability\.[A-Za-z]+)$/,
  /^(?:pid|startedAt|configPath|projects\.\d+|defaultProjectId|projectOrder\.\d+|notifiers\.\d+)$/,
];

/** Whether a value must never be shown, wherever it stands: told by name and length (migration.md 10). */
export function isSecret(leaf: Leaf): boolean {
  const { keys, tree } = leaf;
  if (tree.kind !== 'scalar' || tree.value === null) return false;
  if (keys.some((key) => typeof key === 'string' && (SECRET_KEYS.has(key) || CREDENTIAL.test(key)))) return true;
  return typeof tree.value === 'string' && (hasCredentials(tree.value) || looksLikeCredential(tree.value));
}

/** A URL with a user or a password in it, or with a query, which is where tokens hide. */
function hasCredentials(value: string): boolean {
  return withoutCredentials(value) !== value.trim() || /^[a-z][a-z0-9+.-]*:\/\/[^\s]*[?#]./i.test(value.trim());
}

/**
 * A leaf's value as it may be told, null where only its name may be.
 *
 * @param below how many of its keys lead to the section that gives the others their meaning
 */
export function toldValue(leaf: Leaf, below: number): string | null {
  const { tree } = leaf;
  if (tree.kind === 'map') return '(empty map)';
  if (tree.kind === 'list') return '(empty list)';
  if (tree.value === null) return 'null';
  if (isSecret(leaf) || leaf.unparsed === true) return null;
  const path = leaf.keys.slice(below).join('.');
  return leaf.keys.length === 0 || TOLD.some((pattern) => pattern.test(path)) ? String(tree.value) : null;
}

/** A URL as it may be told. */
export function toldUrl(url: string): string {
  return withoutCredentials(url).replace(/^([a-z][a-z0-9+.-]*:\/\/[^?#\s]*)[?#].*$/is, '$1?...');
}

/** Characters of a value, all that is told of a secret. */
export function lengthOf({ tree }: Leaf): number {
  return tree.kind === 'scalar' ? tree.source.length : 0;
}
