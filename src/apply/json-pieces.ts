/**
 * A JSON object as text in pieces, each item of its lists on a line of its own: there may be tens of thousands of them, and
 * people compare such files.
 */
export function* jsonPieces(object: object): Generator<string | Uint8Array> {
  let before = '{';
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue;
    yield `${before}\n  "${key}": `;
    before = ',';
    if (Array.isArray(value)) yield* listBytes(value);
    else yield JSON.stringify(value);
  }
  yield '\n}\n';
}

/** Of lists that were written: a run writes its receipt twice, and only a few words of it change in between. */
const written = new WeakMap<readonly unknown[], readonly Uint8Array[]>();

function listBytes(items: readonly unknown[]): readonly Uint8Array[] {
  const known = written.get(items);
  if (known !== undefined) return known;
  const bytes = Array.from(listText(items), (piece) => Buffer.from(piece, 'utf8'));
  written.set(items, bytes);
  return bytes;
}

function* listText(items: readonly unknown[]): Generator<string> {
  yield '[';
  for (let from = 0; from < items.length; from += PIECE) {
    const lines = items.slice(from, from + PIECE).map((item) => `\n    ${JSON.stringify(item)}`);
    yield `${from === 0 ? '' : ','}${lines.join(',')}`;
  }
  yield items.length === 0 ? ']' : '\n  ]';
}

/** Items of one piece of the text. */
const PIECE = 500;
