import type { Machine } from '../contracts/machine';
import type { LegacyLocation } from '../legacy/locate';
import { type HarnessSettings, harnessesFor } from '../migrate/services';
import { inspectTarget } from '../rewrite/inspect';
import type { TargetPaths } from '../rewrite/paths';
import { type Survey, type SurveyTools, survey } from '../survey/survey';

/** Nothing is staged by a command that only looks, so its temporary names need not be its own. */
const LOOKING: HarnessSettings = { tag: '0', stripRoleSnapshot: false };

/** The agents of this machine for commands that write nothing. */
export function lookingHarnesses(
  machine: Machine,
): (location: LegacyLocation, target: TargetPaths) => SurveyTools['harnesses'] {
  return (location, target) => harnessesFor(machine, location, target, LOOKING);
}

/** A look at everything, without filters. */
export async function lookAt(machine: Machine, location: LegacyLocation, target: TargetPaths): Promise<Survey> {
  const tools = {
    machine,
    harnesses: lookingHarnesses(machine)(location, target),
    read: { keepRaw: false, pause: Bun.sleepSync },
  };
  const options = { projects: [], exclude: [], onlyLive: false, resume: 'auto' as const };
  return survey(location, { paths: target, ask: () => inspectTarget(target, machine) }, options, tools);
}
