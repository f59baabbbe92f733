import { createConsola } from 'consola/core';
import { printable } from './printable';
import type { Output } from './writer';

/** What `--verbose` adds on standard error, one line per message. */
export interface Log {
  /** @param area the part that speaks, such as `read` or `apply` */
  debug(area: string, message: string): void;
}

/** The log of a run without `--verbose`. */
export const SILENT: Log = { debug: () => undefined };

const DEBUG_LEVEL = 4;

/**
 * The `--verbose` log. consola brings levels and tags; its own reporters are not used, because a line may only reach
 * stderr through its one writer. An instance per message keeps consola from swallowing repeated lines.
 */
export function verboseLog(stderr: Output): Log {
  const consola = createConsola({
    level: DEBUG_LEVEL,
    reporters: [
      { log: ({ tag, args }) => void stderr.write(`${printable(tag)}: ${printable(args.map(String).join(' '))}\n`) },
    ],
  });
  return { debug: (area, message) => consola.withTag(area).debug(message) };
}
