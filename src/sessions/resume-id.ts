import type { HarnessId } from '../contracts/facts';
import { codexId, isUuid } from './ids';
import { isSessionId, opencodeId } from './opencode-reid';

/**
 * The id under which the copy of a conversation is resumed (harness-sessions.md 4); null where the old id has not the form
 * that its agent gives.
 *
 * @param managedPath physical directory in which the daemon will start the agent
 */
export function resumeIdOf(harness: HarnessId, oldId: string, managedPath: string): string | null {
  if (harness === 'opencode') return isSessionId(oldId) ? opencodeId(oldId, managedPath) : null;
  if (!isUuid(oldId)) return null;
  return harness === 'codex' ? codexId(oldId, managedPath) : oldId;
}
