import type { Note } from '../contracts/notes';
import type { RefusalReport } from '../contracts/outcome';
import type { Check } from '../doctor/check';
import type { DoctorDocument } from './doctor-schema';
import { FORMAT_VERSION, insertedNothing, noteOf, refusalOf, TOOL, type Tool } from './document';

/** What `doctor` found, or why it could not look. */
export interface Diagnosis {
  readonly status: DoctorDocument['status'];
  readonly checks: readonly Check[];
  /** Of the database; 0 where it is not known. */
  readonly schemaVersion: number;
  /** File of the support archive that was written. */
  readonly bundle: string | null;
  readonly notes: readonly Note[];
  readonly refusal: RefusalReport | null;
}

/** A `doctor` that ended before it knew anything. */
export function undiagnosed(status: 'refused' | 'usage' | 'failed', refusal: RefusalReport): Diagnosis {
  return { status, checks: [], schemaVersion: 0, bundle: null, notes: [], refusal };
}

export function doctorDocument(diagnosis: Diagnosis, tool: Tool): DoctorDocument {
  const { status, checks, schemaVersion, bundle, notes, refusal } = diagnosis;
  return {
    formatVersion: FORMAT_VERSION,
    tool: TOOL,
    version: tool.version,
    command: 'doctor',
    status,
    ...insertedNothing(schemaVersion),
    refusal: refusalOf(refusal),
    checks: checks.map(({ id, title, state, message, next, code }) => ({ id, title, state, message, next, code })),
    bundle,
    notes: notes.map(noteOf),
    sqliteVersion: tool.sqliteVersion,
  };
}
