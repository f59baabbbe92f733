import { HARNESSES } from '../rewrite/config';
import { type Notes, type Section, subsection, type Traced, textField } from './fields';
import { wordText } from './known-words';
import type { Settings } from './settings';

export type Role = 'worker' | 'orchestrator';

/**
 * The agent that the legacy tool would have started for a role, under its legacy name (legacy-store.md 2.6, 2.13). For a
 * registry project the role's own mapping is merged over `defaults.<role>`, which so beats the project's own `agent`, and
 * an empty agent of the role hides that of the defaults; in a wrapped file `defaults` comes last.
 */
export function effectiveAgent(role: Role, settings: Settings, notes: Notes): Traced<string> {
  const { own, registryDefaults, wrappedDefaults } = settings;
  const ofRole = (section: Section | null) => agentIn(subsection(section, role), notes);
  const plainly = (section: Section | null) => named(agentIn(section, notes));
  const found = settings.registered
    ? (named(ofRole(own) ?? ofRole(wrappedDefaults) ?? ofRole(registryDefaults)) ??
      plainly(own) ??
      plainly(wrappedDefaults) ??
      plainly(registryDefaults))
    : (named(ofRole(own)) ?? plainly(own) ?? named(ofRole(wrappedDefaults)) ?? plainly(wrappedDefaults));
  return found ?? { value: 'claude-code', from: [], rule: 'legacy default' };
}

/** Without the blanks around it, and perhaps empty; null where the key is absent or no text. */
function agentIn(section: Section | null, notes: Notes): Traced<string> | null {
  const found = textField(section, 'agent', notes, { keepEmpty: true, lossy: true });
  return found === null ? null : { ...found, value: found.value.trim() };
}

function named(agent: Traced<string> | null): Traced<string> | null {
  return agent?.value === '' ? null : agent;
}

/** The agent under its name in the rewrite, or null where the rewrite has none (migration.md 5). */
export function rewriteAgent(legacy: Traced<string>, role: Role, notes: Notes): Traced<string> | null {
  if (legacy.value === 'kimicode') return { ...legacy, value: 'kimi', rule: 'renamed from `kimicode`' };
  if (HARNESSES.includes(legacy.value)) return legacy;
  notes.add(
    'HARNESS_UNKNOWN',
    'lossy',
    `the rewrite does not know the ${role} agent ${wordText('agent', legacy.value)}, so none is set`,
    legacy.from[0],
  );
  return null;
}
