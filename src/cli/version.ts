/** Set by `--define` when an executable is built (scripts/build.ts); not there when run from source. */
declare const AO_MIGRATE_VERSION: string;
declare const AO_MIGRATE_COMMIT: string;

export const VERSION: string = typeof AO_MIGRATE_VERSION === 'string' ? AO_MIGRATE_VERSION : '0.0.0-source';

/** Full commit of the source, with `-dirty` behind it where the tree held other changes; null if unknown. */
export const SOURCE_COMMIT: string | null =
  typeof AO_MIGRATE_COMMIT === 'string' && AO_MIGRATE_COMMIT !== '' ? AO_MIGRATE_COMMIT : null;
