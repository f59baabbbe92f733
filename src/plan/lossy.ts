import type { Note } from '../contracts/notes';
import type { Plan } from '../contracts/plan';
import { Refusal } from '../contracts/refusals';

/** Settings that are named in full; a list of thousands helps nobody. */
const NAMED = 20;

/**
 * What of the old settings this plan would lose or degrade (migration.md 5, last bullet): lossy notes about projects that it
 * inserts. An existing row is never changed, so nothing of it can be lost any more.
 */
export function lossyNotes(plan: Plan): readonly Note[] {
  const inserted = new Set(plan.projects.filter(({ outcome }) => outcome === 'created').map(({ id }) => id));
  return plan.notes.filter(({ severity, id }) => severity === 'lossy' && id !== undefined && inserted.has(id));
}

/** The refusal of `--strict`, or null where nothing would be lost. Names settings and places, never a secret. */
export function lossyRefusal(plan: Plan): Refusal | null {
  const notes = lossyNotes(plan);
  if (notes.length === 0) return null;
  const named = notes.slice(0, NAMED).map(({ id, message, file, line }) => {
    const place = file === undefined ? '' : ` (${file}${line === undefined ? '' : `:${line}`})`;
    return `${id}: ${message}${place}`;
  });
  const more = notes.length > NAMED ? `; and ${notes.length - NAMED} more` : '';
  const count = notes.length === 1 ? 'One setting' : `${notes.length} settings`;
  return new Refusal('LOSSY', `${count} would be lost or changed: ${named.join('; ')}${more}.`);
}
