import { sha256Hex } from '../sessions/sha256';

/** One goose-format file: a step of the schema from `version - 1` to `version`. */
export interface Migration {
  readonly version: number;
  /** File name without folder, for example `0003_session_display_name.sql`. */
  readonly name: string;
  readonly sql: string;
  /** Of the file's bytes, lower-case hex. */
  readonly sha256: string;
}

/** A migration file is invalid, or cannot be applied to this database. `line` is 1-based; null where the whole file is meant. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  constructor(
    readonly file: string,
    readonly line: number | null,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(line === null ? `${file}: ${problem}` : `${file}:${line}: ${problem}`, options);
  }
}

/** A migration from its file name and text. Throws `MigrationError` where goose would refuse the name (schema-v12.md 1.1). */
export function migrationFile(name: string, sql: string): Migration {
  let sha256: string | undefined;
  return {
    version: versionOf(name),
    name,
    sql,
    // Only `schema` and the support report ask for it; a migration does not pay for it.
    get sha256() {
      sha256 ??= sha256Hex(sql);
      return sha256;
    },
  };
}

/** The digits before the first underscore. */
function versionOf(name: string): number {
  if (!name.endsWith('.sql')) throw new MigrationError(name, null, 'the name of a migration ends in .sql');
  const underscore = name.indexOf('_');
  if (underscore < 0) throw new MigrationError(name, null, 'no underscore after the version number');
  const digits = name.slice(0, underscore);
  const version = Number(digits);
  if (!/^[0-9]+$/.test(digits) || !Number.isSafeInteger(version)) {
    throw new MigrationError(name, null, `"${digits}" is not a version number`);
  }
  if (version < 1) throw new MigrationError(name, null, 'the version must be 1 or more');
  return version;
}
