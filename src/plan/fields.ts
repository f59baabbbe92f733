import type { Origin, ProjectEntry, Tree, TreeMap } from '../contracts/legacy';
import type { Note, NoteCode, Severity } from '../contracts/notes';

/** A mapping of a file together with the keys that lead to it, so that every value taken from it has an origin. */
export interface Section {
  readonly map: TreeMap;
  readonly file: string;
  readonly keys: readonly (string | number)[];
}

/** A value and where it came from. */
export interface Traced<T> {
  readonly value: T;
  readonly from: readonly Origin[];
  readonly rule: string;
}

export function sectionOf(entry: ProjectEntry): Section | null {
  return entry.fields === null ? null : { map: entry.fields, file: entry.origin.file, keys: entry.origin.keys };
}

/** The mapping below `key`, or null where it is absent or something else. */
export function subsection(section: Section | null, key: string): Section | null {
  const child = section?.map.entries.get(key);
  return section !== null && child?.kind === 'map'
    ? { map: child, file: section.file, keys: [...section.keys, key] }
    : null;
}

export function originOf(section: Section, key: string | number, tree: Tree): Origin {
  return { file: section.file, keys: [...section.keys, key], at: tree.at };
}

/** Collects remarks about one project. */
export class Notes {
  readonly list: Note[] = [];
  readonly #seen = new Set<string>();

  constructor(readonly id: string) {}

  /** One remark, once: several rules may look at the same value. */
  add(code: NoteCode, severity: Severity, message: string, origin?: Origin): void {
    const place = origin?.at === undefined ? '' : `${origin.file}:${origin.at.line}:${origin.at.column}`;
    const key = `${code} ${place} ${message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push({
      code,
      severity,
      id: this.id,
      message,
      ...(origin === undefined ? {} : { file: origin.file, ...origin.at }),
    });
  }
}

/**
 * A text field. Empty text is absent unless `keepEmpty`; another type is absent too, with a note, because one wrongly
 * typed value must not cost the project (R15).
 */
export function textField(
  section: Section | null,
  key: string,
  notes: Notes,
  options: { keepEmpty?: boolean; lossy?: boolean } = {},
): Traced<string> | null {
  const tree = section?.map.entries.get(key);
  if (section === null || tree === undefined) return null;
  const origin = originOf(section, key, tree);
  if (tree.kind === 'scalar' && typeof tree.value === 'string') {
    if (tree.value === '' && options.keepEmpty !== true) return null;
    return { value: tree.value, from: [origin], rule: 'as written' };
  }
  const says = tree.kind !== 'scalar' || tree.value !== null;
  notes.add(
    'PROJECT_FIELD',
    options.lossy === true && says ? 'lossy' : 'info',
    `\`${key}\` is not a text and is treated as absent`,
    origin,
  );
  return null;
}

/** A list of texts; other members are dropped with a note, another type altogether is absent with a note. */
export function textListField(section: Section | null, key: string, notes: Notes): Traced<string[]> | null {
  const tree = section?.map.entries.get(key);
  if (section === null || tree === undefined) return null;
  const origin = originOf(section, key, tree);
  if (tree.kind !== 'list') {
    const says = tree.kind !== 'scalar' || tree.value !== null;
    notes.add('SETTING_DROPPED', says ? 'lossy' : 'info', `\`${key}\` is not a list and is dropped`, origin);
    return null;
  }
  const value: string[] = [];
  const from: Origin[] = [];
  tree.items.forEach((item, index) => {
    const place: Origin = { file: section.file, keys: [...section.keys, key, index], at: item.at };
    if (item.kind === 'scalar' && typeof item.value === 'string') {
      value.push(item.value);
      from.push(place);
    } else {
      notes.add('SETTING_DROPPED', 'lossy', `an entry of \`${key}\` is not a text and is dropped`, place);
    }
  });
  return { value, from, rule: 'as written' };
}
