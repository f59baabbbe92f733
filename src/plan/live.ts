import type { SessionRecord } from '../contracts/legacy';

/** C3. An archived record's own state is the one from before it was killed, so it is ignored (R22). */
export function isLive(record: SessionRecord): boolean {
  return record.archivedAt === null && record.lifecycle.state !== 'done' && record.lifecycle.state !== 'terminated';
}
