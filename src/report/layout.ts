/** Columns that a text takes on a terminal: wide characters count two, colour codes none. */
export function columns(text: string): number {
  return Bun.stringWidth(text);
}

/**
 * Breaks text into lines of at most `width` columns at spaces; a longer word (a path) is broken where it reaches the
 * edge. Never returns an empty list. Colour codes must not be in `text`: paint afterwards.
 *
 * @param first columns of the first line, where it has less room than the others
 */
export function wrapped(text: string, width: number, first = width): readonly string[] {
  const lines: string[] = [];
  let line = '';
  let room = Math.max(1, first);
  const push = (full: string): void => {
    lines.push(full);
    room = Math.max(1, width);
  };
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (columns(joined) <= room) {
      line = joined;
      continue;
    }
    if (line !== '') push(line);
    let rest = word;
    while (columns(rest) > room) {
      const piece = beginning(rest, room);
      push(piece);
      rest = rest.slice(piece.length);
    }
    line = rest;
  }
  lines.push(line);
  return lines;
}

const SEPARATORS = ['/', '\\', '|'] as const;

/** As much of a long word as fits; behind a separator, so that a path or a list of choices stays readable. */
function beginning(word: string, room: number): string {
  let piece = '';
  for (const character of word) {
    if (piece !== '' && columns(piece + character) > room) break;
    piece += character;
  }
  const cut = Math.max(...SEPARATORS.map((separator) => piece.lastIndexOf(separator))) + 1;
  // A short rest is not worth a line of its own.
  return cut > piece.length / 2 ? piece.slice(0, cut) : piece;
}

/** `text` wrapped behind `lead`; further lines are indented by the lead's own width, or by `hang` columns. */
export function hanging(lead: string, text: string, width: number, hang = columns(lead)): readonly string[] {
  const [first = '', ...rest] = wrapped(text, width - hang, width - columns(lead));
  return [(lead + first).trimEnd(), ...rest.map((line) => ' '.repeat(hang) + line)];
}

export interface Row {
  readonly label: string;
  readonly text: string;
}

/**
 * Two columns, the second aligned and wrapped. Where that would leave it less than `least` columns the text goes below
 * its label instead, so that a narrow terminal stays readable.
 */
export function table(rows: readonly Row[], width: number, indent = 2, gap = 2, least = 24): readonly string[] {
  const widest = Math.max(0, ...rows.map((row) => columns(row.label)));
  const start = indent + widest + gap;
  const below = width - start < least;
  const pad = ' '.repeat(indent);
  return rows.flatMap(({ label, text }) => {
    if (text === '') return hanging(pad, label, width);
    if (below) return [...hanging(pad, label, width), ...hanging(' '.repeat(indent + 2), text, width)];
    return hanging(pad + label + ' '.repeat(widest - columns(label) + gap), text, width);
  });
}
