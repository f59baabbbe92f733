import { expect } from 'bun:test';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TargetFacts } from '../../src/contracts/facts';
import type { Machine } from '../../src/contracts/machine';
import { Refusal } from '../../src/contracts/refusals';
import { inspectTarget } from '../../src/rewrite/inspect';
import type { TargetPaths } from '../../src/rewrite/paths';
import { fingerprint } from './fingerprint';
import { emptyHome, type Home, machineAt } from './home';

/** An empty data directory in a throw-away home, and what the tool sees in it. */
export interface Target {
  readonly home: Home;
  readonly machine: Machine;
  readonly paths: TargetPaths;
  /** Looks at the target, and shows that this changed nothing beside the database and left nothing behind. */
  inspected(): Promise<TargetFacts>;
  /** `CODE: message`, or `accepted at VERSION`. */
  verdict(): Promise<string>;
}

export function emptyTarget(): Target {
  const home = emptyHome();
  const [dataDir, tempDir] = [join(home.path, 'data'), join(home.path, 'temp')];
  mkdirSync(dataDir);
  mkdirSync(tempDir);
  const machine = machineAt(home.path, { tempDir });
  const paths: TargetPaths = { dataDir, physicalDataDir: dataDir, database: join(dataDir, 'ao.db') };
  const inspected = async (): Promise<TargetFacts> => {
    const before = fingerprint(dataDir);
    try {
      return await inspectTarget(paths, machine);
    } finally {
      expect(fingerprint(dataDir)).toEqual(before);
      expect(readdirSync(tempDir)).toEqual([]);
    }
  };
  const verdict = async (): Promise<string> => {
    try {
      return `accepted at ${(await inspected()).version}`;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      expect(error.message).toContain(paths.database);
      expect(error.hint).not.toBe('');
      return `${error.code}: ${error.message}`;
    }
  };
  return { home, machine, paths, inspected, verdict };
}
