import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { journalFile, readJournal } from '../apply/journal';
import { type Receipt, readReceipt } from '../apply/receipt';
import { postinstallNote } from '../apply/receipt-reader';
import { runIds } from '../apply/run-ids';
import type { StatePaths } from '../apply/state';
import type { Machine } from '../contracts/machine';
import { leafReader } from '../legacy/leaf-reader';
import { ledgerOf } from '../plan/ledger';
import type { Tool } from '../report/document';
import { explainDocument } from '../report/explain-document';
import type { ExplainDocument } from '../report/explain-schema';
import { plannedItems } from '../report/status';
import { closeDatabase, openDatabase } from '../rewrite/connection';
import { withPrivateCopy } from '../rewrite/private-copy';
import { entryAt, stands } from '../sessions/entry';
import { codeOf } from '../sessions/system-error';
import type { Survey } from '../survey/survey';
import type { Examination } from './examine';
import { type Private, redacted, redactor } from './redaction';
import type { TarEntry } from './tar';

export interface BundleInput {
  readonly examination: Examination;
  /** The document of this very `doctor`. */
  readonly document: object;
  readonly machine: Machine;
  readonly tool: Tool;
  readonly private: Private;
}

const FOLDER = 'ao-migrate-bundle';
/** Runs of which the receipt is taken along, the newest. */
const RECEIPTS = 20;
/** Names in a listing; more would be a store that nobody reads through. */
const LISTED = 5_000;

const README = `What a helper needs to see why a migration does what it does.

doctor.json       what ao-migrate doctor found
plan.json         what a migration would do, and its remarks
explain.json      which old setting went where, by name; values are left out
files.json        names, sizes and times of the files on both sides
runs.json         earlier runs: receipts, journals, and what the last install did
database.json     version, tables and numbers of rows of the new database
environment.json  which variables are set; not their values

Not in it: values of env, prompts, rules, tokens, passwords, conversations, display names. The home directory is shown as
~; the names of the user and of the machine are taken out.
`;

/** The texts of a support archive: chosen so that nothing private is in them, then cleaned of what is known to be. */
export async function bundleEntries(input: BundleInput): Promise<TarEntry[]> {
  const { examination, document, machine } = input;
  const { survey, paths, target } = examination;
  const clean = redactor(input.private);
  const contents: readonly (readonly [string, unknown])[] = [
    ['doctor.json', document],
    ['plan.json', survey === null ? null : planOf(survey)],
    ['explain.json', survey === null ? null : explainOf(survey, input.tool)],
    ['files.json', filesOf(examination, machine)],
    ['runs.json', paths === null ? null : await readable(() => runsOf(paths))],
    ['database.json', target === null ? null : await readable(() => databaseOf(target.database, machine))],
    ['environment.json', environmentOf(machine)],
  ];
  const json = contents.map(([name, value]): TarEntry => {
    const text = JSON.stringify(redacted(value, clean), null, 2);
    return { name: `${FOLDER}/${name}`, text: `${text}\n` };
  });
  return [{ name: `${FOLDER}/README.txt`, text: README }, ...json];
}

function planOf({ plan, planHash }: Survey): object {
  const { legacyRoot, database, createsDatabase, schemaVersion, notes } = plan;
  const conversations = plan.orchestrators.flatMap(({ copy }) =>
    copy === null
      ? []
      : [
          {
            harness: copy.harness,
            sessionId: copy.sessionId,
            size: copy.size,
            messages: copy.messages,
            destination: copy.destination,
          },
        ],
  );
  return {
    planHash,
    legacyRoot,
    database,
    createsDatabase,
    schemaVersion,
    items: plannedItems(plan),
    conversations,
    notes,
  };
}

/** Columns whose values are choices, ids, times or places; the others are told by length. */
const TOLD =
  /^(?:path|kind|registered_at|config\.(?:sessionPrefix|defaultBranch|(?:(?:worker|orchestrator)\.)?(?:agent|agentConfig\.permissions))|session\.(?!prompt$|display_name$).*|marker\..*)$/;

function explainOf(survey: Survey, tool: Tool): object {
  const ledger = ledgerOf({ ...survey, leaves: leafReader(survey.store) });
  const { legacyRoot, database } = survey.plan;
  const schemaVersion = survey.facts.target.version;
  const explained = { status: 'ok', legacyRoot, database, schemaVersion, ledger, notes: [], refusal: null } as const;
  const { projectLedgers, machine } = explainDocument(explained, tool);
  return {
    projectLedgers: projectLedgers.map(({ fields, orchestrator, files, ...rest }) => ({
      ...rest,
      fields: fields.map(withoutValue),
      orchestrator: orchestrator === null ? null : { ...orchestrator, fields: orchestrator.fields.map(withoutValue) },
      files: files.map(withoutValues),
    })),
    machine: machine.map(withoutValues),
  };
}

type Field = ExplainDocument['projectLedgers'][number]['fields'][number];
type File = ExplainDocument['machine'][number];

function withoutValue({ value, ...rest }: Field): object {
  return value === undefined || !TOLD.test(rest.field) ? rest : { ...rest, value };
}

function withoutValues({ file, leaves }: File): object {
  return {
    file,
    leaves: leaves.map(({ value: _, to, ...rest }) => ({
      ...rest,
      ...(to === undefined ? {} : { to: to.map(({ field }) => field) }),
    })),
  };
}

function filesOf({ location, target, paths }: Examination, machine: Machine): object {
  const state = paths?.stateDir ?? null;
  const isInside = (folder: string, root: string | null): boolean =>
    root !== null && `${folder}/`.startsWith(`${root}/`);
  const data = target === null || isInside(target.dataDir, state) ? null : target.dataDir;
  return {
    oldStore: location.root === null ? null : { root: location.root, entries: listing(location.root) },
    state: state === null ? null : { root: state, entries: listing(state) },
    data: data === null ? null : { root: data, entries: listing(data) },
    temporary: machine.tempDir,
  };
}

/** Type, size, mode and time of everything below a folder; links are not followed, worktrees not entered. */
function listing(root: string): readonly object[] {
  const entries: object[] = [];
  const folders = [root];
  for (let folder = folders.shift(); folder !== undefined && entries.length < LISTED; folder = folders.shift()) {
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      const stat = entryAt(path);
      if (stat === null || entries.length >= LISTED) continue;
      const type = stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'other';
      const mode = (stat.mode & 0o7777).toString(8);
      entries.push({
        name: relative(root, path),
        type,
        size: stat.size,
        mode,
        uid: stat.uid,
        mtime: stat.mtime.toISOString(),
      });
      if (type === 'directory' && name !== 'worktrees') folders.push(path);
    }
  }
  return entries;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function runsOf(paths: StatePaths): object {
  const receipts = runIds(paths.migrations, '.json').slice(0, RECEIPTS);
  return {
    receipts: receipts.map((runId) => {
      const receipt = readReceipt(paths, runId);
      return receipt === null ? { runId, unreadable: true } : receiptOf(receipt);
    }),
    journals: runIds(paths.migrations, '.journal').map((runId) => ({
      runId,
      steps: readJournal(journalFile(paths, runId)),
    })),
    postinstall: postinstallNote(paths.migrations, null),
  };
}

/** A receipt without names that people gave and without digests of short texts, which could be guessed. */
function receiptOf({ projects, sessions, ...rest }: Receipt): object {
  return {
    ...rest,
    projects: projects.map(({ id, columns }) => ({ id, path: columns.path ?? null })),
    sessions: sessions.map(({ id, projectId, columns, marker, changes }) => {
      const { display_name: _, ...told } = columns;
      return { id, projectId, columns: told, marker, changes };
    }),
  };
}

async function databaseOf(database: string, machine: Machine): Promise<object | null> {
  if (!stands(database)) return null;
  return await withPrivateCopy(database, machine, (copy) => {
    const db = openDatabase(copy);
    try {
      const objects = db
        .query<{ type: string; name: string }, []>('SELECT type, name FROM sqlite_master ORDER BY type, name')
        .all();
      const count = (table: string): number | null =>
        db.query<{ n: number }, []>(`SELECT count(*) AS n FROM "${table.replaceAll('"', '""')}"`).get()?.n ?? null;
      const tables = objects.filter(({ type }) => type === 'table').map(({ name }) => name);
      const versions = tables.includes('goose_db_version')
        ? db.query<{ version_id: number }, []>('SELECT version_id FROM goose_db_version ORDER BY id').all()
        : [];
      return {
        versions: versions.map(({ version_id }) => version_id),
        objects,
        rows: Object.fromEntries(tables.map((table) => [table, count(table)])),
      };
    } finally {
      closeDatabase(db);
    }
  });
}

/** The archive tells the rest also where one part cannot be read. */
async function readable<T>(read: () => T | Promise<T>): Promise<T | { readonly unreadable: string }> {
  try {
    return await read();
  } catch (error) {
    return { unreadable: codeOf(error) ?? 'unexpected error' };
  }
}

/** Variables that decide where something is looked for, or how it is shown. */
const RELEVANT =
  /^(?:AO_.*|XDG_.*|CLAUDE_CONFIG_DIR|CODEX_HOME|HOME|USERPROFILE|TMPDIR|TMUX.*|LANG|LC_.*|TERM|NO_COLOR|COLUMNS|CI|SUDO_USER|npm_config_.*|BUN_.*)$/;

function environmentOf({ env }: Machine): object {
  const set = Object.entries(env).flatMap(([name, value]) =>
    RELEVANT.test(name) && value !== undefined ? [name] : [],
  );
  return { set: set.sort() };
}
