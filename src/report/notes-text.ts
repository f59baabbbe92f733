import { NOTE_CODES, type Note, type NoteCode, type Severity } from '../contracts/notes';
import { hanging } from './layout';
import { counted, listed, pathText, sentenceText, type TextContext } from './words';

const GROUPS: readonly (readonly [Severity, heading: string])[] = [
  ['lossy', 'Settings that are lost or change'],
  ['warn', 'Please look at'],
  ['info', 'Good to know'],
];

/** Names that stand in front of one remark without --verbose; the others are counted. */
const NAMED = 4;

/**
 * Notes in groups, what is lost first; those with one code stand together, with what to do about them once, and what is
 * said of several things alike is said once. Lines of text without newline; empty if there are no notes.
 */
export function notesText(notes: readonly Note[], context: TextContext): readonly string[] {
  const { width, paint } = context.terminal;
  const lines = GROUPS.flatMap(([severity, heading]) => {
    const members = notes.filter((note) => note.severity === severity);
    if (members.length === 0) return [];
    const codes = [...new Set(members.map((note) => note.code))];
    const told = codes.flatMap((code) =>
      codeText(
        code,
        members.filter((note) => note.code === code),
        context,
      ),
    );
    const title = hanging('', `${heading} (${members.length})`, width).map((line) => paint('bold', line));
    return ['', ...title, ...told];
  });
  const isShortened = !context.verbose && notes.some((note) => isSummed(note, notes));
  return isShortened
    ? [...lines, '', ...hanging('', 'More of each with --verbose.', width).map((line) => paint('dim', line))]
    : lines;
}

function codeText(code: NoteCode, members: readonly Note[], context: TextContext): readonly string[] {
  const { terminal, verbose } = context;
  const [meaning, remedy] = NOTE_CODES[code];
  const first = members[0];
  const told =
    !verbose && first !== undefined && isSummed(first, members)
      ? [`${named(members, context)}${meaning}`]
      : alike(members, context).map((same) => sameText(same, context));
  const lines = told.flatMap((text) => hanging('  ', text, terminal.width, 4));
  const arrow = terminal.unicode ? '→' : '->';
  const advice = /^Nothing\b/.test(remedy) ? `[${code}]` : `${arrow} ${remedy} [${code}]`;
  return [...lines, ...hanging('    ', advice, terminal.width, 6).map((line) => terminal.paint('dim', line))];
}

/** What only explains is summed up where it is said of several things; what is lost or wrong is told one by one. */
function isSummed({ code, severity }: Note, notes: readonly Note[]): boolean {
  return severity === 'info' && notes.filter((note) => note.severity === 'info' && note.code === code).length > 1;
}

/** Notes in groups of one and the same sentence; with --verbose each by itself. */
function alike(members: readonly Note[], { verbose }: TextContext): readonly (readonly Note[])[] {
  const groups = new Map<string, Note[]>();
  members.forEach((note, index) => {
    const key = verbose ? String(index) : note.message;
    groups.set(key, [...(groups.get(key) ?? []), note]);
  });
  return [...groups.values()];
}

function sameText(same: readonly Note[], context: TextContext): string {
  const [first] = same;
  if (first === undefined) return '';
  const { message, file, line, column } = first;
  const at = [line, column].filter((part) => part !== undefined).map((part) => `:${part}`);
  const place = file === undefined || same.length > 1 ? '' : ` (${pathText(file, context)}${at.join('')})`;
  return named(same, context) + sentenceText(message, context) + place;
}

/** `a, b and c: `, or nothing where the notes are about no one thing. */
function named(members: readonly Note[], { terminal, verbose }: TextContext): string {
  const ids = [...new Set(members.flatMap(({ id }) => (id === undefined ? [] : [terminal.show(id)])))];
  if (ids.length === 0) return members.length > 1 ? `${counted(members.length, 'time')}: ` : '';
  const more = verbose || ids.length <= NAMED + 1 ? 0 : ids.length - NAMED;
  return `${listed(more === 0 ? ids : [...ids.slice(0, NAMED), `${more} more`])}: `;
}
