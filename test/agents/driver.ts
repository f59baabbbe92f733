import type { HarnessId } from '../../src/contracts/facts';
import type { Asked } from './model';
import { asList, asObject, textOf } from './model';
import type { World } from './world';

/** What a test must know of one agent in order to use it as a person and both daemons do. */
export interface Driver {
  readonly harness: HarnessId;
  /** The key of the legacy record that holds the id. */
  readonly recordKey: string;
  /** On the screen when something can be typed. */
  readonly ready: RegExp;
  /** On the screen when the agent wants to know something that nobody is there to answer. */
  readonly menu: RegExp;
  /** Writes the agent's settings into the home, so that it talks to the model and asks nothing. */
  configure(world: World): void;
  /** How a conversation was begun by the legacy tool in the old worktree. */
  begin(world: World): readonly string[];
  /** What the daemon does before it starts the agent in a worktree. */
  prepare(world: World, worktree: string): void;
  /** The daemon's command line in the new worktree (rewrite-target.md 5.7). */
  resume(world: World, id: string, worktree: string): readonly string[];
  /** A resume that ends by itself, where the agent has one and the daemon's own would take another id. */
  readonly resumeOnce: ((id: string, prompt: string) => readonly string[]) | null;
  /** Id of the only conversation that was held in this directory, as the legacy tool would have found it. */
  conversationIn(world: World, directory: string): string;
  /** All that belongs to a conversation, by a name for each part: two equal values mean that nothing was touched. */
  parts(world: World, id: string): Readonly<Record<string, string>>;
}

/** A turn of a conversation, not a question beside it (a title, a summary): agents offer tools in no others. */
export function isTurn({ method, body }: Asked): boolean {
  return method === 'POST' && asList(asObject(body).tools).length > 0;
}

/** What a tool answered to the call with this id, in whichever form the API has for it; null if nothing did. */
export function toolResult(value: unknown, id: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const { type, role, tool_use_id, call_id, tool_call_id, content, output } = asObject(value);
  const isResult = type === 'tool_result' || type === 'function_call_output' || role === 'tool';
  if (isResult && [tool_use_id, call_id, tool_call_id].includes(id)) return textOf(content ?? output);
  for (const each of Object.values(value)) {
    const found = toolResult(each, id);
    if (found !== null) return found;
  }
  return null;
}
