/** Forms that credentials of well-known services have, the most specific first, with what stands for one in a text. */
export const CREDENTIAL_FORMS: readonly (readonly [form: RegExp, mark: string])[] = [
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, '<key>'],
  [/\bey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?/g, '<token>'],
  [
    /\b(?:gh[pousr]|github_pat|glpat|gldt|xox[abeoprs]|xapp|sk|pk|rk|whsec|npm|pypi|dop_v1|shpat|hf|sq0\w{3}|ya29)[-_.][A-Za-z0-9_.-]{8,}/g,
    '<token>',
  ],
  [/\b(?:AKIA|ASIA|AROA|AIza)[A-Za-z0-9_-]{12,}/g, '<token>'],
  [/\b((?:bearer|basic|token)\s+)[A-Za-z0-9+/_.=-]{8,}/gi, '$1<token>'],
];

/** A text in which something looks like a credential of a well-known service. */
export function looksLikeCredential(text: string): boolean {
  return CREDENTIAL_FORMS.some(([form]) => text.search(form) >= 0);
}
