import { CREDENTIAL_FORMS } from '../plan/credential-forms';

/** What must not travel in a support archive (migration.md 10). */
export interface Private {
  /** Spellings of the home directory. */
  readonly homes: readonly string[];
  readonly users: readonly string[];
  readonly hosts: readonly string[];
  /** Values that are known to be secret: of `env`, rules, prompts. */
  readonly values: readonly string[];
  /** Display names. */
  readonly names: readonly string[];
}

/** Shorter ones are ordinary words, which would be cut out of everything. */
const SHORTEST_VALUE = 4;

/** Forms of credentials, the most specific first; what stands for each. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"']*@/gi, '$1'],
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s?#"']*)[?#][^\s"']*/gi, '$1?<query>'],
  ...CREDENTIAL_FORMS,
  [
    /\b((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|authorization|cookie|credential)s?["']?\s*[:=]\s*)(?:"[^"]*"|'[^']*'|[^\s,;}]+)/gi,
    '$1<value>',
  ],
  [/[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+/g, '<address>'],
];

/**
 * Takes out of a text what must not travel. The pieces of an archive are chosen so that nothing of it is in them; this is
 * the second net, for what somebody wrote where nobody expects it.
 */
export function redactor({ homes, users, hosts, values, names }: Private): (text: string) => string {
  const literal: [string, string][] = [
    ...longestFirst(values.filter(({ length }) => length >= SHORTEST_VALUE)).map((value): [string, string] => [
      value,
      '<value>',
    ]),
    ...longestFirst(homes.filter(({ length }) => length > 1)).flatMap((home): [string, string][] => [
      [home, '~'],
      // Claude names its folders after the path.
      [home.replace(/[^A-Za-z0-9]/g, '-'), '~'],
    ]),
  ];
  const words = [
    ...longestFirst(names).map((name) => [word(name), '<name>'] as const),
    ...longestFirst(users).map((user) => [word(user), '<user>'] as const),
    ...longestFirst(hosts).map((host) => [word(host), '<host>'] as const),
  ];
  return (text) => {
    let clean = text;
    for (const [part, mark] of literal) clean = clean.replaceAll(part, mark);
    for (const [form, mark] of FORMS) clean = clean.replace(form, mark);
    for (const [form, mark] of words) clean = clean.replace(form, mark);
    return clean;
  };
}

/** Keys and texts of a JSON value, cleaned; the form stays. */
export function redacted(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((each) => redacted(each, clean));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [clean(key), redacted(each, clean)]));
}

function longestFirst(texts: readonly string[]): string[] {
  return [...new Set(texts)].filter((text) => text !== '').sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
}

/** A name where it stands by itself: `jo`, not the `jo` of `job`. */
function word(name: string): RegExp {
  const literal = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])`, 'giu');
}
