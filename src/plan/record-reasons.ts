import { derived, EMPTY, ignored, type Reason, UNKNOWN_KEY } from './disposition';
import { ID_KEYS } from './existing-session';
import { isEmptyLeaf, type Leaf } from './leaves';

const AGENTS: ReadonlyMap<string, string> = new Map(Object.entries(ID_KEYS).map(([agent, key]) => [key, agent]));

/** What the plan made of the record that it chose. */
export interface ChosenRecord {
  readonly harness: string | null;
  /** Rule by which the row got its branch; null where there is no row. */
  readonly branchRule: string | null;
  /** Rule by which the row got its conversation; null where there is no row. */
  readonly conversationRule: string | null;
  /** The key that holds the canonical state, null where `status` decides. */
  readonly payload: 'lifecycle' | 'statePayload' | null;
}

/** Why a value of the chosen record is in no row (legacy-store.md 3.5 to 3.8). */
export function recordReason(leaf: Leaf, chosen: ChosenRecord): Reason {
  const { keys } = leaf;
  const key = String(keys[0] ?? '');
  if (key === 'lifecycle' || key === 'statePayload') return stateReason(keys, key, chosen);
  if (key === 'status') {
    if (chosen.payload !== null) return ignored(`\`${chosen.payload}\` holds the state`);
    return isEmptyLeaf(leaf) ? EMPTY : derived('the state, by which this record was chosen');
  }
  if (isEmptyLeaf(leaf)) return EMPTY;
  if (key === 'runtimeHandle') return handleReason(keys.slice(1));
  const agent = AGENTS.get(key);
  if (agent !== undefined) {
    if (agent !== chosen.harness) return ignored(`it is an id of ${agent}, and the session is not one of that agent`);
    if (chosen.conversationRule === null) return ignored('no row is made for this session');
    return ignored(`the row's conversation is another one, or none (${chosen.conversationRule})`);
  }
  if (key === 'branch') {
    return chosen.branchRule === null
      ? ignored('no row is made for this session')
      : ignored(`the row names a branch of its own (${chosen.branchRule})`);
  }
  return KEYS.get(key) ?? patternReason(key);
}

/** The canonical state (legacy-store.md 3.6). */
function stateReason(keys: readonly (string | number)[], key: string, { payload }: ChosenRecord): Reason {
  if (key !== payload) return ignored(payload === null ? '`status` holds the state' : `\`${payload}\` holds the state`);
  const path = keys.slice(1).join('.');
  switch (path) {
    case 'session.kind':
      return derived('tells an orchestrator from a worker');
    case 'session.state':
      return derived('the state, by which this record was chosen');
    case 'session.startedAt':
    case 'session.lastTransitionAt':
    case 'runtime.lastObservedAt':
      return ignored('another date of the record comes first');
    case 'runtime.tmuxName':
      return derived('tells whether its terminal is still open');
    default:
      if (path.startsWith('runtime.handle')) return handleReason(keys.slice(3));
      return ignored('state of the old process; the row is written as a session that has ended');
  }
}

function handleReason(keys: readonly (string | number)[]): Reason {
  const path = keys.join('.');
  if (path === 'id') return derived('tells whether its terminal is still open');
  if (path === 'data.workspacePath') return derived('one more folder in which the conversation may have been held');
  return ignored('bookkeeping of the old process');
}

const WORKER_FACT = ignored('a fact about a worker; orchestrators do not have it');
const POLLER = ignored('bookkeeping of the old daemon');

const KEYS: ReadonlyMap<string, Reason> = new Map<string, Reason>([
  ['worktree', derived("where the conversation was held; the row names the daemon's own folder")],
  ['role', derived('marks the record of an orchestrator')],
  ['project', derived('the project that the record belonged to')],
  [
    'agent',
    ignored('the rewrite cannot resume conversations of this agent', 'Start a new orchestrator in the new app.'),
  ],
  ['stateVersion', derived('tells how the state is written')],
  ['createdAt', ignored('it is not a date, or another date comes first')],
  ['restoredAt', derived('orders several records of one project')],
  ['tmuxName', derived('tells whether its terminal is still open')],
  ['displayNameUserSet', ignored('the rewrite does not tell given names from made ones')],
  ['codexModel', ignored('the agent takes the model that its conversation names')],
  ['opencodeCleanedAt', ignored('bookkeeping: when the old id was taken out')],
  ['grokSessionId', ignored('the rewrite cannot resume conversations of this agent')],
  ['restoreFallbackReason', ignored('why the legacy tool once started afresh; a note says that it did')],
  ...['issue', 'issueTitle', 'pr', 'prs', 'prAutoDetect', 'summary', 'pinnedSummary'].map((key): [string, Reason] => [
    key,
    WORKER_FACT,
  ]),
  ...['dashboard', 'dashboardPort', 'terminalWsPort', 'directTerminalWsPort'].map((key): [string, Reason] => [
    key,
    ignored("ports of the old tool's own server"),
  ]),
  ...['lifecycleEvidence', 'mergedPendingCleanupSince', 'ciPassingStableCount', 'lastMergeConflictDispatched'].map(
    (key): [string, Reason] => [key, POLLER],
  ),
  ...['terminatedAt', 'terminationReason', 'escalatedAt', 'escalationReason', 'recoveryCount'].map(
    (key): [string, Reason] => [key, ignored('a trace of a recovery by the old tool')],
  ),
]);

function patternReason(key: string): Reason {
  if (/^(?:agentReport|reportWatcher)/.test(key)) return ignored('reports of the old agent');
  if (/^(?:detecting|prEnrichment|prReviewComments)/.test(key)) return POLLER;
  return /^last.*(?:Fingerprint|DispatchHash|DispatchAt)$/.test(key) ? POLLER : UNKNOWN_KEY;
}
