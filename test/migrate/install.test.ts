import { describe, expect, test } from 'bun:test';
import { leavesNoTrace, SKIPS, skipOf } from '../../src/migrate/install';

const skip = (env: Record<string, string>, uid: number | null = 1000, owner: number | null = 1000) =>
  skipOf({ env, uid }, owner);

const NPM = { npm_config_user_agent: 'npm/11.0.0 node/v20.0.0 linux x64', npm_lifecycle_event: 'postinstall' };
const BUN = { npm_config_user_agent: 'bun/1.4.5 npm/? node/v26.3.0 linux x64', npm_lifecycle_event: 'postinstall' };
const PNPM = { npm_config_user_agent: 'pnpm/10.0.0 npm/? node/v20.0.0 linux x64', npm_lifecycle_event: 'postinstall' };
const YARN = { npm_config_user_agent: 'yarn/1.22.22 npm/? node/v20.0.0 linux x64', npm_lifecycle_event: 'postinstall' };

describe('an install runs the migration', () => {
  test.each([
    ['npm install -g', { ...NPM, npm_config_global: 'true' }],
    ['npm install --location=global', { ...NPM, npm_config_location: 'global' }],
    ['bun add -g', { ...BUN, npm_config_local_prefix: '/home/mara/.bun/install/global' }],
    ['bun add -g on Windows', { ...BUN, npm_config_local_prefix: 'C:\\Users\\mara\\.bun\\install\\global' }],
    ['pnpm add -g', { ...PNPM, INIT_CWD: '/home/mara/.local/share/pnpm/global/5' }],
    ['yarn global add', { ...YARN, npm_config_argv: '{"remain":[],"original":["global","add","ao-migrate"]}' }],
    ['no package manager at all', {}],
    ['CI=false', { CI: 'false' }],
    ['AO_MIGRATE=run', { AO_MIGRATE: 'run' }],
    ['AO_MIGRATE=plan: the note is made by the run', { AO_MIGRATE: 'plan' }],
    ['AO_MIGRATE empty', { AO_MIGRATE: '' }],
    ['AO_SKIP_MIGRATE=0', { AO_SKIP_MIGRATE: '0' }],
    ['SUDO_USER empty', { SUDO_USER: '' }],
  ])('%s', (_, env) => expect(skip(env)).toBeNull());
});

describe('an install leaves the migration to the user', () => {
  test.each([
    ['npm install', NPM, 'NOT_GLOBAL'],
    ['npm_config_global=false', { npm_config_global: 'false' }, 'NOT_GLOBAL'],
    ['npx', { ...NPM, npm_command: 'exec' }, 'NOT_GLOBAL'],
    ['bun add', { ...BUN, npm_config_local_prefix: '/home/mara/code/app' }, 'NOT_GLOBAL'],
    ['pnpm add', { ...PNPM, INIT_CWD: '/home/mara/code/global' }, 'NOT_GLOBAL'],
    ['yarn add', { ...YARN, npm_config_argv: '{"original":["add","global"]}' }, 'NOT_GLOBAL'],
    ['CI', { CI: 'true', npm_config_global: 'true' }, 'CI'],
    ['a CI that sets another name', { GITHUB_ACTIONS: 'true' }, 'CI'],
    ['ignored scripts', { npm_config_ignore_scripts: 'true', npm_config_global: 'true' }, 'SCRIPTS_IGNORED'],
    ['AO_SKIP_MIGRATE', { AO_SKIP_MIGRATE: '1' }, 'SKIPPED'],
    ['AO_MIGRATE=off', { AO_MIGRATE: 'off', CI: '1' }, 'OFF'],
    ['AO_MIGRATE with another word', { AO_MIGRATE: 'of' }, 'SETTING_UNKNOWN'],
    ['sudo, before all else', { SUDO_USER: 'mara', AO_MIGRATE: 'off' }, 'SUDO'],
  ] as const)('%s', (_, env, code) => expect(skip(env)).toBe(code));

  test("another user's home", () => {
    expect(skip({}, 0, 1000)).toBe('FOREIGN_HOME');
    expect(skip({}, null, 1000)).toBeNull();
    expect(skip({}, 0, null)).toBeNull();
  });
});

test('no trace is left in a home that may not be this user’s', () => {
  expect(Object.keys(SKIPS).filter(leavesNoTrace)).toEqual(['SUDO', 'FOREIGN_HOME']);
  expect(leavesNoTrace('NOT_OWNER')).toBe(true);
  expect(leavesNoTrace('LEGACY_ACTIVE')).toBe(false);
});
