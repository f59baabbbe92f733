import { realpathSync } from 'node:fs';
import type { HarnessId } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import type { LegacyLocation } from '../legacy/locate';
import { listTmuxSessions } from '../legacy/tmux';
import { isAlive } from '../rewrite/daemon';
import { managedRoots, type TargetPaths } from '../rewrite/paths';
import { askVersion } from '../sessions/agents';
import { commandRunner } from '../sessions/agents-command';
import { claudeHarness } from '../sessions/claude';
import type { TranscriptMemory } from '../sessions/claude-transcript';
import { codexHarness } from '../sessions/codex';
import type { Harness } from '../sessions/harness';
import { liveness, type TmuxSession } from '../sessions/liveness';
import { opencodeHarness } from '../sessions/opencode';
import { OpencodeDatabases } from '../sessions/opencode-store';
import { PhysicalPaths } from '../sessions/physical';
import { sessionRoots } from '../sessions/roots';

export interface HarnessSettings {
  /** `[0-9a-f]+`: makes temporary names of this run unlike those of any other. */
  readonly tag: string;
  readonly stripRoleSnapshot: boolean;
  /** See `HarnessOptions`. */
  readonly countsCopies?: boolean;
  /** Shared by the looks of one run. */
  readonly transcripts?: TranscriptMemory;
}

/** The three agents, looking at the disk as it is from now on: they remember what they have listed. */
export function harnessesFor(
  machine: Machine,
  location: LegacyLocation,
  target: TargetPaths,
  settings: HarnessSettings,
): Readonly<Record<HarnessId, Harness>> {
  const roots = sessionRoots(machine, { root: location.root ?? '', foreign: location.foreign });
  const paths = new PhysicalPaths();
  const alive = liveness({
    paths,
    platform: machine.platform,
    pid: machine.pid,
    procRoot: '/proc',
    isAlive,
    tmuxSessions: async () => outside(await listTmuxSessions(machine), managedRoots(target)),
  });
  const run = commandRunner(machine.platform);
  const countsCopies = settings.countsCopies === true;
  const common = { platform: machine.platform, tag: settings.tag, liveness: alive };
  return {
    'claude-code': claudeHarness({
      ...common,
      paths,
      env: machine.env,
      roots: roots.claude,
      options: { stripRoleSnapshot: settings.stripRoleSnapshot, countsCopies },
      ...(settings.transcripts === undefined ? {} : { transcripts: settings.transcripts }),
    }),
    codex: codexHarness({ ...common, roots: roots.codex, countsCopies }),
    opencode: opencodeHarness({
      ...common,
      machine,
      roots: roots.opencode,
      run,
      databases: new OpencodeDatabases(machine),
      installed: () => askVersion(machine, 'opencode', run),
    }),
  };
}

function outside(sessions: readonly TmuxSession[], roots: readonly string[]): TmuxSession[] {
  return sessions.filter(({ path }) => {
    const spellings = [path, realOr(path)];
    return !roots.some((root) => spellings.some((each) => each === root || each.startsWith(`${root}/`)));
  });
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
