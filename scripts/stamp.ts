import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, run } from './run';

/** What an executable says of its origin. */
export interface Stamp {
  readonly version: string;
  /** Marked where the tree differs from it; empty outside a repository or without git. */
  readonly commit: string;
}

/** @param env only PATH and what git itself reads matter */
export function stampOf(root: string, env: Environment = process.env): Stamp {
  return { version: versionOf(root), commit: commitOf(root, env) };
}

function versionOf(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json has no version');
}

function commitOf(root: string, env: Environment): string {
  const git = Bun.which('git', { PATH: env.PATH ?? '' });
  if (git === null) return '';
  const commit = run([git, 'rev-parse', '--verify', 'HEAD'], root, env);
  if (commit.exitCode !== 0) return '';
  const changes = run([git, 'status', '--porcelain'], root, env);
  return commit.stdout.trim() + (changes.stdout === '' ? '' : '-dirty');
}
