/** White space as Go's unicode package has it; JavaScript's own class also holds the byte order mark and lacks U+0085. */
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const MARGINS = new RegExp(`^${SPACE}|${SPACE}$`, 'g');

/** `strings.TrimSpace`, for texts that the daemon trims. */
export function goTrim(text: string): string {
  return text.replace(MARGINS, '');
}

/** Two keys of a JSON object are one to Go's decoder if this is equal; exact for field names of ASCII letters. */
export function goFold(key: string): string {
  // Of the characters that fold to an ASCII letter, lower-casing knows the Kelvin sign but not the long s.
  return key.replaceAll('\u017f', 's').toLowerCase();
}
