import type { Origin, ProjectEntry, RegisteredProject } from '../contracts/legacy';
import { daemonTime } from '../rewrite/time';
import type { Notes, Section, Traced } from './fields';
import { fromEpochSeconds, fromFileTime, parseInstant, RUN_TIME } from './timestamps';

/** What decides the date of a project besides its own entry. */
export interface RegistrationContext {
  readonly registrations: Registrations;
  readonly notes: Notes;
  /** Modification time of the file that names the project, epoch milliseconds. */
  readonly fileMtimeMs: number | null;
  readonly nowMs: number;
}

/** registered.json, then `registeredAt`, then the mtime of the file that names the project, then now (legacy-store.md 2.10). */
export function registrationDate(
  entry: ProjectEntry,
  section: Section | null,
  context: RegistrationContext,
): Traced<string> {
  const { registrations, notes } = context;
  for (const each of registrations.of(entry)) {
    const time = parseInstant(each.addedAt);
    if (time !== null) return { value: daemonTime(time), from: [each.origin], rule: 'date of the portfolio' };
    notes.add('TIMESTAMP_INVALID', 'info', '`addedAt` is not a date', each.origin);
  }
  const tree = section?.map.entries.get('registeredAt');
  if (section !== null && tree !== undefined) {
    const origin: Origin = { file: section.file, keys: [...section.keys, 'registeredAt'], at: tree.at };
    const value = tree.kind === 'scalar' ? tree.value : null;
    const time =
      typeof value === 'number' ? fromEpochSeconds(value) : typeof value === 'string' ? parseInstant(value) : null;
    if (time !== null) {
      if (typeof value === 'string')
        notes.add('TIMESTAMP_INVALID', 'info', '`registeredAt` is a text and was read as a date', origin);
      return { value: daemonTime(time), from: [origin], rule: 'as written' };
    }
    notes.add('TIMESTAMP_INVALID', 'info', '`registeredAt` is not a date', origin);
  }
  const modified = context.fileMtimeMs === null ? null : fromFileTime(context.fileMtimeMs);
  if (modified !== null)
    return { value: daemonTime(modified), from: [], rule: `modification time of ${entry.origin.file}` };
  return { value: daemonTime(context.nowMs), from: [], rule: RUN_TIME };
}

/** An element of portfolio/registered.json is about this project (legacy-store.md 2.12). */
export function isRegistration({ path, configProjectKey }: RegisteredProject, entry: ProjectEntry): boolean {
  return configProjectKey !== null ? configProjectKey === entry.id : samePathText(path, entry);
}

function samePathText(path: string, entry: ProjectEntry): boolean {
  return pathTexts(entry).includes(bare(path));
}

/** The texts under which an element of registered.json may name an entry's folder. */
function pathTexts({ path: { resolved, raw, real } }: ProjectEntry): string[] {
  return [...new Set([resolved, raw, real].flatMap((each) => (each === null ? [] : bare(each))))];
}

function bare(path: string): string {
  const text = path.trim();
  return text.length > 1 ? text.replace(/[\\/]+$/, '') : text;
}

/** portfolio/registered.json by what its elements match: a key comes before a path (legacy-store.md 2.12). */
export class Registrations {
  readonly #byKey = new Map<string, RegisteredProject[]>();
  readonly #byPath = new Map<string, RegisteredProject[]>();

  constructor(registered: readonly RegisteredProject[]) {
    for (const each of registered) {
      const [index, key] =
        each.configProjectKey === null ? [this.#byPath, bare(each.path)] : [this.#byKey, each.configProjectKey];
      const known = index.get(key);
      if (known === undefined) index.set(key, [each]);
      else known.push(each);
    }
  }

  of(entry: ProjectEntry): RegisteredProject[] {
    const paths = pathTexts(entry).flatMap((path) => this.#byPath.get(path) ?? []);
    return [...(this.#byKey.get(entry.id) ?? []), ...new Set(paths)];
  }
}
