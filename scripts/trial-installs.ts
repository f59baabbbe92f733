/** Installing the packed packages with the installers that people use, in every way in which that may go. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tools } from './trial-tools';

export type Environment = Readonly<Record<string, string>>;

export interface Installer {
  readonly name: string;
  /** The command in front of what is in a mode. */
  readonly command: readonly string[];
  /** Arguments by mode; a mode that the installer does not have is absent. */
  readonly modes: Readonly<Partial<Record<Mode, readonly string[]>>>;
  /** Runs what is installed in the project. */
  readonly bin: readonly string[];
  /** Runs it without installing it, as `npx` does. */
  readonly once: readonly string[];
  /** Installs for the whole account, with scripts allowed; where the command then is. */
  readonly global: {
    readonly args: readonly string[];
    readonly bin: string;
    readonly env: (home: string) => Environment;
  } | null;
}

/** Scripts run · scripts do not · optional packages are left out, with scripts blocked and allowed · for another machine. */
export type Mode = 'allowed' | 'blocked' | 'omitted' | 'omitted, scripts allowed' | 'wrong platform';

export function installers(tools: Tools, bun: string): readonly Installer[] {
  const add = ['ao-migrate'];
  const local = (name: string): readonly string[] => [`node_modules/.bin/${name}`];
  return [
    {
      name: 'npm',
      command: ['npm'],
      modes: {
        allowed: ['install', ...add],
        blocked: ['install', ...add, '--ignore-scripts'],
        omitted: ['install', ...add, '--omit=optional', '--ignore-scripts'],
        'omitted, scripts allowed': ['install', ...add, '--omit=optional'],
        'wrong platform': ['install', ...add, '--os=win32', '--cpu=arm64', '--ignore-scripts'],
      },
      bin: local('ao-migrate'),
      once: ['npm', 'exec', '--yes', '--package=ao-migrate', '--', 'ao-migrate'],
      global: {
        args: ['install', '--global', ...add],
        bin: 'prefix/bin',
        env: (home) => ({ npm_config_prefix: join(home, 'prefix') }),
      },
    },
    {
      name: 'pnpm',
      command: ['node', tools.pnpm],
      modes: {
        allowed: ['add', ...add, '--allow-build=ao-migrate'],
        blocked: ['add', ...add],
        omitted: ['add', ...add, '--no-optional'],
        'omitted, scripts allowed': ['add', ...add, '--no-optional', '--allow-build=ao-migrate'],
        'wrong platform': ['add', ...add, '--os=win32', '--cpu=arm64'],
      },
      bin: local('ao-migrate'),
      once: ['node', tools.pnpm, '--package=ao-migrate', 'dlx', 'ao-migrate'],
      global: {
        args: ['add', '--global', ...add, '--allow-build=ao-migrate'],
        bin: 'pnpm',
        env: (home) => ({ PNPM_HOME: join(home, 'pnpm'), PATH: `${join(home, 'pnpm')}:${process.env.PATH}` }),
      },
    },
    {
      name: 'yarn 1',
      command: ['node', tools.yarn1],
      modes: {
        allowed: ['add', ...add],
        blocked: ['add', ...add, '--ignore-scripts'],
        omitted: ['add', ...add, '--ignore-optional', '--ignore-scripts'],
        'omitted, scripts allowed': ['add', ...add, '--ignore-optional'],
      },
      bin: local('ao-migrate'),
      once: [],
      global: {
        args: ['global', 'add', ...add],
        bin: 'prefix/bin',
        env: (home) => ({ PREFIX: join(home, 'prefix'), YARN_GLOBAL_FOLDER: join(home, 'global') }),
      },
    },
    {
      name: 'yarn 4',
      command: ['node', tools.yarn],
      modes: { allowed: ['add', ...add], blocked: ['add', ...add] },
      bin: ['node', tools.yarn, 'ao-migrate'],
      once: ['node', tools.yarn, 'dlx', '--quiet', '--package', 'ao-migrate', 'ao-migrate'],
      global: null,
    },
    {
      name: 'bun',
      command: [bun],
      modes: {
        allowed: ['add', ...add, '--trust'],
        blocked: ['add', ...add],
        omitted: ['add', ...add, '--omit=optional'],
        'omitted, scripts allowed': ['add', ...add, '--omit=optional', '--trust'],
        'wrong platform': ['add', ...add, '--os=win32', '--cpu=arm64'],
      },
      bin: local('ao-migrate'),
      once: [bun, 'x', 'ao-migrate'],
      global: {
        args: ['add', '--global', '--trust', ...add],
        bin: '.bun/bin',
        env: (home) => ({ BUN_INSTALL: join(home, '.bun') }),
      },
    },
  ];
}

/** An account of its own that installs from one registry. */
export function account(home: string, registry: string, more: Environment = {}): Environment {
  mkdirSync(home, { recursive: true });
  const { port } = new URL(registry);
  writeFileSync(join(home, '.npmrc'), `registry=${registry}/\n//127.0.0.1:${port}/:_authToken=trial\n`);
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    TMUX_TMPDIR: home,
    npm_config_registry: `${registry}/`,
    npm_config_update_notifier: 'false',
    YARN_NPM_REGISTRY_SERVER: registry,
    YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
    // Yarn 4 does not take a version in its first day otherwise.
    YARN_NPM_MINIMAL_AGE_GATE: '0',
    YARN_ENABLE_TELEMETRY: '0',
    YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
    ...more,
  };
}

/** An empty project; Yarn 4 is told by its own file whether scripts may run. */
export function project(folder: string, mode: Mode): string {
  mkdirSync(folder, { recursive: true });
  const built = mode === 'blocked' ? {} : { dependenciesMeta: { 'ao-migrate': { built: true } } };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'trial', version: '1.0.0', private: true, ...built }),
  );
  writeFileSync(join(folder, '.yarnrc.yml'), `enableScripts: ${mode === 'allowed'}\nnodeLinker: pnp\n`);
  if (!existsSync(join(folder, 'yarn.lock'))) writeFileSync(join(folder, 'yarn.lock'), '');
  return folder;
}
