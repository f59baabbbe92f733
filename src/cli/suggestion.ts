/** Something that a mistyped word may have meant. */
export interface Candidate {
  /** What the word is compared with. */
  readonly word: string;
  /** How it is written on the command line. */
  readonly shown: string;
}

const LONGEST = 40;

/** Typing aids turn `--` into a dash, and people write `dryRun`: neither counts as a difference. */
function normalized(text: string): string {
  return text
    .replace(/^[\p{Pd}\u2212]+/u, '')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase();
}

/** Insertions, deletions, changes and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/**
 * The candidate that `text` most likely meant, or null. Near means at most a third of the candidate's letters wrong;
 * a beginning of two letters or more counts too. Of equally near ones the first wins.
 */
export function closest(text: string, candidates: readonly Candidate[]): Candidate | null {
  const word = normalized(text);
  if (word.length < 2 || word.length > LONGEST) return null;
  let best: { candidate: Candidate; distance: number } | null = null;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate.word);
    if (distance > Math.max(1, Math.floor(candidate.word.length / 3))) continue;
    if (best === null || distance < best.distance) best = { candidate, distance };
  }
  return best?.candidate ?? candidates.find((candidate) => candidate.word.startsWith(word)) ?? null;
}
