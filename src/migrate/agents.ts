import type { HarnessId } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import type { Plan } from '../contracts/plan';
import { agentName } from '../report/words';
import { askVersions, resumeProblem } from '../sessions/agents';
import { commandRunner } from '../sessions/agents-command';

/**
 * Names the installed agents that the plan's conversations need, and those releases at which a resume is known to fail
 * (harness-sessions.md 1 to 3). Asked before any work, and only where a conversation is to be resumed.
 */
export async function agentNotes(plan: Plan, machine: Machine): Promise<Note[]> {
  const harnesses = new Set<HarnessId>();
  for (const { outcome, copy } of plan.orchestrators)
    if (outcome === 'created' && copy !== null) harnesses.add(copy.harness);
  if (harnesses.size === 0) return [];
  const installed = await askVersions(machine, [...harnesses].sort(), commandRunner(machine.platform));
  return installed.flatMap(({ harness, binary, version, problem }): Note[] => {
    // An agent that is not on this PATH may be on the daemon's.
    if (binary === null) return [];
    const name = agentName(harness);
    if (version === null) {
      return [
        {
          code: 'HARNESS_VERSION',
          severity: 'info',
          message: `the version of ${name} could not be found out: ${problem ?? 'no answer'}`,
          file: binary,
        },
      ];
    }
    const known = resumeProblem(harness, version);
    if (known !== null)
      return [
        {
          code: 'HARNESS_VERSION',
          severity: 'warn',
          message: `${name} ${version} is installed: ${known}`,
          file: binary,
        },
      ];
    return [{ code: 'AGENT_VERSION', severity: 'info', message: `${name} ${version} is installed`, file: binary }];
  });
}
