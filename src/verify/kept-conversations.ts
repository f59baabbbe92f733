import { machineOfRun, type Receipt, type ReceiptConversation } from '../apply/receipt';
import type { Machine } from '../contracts/machine';
import { Problems } from '../sessions/finding';
import type { SessionRoot } from '../sessions/harness';
import { OpencodeStores } from '../sessions/opencode-search';
import { OpencodeDatabases, type StoredSession } from '../sessions/opencode-store';
import { spelling } from '../sessions/physical';
import { sessionRoots } from '../sessions/roots';
import type { Check } from './verify';

/**
 * The conversations that OpenCode keeps in its own store (harness-sessions.md 4), looked at in a private copy of its
 * database or in its JSON files; none of its programs is run. One instance serves one look: it remembers what it read.
 */
export class KeptConversations {
  readonly #stores: OpencodeStores;
  readonly #roots: readonly SessionRoot[];

  constructor(receipt: Receipt, machine: Machine) {
    const there = machineOfRun(receipt, machine);
    this.#stores = new OpencodeStores(new OpencodeDatabases(machine), there.env);
    this.#roots = sessionRoots(there, { root: receipt.legacyRoot, foreign: false }).opencode;
  }

  /** It must be there, where the run put it, and have as much as it then had; receipts of early builds do not say how much. */
  async check(conversation: ReceiptConversation): Promise<Check> {
    const { resumeId, destinationCwd, counts } = conversation;
    const check = { kind: 'conversation', id: resumeId } as const;
    const problems = new Problems();
    const found = await this.#find(resumeId, problems);
    const [problem] = problems.list;
    if (found === null) {
      const why = problem === undefined ? "it is not in OpenCode's store" : `it cannot be read: ${problem.reason}`;
      return { ...check, state: 'damaged', detail: why };
    }
    if (spelling(found.directory) !== spelling(destinationCwd))
      return { ...check, state: 'damaged', detail: `it belongs to the folder ${found.directory}` };
    if (counts === undefined) return { ...check, state: 'ok', detail: 'only that it is there is known' };
    for (const [what, name] of [
      ['messages', 'messages'],
      ['parts', 'message parts'],
    ] as const)
      if (found[what] < counts[what])
        return { ...check, state: 'damaged', detail: `it has ${found[what]} of ${counts[what]} ${name}` };
    return found.messages > counts.messages || found.parts > counts.parts
      ? { ...check, state: 'changed-since', detail: 'it has grown' }
      : { ...check, state: 'ok' };
  }

  async #find(id: string, problems: Problems): Promise<StoredSession | null> {
    for (const root of this.#roots) {
      for (const store of await this.#stores.of(root, problems)) {
        const session = await problems.guard(() => store.session(id));
        if (session !== null) return session;
      }
    }
    return null;
  }
}
