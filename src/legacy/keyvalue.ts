/**
 * The record format of generation V1 (legacy-store.md 3.3): one `key=value` a line, `#` comments, no quoting; the first
 * `=` splits, the last of several equal keys wins, an empty key is nothing.
 */
export function parseKeyValue(text: string): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const rawLine of text.split('\n')) {
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#')) continue;
    const split = line.indexOf('=');
    if (split < 0) continue;
    const key = line.slice(0, split).trim();
    if (key !== '') fields[key] = line.slice(split + 1).trim();
  }
  return fields;
}
