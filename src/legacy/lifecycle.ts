import type { Lifecycle, SessionState } from '../contracts/legacy';

type Fields = Readonly<Record<string, unknown>>;

const STATES: ReadonlySet<string> = new Set<SessionState>([
  'not_started',
  'working',
  'idle',
  'needs_input',
  'stuck',
  'detecting',
  'done',
  'terminated',
]);

/** legacy-store.md 3.8; `merged` is idle there, its end being a fact of the pull request. */
const STATE_OF_STATUS: ReadonlyMap<string, SessionState> = new Map([
  ['spawning', 'not_started'],
  ['starting', 'working'],
  ['working', 'working'],
  ['detecting', 'working'],
  ['pr_open', 'working'],
  ['ci_failed', 'working'],
  ['review_pending', 'working'],
  ['changes_requested', 'working'],
  ['approved', 'working'],
  ['mergeable', 'working'],
  ['needs_input', 'needs_input'],
  ['stuck', 'stuck'],
  ['idle', 'idle'],
  ['merged', 'idle'],
  ['done', 'done'],
  ['errored', 'terminated'],
  ['killed', 'terminated'],
  ['terminated', 'terminated'],
  ['cleanup', 'terminated'],
]);

/**
 * The canonical state of a record. Every field counts for itself, where the legacy reader would reject the whole object
 * for one bad value (legacy-store.md 3.7 Rec, E43 to E52, R20).
 */
export function readLifecycle(fields: Fields): Lifecycle {
  const object = chosenObject(fields);
  const session = object === null ? null : asObject(object.session);
  const runtime = object === null ? null : asObject(object.runtime);
  const written = session?.state;
  const kind = session?.kind;
  return {
    kind: kind === 'orchestrator' || kind === 'worker' ? kind : null,
    state: isState(written) ? written : stateOfStatus(fields.status, session !== null),
    startedAt: text(session?.startedAt),
    lastTransitionAt: text(session?.lastTransitionAt),
    lastObservedAt: text(runtime?.lastObservedAt),
  };
}

function chosenObject(fields: Fields): Fields | null {
  const key = stateKey(fields);
  return key === null ? null : asObject(fields[key]);
}

/** `lifecycle`, or the older `statePayload` only where `lifecycle` says nothing at all; else null (R20, E48, E49). */
export function stateKey(fields: Fields): 'lifecycle' | 'statePayload' | null {
  if (!saysNothing(fields.lifecycle)) return 'lifecycle';
  const { stateVersion } = fields;
  const versioned = stateVersion === 2 || (typeof stateVersion === 'string' && stateVersion.trim() === '2');
  if (!versioned && text(fields.status) !== null) return null;
  const payload = asObject(fields.statePayload);
  return payload !== null && Object.keys(payload).length > 0 ? 'statePayload' : null;
}

function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'string' && ['', 'null'].includes(value.trim())) return true;
  const object = asObject(value);
  return object !== null && Object.keys(object).length === 0;
}

function isState(value: unknown): value is SessionState {
  return typeof value === 'string' && STATES.has(value);
}

function stateOfStatus(status: unknown, hasSession: boolean): SessionState {
  const name = text(status);
  const known = name === null ? undefined : STATE_OF_STATUS.get(name);
  if (known !== undefined) return known;
  return hasSession ? 'idle' : 'not_started';
}

/** An object, also one that was written as JSON text, at most twice over (legacy-store.md 3.7). */
export function asObject(value: unknown): Fields | null {
  let current = value;
  for (let level = 0; level < 2 && typeof current === 'string'; level++) {
    const trimmed = current.trim();
    if (!trimmed.startsWith('{') && !trimmed.startsWith('"')) return null;
    try {
      current = JSON.parse(trimmed);
    } catch {
      return null;
    }
  }
  return typeof current === 'object' && current !== null && !Array.isArray(current) ? (current as Fields) : null;
}

/**
 * A text that holds something, else null. Half of a pair of surrogates, which cutting a text leaves behind, becomes U+FFFD:
 * a database cannot keep it, and a row that reads back otherwise would differ from its source for ever.
 */
export function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.toWellFormed() : null;
}
