/** Small stand-ins for executables of the three systems, with just the tables that are read. */

export interface MachOShape {
  readonly cpu: 'x64' | 'arm64';
  /** Bytes before the signature; rounded up to 16. */
  readonly code: number;
  /** Without it there is no LC_CODE_SIGNATURE. */
  readonly command?: boolean;
  /** Of the CodeDirectory in its old signature. */
  readonly flags?: number;
  readonly identifier?: string;
  /** Blobs that the old signature claims. */
  readonly parts?: number;
  readonly payload?: string;
}

/** What Bun appends to its runtime, as a text of one byte a character: modules by name, code with bytecode. */
export function appended(
  modules: Readonly<Record<string, string>>,
  folder = '/$bunfs/root/',
  bytecode = 'code',
): string {
  const pieces: Buffer[] = [];
  let size = 0;
  const put = (text: string): readonly [number, number] => {
    const bytes = Buffer.from(text, 'utf8');
    pieces.push(bytes);
    size += bytes.length;
    return [size - bytes.length, bytes.length];
  };
  const rows = Object.entries(modules).map(([name, contents]) => {
    const fields = [put(folder + name), put(contents), put(''), put(contents.startsWith('// @bun') ? bytecode : '')];
    const row = Buffer.alloc(52);
    for (const [index, value] of fields.flat().entries()) row.writeUInt32LE(value, index * 4);
    return row;
  });
  const table = Buffer.concat(rows);
  const offsets = Buffer.alloc(32);
  offsets.writeBigUInt64LE(BigInt(size + table.length), 0);
  offsets.writeUInt32LE(size, 8);
  offsets.writeUInt32LE(table.length, 12);
  return `${Buffer.concat([...pieces, table, offsets]).toString('latin1')}\n---- Bun! ----\n`;
}

const padded = (name: string): Buffer => Buffer.concat([Buffer.from(name, 'latin1')], 16);

function segment(
  name: string,
  offset: number,
  size: number,
  section?: { name: string; at: number; size: number },
): Buffer {
  const out = Buffer.alloc(72 + (section === undefined ? 0 : 80));
  out.writeUInt32LE(0x19, 0);
  out.writeUInt32LE(out.length, 4);
  padded(name).copy(out, 8);
  out.writeBigUInt64LE(BigInt(size), 32);
  out.writeBigUInt64LE(BigInt(offset), 40);
  out.writeBigUInt64LE(BigInt(size), 48);
  if (section === undefined) return out;
  out.writeUInt32LE(1, 64);
  padded(section.name).copy(out, 72);
  padded(name).copy(out, 88);
  out.writeBigUInt64LE(BigInt(section.size), 72 + 40);
  out.writeUInt32LE(section.at, 72 + 48);
  return out;
}

/** A Mach-O executable with the signature of somebody else, whose page hashes are all wrong. */
export function machO(shape: MachOShape): Uint8Array {
  const { cpu, command = true, flags = 2, identifier = 'old', parts = 1, payload = '' } = shape;
  const limit = Math.ceil(shape.code / 16) * 16;
  const pages = Math.ceil(limit / 4096);
  const name = Buffer.from(`${identifier}\0`);
  const directory = Buffer.alloc(88 + name.length + pages * 32);
  for (const [at, value] of [
    [0, 0xfade0c02],
    [4, directory.length],
    [8, 0x20400],
    [12, flags],
    [16, 88 + name.length],
    [20, 88],
    [28, pages],
    [32, limit],
  ] as const)
    directory.writeUInt32BE(value, at);
  directory.set([32, 2, 0, 12], 36);
  name.copy(directory, 88);
  const head = Buffer.alloc(20);
  for (const [index, value] of [0xfade0cc0, 20 + directory.length, parts, 0, 20].entries())
    head.writeUInt32BE(value, index * 4);
  const signature = Buffer.concat([head, directory]);
  const payloadAt = 2048;
  const edit = Math.floor((limit - 64) / 16) * 16;
  const codeSignature = Buffer.alloc(16);
  codeSignature.writeUInt32LE(0x1d, 0);
  codeSignature.writeUInt32LE(16, 4);
  codeSignature.writeUInt32LE(limit, 8);
  codeSignature.writeUInt32LE(signature.length, 12);
  const commands = [
    segment('__TEXT', 0, 1024),
    segment('__BUN', payloadAt, 1024, { name: '__bun', at: payloadAt, size: payload.length }),
    segment('__LINKEDIT', edit, limit + signature.length - edit),
    ...(command ? [codeSignature] : []),
  ];
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0xfeedfacf, 0);
  header.writeUInt32LE(cpu === 'x64' ? 0x1000007 : 0x100000c, 4);
  header.writeUInt32LE(2, 12);
  header.writeUInt32LE(commands.length, 16);
  header.writeUInt32LE(
    commands.reduce((sum, each) => sum + each.length, 0),
    20,
  );
  const file = Buffer.alloc(limit + signature.length);
  for (let at = 1024; at < limit; at++) file[at] = (at * 31) % 251;
  Buffer.concat([header, ...commands]).copy(file);
  file.write(payload, payloadAt, 'latin1');
  signature.copy(file, limit);
  return file;
}

/** A Windows executable. */
export function pe(
  shape: { machine?: number; subsystem?: number; certificate?: number; payload?: string } = {},
): Uint8Array {
  const { machine = 0x8664, subsystem = 3, certificate = 0, payload = '' } = shape;
  const file = Buffer.alloc(1024 + payload.length);
  file.write('MZ', 0, 'latin1');
  file.writeUInt32LE(64, 60);
  file.write('PE\0\0', 64, 'latin1');
  file.writeUInt16LE(machine, 68);
  file.writeUInt16LE(1, 70);
  file.writeUInt16LE(240, 84);
  const optional = 88;
  file.writeUInt16LE(0x20b, optional);
  file.writeUInt16LE(subsystem, optional + 68);
  file.writeUInt32LE(certificate, optional + 112 + 36);
  const section = optional + 240;
  file.write('.bun', section, 'latin1');
  file.writeUInt32LE(payload.length, section + 16);
  file.writeUInt32LE(1024, section + 20);
  file.write(payload, 1024, 'latin1');
  return file;
}

/** A Linux executable. */
export function elf(
  shape: { machine?: number; type?: number; interpreter?: string; payload?: string } = {},
): Uint8Array {
  const { machine = 62, type = 2, interpreter = '/lib64/ld-linux-x86-64.so.2', payload = '' } = shape;
  const loader = Buffer.from(`${interpreter}\0`, 'latin1');
  const names = Buffer.from('\0.bun\0.names\0', 'latin1');
  const at = { loader: 128, payload: 256, names: 256 + payload.length, sections: 512 + payload.length };
  const file = Buffer.alloc(at.sections + 3 * 64);
  file.writeUInt32BE(0x7f454c46, 0);
  file.set([2, 1, 1], 4);
  file.writeUInt16LE(type, 16);
  file.writeUInt16LE(machine, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeBigUInt64LE(BigInt(at.sections), 40);
  for (const [index, value] of [56, 1, 64, 3, 2].entries()) file.writeUInt16LE(value, 54 + index * 2);
  file.writeUInt32LE(3, 64);
  file.writeBigUInt64LE(BigInt(at.loader), 64 + 8);
  file.writeBigUInt64LE(BigInt(loader.length), 64 + 32);
  loader.copy(file, at.loader);
  file.write(payload, at.payload, 'latin1');
  names.copy(file, at.names);
  for (const [index, name, offset, size] of [
    [1, 1, at.payload, payload.length],
    [2, 6, at.names, names.length],
  ] as const) {
    const row = at.sections + index * 64;
    file.writeUInt32LE(name, row);
    file.writeBigUInt64LE(BigInt(offset), row + 24);
    file.writeBigUInt64LE(BigInt(size), row + 32);
  }
  return file;
}
