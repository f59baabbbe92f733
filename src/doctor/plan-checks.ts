import { bytesToCopy } from '../apply/conversations';
import { NOTE_CODES, type Note, type NoteCode, type Severity } from '../contracts/notes';
import { type Plan, yieldsNothing } from '../contracts/plan';
import { counted, listed, sizeText } from '../report/words';
import { type Check, passed, warned } from './check';

/** Ids that are named in one line; the rest is counted. */
const NAMED = 3;

/** What a migration would do now, and what of it deserves a look. */
export function planChecks(plan: Plan): Check[] {
  return [whatWouldHappen(plan), ...noteChecks(plan.notes, 'lossy'), ...noteChecks(plan.notes, 'warn')];
}

function whatWouldHappen(plan: Plan): Check {
  const named = { id: 'plan', title: 'A migration' } as const;
  const of = (items: readonly { readonly outcome: string }[], ...outcomes: string[]): number =>
    items.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const { projects, orchestrators } = plan;
  if (projects.length === 0) return passed(named, 'There is no project to migrate.');
  if (yieldsNothing(plan))
    return passed(named, `Nothing can be migrated: ${counted(projects.length, 'project')}, all unusable.`);
  const created = [of(projects, 'created'), of(orchestrators, 'created')] as const;
  const left = of(projects, 'skipped', 'conflict', 'failed') + of(orchestrators, 'skipped', 'conflict', 'failed');
  const rest = left === 0 ? '' : `; ${left} cannot be added`;
  if (created[0] + created[1] === 0) return passed(named, `Everything that can be is there already${rest}.`);
  const bytes = bytesToCopy(plan);
  const copied = bytes === 0 ? '' : `, ${sizeText(bytes)} of conversations`;
  return passed(
    named,
    `would add ${counted(created[0], 'project')} and ${counted(created[1], 'orchestrator')}${copied}${rest}.`,
  );
}

/** One line for each kind of remark, with what to do about it. */
function noteChecks(notes: readonly Note[], severity: Severity): Check[] {
  const members = notes.filter((note) => note.severity === severity);
  return [...new Set(members.map(({ code }) => code))].map((code) => noteCheck(code, members));
}

function noteCheck(code: NoteCode, members: readonly Note[]): Check {
  const [meaning, remedy] = NOTE_CODES[code];
  const all = members.filter((note) => note.code === code);
  const ids = [...new Set(all.flatMap(({ id }) => (id === undefined ? [] : [id])))];
  const more = ids.length - NAMED;
  const who = listed(more > 0 ? [...ids.slice(0, NAMED), `${more} more`] : ids);
  const next = /^Nothing\b/.test(remedy) ? 'Nothing need be done; `ao-migrate --dry-run` tells the details.' : remedy;
  return warned({ id: 'plan', title: 'A migration' }, who === '' ? meaning : `${who}: ${meaning}`, next, code);
}
