import type {
  Destination,
  Disposition,
  FileLedger,
  LeafEntry,
  Ledger,
  ProjectLedger,
  RowField,
} from '../contracts/ledger';
import type { LegacyStore } from '../contracts/legacy';
import { NOTE_CODES, type Note } from '../contracts/notes';
import type { Outcome, Plan } from '../contracts/plan';
import { CandidateFinder } from './candidates';
import { type Claim, claimsOf, filesByFolder, partOf } from './claims';
import { ignored, type Reason } from './disposition';
import type { Draft } from './draft';
import { keyPath, type Leaf } from './leaves';
import { machineFiles } from './machine-leaves';
import { projectFields, sessionFields } from './row-fields';
import { isSecret, lengthOf, toldValue } from './secrecy';
import type { DecidedProject } from './targets';

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
  const ofFolder = filesByFolder(store);
  const losses = lossyNotes(plan.notes);
  const claimed = new Map<string, Set<string | null>>();
  const projects = input.projects.map((decided): ProjectLedger => {
    const { draft: project, planned } = decided;
    const drafted = drafts.get(project) ?? null;
    const orchestrator = (drafted === null ? null : sessions.get(drafted.record.file)) ?? null;
    const fields = projectFields(decided);
    const ofSession = drafted === null || orchestrator === null ? [] : sessionFields(drafted, orchestrator);
    const citations = new Citations([...fields, ...ofSession]);
    const claims = claimsOf(project, { store, finder, ids, files: ofFolder, drafted, planned: orchestrator });
    const why = (field: string): string => (field.startsWith('session.') ? reasonOf(orchestrator) : reasonOf(planned));
    const files = filesOf(claims, leaves, claimed, (claim, leaf) =>
      entryOf(claim, leaf, citations, losses.get(project.id), why),
    );
    const at = placesIn(files);
    return {
      id: project.id,
      outcome: planned.outcome,
      reason: planned.reason ?? null,
      fields: fields.map(at),
      orchestrator:
        orchestrator === null
          ? null
          : {
              id: orchestrator.id,
              outcome: orchestrator.outcome,
              reason: orchestrator.reason ?? null,
              record: orchestrator.record,
              fields: ofSession.map(at),
            },
      files,
    };
  });
  const isWhole = draft.selected.length === draft.projects.length;
  return { projects, machine: isWhole ? machineFiles(store, (file) => input.leaves(file), claimed) : [] };
}

/** Gives the origins of a field the places of the leaves that they name; JSON is read without places at first. */
function placesIn(files: readonly FileLedger[]): (field: RowField) => RowField {
  const places = new Map(files.flatMap(({ file, leaves }) => leaves.map(({ keys, at }) => [leafKey(file, keys), at])));
  return (field) => ({
    ...field,
    from: field.from.map((origin) => {
      const at = origin.at ?? places.get(leafKey(origin.file, origin.keys));
      return at === undefined ? origin : { ...origin, at };
    }),
  });
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
  const disposition =
    cited.length > 0
      ? citedAs(leaf, claim.below, cited, loss, why)
      : uncited(leaf, claim.below, claim.reason(leaf), loss);
  return { keys: leaf.keys, at: leaf.at, value: toldValue(leaf, claim.below), disposition };
}

function citedAs(
  leaf: Leaf,
  below: number,
  fields: readonly RowField[],
  loss: Note | undefined,
  why: (field: string) => string,
): Disposition {
  const written = fields.filter(({ target }) => target === 'created' || target === 'identical');
  const first = fields[0];
  if (written.length === 0 && first !== undefined) return uncited(leaf, below, ignored(why(first.field)), undefined);
  const lossy = loss !== undefined;
  if (isSecret(leaf, below)) {
    return {
      kind: 'secret',
      length: lengthOf(leaf),
      to: written.map(({ field }) => field),
      why: null,
      remedy: null,
      lossy,
    };
  }
  const text = leaf.tree.kind === 'scalar' ? leaf.tree.source : '';
  const same = written.every(({ value, from }) => value === text || (from.length > 1 && value !== null));
  if (same) return { kind: 'carried', to: written.map(({ field }) => field) };
  const to = written.map(({ field, value }): Destination => ({ field, value: value ?? '(not shown)' }));
  return { kind: 'mapped', to, lossy };
}

function uncited(leaf: Leaf, below: number, table: Reason, loss: Note | undefined): Disposition {
  const reason = loss === undefined ? table : ignored(loss.message, NOTE_CODES[loss.code][1], true);
  if (!isSecret(leaf, below)) return reason;
  const lossy = reason.kind === 'ignored' && reason.lossy;
  const remedy = reason.kind === 'ignored' ? reason.remedy : null;
  return { kind: 'secret', length: lengthOf(leaf), to: [], why: reason.why, remedy, lossy };
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
  readonly #byLeaf = new Map<string, RowField[]>();

  constructor(fields: readonly RowField[]) {
    for (const field of fields) {
      // The id is a key, not a value.
      for (const origin of field.field === 'id' ? [] : field.from) {
        const key = leafKey(origin.file, origin.keys);
        this.#byLeaf.set(key, [...(this.#byLeaf.get(key) ?? []), field]);
      }
    }
  }

  of(file: string, keys: readonly (string | number)[]): readonly RowField[] {
    return this.#byLeaf.get(leafKey(file, keys)) ?? [];
  }
}

function leafKey(file: string, keys: readonly (string | number)[]): string {
  return `${file}\0${keyPath(keys)}`;
}
