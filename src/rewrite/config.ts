import type { AgentConfig, ProjectConfig, RoleConfig } from '../contracts/plan';
import { goFold } from './go-text';
import { type JsonNode, readJson } from './json';

/** The agents that every daemon build knows (rewrite-target.md 4.2; the harness CHECK of version 12 without the empty one). */
export const HARNESSES: readonly string[] = [
  'claude-code',
  'codex',
  'aider',
  'opencode',
  'grok',
  'droid',
  'amp',
  'agy',
  'crush',
  'cursor',
  'qwen',
  'copilot',
  'goose',
  'auggie',
  'continue',
  'devin',
  'cline',
  'kimi',
  'kiro',
  'kilocode',
  'vibe',
  'pi',
  'autohand',
];

/** Agents that only newer builds know, with the database version that brings them. */
export const LATER_HARNESSES: Readonly<Record<string, number>> = { muse: 53, 'prime-agent': 82 };

/** Values of `permissions` that the daemon accepts, apart from the empty text. */
export const PERMISSIONS: readonly string[] = ['default', 'accept-edits', 'auto', 'bypass-permissions'];

/** An agent's settings as the daemon sees them. Here and below an empty text, list or map is the same as an absent key. */
export interface DaemonAgentConfig {
  readonly model: string;
  readonly mode: string;
  readonly permissions: string;
}
export interface DaemonRole {
  readonly agent: string;
  readonly agentConfig: DaemonAgentConfig;
}

/** The `config` column as the newest known daemon decodes it (rewrite-target.md 4.2); older ones ignore some keys. */
export interface DaemonConfig {
  readonly defaultBranch: string;
  readonly sessionPrefix: string;
  /** Sorted by name. */
  readonly env: ReadonlyMap<string, string>;
  readonly symlinks: readonly string[];
  readonly postCreate: readonly string[];
  readonly agentRules: string;
  readonly agentRulesFile: string;
  readonly orchestratorRules: string;
  readonly agentConfig: DaemonAgentConfig;
  readonly worker: DaemonRole;
  readonly orchestrator: DaemonRole;
  readonly reviewers: readonly { readonly harness: string }[];
  readonly trackerIntake: {
    readonly enabled: boolean;
    readonly provider: string;
    readonly repo: string;
    readonly assignee: string;
  };
  readonly containerReap: { readonly disabled: boolean };
}

/** One wrongly typed value: the daemon then drops the whole config. */
class TypeMismatch extends Error {}

/**
 * How one type is decoded. As in Go, a value is decoded into what an earlier key of the same name left there: null leaves
 * a text as it is, and a repeated object adds to the first one.
 */
interface Decoder<T> {
  readonly zero: T;
  decode(node: JsonNode, before: T): T;
}

const text: Decoder<string> = {
  zero: '',
  decode: (node, before) => (node.kind === 'null' ? before : node.kind === 'string' ? node.value : mismatch()),
};

const flag: Decoder<boolean> = {
  zero: false,
  decode: (node, before) => (node.kind === 'null' ? before : node.kind === 'boolean' ? node.value : mismatch()),
};

const textMap: Decoder<ReadonlyMap<string, string>> = {
  zero: new Map(),
  decode(node, before) {
    if (node.kind === 'null') return textMap.zero;
    if (node.kind !== 'object') return mismatch();
    const added = node.entries.map(([key, value]) => [key, text.decode(value, text.zero)] as const);
    return new Map([...new Map([...before, ...added])].sort(([a], [b]) => (a < b ? -1 : 1)));
  },
};

function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return {
    zero: [],
    decode(node, before) {
      if (node.kind === 'null') return [];
      if (node.kind !== 'array') return mismatch();
      return node.items.map((value, index) => item.decode(value, before[index] ?? item.zero));
    },
  };
}

function struct<T extends object>(fields: { readonly [K in keyof T]: Decoder<T[K]> }): Decoder<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  const byFold = new Map(names.map((name) => [goFold(name), name]));
  const assign = <K extends keyof T>(into: T, name: K, node: JsonNode): void => {
    into[name] = fields[name].decode(node, into[name]);
  };
  return {
    zero: Object.fromEntries(names.map((name) => [name, fields[name].zero])) as T,
    decode(node, before) {
      if (node.kind === 'null') return before;
      if (node.kind !== 'object') return mismatch();
      const decoded = { ...before };
      for (const [key, value] of node.entries) {
        const name = byFold.get(goFold(key));
        if (name !== undefined) assign(decoded, name, value);
      }
      return decoded;
    },
  };
}

function mismatch(): never {
  throw new TypeMismatch();
}

const agentConfig = struct<DaemonAgentConfig>({ model: text, mode: text, permissions: text });
const role = struct<DaemonRole>({ agent: text, agentConfig });
const config = struct<DaemonConfig>({
  defaultBranch: text,
  sessionPrefix: text,
  env: textMap,
  symlinks: list(text),
  postCreate: list(text),
  agentRules: text,
  agentRulesFile: text,
  orchestratorRules: text,
  agentConfig,
  worker: role,
  orchestrator: role,
  reviewers: list(struct<{ readonly harness: string }>({ harness: text })),
  trackerIntake: struct<DaemonConfig['trackerIntake']>({ enabled: flag, provider: text, repo: text, assignee: text }),
  containerReap: struct<DaemonConfig['containerReap']>({ disabled: flag }),
});

/**
 * Decodes a `config` column as the daemon does: NULL is no settings, keys match in any case, unknown ones are ignored, of
 * a repeated one the last wins. `decodes` is false where the text is no JSON or any known key has a wrong type; the daemon
 * then silently sees no settings, and so does `config`.
 */
export function decodeConfig(column: string | null): { readonly decodes: boolean; readonly config: DaemonConfig } {
  if (column === null) return { decodes: true, config: config.zero };
  const node = readJson(column);
  if (node === null) return { decodes: false, config: config.zero };
  try {
    return { decodes: true, config: config.decode(node, config.zero) };
  } catch (error) {
    if (!(error instanceof TypeMismatch)) throw error;
    return { decodes: false, config: config.zero };
  }
}

/**
 * The top-level keys in which two `config` columns have different meaning for the daemon, in the daemon's key order;
 * none where they mean the same, however they are written (migration.md 5).
 */
export function differingKeys(a: string | null, b: string | null): readonly (keyof DaemonConfig)[] {
  if (a === b) return [];
  const [left, right] = [decodeConfig(a).config, decodeConfig(b).config];
  const names = Object.keys(left) as (keyof DaemonConfig)[];
  return names.filter((name) => meaning(left[name]) !== meaning(right[name]));
}

function meaning(value: DaemonConfig[keyof DaemonConfig]): string {
  return JSON.stringify(value instanceof Map ? [...value] : value);
}

/** The `config` column of a row that the tool writes: set keys only, in the daemon's key order, env sorted by name. */
export function encodeConfig(settings: ProjectConfig): string {
  const { env } = settings;
  return JSON.stringify({
    defaultBranch: settings.defaultBranch,
    sessionPrefix: settings.sessionPrefix,
    env: env && Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))),
    symlinks: settings.symlinks,
    postCreate: settings.postCreate,
    agentRules: settings.agentRules,
    agentRulesFile: settings.agentRulesFile,
    orchestratorRules: settings.orchestratorRules,
    agentConfig: agentJson(settings.agentConfig),
    worker: roleJson(settings.worker),
    orchestrator: roleJson(settings.orchestrator),
  });
}

function agentJson(agent: AgentConfig | undefined): unknown {
  return agent && { model: agent.model, permissions: agent.permissions };
}

function roleJson(role: RoleConfig | undefined): unknown {
  return role && { agent: role.agent, agentConfig: agentJson(role.agentConfig) };
}
