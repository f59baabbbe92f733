import { withoutCredentials } from '../repository/credentials';
import { looksLikeCredential } from './credential-forms';
import { isKnownWord, type WordList } from './known-words';
import type { Leaf } from './leaves';

/** Keys below which, or at which, values may not be told (migration.md 10). */
const SECRET_KEYS = new Set(['env', 'postCreate', 'agentRules', 'orchestratorRules', 'userPrompt', 'prompt']);
/** Words that stand in the names of keys that hold a credential. */
const CREDENTIAL = /token|secret|passw|api_?-?key|auth|credential|webhook|cookie|private|bearer/i;

/** What a value may be so that it can be told: a name or place as it is, a word of a list, or something of a form. */
type Telling = 'name' | WordList | RegExp;

const ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|ses_[A-Za-z0-9]{1,64})$/i;
const DATE = /^\d{4}-?\d\d-?\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$|^\d{1,15}$/i;
const NUMBER = /^-?\d{1,15}(?:\.\d{1,9})?$/;
const SWITCH = /^(?:true|false|on|off|yes|no|\d{1,4})$/i;
/** Nobody has a list of models, but none of them has a blank in its name. */
const MODEL = /^[\w.:/@[\]+-]{1,100}$/;

/**
 * Values that are told: identity, choices from a list, dates, names of places. Whatever is not named here is told by its
 * name alone, because nobody can know what a person wrote under a free key; and so is what does not look like its kind.
 */
const TOLD: readonly (readonly [paths: RegExp, as: Telling])[] = [
  [/^(?:projectId|path|repo|repo\.(?:owner|name|originUrl)|originUrl|defaultBranch)$/, 'name'],
  [/^(?:displayName|name|sessionPrefix|storageKey|agentRulesFile|symlinks\.\d+)$/, 'name'],
  [/^(?:configProjectKey|worktree|branch|project|tmuxName|configPath|projects\.\d+)$/, 'name'],
  [/^(?:defaultProjectId|projectOrder\.\d+|(?:lifecycle|statePayload)\.runtime\.tmuxName)$/, 'name'],
  [/^(?:runtimeHandle|(?:lifecycle|statePayload)\.runtime\.handle)\.(?:id|data\.workspacePath)$/, 'name'],
  [/^(?:(?:worker|orchestrator)\.)?agent$/, 'agent'],
  [/^(?:(?:worker|orchestrator)\.)?agentConfig\.permissions$/, 'permissions'],
  [/^(?:(?:(?:worker|orchestrator)\.)?agentConfig\.(?:model|orchestratorModel)|codexModel)$/, MODEL],
  [/^(?:orchestratorSessionStrategy|opencodeIssueSessionStrategy)$/, 'strategy'],
  [/^(?:runtime|(?:runtimeHandle|(?:lifecycle|statePayload)\.runtime\.handle)\.runtimeName)$/, 'runtime'],
  [/^workspace$/, 'workspace'],
  [/^repo\.platform$/, 'platform'],
  [/^(?:tracker|scm)\.plugin$/, 'plugin'],
  [/^notifiers\.\d+$/, 'notifier'],
  [/^source$/, 'source'],
  [/^updateChannel$/, 'channel'],
  [/^installMethod$/, 'install'],
  [/^observability\.logLevel$/, 'level'],
  [/^(?:role|(?:lifecycle|statePayload)\.session\.kind)$/, 'role'],
  [/^status$/, 'status'],
  [/^(?:lifecycle|statePayload)\.(?:session|pr|runtime)\.state$/, 'state'],
  [/^(?:lifecycle|statePayload)\.(?:session|pr|runtime)\.reason$/, 'reason'],
  [/^(?:registeredAt|addedAt|createdAt|restoredAt|startedAt)$/, DATE],
  [/^(?:lifecycle|statePayload)\.(?:session|pr|runtime)\.[A-Za-z]+At$/, DATE],
  [/^(?:runtimeHandle|(?:lifecycle|statePayload)\.runtime\.handle)\.data\.createdAt$/, DATE],
  [/^(?:claudeSessionUuid|codexThreadId|opencodeSessionId)$/, ID],
  [/^(?:pinned|enabled|displayNameUserSet|observability\.stderr)$/, SWITCH],
  [/^(?:version|stateVersion|port|terminalPort|directTerminalPort|readyThresholdMs|pid)$/, NUMBER],
  [/^(?:lifecycle|statePayload)\.(?:version|pr\.number)$/, NUMBER],
  [/^(?:runtimeHandle|(?:lifecycle|statePayload)\.runtime\.handle)\.data\.pid$/, NUMBER],
];

/** What a value under this path may be; null where it is never told. */
function tellingOf(path: string): Telling | null {
  return TOLD.find(([paths]) => paths.test(path))?.[1] ?? null;
}

function fits(telling: Telling, value: string): boolean {
  if (telling === 'name') return true;
  return telling instanceof RegExp ? telling.test(value) : value === '' || isKnownWord(telling, value);
}

/** Whether the name of a model may be told. */
export function isModelName(value: string): boolean {
  return value === '' || MODEL.test(value);
}

/**
 * Whether a value must never be shown: told by name and length (migration.md 10). A value of a closed list that is not
 * in it counts too.
 *
 * @param below how many of its keys lead to the section that gives the others their meaning
 */
export function isSecret(leaf: Leaf, below: number): boolean {
  const { keys, tree } = leaf;
  if (tree.kind !== 'scalar' || tree.value === null) return false;
  const telling = tellingOf(keys.slice(below).join('.'));
  if (telling !== null && !fits(telling, String(tree.value))) return true;
  if (keys.some((key) => typeof key === 'string' && (SECRET_KEYS.has(key) || CREDENTIAL.test(key)))) return true;
  return typeof tree.value === 'string' && holdsCredential(tree.value);
}

/** A text that nobody else may see, by its form. */
export function holdsCredential(value: string): boolean {
  return hasCredentials(value) || looksLikeCredential(value);
}

/** A URL with a user or a password in it, or with a query, which is where tokens hide. */
function hasCredentials(value: string): boolean {
  return withoutCredentials(value) !== value.trim() || /^[a-z][a-z0-9+.-]*:\/\/[^\s]*[?#]./i.test(value.trim());
}

/** Keys that lead to the section in which a value of a file as a whole stands: those of an entry below `projects`. */
export function depthIn(keys: Leaf['keys']): number {
  return keys[0] === 'projects' && keys.length > 2 ? 2 : 0;
}

/** A leaf's value as it may be told, null where only its name may be; `below` as in `isSecret`. */
export function toldValue(leaf: Leaf, below: number): string | null {
  const { tree } = leaf;
  if (tree.kind === 'map') return '(empty map)';
  if (tree.kind === 'list') return '(empty list)';
  if (tree.value === null) return 'null';
  if (isSecret(leaf, below) || leaf.unparsed === true) return null;
  return leaf.keys.length === 0 || tellingOf(leaf.keys.slice(below).join('.')) !== null ? String(tree.value) : null;
}

/** A URL as it may be told. */
export function toldUrl(url: string): string {
  return withoutCredentials(url).replace(/^([a-z][a-z0-9+.-]*:\/\/[^?#\s]*)[?#].*$/is, '$1?...');
}

/** Characters of a value, all that is told of a secret. */
export function lengthOf({ tree }: Leaf): number {
  return tree.kind === 'scalar' ? tree.source.length : 0;
}
