/** What a release asks of npm, and what a dry run answers in its place. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Packed } from './package';
import type { Outside, Publication } from './release-steps';
import { type Environment, must, run } from './run';
import { integrityOf } from './runtime';

/** A package with the hash by which it is recognised once it is published. */
export function publicationOf(packed: Packed): Publication {
  return { ...packed, integrity: integrityOf(readFileSync(packed.file)) };
}

/** The registry that npm is configured for. With provenance where the service that builds can vouch for it. */
export function npmRegistry(env: Environment): Outside {
  // Outside of any package, whose settings would count.
  const folder = tmpdir();
  const provenance = env.ACTIONS_ID_TOKEN_REQUEST_URL === undefined ? '--provenance=false' : '--provenance';
  return {
    published: async (name, version) => {
      // What npm remembers of a minute ago would hide what has just been published.
      const view = ['npm', 'view', `${name}@${version}`, 'dist.integrity', '--json', '--prefer-online'];
      const asked = run(view, folder, env);
      if (asked.exitCode === 0) return asked.stdout.trim() === '' ? null : String(JSON.parse(asked.stdout));
      if (/E404/.test(asked.stdout + asked.stderr)) return null;
      throw new Error(`npm does not answer for ${name}:\n${asked.stderr}`);
    },
    publish: async ({ file }, tag) => {
      must(['npm', 'publish', file, `--tag=${tag}`, '--access=public', provenance], folder, env);
    },
  };
}

/** Answers as an empty registry would, and remembers. */
export function pretendedRegistry(env: Environment): Outside {
  const there = new Map<string, string>();
  return {
    published: async (name, version) => there.get(`${name}@${version}`) ?? null,
    publish: async ({ name, version, file, integrity }, tag) => {
      const dry = ['npm', 'publish', file, '--dry-run', '--access=public', '--provenance=false', `--tag=${tag}`];
      must(dry, tmpdir(), env);
      there.set(`${name}@${version}`, integrity);
    },
  };
}
