import { HARNESSES } from '../rewrite/config';
import { type Notes, type Section, subsection, type Traced, textField } from './fields';
import { wordText } from './known-words';
import type { Settings } from './settings';

export type Role = 'worker' | 'orchestrator';

/**
 * The agent that the legacy tool would have started for a role, under its legacy name (legacy-store.md 2.6, 2.13). For a
 * registry project `defaults.<role>` beats the project's own `agent`; in a wrapped file `defaults` comes last.
 */
export function effectiveAgent(role: Role, settings: Settings, notes: Notes): Traced<string> {
  const { own, registryDefaults, wrappedDefaults } = settings;
  const ofRole = (section: Section | null) => agentIn(subsection(section, role), notes);
  const plainly = (section: Section | null) => agentIn(section, notes);
  const found = settings.registered
    ? (ofRole(own) ??
      ofRole(wrappedDefaults) ??
      ofRole(registryDefaults) ??
      plainly(own) ??
      plainly(wrappedDefaults) ??
      plainly(registryDefaults))
    : (ofRole(own) ?? plainly(own) ?? ofRole(wrappedDefaults) ?? plainly(wrappedDefaults));
  return found ?? { value: 'claude-code', from: [], rule: 'legacy default' };
}

function agentIn(section: Section | null, notes: Notes): Traced<string> | null {
  const found = textField(section, 'agent', notes, { lossy: true });
  return found === null || found.value.trim() === '' ? null : { ...found, value: found.value.trim() };
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
