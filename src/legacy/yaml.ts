import { readPlain } from './plain-yaml';
import type { ParsedTree } from './tree';

/**
 * Reads YAML as the legacy tool does (legacy-store.md 2.1): YAML 1.2 core, duplicate keys are an error, `<<` is an
 * ordinary key, BOM and CRLF are accepted. Only the first document is converted; errors of later ones do not count.
 *
 * @throws TreeError for a syntax error, a cyclic alias or an alias bomb.
 */
export function parseTree(text: string): ParsedTree {
  const plainly = readPlain(text);
  if (plainly !== null) return { tree: plainly, documents: 1 };
  // The library costs milliseconds to load, and most stores never need it.
  const { parseFully }: typeof import('./full-yaml') = require('./full-yaml');
  return parseFully(text);
}
