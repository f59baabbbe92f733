import type { Item } from '../contracts/outcome';
import type { Outcome, Plan, PlannedOrchestrator, PlannedProject } from '../contracts/plan';
import { hanging, type Row, table } from './layout';
import type { Style } from './terminal';
import { agentName, counted, listed, pathText, sentenceText, sizeText, type TextContext } from './words';

/** The plan speaks of what is to come, the result of what was done; everything else in them is told alike. */
export type Tense = 'plan' | 'result';

interface Sign {
  readonly unicode: string;
  readonly ascii: string;
  readonly style: Style;
}

const SIGNS: Readonly<Record<Outcome, Sign>> = {
  created: { unicode: '+', ascii: '+', style: 'green' },
  identical: { unicode: '=', ascii: '=', style: 'dim' },
  differs: { unicode: '≠', ascii: '~', style: 'yellow' },
  conflict: { unicode: '!', ascii: '!', style: 'red' },
  skipped: { unicode: '-', ascii: '-', style: 'yellow' },
  failed: { unicode: '✗', ascii: 'x', style: 'red' },
};

const COUNTS: readonly (readonly [Outcome, plan: string, result: string])[] = [
  ['created', 'to add', 'added'],
  ['identical', 'already there', 'already there'],
  ['differs', 'already there with other values', 'already there with other values'],
  ['conflict', 'in conflict', 'in conflict'],
  ['skipped', 'skipped', 'skipped'],
  ['failed', 'failed', 'failed'],
];

/** Projects and orchestrators with what becomes or became of each; lines without newline, a blank line before each part. */
export function itemsText(
  items: readonly Item[],
  plan: Plan | null,
  tense: Tense,
  context: TextContext,
): readonly string[] {
  // Two entries may share an id; the one that is created is the one with something to tell.
  const projects = new Map(plan?.projects.filter(isCreated).map((project) => [project.id, project]));
  const orchestrators = new Map(plan?.orchestrators.filter(isCreated).map((planned) => [planned.id, planned]));
  const of = (kind: Item['kind']): readonly Item[] => items.filter((item) => item.kind === kind);
  return [
    ...partText('Projects', of('project'), tense, context, (item) => projectText(projects.get(item.id), context)),
    ...partText('Orchestrators', of('orchestrator'), tense, context, (item) =>
      orchestratorText(orchestrators.get(item.id), context),
    ),
  ];
}

const isCreated = (planned: { readonly outcome: Outcome }): boolean => planned.outcome === 'created';

function partText(
  heading: string,
  items: readonly Item[],
  tense: Tense,
  context: TextContext,
  detail: (item: Item) => string,
): readonly string[] {
  if (items.length === 0) return [];
  const { terminal, verbose } = context;
  const counts = COUNTS.flatMap(([outcome, plan, result]) => {
    const count = items.filter((item) => item.outcome === outcome).length;
    return count === 0 ? [] : [`${count} ${tense === 'plan' ? plan : result}`];
  });
  const rows = items
    .filter((item) => verbose || item.outcome !== 'identical')
    .map((item): Row => {
      const sign = SIGNS[item.outcome];
      const glyph = terminal.paint(sign.style, terminal.unicode ? sign.unicode : sign.ascii);
      return { label: `${glyph} ${terminal.show(item.id)}`, text: becameText(item, detail(item), context) };
    });
  const [first = '', ...more] = hanging('', `${heading}: ${counts.join(', ')}`, terminal.width, 4);
  const painted = terminal.paint('bold', heading) + first.slice(heading.length);
  return ['', painted, ...more, ...table(rows, terminal.width)];
}

function becameText(item: Item, detail: string, context: TextContext): string {
  // The code in front is for programs; people find it with the remark.
  const why = item.reason?.replace(/^[A-Z]+(?:_[A-Z]+)+: /, '');
  const reason = why === undefined ? '' : `: ${sentenceText(why, context)}`;
  switch (item.outcome) {
    case 'created':
      return detail;
    case 'identical':
      return `already there${reason}`;
    case 'differs': {
      const fields = item.fields === undefined ? '' : ` in ${listed(item.fields.map(context.terminal.show))}`;
      return `already there, with other values${fields}; left as it is${reason}`;
    }
    default:
      return `${item.outcome}${reason}`;
  }
}

function projectText(project: PlannedProject | undefined, context: TextContext): string {
  const row = project?.row ?? null;
  if (row === null) return '';
  const { show } = context.terminal;
  const name = row.display_name === '' || row.display_name === row.id ? '' : `${show(row.display_name)}, `;
  return name + pathText(row.path, context);
}

function orchestratorText(orchestrator: PlannedOrchestrator | undefined, { terminal }: TextContext): string {
  const row = orchestrator?.row ?? null;
  if (orchestrator === undefined || row === null) return '';
  const own = row.id === `${row.project_id}-orchestrator`;
  const owner = own ? '' : `of ${terminal.show(row.project_id)}; `;
  const agent = `${owner}${agentName(row.harness)} on branch ${terminal.show(row.branch)}`;
  const { copy } = orchestrator;
  if (copy === null) return `${agent}; no conversation, listed as ended`;
  const length = copy.messages === null ? 'messages not counted' : counted(copy.messages, 'message');
  const resumes = orchestrator.marker === null ? 'resumes when you ask for it' : 'resumes at the first start';
  return `${agent}; conversation: ${length}, ${sizeText(copy.size)}; ${resumes}`;
}
