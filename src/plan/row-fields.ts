import type { RowField } from '../contracts/ledger';
import type { SessionRecord } from '../contracts/legacy';
import type { Outcome, PlannedOrchestrator, PlannedProject, Provenance } from '../contracts/plan';
import { stateKey } from '../legacy/lifecycle';
import { differingKeys, encodeConfig } from '../rewrite/config';
import type { DraftOrchestrator } from './draft';
import { holdsCredential, isModelName, toldUrl } from './secrecy';
import type { DecidedProject } from './targets';

const NONE: Provenance = { rule: 'always', from: [] };
const SECRET_FIELD = /^(?:config\.(?:env|postCreate|agentRules$|orchestratorRules$)|session\.prompt$)/;
const MODEL_FIELD = /\.model$/;
/** Not paths and names, which are told whatever they look like. */
const SETTING_FIELD = /^config\.|^session\.branch$/;

/** The fields of a project's row in the order of its columns; none where the project cannot be imported. */
export function projectFields({ planned, existing }: DecidedProject): RowField[] {
  const { row, provenance, outcome } = planned;
  if (row === null) return [];
  const { config, ...columns } = row;
  const kept = new Set<string>(outcome === 'differs' ? (planned.fields ?? []) : []);
  const keptKeys = new Set<string>(
    kept.has('config') && existing !== null ? differingKeys(existing.config, encodeConfig(config)) : [],
  );
  const target = (isKept: boolean): Outcome => (outcome === 'differs' ? (isKept ? 'differs' : 'identical') : outcome);
  const fields = Object.entries(columns).map(([column, value]) =>
    fieldOf(
      column,
      column === 'repo_origin_url' ? toldUrl(value) : value,
      provenance[column],
      target(kept.has(column)),
    ),
  );
  for (const [key, value] of Object.entries(config))
    fields.push(...configFields(`config.${key}`, value, provenance, target(keptKeys.has(key))));
  return fields;
}

/** A setting, or each of those in it: an object holds settings of their own, a list is one value. */
function configFields(
  field: string,
  value: unknown,
  provenance: PlannedProject['provenance'],
  target: Outcome,
): RowField[] {
  if (typeof value === 'string') return [fieldOf(field, value, provenance[field], target)];
  if (Array.isArray(value)) return [fieldOf(field, value.map(String).join(', '), provenance[field], target)];
  return Object.entries(value ?? {}).flatMap(([key, each]): RowField[] => {
    if (field !== 'config.env') return configFields(`${field}.${key}`, each, provenance, target);
    const from = provenance[field]?.from.filter((origin) => origin.keys.at(-1) === key) ?? [];
    return [fieldOf(`${field}.${key}`, String(each), { rule: provenance[field]?.rule ?? '', from }, target)];
  });
}

/**
 * The fields of a session's row and its marker. Where the target has the row already it is told as it is there, but for what
 * the old store alone decides; where no row can be made only that is told.
 */
export function sessionFields(drafted: DraftOrchestrator, planned: PlannedOrchestrator): RowField[] {
  const { row, existing = {}, marker, provenance, outcome } = planned;
  const ofStore = storeColumns(drafted);
  const there = Object.entries(existing).filter(([column]) => column in provenance && !(column in ofStore));
  const columns = row ?? { ...ofStore, ...Object.fromEntries(there) };
  const kept = new Set(planned.fields ?? []);
  const target = (column: string): Outcome => (outcome === 'differs' && !kept.has(column) ? 'identical' : outcome);
  const fields = Object.entries(columns).map(([column, value]) =>
    fieldOf(`session.${column}`, String(value), stated(provenance[column], drafted.record), target(column)),
  );
  const rule = { rule: 'lets daemons resume the session at their first start', from: [] };
  if (marker !== null) fields.push(fieldOf('marker.state', marker.state, rule, outcome));
  return fields;
}

/** What the old store alone decides of a session's row. */
function storeColumns({ times, record, sessionId, harness, project }: DraftOrchestrator): Record<string, string> {
  return {
    id: sessionId,
    project_id: project.id,
    harness: harness ?? '',
    created_at: times.createdAt,
    updated_at: times.updatedAt,
    activity_last_at: times.activityAt,
    first_signal_at: times.activityAt,
    prompt: record.userPrompt ?? '',
    display_name: record.displayName ?? '',
  };
}

/** The plan names the state of a session by its newer key, whichever of the two held it. */
function stated(provenance: Provenance | undefined, record: SessionRecord): Provenance | undefined {
  const key = stateKey(record.raw);
  if (provenance === undefined || key === null) return provenance;
  const from = provenance.from.map((origin) =>
    origin.keys[0] === 'lifecycle' ? { ...origin, keys: [key, ...origin.keys.slice(1)] } : origin,
  );
  return { ...provenance, from };
}

function fieldOf(field: string, value: string, provenance: Provenance | undefined, target: Outcome): RowField {
  const { rule, from } = provenance ?? NONE;
  const isSecret =
    (SECRET_FIELD.test(field) && value !== '') ||
    (MODEL_FIELD.test(field) && !isModelName(value)) ||
    (SETTING_FIELD.test(field) && holdsCredential(value));
  return { field, value: isSecret ? null : value, length: value.length, rule, from, target };
}
