/** What `bun run test:package` needs from elsewhere: a registry for npm packages, and the installers to try. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Environment, must } from './run';

const PACKAGES = {
  verdaccio: '6.1.6',
  pnpm: '10.34.8',
  yarn: '1.22.22',
  '@yarnpkg/cli-dist': '4.18.1',
} as const;

/** One version of a dependency of the registry is named by a tag that not every mirror has. */
const OVERRIDES = { 'node-fetch': '2.7.0' };

export interface Tools {
  /** Files that Node runs. */
  readonly verdaccio: string;
  readonly pnpm: string;
  readonly yarn1: string;
  readonly yarn: string;
}

/** Installs them once, below the user's cache, outside of the tree. */
export function trialTools(env: Environment = process.env): Tools {
  const folder = join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ao-migrate-tools', '1');
  if (!existsSync(folder)) {
    const partial = `${folder}.partial-${process.pid}`;
    mkdirSync(partial, { recursive: true });
    try {
      writeFileSync(
        join(partial, 'package.json'),
        JSON.stringify({ private: true, dependencies: PACKAGES, overrides: OVERRIDES }),
      );
      must(['npm', 'install', '--no-audit', '--no-fund', '--loglevel=error'], partial, env);
      renameSync(partial, folder);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  }
  const modules = join(folder, 'node_modules');
  return {
    verdaccio: join(modules, 'verdaccio', 'bin', 'verdaccio'),
    pnpm: join(modules, 'pnpm', 'bin', 'pnpm.cjs'),
    yarn1: join(modules, 'yarn', 'bin', 'yarn.js'),
    yarn: join(modules, '@yarnpkg', 'cli-dist', 'bin', 'yarn.js'),
  };
}

export interface Registry {
  readonly address: string;
  stop(): Promise<void>;
}

/** A registry of this machine that knows nothing but what is published to it. */
export async function startRegistry(tools: Tools, folder: string, port: number): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  const config = {
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd') } },
    packages: { '**': { access: '$all', publish: '$all', unpublish: '$all' } },
    max_body_size: '300mb',
    log: { type: 'stdout', format: 'pretty', level: 'error' },
  };
  const file = join(folder, 'config.yaml');
  writeFileSync(file, JSON.stringify(config));
  const address = `http://127.0.0.1:${port}`;
  const child = Bun.spawn(['node', tools.verdaccio, '--config', file, '--listen', address], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
  });
  for (let left = 120; ; left--) {
    const answers = await fetch(`${address}/-/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answers) break;
    if (left === 0 || child.exitCode !== null) throw new Error('the registry does not start');
    await Bun.sleep(250);
  }
  return {
    address,
    stop: async () => {
      child.kill();
      await child.exited;
    },
  };
}
