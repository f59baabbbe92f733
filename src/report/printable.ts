/**
 * Characters that a terminal obeys or that make text look like other text: control and format characters, line and
 * paragraph separators, lone surrogates. The two joiners and the Arabic number signs are format characters too, but
 * ordinary words need them.
 */
const UNSAFE = /(?!\u200c|\u200d|[\u0600-\u0605\u06dd\u08e2])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const NOT_ASCII = /[^\x20-\x7e]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\u(${hex})`;
}

/**
 * Text from the store, the command line or another program as one harmless line: control characters, bidirectional
 * overrides and invisible characters are shown escaped (migration.md 11). Printing twice changes nothing more.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** `printable`, and everything that is not ASCII escaped too, for terminals that cannot show it. */
export function printableAscii(text: string): string {
  return printable(text).replace(NOT_ASCII, escaped);
}

/** At most `limit` characters of `text`, the cut shown; for words of the command line inside a message. */
export function shortened(text: string, limit = 60): string {
  const characters = Array.from(text.slice(0, limit * 2 + 2));
  return characters.length <= limit ? text : `${characters.slice(0, limit - 3).join('')}...`;
}
