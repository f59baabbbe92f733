import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseDocument } from 'yaml';

/**
 * Leaves of a legacy file, counted from its text with other means than the ledger's: scalars and empty maps and lists; a
 * text that is no document counts as one. In records the objects that updates flattened into JSON text count by what is in
 * them, and of a key=value file every line counts.
 */
export function countLeaves(file: string): number {
  const text = readFileSync(file, 'utf8');
  const name = basename(file);
  if (name === '.origin') return 1;
  if (/\.ya?ml(\.pre-migration)?$/.test(name)) {
    const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false });
    return document.errors.some((error) => error.code !== 'MULTIPLE_DOCS') ? 1 : within(document.toJS(), null);
  }
  try {
    return within(JSON.parse(text.replace(/^\uFEFF/, '').trim()), 'record');
  } catch {
    const body = text.replace(/^\uFEFF/, '').trim();
    if (body.startsWith('{') || body.startsWith('[')) return 1;
    const values = new Map<string, string>();
    let lines = 0;
    for (const [, key, value] of body.matchAll(/^[^\S\n]*(?!#)([^=\n]*[^=\s][^=\n]*)=([^\n]*)$/gm)) {
      values.set(String(key).trim(), String(value).trim());
      lines++;
    }
    const more = [...values].reduce((sum, [key, value]) => sum + within(value, 'record', key) - 1, 0);
    return Math.max(1, lines + more);
  }
}

const FLATTENED = /^(lifecycle|statePayload|runtimeHandle|session|runtime|handle|data|pr)$/;

function within(value: unknown, kind: 'record' | null, key = ''): number {
  let seen = value;
  if (kind === 'record' && typeof seen === 'string' && FLATTENED.test(key)) {
    try {
      for (let twice = 0; twice < 2 && typeof seen === 'string'; twice++) seen = JSON.parse(seen);
    } catch {
      return 1;
    }
    if (typeof seen !== 'object' || seen === null || Array.isArray(seen)) return 1;
  }
  if (typeof seen !== 'object' || seen === null) return 1;
  const members = Object.entries(seen).map(([each, child]) => within(child, kind, Array.isArray(seen) ? '' : each));
  return members.length === 0 ? 1 : members.reduce((a, b) => a + b);
}
