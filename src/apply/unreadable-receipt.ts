/** A receipt that this build cannot read or understand, of a run that may be one of the data directory asked about. */
export interface UnreadableReceipt {
  readonly runId: string;
  readonly file: string;
  /** What is wrong with it, in words that go on after its name. */
  readonly reason: string;
  /** A version of the tool that comes after this one has written it. */
  readonly isNewer: boolean;
}

/**
 * Says what an unreadable receipt is to the runs of one data directory; null where its own text names another directory.
 *
 * @param text what stands in the file; empty where that is not known
 */
export function unreadableReceipt(
  file: string,
  runId: string,
  text: string,
  physicalDataDir: string,
): UnreadableReceipt | null {
  const { physicalDataDir: whose, formatVersion } = membersOf(text);
  if (typeof whose === 'string' && whose !== physicalDataDir) return null;
  const isNewer = typeof formatVersion === 'number' && formatVersion > 1;
  const what = isNewer ? 'was written by a newer version of ao-migrate' : 'cannot be read';
  const doubt = typeof whose === 'string' ? '' : '; it may be of another data directory, which nothing in it tells';
  return { runId, file, isNewer, reason: `${what}${doubt}` };
}

function membersOf(text: string): { readonly physicalDataDir?: unknown; readonly formatVersion?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** What a person can do about it; words without an end, because another run can be named as well. */
export function remedyOf({ isNewer }: UnreadableReceipt): string {
  return isNewer ? 'Use that version of ao-migrate' : 'Restore that file from a backup of your own';
}

/** For a note. */
export function unreadableText({ runId, reason }: UnreadableReceipt): string {
  return `the receipt of the run ${runId} ${reason}; what that run did is not in this answer`;
}

/** For a refusal or a check: a whole sentence with the file in it. */
export function unreadableSentence({ runId, file, reason }: UnreadableReceipt): string {
  return `The receipt of the run ${runId}, ${file}, ${reason}.`;
}
