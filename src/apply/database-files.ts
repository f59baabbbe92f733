import { realpathSync, statSync } from 'node:fs';
import * as v from 'valibot';

const PARTS = ['', '-wal', '-journal'] as const;

/** One file of a database as its folder tells it: bytes, and milliseconds since 1970. The file is never opened. */
export const DatabaseFile = v.object({
  part: v.picklist(PARTS),
  size: v.number(),
  mtimeMs: v.number(),
  ctimeMs: v.number(),
});
export type DatabaseFile = v.InferOutput<typeof DatabaseFile>;

/** Those files of a SQLite database that stand; none where it is gone or cannot be looked at. */
export function databaseFiles(database: string): DatabaseFile[] {
  try {
    // SQLite keeps the -wal beside the file itself, not beside a link to it.
    const real = realpathSync(database);
    return PARTS.flatMap((part) => {
      const found = statSync(real + part, { throwIfNoEntry: false });
      if (found === undefined) return [];
      const { size, mtimeMs, ctimeMs } = found;
      return [{ part, size, mtimeMs, ctimeMs }];
    });
  } catch {
    return [];
  }
}

/** Nobody has written to the database since: the same files, each with its size and both of its times. */
export function isUntouched(database: string, before: readonly DatabaseFile[]): boolean {
  const now = databaseFiles(database);
  return (
    now.length > 0 &&
    now.length === before.length &&
    now.every(({ part, size, mtimeMs, ctimeMs }) =>
      before.some(
        (each) => each.part === part && each.size === size && each.mtimeMs === mtimeMs && each.ctimeMs === ctimeMs,
      ),
    )
  );
}
