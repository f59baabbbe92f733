import { writeSync } from 'node:fs';
import { listenForSignals } from '../apply/interruption';
import type { Machine } from '../contracts/machine';
import { EXIT } from '../contracts/outcome';
import { unusableOf, yieldsNothing } from '../contracts/plan';
import { REFUSAL_CODES, type RefusalCode } from '../contracts/refusals';
import { SKIPS } from '../migrate/install';
import { LIMITS, type PostinstallCode, type PostinstallEnd, postinstall } from '../migrate/postinstall';
import { jsonText, migrateDocument, type Tool } from '../report/document';
import type { Log } from '../report/log';
import { settledItems } from '../report/status';
import type { Terminal } from '../report/terminal';
import { counted, pathText, type TextContext } from '../report/words';
import type { Answer } from './answer';
import type { FlagValues } from './arguments';
import { endAtOnce, endSoon } from './end-at-once';
import { emptyOutcome } from './failure';
import { chosen } from './migrate';

export interface PostinstallSurroundings {
  readonly machine: Machine;
  readonly tool: Tool;
  readonly errorTerminal: Terminal;
  readonly log: Log;
}

/** Milliseconds beyond the limit after which the process ends as it is; its journal lets the next run clean up. */
const GRACE = 10_000;

const UNFINISHED = 'ao-migrate: not finished in time; the next run of ao-migrate finishes or undoes it\n';

/** `ao-migrate postinstall`: always exit 0, one line on stderr (migration.md 9). */
export async function runPostinstall(flags: FlagValues, around: PostinstallSurroundings): Promise<Answer> {
  const { machine, tool } = around;
  const watchdog = setTimeout(() => {
    writeSync(2, UNFINISHED);
    endAtOnce(EXIT.done);
  }, LIMITS.milliseconds + GRACE);
  const signals = listenForSignals({
    now: () => performance.now(),
    onSecond: () => endAtOnce(EXIT.done),
    onLate: endSoon,
  });
  try {
    const end = await postinstall(chosen(flags), {
      machine,
      version: tool.version,
      interrupted: signals.check,
      debug: (area, message) => around.log.debug(area, message),
    });
    const stdout = flags.json ? jsonText(document(end, tool)) : '';
    const context = { terminal: around.errorTerminal, home: machine.home, verbose: false, rollbackCommand: null };
    return { exitCode: EXIT.done, stdout, stderr: `ao-migrate: ${sentence(end, context)}\n` };
  } finally {
    clearTimeout(watchdog);
    signals.over();
  }
}

/** The codes that are neither a skip nor a refusal of `migrate`, in words. */
export const OTHERS: Readonly<Partial<Record<PostinstallCode, string>>> = {
  PLANNED: 'AO_MIGRATE=plan is set',
  TIME_LIMIT: 'it would take longer than an install may; everything is as it was',
  TOO_LARGE: 'there is more than 1 GB of conversations to copy',
  TAKE_OVER: 'OpenCode would first take all its JSON files over into a database, which may take longer than an install',
  INTERRUPTED: 'the install was interrupted; everything is as it was',
  PUT_BACK: 'something went wrong and everything was put back',
  FAILED: 'something went wrong',
};

function reason({ code, message }: PostinstallEnd): string {
  if (message !== null) return message;
  if (code === null) return '';
  if (code in SKIPS) return SKIPS[code as keyof typeof SKIPS];
  const told = OTHERS[code] ?? REFUSAL_CODES[code as RefusalCode]?.[0] ?? code;
  return told.replace(/\.$/, '');
}

/** The whole of what an install says, without a line break. */
function sentence(end: PostinstallEnd, context: TextContext): string {
  const { code, outcome, hasProjects } = end;
  if (code !== null && !hasProjects && code !== 'USAGE') return `nothing was migrated: ${oneLine(reason(end))}.`;
  if (code !== null) return `nothing was migrated yet: ${oneLine(reason(end))}. Run ao-migrate when you like.`;
  if (outcome === null || outcome.status === 'nothing-to-migrate') return 'nothing to migrate.';
  if (outcome.plan !== null && yieldsNothing(outcome.plan))
    return 'nothing could be migrated: none of the projects can be. `ao-migrate --dry-run` tells why.';
  const isAll = outcome.plan === null || unusableOf(outcome.plan).length === 0;
  if (outcome.status === 'already-migrated')
    return isAll ? 'everything is migrated already.' : 'everything that can be is migrated already.';
  const items = settledItems(outcome).filter((item) => item.outcome === 'created');
  const count = (kind: string): number => items.filter((item) => item.kind === kind).length;
  const done = `migrated ${counted(count('project'), 'project')} and ${counted(count('orchestrator'), 'orchestrator')}`;
  const rest = outcome.status === 'partial' ? '; not everything could be, `ao-migrate` tells why and completes it' : '';
  const backup = outcome.backup === null ? '' : `; backup in ${pathText(outcome.backup, context)}`;
  return `${done}${rest}${backup}. \`ao-migrate rollback\` undoes it.`;
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

function document(end: PostinstallEnd, tool: Tool): object {
  const { code, outcome } = end;
  const none = emptyOutcome({ status: code === 'USAGE' ? 'usage' : 'refused', exitCode: EXIT.done, refusal: null });
  const told = migrateDocument(outcome ?? none, tool, 'postinstall');
  if (code === null || code === 'PLANNED' || told.refusal !== null) return told;
  return { ...told, refusal: { code, message: `${reason(end)}.`, hint: 'Run ao-migrate when you like.' } };
}
