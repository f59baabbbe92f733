import type { HarnessId } from '../../src/contracts/facts';

/** A release of an agent, as npm has it. */
export interface Release {
  readonly harness: HarnessId;
  readonly npmPackage: string;
  readonly version: string;
  /** Why this one is among them. */
  readonly why: string;
  /** Packages that it would fetch from npm at its first turn, when there is no network any more. */
  readonly companions: readonly string[];
}

const PACKAGES: Readonly<Record<HarnessId, string>> = {
  'claude-code': '@anthropic-ai/claude-code',
  codex: '@openai/codex',
  opencode: 'opencode-ai',
};

/** Releases before 1.2 would fetch it from npm at their first turn. */
const PROVIDER = '@ai-sdk/openai-compatible@1.0.27';

function release(harness: HarnessId, version: string, why: string, more: Partial<Release> = {}): Release {
  return { harness, npmPackage: PACKAGES[harness], version, why, companions: [], ...more };
}

/** Of each agent the newest that was measured, one of November 2025, and what behaves unlike both. */
export const RELEASES: readonly Release[] = [
  release('claude-code', '2.0.45', 'a year old; looks in its own slug only'),
  release('claude-code', '2.1.112', 'the last family for Node; glues rows to a torn last line'),
  release('claude-code', '2.1.329', 'the newest; native; looks in all slugs, records the system prompt'),
  release('codex', '0.58.0', 'a year old; no menu'),
  release('codex', '0.98.0', 'the first with the menu for the working directory'),
  release('codex', '0.142.5', 'has a state database; compressed rollouts known'),
  release('codex', '0.169.0', 'the newest; background server, writer locks, history by byte offset'),
  release('opencode', '1.0.98', 'a year old; JSON files, kept by repository', { companions: [PROVIDER] }),
  release('opencode', '1.1.65', 'the last family with JSON files', { companions: [PROVIDER] }),
  release('opencode', '1.2.27', 'the first family with a database; keeps the directory of the file'),
  release('opencode', '1.15.13', 'the first that works in the stored directory; moves a session at import'),
  release('opencode', '1.18.33', 'the newest; a new database layout'),
];

export function nameOf({ harness, version }: Release): string {
  return `${harness}@${version}`;
}
