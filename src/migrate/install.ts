import type { Machine } from '../contracts/machine';

/** Why a package install leaves the migration to the user, before anything is read (migration.md 9), in one sentence. */
export const SKIPS = {
  SUDO: 'this install runs as root on behalf of another user',
  FOREIGN_HOME: 'the home directory belongs to another user',
  OFF: 'AO_MIGRATE=off is set',
  SKIPPED: 'AO_SKIP_MIGRATE is set',
  SETTING_UNKNOWN: 'AO_MIGRATE is neither off, plan nor run',
  SCRIPTS_IGNORED: 'the package manager is told to ignore install scripts',
  CI: 'this is a CI machine',
  NOT_GLOBAL: 'this is not a global install',
} as const;

export type SkipCode = keyof typeof SKIPS;

type Environment = Machine['env'];

/** Of these a run leaves nothing behind, not even the note of its reason: the home is not this user's. */
export function leavesNoTrace(code: string): boolean {
  return code === 'SUDO' || code === 'FOREIGN_HOME' || code === 'NOT_OWNER';
}

/**
 * The first reason to skip, or null.
 *
 * @param homeOwner user id of the home directory; null where there is none, or no such ids
 */
export function skipOf({ env, uid }: Pick<Machine, 'env' | 'uid'>, homeOwner: number | null): SkipCode | null {
  if (isSet(env.SUDO_USER)) return 'SUDO';
  if (uid !== null && homeOwner !== null && uid !== homeOwner) return 'FOREIGN_HOME';
  if (env.AO_MIGRATE === 'off') return 'OFF';
  if (isOn(env.AO_SKIP_MIGRATE)) return 'SKIPPED';
  if (isSet(env.AO_MIGRATE) && env.AO_MIGRATE !== 'run' && env.AO_MIGRATE !== 'plan') return 'SETTING_UNKNOWN';
  if (isOn(env.npm_config_ignore_scripts)) return 'SCRIPTS_IGNORED';
  if (isCi(env)) return 'CI';
  return isLocalInstall(env) ? 'NOT_GLOBAL' : null;
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';
const isOn = (value: string | undefined): boolean => isSet(value) && value !== '0' && value !== 'false';

/** What the services set that do not set CI, or let it be turned off. */
const CI_NAMES = [
  'CONTINUOUS_INTEGRATION',
  'BUILD_NUMBER',
  'GITHUB_ACTIONS',
  'GITLAB_CI',
  'TF_BUILD',
  'TEAMCITY_VERSION',
  'JENKINS_URL',
  'BUILDKITE',
  'CODEBUILD_BUILD_ID',
] as const;

function isCi(env: Environment): boolean {
  if (isSet(env.CI)) return isOn(env.CI);
  return CI_NAMES.some((name) => isOn(env[name]));
}

/** What every package manager sets for a script of a package. Without any of them no install is going on. */
const INSTALL_NAMES = ['npm_config_user_agent', 'npm_lifecycle_event', 'npm_execpath', 'npm_command'] as const;

function isLocalInstall(env: Environment): boolean {
  if (env.npm_config_global === 'true' || env.npm_config_location === 'global') return false;
  const installs = INSTALL_NAMES.some((name) => isSet(env[name])) || env.npm_config_global !== undefined;
  return installs && !isGlobalElsewhere(env);
}

/** Only npm says `global`; the others are known by where or how they install. */
function isGlobalElsewhere(env: Environment): boolean {
  const agent = env.npm_config_user_agent ?? '';
  // Bun has one project of its own for all that is global, and so has pnpm, below a folder named after its layout.
  if (agent.startsWith('bun/')) return /[\\/]install[\\/]global[\\/]?$/.test(env.npm_config_local_prefix ?? '');
  if (agent.startsWith('pnpm/')) return /[\\/]global[\\/](v?\d+)([\\/]|$)/.test(env.INIT_CWD ?? env.PWD ?? '');
  if (agent.startsWith('yarn/1')) return /"original":\["global"/.test(env.npm_config_argv ?? '');
  return false;
}
