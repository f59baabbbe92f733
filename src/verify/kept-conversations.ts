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
  /** The receipt says which variables had been set, so the store of then is known. */
  readonly #isKnownPlace: boolean;
  /** Epoch milliseconds; not a number where the run has not ended, and then nothing is later. */
  readonly #endedMs: number;

  constructor(receipt: Receipt, machine: Machine) {
    const there = machineOfRun(receipt, machine);
    this.#stores = new OpencodeStores(new OpencodeDatabases(machine), there.env);
    this.#roots = sessionRoots(there, { root: receipt.legacyRoot, foreign: false }).opencode;
    this.#isKnownPlace = receipt.options.environment !== undefined;
    this.#endedMs = Date.parse(receipt.finishedAt ?? '');
  }

  /**
   * It must be there, where the run put it, and have as much as it then had, unless it was used since. Of one that was
   * there before, and in receipts of early builds, that is not known: a message at the least.
   */
  async check(conversation: ReceiptConversation): Promise<Check> {
    const { resumeId, destinationCwd, counts } = conversation;
    const check = { kind: 'conversation', id: resumeId } as const;
    const problems = new Problems();
    const { found, looked } = await this.#find(resumeId, problems);
    const [problem] = problems.list;
    if (found === null) {
      if (problem !== undefined) return { ...check, state: 'damaged', detail: `it cannot be read: ${problem.reason}` };
      if (this.#isKnownPlace) return { ...check, state: 'damaged', detail: "it is not in OpenCode's store" };
      const where = `it was not found in ${looked.join(', ')}, and the receipt does not say where OpenCode kept it`;
      return { ...check, state: 'changed-since', detail: where };
    }
    if (spelling(found.directory) !== spelling(destinationCwd))
      return { ...check, state: 'damaged', detail: `it belongs to the folder ${found.directory}` };
    const least = counts ?? { messages: 1, parts: 0 };
    for (const [what, name] of [
      ['messages', 'messages'],
      ['parts', 'message parts'],
    ] as const)
      if (found[what] < least[what]) {
        const detail = `it has ${found[what]} of ${least[what]} ${name}`;
        // Who uses it may take turns back, which removes them.
        return found.updatedMs > this.#endedMs
          ? { ...check, state: 'changed-since', detail: `${detail}, and was used in OpenCode after the run` }
          : { ...check, state: 'damaged', detail };
      }
    if (counts === undefined) return { ...check, state: 'ok', detail: 'only that it is there is known' };
    return found.messages > counts.messages || found.parts > counts.parts
      ? { ...check, state: 'changed-since', detail: 'it has grown' }
      : { ...check, state: 'ok' };
  }

  /** The session in the first store that has it, and the stores that were asked. */
  async #find(id: string, problems: Problems): Promise<{ found: StoredSession | null; looked: readonly string[] }> {
    const looked: string[] = [];
    for (const root of this.#roots) {
      for (const store of await this.#stores.of(root, problems)) {
        looked.push(store.path);
        const found = await problems.guard(() => store.session(id));
        if (found !== null) return { found, looked };
      }
    }
    return { found: null, looked };
  }
}
