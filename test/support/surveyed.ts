import type { ConversationRequest, HarnessId } from '../../src/contracts/facts';
import type { Ledger } from '../../src/contracts/ledger';
import type { Machine } from '../../src/contracts/machine';
import { leafReader } from '../../src/legacy/leaf-reader';
import { locateLegacy } from '../../src/legacy/locate';
import { ledgerOf } from '../../src/plan/ledger';
import { absentTarget } from '../../src/rewrite/inspect';
import { targetPaths } from '../../src/rewrite/paths';
import type { Harness } from '../../src/sessions/harness';
import { type Survey, type SurveyOptions, type SurveyTools, survey } from '../../src/survey/survey';
import { machineAt } from './home';

/** Harnesses that find every conversation whose id is stored, and no other; they write nothing. */
export function storedHarnesses(): SurveyTools['harnesses'] {
  const harness = (id: HarnessId): Harness => ({
    id,
    find: async ({ storedId }: ConversationRequest) =>
      storedId === null
        ? { state: 'missing', reason: 'the record names none', notes: [] }
        : {
            state: 'found',
            resumeId: id === 'claude-code' ? storedId : `new-${storedId}`,
            sourceId: storedId,
            how: 'stored',
            files: [],
            size: 1,
            messages: 1,
            destination: 'absent',
            notes: [],
          },
    stage: () => Promise.reject(new Error('a survey stages nothing')),
    place: () => Promise.reject(new Error('a survey places nothing')),
    discard: () => Promise.reject(new Error('a survey discards nothing')),
    verify: () => Promise.reject(new Error('a survey verifies nothing')),
  });
  return { 'claude-code': harness('claude-code'), codex: harness('codex'), opencode: harness('opencode') };
}

export function surveyTools(machine: Machine): SurveyTools {
  return { machine, harnesses: storedHarnesses(), read: { keepRaw: true, pause: () => undefined } };
}

/** A survey of the store of a home, into a new database, and the account of its values. */
export async function surveyed(
  home: string,
  options: Partial<SurveyOptions & { from: string; config: string; cwd: string }> = {},
): Promise<{ survey: Survey; ledger: Ledger }> {
  const machine = machineAt(home, options.cwd === undefined ? {} : { cwd: options.cwd });
  const location = locateLegacy(machine, { from: options.from ?? null, config: options.config ?? null });
  const paths = targetPaths(machine, { dataDir: null, legacyRoots: [] });
  const chosen = { projects: [], exclude: [], onlyLive: false, resume: 'auto' as const, ...options };
  const result = await survey(location, { paths, ask: () => absentTarget(paths) }, chosen, surveyTools(machine));
  return { survey: result, ledger: ledgerOf({ ...result, leaves: leafReader(result.store) }) };
}
