/** Characters that a session prefix may hold in both worlds. */
const FOREIGN = /[^A-Za-z0-9_-]/g;

/** The prefix that the legacy tool derives from a folder's name (legacy-store.md 2.9); may still hold foreign characters. */
export function derivePrefix(name: string): string {
  if (name.length <= 4) return name.toLowerCase();
  const capitals = name.replace(/[^A-Z]/g, '');
  if (capitals.length >= 2) return capitals.toLowerCase();
  const separator = name.includes('-') ? '-' : name.includes('_') ? '_' : null;
  if (separator !== null) {
    return name
      .split(separator)
      .map((part) => part.slice(0, 1))
      .join('')
      .toLowerCase();
  }
  return name.slice(0, 3).toLowerCase();
}

export interface Prefix {
  readonly value: string;
  /** The given value, the folder's name, or the id where neither left a usable character. */
  readonly from: 'given' | 'derived' | 'id';
  /** Characters were lost on the way. */
  readonly changed: boolean;
}

/**
 * The effective prefix (legacy-store.md 2.6, migration.md 5): the given text or one derived from the folder's name,
 * without the characters that the rewrite does not take; if nothing is left, the first 12 characters of the id alike.
 */
export function effectivePrefix(given: string | null, folderName: string, id: string): Prefix {
  const wanted = given !== null && given !== '' ? given : derivePrefix(folderName);
  const value = wanted.replace(FOREIGN, '');
  if (value !== '')
    return { value, from: given !== null && given !== '' ? 'given' : 'derived', changed: value !== wanted };
  return { value: id.slice(0, 12).replace(FOREIGN, ''), from: 'id', changed: true };
}
