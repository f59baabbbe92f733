/** What inspection needs of a 64-bit little-endian ELF file. */
export interface Elf {
  readonly cpu: 'arm64' | 'x64';
  readonly executable: boolean;
  /** The loader that the system is asked for: it tells glibc from musl. Null for a static file. */
  readonly interpreter: string | null;
  readonly sections: readonly ElfSection[];
}

export interface ElfSection {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const CPU: Readonly<Record<number, Elf['cpu']>> = { 62: 'x64', 183: 'arm64' };
/** ET_EXEC and ET_DYN: with a fixed address, and position-independent. */
const RUNS = [2, 3];
const PT_INTERP = 3;

/** @throws Error where the bytes are no such file, or its tables lie outside of it */
export function parseElf(bytes: Uint8Array): Elf {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (all.length < 64 || all.readUInt32BE(0) !== 0x7f454c46) throw new Error('not an ELF file');
  if (all[4] !== 2 || all[5] !== 1) throw new Error('not a 64-bit little-endian ELF file');
  const cpu = CPU[all.readUInt16LE(18)];
  if (cpu === undefined) throw new Error('an ELF file for another processor');
  return {
    cpu,
    executable: RUNS.includes(all.readUInt16LE(16)),
    interpreter: interpreterOf(all),
    sections: sectionsOf(all),
  };
}

/** Rows of one of the two tables of the file. */
function rows(all: Buffer, table: number, rowSize: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => slice(all, table + index * rowSize, rowSize));
}

function slice(all: Buffer, offset: number, size: number): Buffer {
  if (offset + size > all.length) throw new Error('a table of the ELF file lies outside of it');
  return all.subarray(offset, offset + size);
}

const number = (row: Buffer, at: number): number => Number(row.readBigUInt64LE(at));

function interpreterOf(all: Buffer): string | null {
  const programs = rows(all, number(all, 32), all.readUInt16LE(54), all.readUInt16LE(56));
  const row = programs.find((each) => each.readUInt32LE(0) === PT_INTERP);
  if (row === undefined) return null;
  return slice(all, number(row, 8), number(row, 32)).toString('latin1').replace(/\0.*$/s, '');
}

function sectionsOf(all: Buffer): ElfSection[] {
  const table = rows(all, number(all, 40), all.readUInt16LE(58), all.readUInt16LE(60));
  const naming = table[all.readUInt16LE(62)];
  if (naming === undefined) return [];
  const names = slice(all, number(naming, 24), number(naming, 32));
  return table.map((row) => {
    const at = row.readUInt32LE(0);
    return {
      name: names.subarray(at, names.indexOf(0, at)).toString('latin1'),
      offset: number(row, 24),
      size: number(row, 32),
    };
  });
}
