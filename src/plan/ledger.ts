import type { LegacyStore, Origin, Position } from '../contracts/legacy';
import { NOTE_CODES, type Note } from '../contracts/notes';
import type { Outcome, Plan, PlannedOrchestrator, Provenance } from '../contracts/plan';
import { stateKey } from '../legacy/lifecycle';
import { CandidateFinder } from './candidates';
import { type Claim, claimsOf, filesByFolder, partOf } from './claims';
import { type Destination, type Disposition, ignored, type Reason } from './disposition';
import type { Draft, DraftOrchestrator } from './draft';
import { keyPath, type Leaf } from './leaves';
import { machineFiles } from './machine-leaves';
import { projectFields, type RowField, sessionFields } from './row-fields';
import { isSecret, lengthOf, toldValue } from './secrecy';
import type { DecidedProject } from './targets';

/** One leaf of a legacy file and what became of it. */
export interface LeafEntry {
  readonly keys: readonly (string | number)[];
  readonly at: Position;
  /** As it may be told; null where only its name may be. */
  readonly value: string | null;
  readonly disposition: Disposition;
}

export interface FileLedger {
  readonly file: string;
  /** In document order. */
  readonly leaves: readonly LeafEntry[];
}

export interface ProjectLedger {
  readonly id: string;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly fields: readonly RowField[];
  readonly orchestrator: {
    readonly id: string;
    readonly outcome: Outcome;
    readonly reason: string | null;
    readonly record: string;
    readonly fields: readonly RowField[];
  } | null;
  readonly files: readonly FileLedger[];
}

/** An account of every value of the old store that was read (issue of the ledger: leaves in = leaves accounted for). */
export interface Ledger {
  /** The selected projects in plan order. */
  readonly projects: readonly ProjectLedger[];
  /** What belongs to no project; empty where only some projects were selected. */
  readonly machine: readonly FileLedger[];
}

export interface LedgerInput {
  /** Read with `keepRaw`. */
  readonly store: LegacyStore;
  readonly draft: Draft;
  readonly plan: Plan;
  readonly projects: readonly DecidedProject[];
  /** The leaves of one file that was read. */
  readonly leaves: (file: string) => readonly Leaf[];
}

/** Accounts for every leaf, project by project and then for the machine. Pure over its input. */
export function ledgerOf(input: LedgerInput): Ledger {
  const { store, draft, plan } = input;
  const finder = new CandidateFinder(store, draft.projects);
  const ids = new Set(draft.projects.map(({ id }) => id));
  const leaves = new LeafIndex(input.leaves);
  const drafts = new Map(draft.orchestrators.map((each) => [each.project, each]));
  const sessions = new Map(plan.orchestrators.map((each) => [each.record, each]));
  const files = filesByFolder(store);
  const losses = lossyNotes(plan.notes);
  const claimed = new Map<string, Set<string | null>>();
  const projects = input.projects.map((decided): ProjectLedger => {
    const { draft: project, planned } = decided;
    const drafted = drafts.get(project) ?? null;
    const orchestrator = (drafted === null ? null : sessions.get(drafted.record.file)) ?? null;
    const fields = projectFields(decided);
    const ofSession = drafted === null || orchestrator === null ? [] : sessionFields(drafted, orchestrator);
    const citations = new Citations([...fields, ...ofSession]);
    citations.addProject(planned.provenance);
    if (drafted !== null && orchestrator !== null) citations.addSession(orchestrator, drafted);
    const claims = claimsOf(project, { store, finder, ids, files, drafted, planned: orchestrator });
    const why = (field: string): string => (field.startsWith('session.') ? reasonOf(orchestrator) : reasonOf(planned));
    return {
      id: project.id,
      outcome: planned.outcome,
      reason: planned.reason ?? null,
      fields,
      orchestrator:
        orchestrator === null
          ? null
          : {
              id: orchestrator.id,
              outcome: orchestrator.outcome,
              reason: orchestrator.reason ?? null,
              record: orchestrator.record,
              fields: ofSession,
            },
      files: filesOf(claims, leaves, claimed, (claim, leaf) =>
        entryOf(claim, leaf, citations, losses.get(project.id), why),
      ),
    };
  });
  const isWhole = draft.selected.length === draft.projects.length;
  return { projects, machine: isWhole ? machineFiles(store, (file) => input.leaves(file), claimed) : [] };
}

function reasonOf(planned: { readonly outcome: Outcome; readonly reason?: string } | null): string {
  if (planned?.outcome === 'differs') return 'the rewrite has it already, with another value, which is kept';
  return planned?.reason ?? 'no row is made';
}

/** The leaves of files and of their parts. Configs, which all projects share, are kept; records are asked for once. */
class LeafIndex {
  readonly #kept = new Map<string, ReadonlyMap<string, readonly Leaf[]>>();

  constructor(private readonly read: (file: string) => readonly Leaf[]) {}

  of(file: string, part: string | null): readonly Leaf[] {
    if (part === null) return this.read(file);
    const parts = this.#kept.get(file) ?? byPart(this.read(file));
    this.#kept.set(file, parts);
    return parts.get(part) ?? [];
  }
}

function byPart(leaves: readonly Leaf[]): Map<string, Leaf[]> {
  const parts = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    const part = partOf(leaf.keys);
    const members = parts.get(part);
    if (members === undefined) parts.set(part, [leaf]);
    else members.push(leaf);
  }
  return parts;
}

/** The claimed leaves by file, files in the order in which they were claimed. */
function filesOf(
  claims: readonly Claim[],
  leaves: LeafIndex,
  claimed: Map<string, Set<string | null>>,
  entry: (claim: Claim, leaf: Leaf) => LeafEntry,
): FileLedger[] {
  const files = new Map<string, LeafEntry[]>();
  for (const claim of claims) {
    const taken = claimed.get(claim.file) ?? new Set();
    claimed.set(claim.file, taken.add(claim.part));
    const entries = leaves.of(claim.file, claim.part).map((leaf) => entry(claim, leaf));
    const known = files.get(claim.file);
    if (known === undefined) files.set(claim.file, entries);
    else known.push(...entries);
  }
  return [...files].flatMap(([file, entries]) => (entries.length === 0 ? [] : [{ file, leaves: entries }]));
}

function entryOf(
  claim: Claim,
  leaf: Leaf,
  citations: Citations,
  losses: ReadonlyMap<string, Note> | undefined,
  why: (field: string) => string,
): LeafEntry {
  const cited = leaf.overridden === true ? [] : citations.of(claim.file, leaf.keys);
  const loss = [...leaf.inside, leaf.at]
    .map((at) => losses?.get(`${claim.file}:${at.line}:${at.column}`))
    .find((note) => note !== undefined);
  const disposition = cited.length > 0 ? citedAs(leaf, cited, loss, why) : uncited(leaf, claim.reason(leaf), loss);
  return { keys: leaf.keys, at: leaf.at, value: toldValue(leaf, claim.below), disposition };
}

function citedAs(
  leaf: Leaf,
  fields: readonly RowField[],
  loss: Note | undefined,
  why: (field: string) => string,
): Disposition {
  const written = fields.filter(({ target }) => target === 'created' || target === 'identical');
  const first = fields[0];
  if (written.length === 0 && first !== undefined) return uncited(leaf, ignored(why(first.field)), undefined);
  const lossy = loss !== undefined;
  if (isSecret(leaf)) {
    return { kind: 'secret', length: lengthOf(leaf), to: written.map(({ field }) => field), why: null, lossy };
  }
  const text = leaf.tree.kind === 'scalar' ? leaf.tree.source : '';
  const same = written.every(({ value, from }) => value === text || (from.length > 1 && value !== null));
  if (same) return { kind: 'carried', to: written.map(({ field }) => field) };
  const to = written.map(({ field, value }): Destination => ({ field, value: value ?? '(not shown)' }));
  return { kind: 'mapped', to, lossy };
}

function uncited(leaf: Leaf, table: Reason, loss: Note | undefined): Disposition {
  const reason = loss === undefined ? table : ignored(loss.message, NOTE_CODES[loss.code][1], true);
  if (!isSecret(leaf)) return reason;
  const lossy = reason.kind === 'ignored' && reason.lossy;
  return { kind: 'secret', length: lengthOf(leaf), to: [], why: reason.why, lossy };
}

/** Lossy notes by project and place. */
function lossyNotes(notes: readonly Note[]): Map<string, Map<string, Note>> {
  const byProject = new Map<string, Map<string, Note>>();
  for (const note of notes) {
    if (note.severity !== 'lossy' || note.id === undefined || note.line === undefined) continue;
    const places = byProject.get(note.id) ?? new Map<string, Note>();
    byProject.set(note.id, places.set(`${note.file}:${note.line}:${note.column}`, note));
  }
  return byProject;
}

/** Which fields of the rows name a leaf as their origin. */
class Citations {
  readonly #fields: ReadonlyMap<string, RowField>;
  readonly #byLeaf = new Map<string, RowField[]>();

  constructor(fields: readonly RowField[]) {
    this.#fields = new Map(fields.map((field) => [field.field, field]));
  }

  of(file: string, keys: readonly (string | number)[]): readonly RowField[] {
    return this.#byLeaf.get(`${file}\0${keyPath(keys)}`) ?? [];
  }

  addProject(provenance: Readonly<Record<string, Provenance>>): void {
    for (const [name, { from }] of Object.entries(provenance)) {
      // The id is a key, not a value.
      if (name === 'id') continue;
      for (const origin of from) this.#add(name === 'config.env' ? `${name}.${origin.keys.at(-1)}` : name, origin);
    }
  }

  addSession({ provenance }: PlannedOrchestrator, { record }: DraftOrchestrator): void {
    const state = stateKey(record.raw);
    for (const [name, { from }] of Object.entries(provenance)) {
      for (const origin of from) {
        const [first, ...rest] = origin.keys;
        // The plan names the state by its newer key, whichever of the two held it.
        const keys = first === 'lifecycle' && state !== null ? [state, ...rest] : origin.keys;
        this.#add(`session.${name}`, { ...origin, keys });
      }
    }
  }

  #add(name: string, origin: Origin): void {
    const field = this.#fields.get(name);
    if (field === undefined) return;
    const key = `${origin.file}\0${keyPath(origin.keys)}`;
    this.#byLeaf.set(key, [...(this.#byLeaf.get(key) ?? []), field]);
  }
}
