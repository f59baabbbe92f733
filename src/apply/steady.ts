import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal, type RefusalCode, UsageError } from '../contracts/refusals';

/** So many looks; what the last one gives counts, also where the runs of others go on and on. */
const LOOKS = 3;

/** Refusals that the database of a run that goes on can be the cause of. */
const OF_DATABASE: ReadonlySet<RefusalCode> = new Set<RefusalCode>(['DB_LOCKED', 'DB_CORRUPT', 'SCHEMA_UNKNOWN']);

/**
 * A look without the lock, as of one moment: if another run has begun or ended meanwhile, half of what was seen, or the error
 * that came of it, is of the time before it, so all is looked at again.
 *
 * @param migrations where every run has its lock, its journal and its receipt; null where no home is known
 * @param look may be called several times, so it changes nothing and keeps nothing
 * @param refuseAtWork throws RUN_IN_PROGRESS if a run goes on now, which then is why the look failed
 */
export async function steadily<T>(
  migrations: string | null,
  look: () => T | Promise<T>,
  refuseAtWork: () => void | Promise<void>,
): Promise<T> {
  for (let left = LOOKS - 1; ; left -= 1) {
    const before = marksOf(migrations);
    const isLast = (): boolean => left === 0 || marksOf(migrations) === before;
    try {
      const seen = await look();
      if (isLast()) return seen;
    } catch (error) {
      if (!isLast()) continue;
      if (migrations !== null && mayComeOfRun(error)) await refuseAtWork();
      throw error;
    }
  }
}

function mayComeOfRun(error: unknown): boolean {
  return error instanceof Refusal ? OF_DATABASE.has(error.code) : !(error instanceof UsageError);
}

/** What no run leaves as it was: the folder itself, and the files in it. */
function marksOf(migrations: string | null): string {
  if (migrations === null) return '';
  const mark = (path: string): string => {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
  };
  try {
    const names = readdirSync(migrations).sort();
    return [mark(migrations), ...names.map((name) => `${name} ${mark(join(migrations, name))}`)].join('\n');
  } catch {
    // It is not there, or what it holds cannot be seen: no look is steadier for it.
    return 'none';
  }
}
