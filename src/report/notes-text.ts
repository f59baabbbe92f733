import { NOTE_CODES, type Note, type NoteCode, type Severity } from '../contracts/notes';
import { hanging } from './layout';
import { pathText, type TextContext } from './words';

const GROUPS: readonly (readonly [Severity, heading: string])[] = [
  ['lossy', 'Settings that are lost or change'],
  ['warn', 'Please look at'],
  ['info', 'Good to know'],
];

/** Remarks of one kind that are shown without --verbose, where they only explain. */
const SHOWN = 5;

/**
 * Notes in groups, what is lost first; those with one code stand together, with what to do about them once. Lines of
 * text without newline; empty if there are no notes.
 */
export function notesText(notes: readonly Note[], context: TextContext): readonly string[] {
  return GROUPS.flatMap(([severity, heading]) => {
    const members = notes.filter((note) => note.severity === severity);
    if (members.length === 0) return [];
    const codes = [...new Set(members.map((note) => note.code))];
    const lines = codes.flatMap((code) => codeText(code, members, context));
    const { width, paint } = context.terminal;
    const title = hanging('', `${heading} (${members.length})`, width).map((line) => paint('bold', line));
    return ['', ...title, ...lines];
  });
}

function codeText(code: NoteCode, members: readonly Note[], context: TextContext): readonly string[] {
  const { terminal, verbose } = context;
  const all = members.filter((note) => note.code === code);
  const limit = verbose || all[0]?.severity !== 'info' ? all.length : SHOWN;
  const lines = all.slice(0, limit).flatMap((note) => hanging('  ', noteText(note, context), terminal.width, 4));
  const hidden = all.length - limit;
  if (hidden > 0) lines.push(...hanging('  ', `and ${hidden} more like this; --verbose shows them`, terminal.width, 4));
  const [, remedy] = NOTE_CODES[code];
  const arrow = terminal.unicode ? '→' : '->';
  const advice = /^Nothing\b/.test(remedy) ? `[${code}]` : `${arrow} ${remedy} [${code}]`;
  return [...lines, ...hanging('    ', advice, terminal.width, 6).map((line) => terminal.paint('dim', line))];
}

function noteText({ id, message, file, line, column }: Note, context: TextContext): string {
  const { show } = context.terminal;
  const about = id === undefined ? '' : `${show(id)}: `;
  const at = [line, column].filter((part) => part !== undefined).map((part) => `:${part}`);
  const place = file === undefined ? '' : ` (${pathText(file, context)}${at.join('')})`;
  return about + show(message) + place;
}
