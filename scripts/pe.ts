/** What inspection needs of a 64-bit Windows executable. */
export interface Pe {
  readonly cpu: 'arm64' | 'x64';
  /** Console programs get the terminal that they were started from; window programs have none. */
  readonly console: boolean;
  /** An Authenticode signature is attached. What Bun's own file carries would not be valid any more. */
  readonly signed: boolean;
  readonly sections: readonly PeSection[];
}

export interface PeSection {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const CPU: Readonly<Record<number, Pe['cpu']>> = { 34404: 'x64', 43620: 'arm64' };
const PE32_PLUS = 0x20b;
const CONSOLE = 3;
const SECTION = 40;
/** Place in the optional header of the row of the directory that names the signature. */
const CERTIFICATES = 112 + 4 * 8;

/** @throws Error where the bytes are no such file */
export function parsePe(bytes: Uint8Array): Pe {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (all.length < 64 || all.toString('latin1', 0, 2) !== 'MZ') throw new Error('not a Windows executable');
  const head = all.readUInt32LE(60);
  if (head + 24 > all.length || all.toString('latin1', head, head + 4) !== 'PE\0\0') throw new Error('no PE header');
  const cpu = CPU[all.readUInt16LE(head + 4)];
  if (cpu === undefined) throw new Error('a Windows executable for another processor');
  const optional = head + 24;
  const optionalSize = all.readUInt16LE(head + 20);
  const count = all.readUInt16LE(head + 6);
  const table = optional + optionalSize;
  if (optionalSize < CERTIFICATES + 8 || table + count * SECTION > all.length)
    throw new Error('the PE header is cut off');
  if (all.readUInt16LE(optional) !== PE32_PLUS) throw new Error('not a 64-bit Windows executable');
  return {
    cpu,
    console: all.readUInt16LE(optional + 68) === CONSOLE,
    signed: all.readUInt32LE(optional + CERTIFICATES + 4) !== 0,
    sections: Array.from({ length: count }, (_, index) => {
      const row = all.subarray(table + index * SECTION, table + (index + 1) * SECTION);
      const name = row.toString('latin1', 0, 8).replace(/\0.*$/s, '');
      return { name, offset: row.readUInt32LE(20), size: row.readUInt32LE(16) };
    }),
  };
}
