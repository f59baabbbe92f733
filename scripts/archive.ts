/**
 * Archives whose bytes depend on nothing but names, modes and contents: no clock, no owner, entries in the order given.
 */
import { crc32, deflateRawSync } from 'node:zlib';
import { TAR_END, tarHeader, tarPadding } from '../src/doctor/tar';

export interface Entry {
  /** ASCII, at most 100 bytes, without folders. */
  readonly name: string;
  readonly executable: boolean;
  readonly bytes: Uint8Array;
}

/** 1980-01-01T00:00:00Z, the first moment that a ZIP file can name; seconds. */
const TIME = 315_532_800;

/** A POSIX (ustar) archive in pieces: headers, the entries' own bytes, padding. */
export function* tarPieces(entries: readonly Entry[]): Generator<Uint8Array> {
  for (const entry of entries) {
    const { name, executable, bytes } = entry;
    yield tarHeader({ name, mode: executable ? 0o755 : 0o644, size: bytes.length, time: TIME });
    yield bytes;
    yield tarPadding(bytes.length);
  }
  yield TAR_END;
}

/** What a ZIP file says in both of its tables of one entry; little-endian. */
function zipFields({ bytes }: Entry, packed: Uint8Array, nameLength: number): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  // Midnight, and the first of January 1980.
  fields.writeUInt16LE(0, 6);
  fields.writeUInt16LE((1 << 5) | 1, 8);
  fields.writeUInt32LE(crc32(bytes), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(bytes.length, 18);
  fields.writeUInt16LE(nameLength, 22);
  return fields;
}

/** A ZIP file, deflated; modes are kept for systems that know them. */
export function zipOf(entries: readonly Entry[]): Uint8Array {
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name, 'latin1');
    const packed = deflateRawSync(entry.bytes, { level: 9 });
    const fields = zipFields(entry, packed, name.length);
    const head = Buffer.from('PK\x03\x04', 'latin1');
    const directory = Buffer.alloc(46);
    directory.write('PK\x01\x02', 'latin1');
    // Made on Unix: the mode stands in the upper half of the external attributes.
    directory.writeUInt16LE((3 << 8) | 20, 4);
    fields.copy(directory, 6);
    directory.writeUInt32LE(((entry.executable ? 0o100755 : 0o100644) << 16) >>> 0, 38);
    directory.writeUInt32LE(offset, 42);
    central.push(directory, name);
    local.push(head, fields, name, packed);
    offset += head.length + fields.length + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(
    central.reduce((sum, piece) => sum + piece.length, 0),
    12,
  );
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, ...central, end]);
}
