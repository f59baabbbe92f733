/**
 * What `bun build --compile` appends to its runtime, read from the file: the pieces of the bundle and the files that are
 * embedded in it. The layout is that of the pinned Bun (scripts/runtime.ts); another one is an error, not a guess.
 */

/** A piece of the bundle or an embedded file. */
export interface Module {
  /** Without the folder in which the runtime shows it. */
  readonly name: string;
  readonly contents: Buffer;
  /** Bytes; none in an embedded file. */
  readonly bytecode: number;
}

/** Bun closes what it appends to itself with this; without it the file is a plain Bun. */
const TRAILER = '\n---- Bun! ----\n';
const OFFSETS = 32;
const ROW = 52;
const FOLDER = /(?:\/\$bunfs\/root\/|B:[/\\]~BUN[/\\]root[/\\])/;
const REFERENCE = new RegExp(`"${FOLDER.source}([^"/\\\\]+)"`, 'g');

/** @throws Error where nothing is appended, or its tables lie outside of it */
export function modulesOf(payload: Uint8Array): readonly Module[] {
  const all = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const end = all.lastIndexOf(TRAILER) - OFFSETS;
  if (end < 0) throw new Error('nothing is embedded: it is a plain Bun');
  const start = end - Number(all.readBigUInt64LE(end));
  const part = (offset: number, size: number): Buffer => {
    if (start < 0 || start + offset + size > end) throw new Error('the table of its modules lies outside of it');
    return all.subarray(start + offset, start + offset + size);
  };
  const table = part(all.readUInt32LE(end + 8), all.readUInt32LE(end + 12));
  if (table.length === 0 || table.length % ROW !== 0) throw new Error('its modules are listed in an unknown way');
  return Array.from({ length: table.length / ROW }, (_, index) => {
    const row = table.subarray(index * ROW, (index + 1) * ROW);
    const field = (at: number): Buffer => part(row.readUInt32LE(at), row.readUInt32LE(at + 4));
    const name = field(0)
      .toString('utf8')
      .replace(new RegExp(`^${FOLDER.source}`), '');
    return { name, contents: field(8), bytecode: field(24).length };
  });
}

/** What is wrong with the modules among themselves: a piece that another one loads and that is not there, or is slow. */
export function graphProblems(modules: readonly Module[]): readonly string[] {
  const names = new Set(modules.map(({ name }) => name));
  const code = modules.filter(({ contents }) => contents.subarray(0, 7).equals(Buffer.from('// @bun')));
  const wanted = code.flatMap(({ contents }) =>
    [...contents.toString('latin1').matchAll(REFERENCE)].map(([, name]) => name ?? ''),
  );
  return [
    ...[...new Set(wanted)].filter((name) => !names.has(name)).map((name) => `${name} is loaded but not inside`),
    ...modules.filter(({ contents }) => contents.length === 0).map(({ name }) => `${name} is empty`),
    ...code.filter(({ bytecode }) => bytecode === 0).map(({ name }) => `${name} has no bytecode`),
    ...(code.length === 0 ? ['it has no code of ours'] : []),
  ];
}
