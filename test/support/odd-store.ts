type Plant = () => string;

/** Projects in which every choice, date, number and id is something else. */
export const ODD: readonly string[] = ['odd', 'odd-local', 'odd-roles'];

export function oddSettings(word: Plant): object {
  return {
    agent: word(),
    runtime: word(),
    workspace: word(),
    orchestratorSessionStrategy: word(),
    opencodeIssueSessionStrategy: word(),
    tracker: { plugin: word() },
    scm: { plugin: word() },
    agentConfig: { permissions: word(), model: sentence(word), orchestratorModel: sentence(word) },
    ...oddRoles(word),
  };
}

/** What a config may hold without being invalid as a whole. */
export function oddRoles(word: Plant): object {
  const role = () => ({ agent: word(), agentConfig: { model: sentence(word), orchestratorModel: sentence(word) } });
  return { worker: role(), orchestrator: role() };
}

export function oddEntry(word: Plant): object {
  return {
    source: word(),
    registeredAt: word(),
    repo: { owner: 'o', name: 'r', platform: word(), originUrl: 'https://github.com/o/r' },
    ...oddSettings(word),
  };
}

export function oddRecord(id: string, word: Plant): object {
  const state = () => ({ state: word(), reason: word(), lastObservedAt: word(), number: word() });
  return {
    role: id === 'odd' ? 'orchestrator' : word(),
    agent: word(),
    status: word(),
    createdAt: word(),
    restoredAt: word(),
    worktree: `{{HOME}}/trees/${id}`,
    claudeSessionUuid: word(),
    codexThreadId: word(),
    codexModel: sentence(word),
    opencodeSessionId: word(),
    displayNameUserSet: word(),
    stateVersion: word(),
    runtimeHandle: { id: 'x', runtimeName: word(), data: { createdAt: word(), pid: word() } },
    lifecycle: {
      version: word(),
      session: { kind: word(), startedAt: word(), ...state() },
      pr: state(),
      runtime: { ...state(), handle: { id: 'x', runtimeName: word(), data: { pid: word() } } },
    },
  };
}

export function oddMachine(word: Plant): object {
  return {
    updateChannel: word(),
    installMethod: word(),
    terminalPort: word(),
    readyThresholdMs: word(),
    observability: { logLevel: word(), stderr: word() },
  };
}

/** A model may have any name of one word. */
const sentence = (word: Plant): string => `a ${word()}`;
