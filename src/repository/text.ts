/** git has its own table: no vertical tab, no form feed, nothing above ASCII. */
export function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\n' || char === '\r';
}

export function isLineEnd(char: string): boolean {
  return char === '\n' || char === '\r';
}

/** Without leading characters of a kind. */
export function trimStart(text: string, drop: (char: string) => boolean = isSpace): string {
  let start = 0;
  while (start < text.length && drop(text.charAt(start))) start += 1;
  return text.slice(start);
}

/** Without trailing characters of a kind. Not a pattern, because one takes quadratic time on a hostile file. */
export function trimEnd(text: string, drop: (char: string) => boolean = isSpace): string {
  let end = text.length;
  while (end > 0 && drop(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
