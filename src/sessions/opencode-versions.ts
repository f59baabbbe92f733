import type { DiffShape } from './opencode-reid';

/**
 * What is known of OpenCode's releases, from runs of the real ones (harness-sessions.md 3). Run here, with a store of
 * every other and both forms of export: 1.0.98, 1.1.65, 1.2.27, 1.3.2, 1.14.34, 1.14.41, 1.15.0, 1.15.3, 1.15.4, 1.15.13,
 * 1.17.0, 1.17.11 and 1.18.33. A release between two that behave differently counts as the one that needs more care.
 */

/** `[major, minor, patch]`. */
export type Version = readonly [number, number, number];

/** The first dotted triple of a text; null if there is none. */
export function parseVersion(text: string): Version | null {
  const match = /(?<![0-9.])(\d{1,6})\.(\d{1,6})\.(\d{1,9})/.exec(text);
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** Negative if `a` is the older one. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Where a conversation is kept: JSON files, a database that Drizzle versioned (1.2 to 1.15), or one made from 1.17 on. */
export type StoreKind = 'json' | 'drizzle' | 'native';

/** The oldest that was run. */
const FIRST_RUN: Version = [1, 0, 98];
const SQLITE: Version = [1, 2, 0];
/** Older releases fail on a database that Drizzle has never versioned. */
const FIRST_NATIVE: Version = [1, 17, 0];
const LAST_BEFORE_AFTER: Version = [1, 3, 2];
const FIRST_PATCH: Version = [1, 14, 34];
const FIRST_EITHER: Version = [1, 15, 0];
const FIRST_SKIP_FLAG: Version = [1, 18, 0];

/**
 * Whether this release keeps conversations as JSON files below the project of the folder in which it runs. Seen with
 * 1.0.98 and 1.1.65: what is imported outside of the repository lands where a resume inside of it never looks.
 */
export function keepsFiles(version: Version): boolean {
  return compareVersions(version, SQLITE) < 0;
}

/** Why this release can do nothing with a conversation in such a store, or null. JSON files need no release that reads them. */
export function storeProblem(version: Version, store: StoreKind): string | null {
  if (compareVersions(version, FIRST_RUN) < 0) return 'no release before 1.0.98 was ever tried';
  if (store !== 'json' && keepsFiles(version)) {
    return 'the conversations are in a database, which releases before 1.2 do not know';
  }
  if (store === 'native' && compareVersions(version, FIRST_NATIVE) < 0) {
    return 'the conversations were written by a release from 1.17 on, and older ones cannot open them';
  }
  return null;
}

/**
 * Tells whether `summary.diffs` must be written empty for this release: one that finds items of another form stops in
 * the middle of an import and leaves a session without messages (harness-sessions.md 3.3).
 */
export function emptiesDiffs(version: Version, diffs: DiffShape): boolean {
  if (diffs === 'none' || compareVersions(version, FIRST_EITHER) >= 0) return false;
  if (compareVersions(version, FIRST_PATCH) >= 0) return diffs !== 'patch';
  // Which of the two a release between 1.3.2 and 1.14.34 takes is not known.
  return compareVersions(version, LAST_BEFORE_AFTER) > 0 || diffs !== 'before-after';
}

/** Why a resume of what we placed fails on this release, or null. */
export function opencodeResumeProblem(version: Version): string | null {
  if (compareVersions(version, FIRST_SKIP_FLAG) < 0) {
    return 'it ends at once where the permission mode is bypass-permissions, because it does not know the flag --dangerously-skip-permissions; releases from 1.18 on do';
  }
  return null;
}
