import type { HarnessId } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import type { Plan } from '../contracts/plan';
import { Refusal } from '../contracts/refusals';
import { agentName } from '../report/words';
import { requireSqlite } from '../rewrite/connection';
import { type InstalledAgent, resumeProblem } from '../sessions/agents';
import { targetAt } from '../sessions/entry';
import { type Check, failed, passed, warned } from './check';

/** What the process knows of itself and the machine, beside `Machine`. */
export interface Runtime {
  readonly version: string;
  readonly sourceCommit: string | null;
  readonly sqliteVersion: string | null;
  readonly bun: string;
  readonly arch: string;
  /** Kernel or release of the system, without the machine's name. */
  readonly release: string;
}

/** System, tool, SQLite, and who runs this. Throws Refusal SQLITE_UNUSABLE nowhere: it is a line. */
export function machineChecks(machine: Machine, runtime: Runtime): Check[] {
  return [systemCheck(machine, runtime), toolCheck(runtime), sqliteCheck(runtime), userCheck(machine)];
}

function systemCheck({ platform }: Machine, { arch, release }: Runtime): Check {
  return passed({ id: 'machine', title: 'Machine' }, `${platform} ${release}, ${arch}`);
}

function toolCheck({ version, sourceCommit, bun }: Runtime): Check {
  const commit = sourceCommit === null ? '' : `, commit ${sourceCommit.slice(0, 12)}`;
  return passed({ id: 'tool', title: 'ao-migrate' }, `${version}${commit}, Bun ${bun}`);
}

function sqliteCheck({ sqliteVersion }: Runtime): Check {
  const named = { id: 'sqlite', title: 'SQLite' } as const;
  try {
    requireSqlite();
    return passed(named, sqliteVersion ?? 'usable');
  } catch (error) {
    return failed(
      named,
      error instanceof Refusal ? error : new Refusal('SQLITE_UNUSABLE', 'The SQLite of this machine cannot be used.'),
    );
  }
}

/** The home must be known and one's own: a migration as somebody else leaves files that the daemon cannot write. */
function userCheck({ home, uid, env }: Machine): Check {
  const named = { id: 'user', title: 'User' } as const;
  if (home === null) {
    return failed(
      named,
      new Refusal(
        'DATA_DIR_INVALID',
        'No home directory is known.',
        'Set HOME (on Windows USERPROFILE), then run again.',
      ),
    );
  }
  const owner = uid === null ? undefined : targetAt(home)?.uid;
  if (owner !== undefined && owner !== uid) {
    return failed(
      named,
      new Refusal('NOT_OWNER', `The home directory ${home} belongs to another user (uid ${owner}).`),
    );
  }
  if ((env.SUDO_USER ?? '') !== '') {
    const message = 'This runs under sudo, so an install does not migrate and files would belong to the wrong user.';
    return warned(named, message, 'Run as yourself, without sudo.', 'NOT_OWNER');
  }
  return passed(named, 'the home directory is your own');
}

/** The three agents: a missing or unsuitable one matters where an orchestrator of the plan uses it. */
export function agentChecks(agents: readonly InstalledAgent[], plan: Plan | null): Check[] {
  const used = new Set<HarnessId>(plan?.orchestrators.flatMap(({ row }) => (row === null ? [] : [row.harness])));
  return agents.map((agent) => agentCheck(agent, used.has(agent.harness)));
}

function agentCheck({ harness, binary, version, problem }: InstalledAgent, isUsed: boolean): Check {
  const named = { id: `agent-${harness}`, title: agentName(harness) };
  if (binary === null) {
    return isUsed
      ? warned(
          named,
          'not found on PATH, and an orchestrator uses it',
          'Install it before you start the new app.',
          'HARNESS_MISSING',
        )
      : passed(named, 'not installed, and not needed');
  }
  if (version === null) {
    return warned(named, `${binary}: ${problem ?? 'its version is not known'}`, 'Update the agent.', 'HARNESS_VERSION');
  }
  const resume = resumeProblem(harness, version);
  return resume === null
    ? passed(named, `${version}, ${binary}`)
    : warned(named, `${version}: ${resume}`, 'Update the agent.', 'HARNESS_VERSION');
}
