import { createHash } from 'node:crypto';

/** One planted secret: what stands in the store, and the part of it that must be found nowhere. */
export interface Secret {
  readonly kind: string;
  readonly text: string;
  readonly core: string;
}

type Form = (core: string) => string;

/** Twenty kinds of things that people keep in configs. */
const FORMS: readonly (readonly [kind: string, form: Form])[] = [
  ['GitHub token', (c) => `ghp_${c}`],
  ['GitHub fine-grained token', (c) => `github_pat_${c}`],
  ['GitLab token', (c) => `glpat-${c}`],
  ['Anthropic key', (c) => `sk-ant-api03-${c}`],
  ['OpenAI key', (c) => `sk-proj-${c}`],
  ['Slack token', (c) => `xoxb-1234-${c}`],
  ['Slack webhook', (c) => `https://hooks.slack.com/services/T0/B0/${c}`],
  ['AWS key id', (c) => `AKIA${c.toUpperCase()}`],
  ['AWS secret', (c) => `${c}/${c}+${c}`],
  ['Google key', (c) => `AIza${c}`],
  ['JWT', (c) => `eyJhbGciOiJIUzI1NiJ9.${c}.${c}`],
  ['private key', (c) => `-----BEGIN PRIVATE KEY-----\n${c}\n-----END PRIVATE KEY-----`],
  ['URL with a password', (c) => `https://jo:${c}@example.com/x.git`],
  ['database URL', (c) => `postgres://app:${c}@db.example.com:5432/app`],
  ['bearer header', (c) => `Authorization: Bearer ${c}`],
  ['npm token', (c) => `npm_${c}`],
  ['cookie', (c) => `session=${c}; Path=/; HttpOnly`],
  ['hexadecimal key', (c) => createHash('sha256').update(c).digest('hex') + c],
  ['passphrase', (c) => `correct horse ${c} staple`],
  ['query token', (c) => `https://example.com/hook?token=${c}`],
];

/** `count` different secrets, the kinds in turn; the same in every run. */
export function secrets(count: number): Secret[] {
  return Array.from({ length: count }, (_, index) => {
    const core = `Q${createHash('sha256').update(`secret ${index}`).digest('hex').slice(0, 19)}Z`;
    const [kind, form] = FORMS[index % FORMS.length] ?? ['plain', (c: string) => c];
    return { kind, text: form(core), core };
  });
}

/** A secret that has no form at all: one word, or a sentence. */
export function formless(index: number): Secret {
  const core = `q${createHash('sha256').update(`formless ${index}`).digest('hex').slice(0, 19)}z`;
  return { kind: 'formless', text: index % 2 === 0 ? core : `tr0ub4dor and ${core}`, core };
}

/** The secrets of which something stands in a text, in any case. */
export function leaked(text: string, planted: readonly Secret[]): string[] {
  const lower = text.toLowerCase();
  return planted.flatMap(({ kind, core }) => (lower.includes(core.toLowerCase()) ? [`${kind} ${core}`] : []));
}
