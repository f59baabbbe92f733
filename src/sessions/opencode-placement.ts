import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problems } from './finding';
import type { Located, OpencodeStores } from './opencode-search';
import { namesIn, type StoredSession } from './opencode-store';
import { keepsFiles, type Version } from './opencode-versions';
import { spelling } from './physical';
import { isSystemError } from './source';

/** What stands under the new id. `absent`: nothing, or a part of what belongs there, which an import completes. */
export type Placement =
  | { readonly state: 'absent' | 'in-place' }
  | { readonly state: 'conflict'; readonly reason: string };

/**
 * Compares what the destination holds under the new id with the conversation as it would be imported (migration.md 6.5).
 * All of it, also with later turns: in place. A part and nothing else: an import was cut short (it is no transaction), and
 * another one adds what is missing, because ids are deterministic. Anything else: conflict.
 */
export async function placementOf(
  located: Located,
  resumeId: string,
  newDirectory: string,
  newId: (oldId: string, newDirectory: string) => string,
  stores: OpencodeStores,
): Promise<Placement> {
  const { root, session, store: source } = located;
  if (resumeId === session.id)
    return { state: 'conflict', reason: `the id ${session.id} is too short to be given a new one` };
  const problems = new Problems();
  const target = { path: root.destination, destination: root.destination, setting: root.setting, local: true };
  for (const store of await stores.of(target, problems)) {
    const there = await store.session(resumeId);
    if (there === null) continue;
    if (spelling(there.directory) !== spelling(newDirectory)) {
      return { state: 'conflict', reason: `the session ${resumeId} exists already, in ${there.directory}` };
    }
    if (isAstray(there, session)) return { state: 'absent' };
    const [placed, wanted] = [await store.idsOf(resumeId), new Set<string>()];
    for (const id of await source.idsOf(session.id)) wanted.add(newId(id, newDirectory));
    if ([...wanted].every((id) => placed.has(id))) return { state: 'in-place' };
    if ([...placed].every((id) => wanted.has(id))) return { state: 'absent' };
    return { state: 'conflict', reason: `the session ${resumeId} exists already and went another way` };
  }
  const [problem] = problems.list;
  return problem === undefined ? { state: 'absent' } : { state: 'conflict', reason: problem.reason };
}

/**
 * Whether a copy in JSON files lies where a resume inside the repository never looks: `global` is what old releases call
 * everything that git says nothing of.
 */
export function isAstray(copy: StoredSession, original: StoredSession): boolean {
  return copy.project === 'global' && original.project !== 'global';
}

/** Whether the first start of this release would move all JSON files of this root into a database. */
export async function willTakeOver(version: Version, root: string): Promise<boolean> {
  if (keepsFiles(version)) return false;
  if ((await namesIn(join(root, 'storage', 'session'))).length === 0) return false;
  try {
    await stat(join(root, 'opencode.db'));
    return false;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return true;
    throw error;
  }
}
