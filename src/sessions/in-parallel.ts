/**
 * Runs `work` for every item, at most `width` at a time, starting in order. The first error stops new starts and is
 * thrown, but only once nothing is under way any more: whoever cleans up after it must not be overtaken.
 */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    while (failures.length === 0 && next < items.length) {
      const item = items[next++];
      if (item === undefined) continue;
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}

/** Lets everything run that waits, a signal among it. */
export function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** Runs what it is given one after the other, whatever becomes of each. */
export function oneAfterTheOther(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}
