import type { Disposition, FileLedger, LeafEntry, ProjectLedger, RowField } from '../contracts/ledger';
import type { Origin } from '../contracts/legacy';
import type { Outcome } from '../contracts/plan';
import type { Explained } from './explain-document';
import { hanging, type Row, table } from './layout';
import { notesText } from './notes-text';
import { counted, listed, pathText, type TextContext } from './words';

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  created: 'to add',
  identical: 'already there',
  differs: 'already there, with other values, which are kept',
  conflict: 'in conflict',
  skipped: 'skipped',
  failed: 'failed',
};

/** Values of one file with one and the same reason that are told together without --verbose. */
const TOGETHER = 3;

/** The whole account for a person: for each project its rows, then what became of each old value. Ends in a newline. */
export function explainText(explained: Explained, context: TextContext): string {
  const { ledger, notes, legacyRoot } = explained;
  const { terminal } = context;
  const lines = ledger.projects.flatMap((project) => [...projectText(project, context), '']);
  if (ledger.projects.length === 0) {
    const where = legacyRoot === null ? '' : ` in ${pathText(legacyRoot, context)}`;
    lines.push(...hanging('', `There is no project to explain${where}.`, terminal.width), '');
  }
  if (ledger.machine.length > 0) {
    lines.push(terminal.paint('bold', 'What belongs to no project'));
    lines.push(...ledger.machine.flatMap((file) => fileText('', file, context)), '');
  }
  return `${[...lines, ...notesText(notes, context).slice(1)].join('\n').trimEnd()}\n`;
}

function projectText(project: ProjectLedger, context: TextContext): readonly string[] {
  const { orchestrator } = project;
  const numbers = new Map(project.files.map(({ file }, index) => [file, index + 1]));
  const isSetting = ({ field }: RowField): boolean => field.startsWith('config.');
  const { width } = context.terminal;
  return [
    ...heading('', project.id, project, context),
    ...project.files.flatMap(({ file }) => hanging(`  [${numbers.get(file)}] `, pathText(file, context), width)),
    ...fieldsText(
      'Project',
      project.fields.filter((field) => !isSetting(field)),
      numbers,
      context,
    ),
    ...fieldsText('Settings', project.fields.filter(isSetting), numbers, context),
    ...(orchestrator === null
      ? []
      : [
          ...heading('  ', `Orchestrator ${orchestrator.id}`, orchestrator, context),
          ...fieldsText(null, orchestrator.fields, numbers, context),
        ]),
    ...project.files.flatMap((file) => fileText(`[${numbers.get(file.file)}]`, file, context)),
  ];
}

function heading(
  indent: string,
  name: string,
  { outcome, reason }: { readonly outcome: Outcome; readonly reason: string | null },
  { terminal }: TextContext,
): readonly string[] {
  const why = reason === null ? '' : ` (${terminal.show(reason)})`;
  const lines = hanging(
    indent,
    `${terminal.show(name)}: ${OUTCOMES[outcome]}${why}`,
    terminal.width,
    indent.length + 2,
  );
  return lines.map((line) => terminal.paint('bold', line));
}

function fieldsText(
  title: string | null,
  fields: readonly RowField[],
  numbers: ReadonlyMap<string, number>,
  context: TextContext,
): readonly string[] {
  if (fields.length === 0) return [];
  const { terminal } = context;
  const rows = fields.map((each): Row => {
    const { field, rule, from, target } = each;
    const place = placesText(from, numbers, context);
    const origin = [place, rule === 'as written' && place !== '' ? '' : terminal.show(rule)].filter(
      (part) => part !== '',
    );
    const kept = target === 'differs' ? '; the new app has another value and keeps it' : '';
    const text = `${valueText(each, context)} ${arrow(context, 'from')} ${origin.join(' ')}${kept}`;
    return { label: terminal.show(field.replace(/^(?:session|config)\./, '')), text };
  });
  return [...(title === null ? [] : [terminal.paint('bold', `  ${title}`)]), ...table(rows, terminal.width, 4)];
}

function valueText({ value, length }: RowField, { terminal }: TextContext): string {
  if (value === null) return `(${counted(length, 'character')}, not shown)`;
  return value === '' ? '(empty)' : terminal.show(value);
}

/** Numbers of files with lines, a file named once. */
function placesText(from: readonly Origin[], numbers: ReadonlyMap<string, number>, context: TextContext): string {
  const files = [...new Set(from.map(({ file }) => file))];
  const named = files.map((file) => {
    const lines = from.flatMap((origin) => (origin.file === file && origin.at !== undefined ? [origin.at.line] : []));
    const number = numbers.get(file);
    const name = number === undefined ? pathText(file, context) : `[${number}]`;
    return lines.length === 0 ? name : `${name}:${[...new Set(lines)].join(',')}`;
  });
  return listed(named);
}

function fileText(lead: string, { file, leaves }: FileLedger, context: TextContext): readonly string[] {
  const { terminal, verbose } = context;
  const groups = new Map<string, LeafEntry[]>();
  for (const leaf of leaves) {
    const key = verbose ? '' : (reasonOf(leaf.disposition) ?? '');
    groups.set(key, [...(groups.get(key) ?? []), leaf]);
  }
  const together = new Map([...groups].filter(([key, members]) => key !== '' && members.length >= TOGETHER));
  const told = new Set<string>();
  const tellable = leaves.filter(({ disposition }) => disposition.kind !== 'secret').length;
  const rows = leaves.flatMap((leaf): Row[] => {
    const key = reasonOf(leaf.disposition) ?? '';
    const members = together.get(key);
    if (members === undefined) return [{ label: leafName(leaf, context), text: leafText(leaf, context) }];
    if (told.has(key)) return [];
    told.add(key);
    const names = members.length === tellable ? '' : ` (${members.map((each) => leafName(each, context)).join(', ')})`;
    return [{ label: counted(members.length, 'value'), text: `${becameText(leaf.disposition, context)}${names}` }];
  });
  const title = hanging(lead === '' ? '  ' : `  ${lead} `, pathText(file, context), terminal.width);
  return [...title.map((line) => terminal.paint('bold', line)), ...table(rows, terminal.width, 4, 2, 30)];
}

/** What several values of a file may have in common: they went nowhere for one reason, and are no loss. */
function reasonOf(disposition: Disposition): string | null {
  if (disposition.kind !== 'ignored' && disposition.kind !== 'derived') return null;
  return disposition.kind === 'ignored' && disposition.lossy ? null : `${disposition.kind} ${disposition.why}`;
}

function leafName({ keys, at }: LeafEntry, { terminal }: TextContext): string {
  const name = keys[0] === 'projects' && keys.length > 2 ? keys.slice(2) : keys;
  return `${name.length === 0 ? 'text' : terminal.show(name.join('.'))}:${at.line}`;
}

function leafText({ value, disposition }: LeafEntry, context: TextContext): string {
  const isArrow = disposition.kind === 'carried' || disposition.kind === 'mapped';
  const shown = value === null || value === '' ? '' : `${context.terminal.show(value)}${isArrow ? ' ' : ', '}`;
  return `${shown}${becameText(disposition, context)}`;
}

function becameText(disposition: Disposition, context: TextContext): string {
  const { show } = context.terminal;
  const to = arrow(context, 'to');
  switch (disposition.kind) {
    case 'carried':
      return `${to} ${listed(disposition.to)}`;
    case 'mapped': {
      const fields = disposition.to.map(({ field, value }) => `${field}: ${value === '' ? '(empty)' : show(value)}`);
      return `${to} ${fields.join('; ')}${disposition.lossy ? ' [lossy]' : ''}`;
    }
    case 'derived':
      return `used: ${disposition.why}`;
    case 'ignored': {
      const remedy = disposition.remedy === null ? '' : ` ${to} ${disposition.remedy}`;
      return `${disposition.lossy ? 'lost' : 'ignored'}: ${show(disposition.why)}${remedy}`;
    }
    case 'secret': {
      const what = `(${counted(disposition.length, 'character')}, not shown)`;
      const change = disposition.lossy ? ' [lossy]' : '';
      if (disposition.to.length > 0) return `${what} ${to} ${show(listed(disposition.to))}${change}`;
      const remedy = disposition.remedy === null ? '' : ` ${to} ${disposition.remedy}`;
      return `${what} ${disposition.lossy ? 'lost' : 'ignored'}: ${show(disposition.why ?? '')}${remedy}`;
    }
  }
}

function arrow({ terminal }: TextContext, direction: 'to' | 'from'): string {
  if (direction === 'to') return terminal.unicode ? '→' : '->';
  return terminal.unicode ? '←' : '<-';
}
