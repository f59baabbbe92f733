import type { Disposition, FileLedger, LeafEntry, Ledger, ProjectLedger, RowField } from '../contracts/ledger';
import type { Origin } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import type { RefusalReport } from '../contracts/outcome';
import { FORMAT_VERSION, insertedNothing, noteOf, refusalOf, TOOL, type Tool } from './document';
import type { ExplainDocument } from './explain-schema';

/** What `explain` found, or why it could not look. */
export interface Explained {
  readonly status: ExplainDocument['status'];
  readonly legacyRoot: string | null;
  readonly database: string | null;
  /** Of the database as it is; 0 where it is not known. */
  readonly schemaVersion: number;
  readonly ledger: Ledger;
  readonly notes: readonly Note[];
  readonly refusal: RefusalReport | null;
}

const NOTHING: Ledger = { projects: [], machine: [] };

/** An `explain` that ended before it knew anything. */
export function unexplained(status: 'refused' | 'usage' | 'failed', refusal: RefusalReport): Explained {
  return { status, legacyRoot: null, database: null, schemaVersion: 0, ledger: NOTHING, notes: [], refusal };
}

/** The document of `explain --json` (migration.md 2 and 10). */
export function explainDocument(explained: Explained, tool: Tool): ExplainDocument {
  const { status, legacyRoot, database, schemaVersion, ledger, notes, refusal } = explained;
  return {
    formatVersion: FORMAT_VERSION,
    tool: TOOL,
    version: tool.version,
    command: 'explain',
    status,
    ...insertedNothing(schemaVersion),
    refusal: refusalOf(refusal),
    legacyRoot,
    database,
    projectLedgers: ledger.projects.map(projectOf),
    machine: ledger.machine.map(fileOf),
    notes: notes.map(noteOf),
    sqliteVersion: tool.sqliteVersion,
  };
}

function projectOf({
  id,
  outcome,
  reason,
  fields,
  orchestrator,
  files,
}: ProjectLedger): ExplainDocument['projectLedgers'][number] {
  return {
    id,
    outcome,
    ...(reason === null ? {} : { reason }),
    fields: fields.map(fieldOf),
    orchestrator:
      orchestrator === null
        ? null
        : {
            id: orchestrator.id,
            outcome: orchestrator.outcome,
            ...(orchestrator.reason === null ? {} : { reason: orchestrator.reason }),
            record: orchestrator.record,
            fields: orchestrator.fields.map(fieldOf),
          },
    files: files.map(fileOf),
  };
}

type FieldDocument = ExplainDocument['projectLedgers'][number]['fields'][number];
type FileDocument = ExplainDocument['machine'][number];
type LeafDocument = FileDocument['leaves'][number];

function fieldOf({ field, value, length, rule, from, target }: RowField): FieldDocument {
  return { field, ...(value === null ? { length } : { value }), rule, from: from.map(originOf), target };
}

function originOf({ file, keys, at }: Origin): FieldDocument['from'][number] {
  return { file, key: keys.join('.'), ...(at === undefined ? {} : { line: at.line, column: at.column }) };
}

function fileOf({ file, leaves }: FileLedger): FileDocument {
  return { file, leaves: leaves.map(leafOf) };
}

function leafOf({ keys, at, value, disposition }: LeafEntry): LeafDocument {
  return {
    key: keys.join('.'),
    line: at.line,
    column: at.column,
    ...(value === null ? {} : { value }),
    ...becameOf(disposition),
  };
}

function becameOf(
  disposition: Disposition,
): Pick<LeafDocument, 'became' | 'to' | 'lossy' | 'why' | 'remedy' | 'length'> {
  switch (disposition.kind) {
    case 'carried':
      return { became: 'carried', to: disposition.to.map((field) => ({ field })) };
    case 'mapped':
      return {
        became: 'mapped',
        to: disposition.to.map(({ field, value }) => ({ field, value })),
        lossy: disposition.lossy,
      };
    case 'derived':
      return { became: 'derived', why: disposition.why };
    case 'ignored': {
      const { why, remedy, lossy } = disposition;
      return { became: 'ignored', why, ...(remedy === null ? {} : { remedy }), lossy };
    }
    case 'secret': {
      const { length, to, why, remedy, lossy } = disposition;
      const said = { ...(why === null ? {} : { why }), ...(remedy === null ? {} : { remedy }) };
      return { became: 'secret', length, to: to.map((field) => ({ field })), ...said, lossy };
    }
  }
}
