import { basename } from 'node:path';
import type { Machine } from '../contracts/machine';
import { leafReader } from '../legacy/leaf-reader';
import { depthIn, isSecret } from '../plan/secrecy';
import { physical } from '../sessions/physical';
import type { Survey } from '../survey/survey';
import type { Private } from './redaction';

/** Names of this machine and of who uses it, as the system tells them. */
export interface Identity {
  readonly users: readonly string[];
  readonly hosts: readonly string[];
}

const USER_VARIABLES = ['USER', 'LOGNAME', 'USERNAME', 'SUDO_USER'] as const;
const HOST_VARIABLES = ['HOSTNAME', 'HOST', 'COMPUTERNAME'] as const;
const SECRET_VARIABLE = /token|secret|passw|key|auth|credential|cookie|webhook/i;
/** A value of this length stands nowhere by chance. */
const TELLING = 6;

/** Everything of this machine and this store that must not travel. */
export function privateParts(machine: Machine, identity: Identity, found: Survey | null): Private {
  const { env } = machine;
  const variables = (names: readonly string[]): string[] => names.flatMap((name) => env[name] ?? []);
  const homes = [machine.home, machine.legacyHome].flatMap((home) => (home === null ? [] : [home, physical(home)]));
  const hosts = [...identity.hosts, ...variables(HOST_VARIABLES)];
  const named = Object.entries(env).flatMap(([name, value]) => (SECRET_VARIABLE.test(name) ? [value ?? ''] : []));
  return {
    homes,
    users: [...identity.users, ...variables(USER_VARIABLES), ...homes.map((home) => basename(home))],
    hosts: hosts.flatMap((host) => [host, host.split('.')[0] ?? host]).filter((host) => host !== 'localhost'),
    values: [...named, ...(found === null ? [] : secretValues(found))].filter(({ length }) => length >= TELLING),
    names: found === null ? [] : displayNames(found),
  };
}

/** What the store holds of which only the name may be told. */
function secretValues({ store }: Survey): string[] {
  const leaves = leafReader(store);
  return store.files.flatMap(({ path }) =>
    leaves(path).flatMap((leaf) => {
      const { tree } = leaf;
      if (tree.kind !== 'scalar' || !isSecret(leaf, depthIn(leaf.keys))) return [];
      return typeof tree.value === 'string' ? [tree.value, ...tree.value.split('\n')] : [];
    }),
  );
}

/** Names that people gave, but for those that a path or an id tells all the same. */
function displayNames({ store, draft, plan }: Survey): string[] {
  const told = draft.projects
    .flatMap(({ id, path }) => [id, path])
    .join('\n')
    .toLowerCase();
  const records = [...store.v2, ...store.v1].flatMap((directory) => directory.records);
  const names = [
    ...plan.projects.flatMap(({ row }) => row?.display_name ?? []),
    ...plan.orchestrators.flatMap(({ row }) => row?.display_name ?? []),
    ...(store.preferences?.displayNames.values() ?? []),
    ...records.flatMap(({ displayName }) => displayName ?? []),
  ];
  return names.filter((name) => name.length > 1 && !told.includes(name.toLowerCase()));
}
