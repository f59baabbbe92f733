/** The parts of a 64-bit little-endian Mach-O file that signing and inspection need. Offsets and sizes in bytes. */
export interface MachO {
  readonly cpu: 'arm64' | 'x64';
  /** An ordinary executable (MH_EXECUTE). */
  readonly executable: boolean;
  readonly segments: readonly Segment[];
  /** Where LC_CODE_SIGNATURE says that the signature is; null without that command. */
  readonly signature: Signature | null;
}

export interface Segment {
  readonly name: string;
  /** Place of the load command in the file. */
  readonly command: number;
  readonly fileOffset: number;
  readonly fileSize: number;
  readonly sections: readonly Section[];
}

export interface Section {
  readonly name: string;
  readonly fileOffset: number;
  readonly size: number;
}

export interface Signature {
  readonly command: number;
  readonly offset: number;
  readonly size: number;
}

const MAGIC_64 = 0xfeedfacf;
const CPU: Readonly<Record<number, MachO['cpu']>> = { 16777223: 'x64', 16777228: 'arm64' };
const EXECUTE = 2;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const HEADER = 32;
const SEGMENT_COMMAND = 72;
const SECTION = 80;

/** @throws Error where the bytes are no such file, or its commands lie outside of it */
export function parseMachO(bytes: Uint8Array): MachO {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER || view.getUint32(0, true) !== MAGIC_64) throw new Error('not a 64-bit Mach-O file');
  const cpu = CPU[view.getUint32(4, true)];
  if (cpu === undefined) throw new Error('a Mach-O file for another processor');
  const end = HEADER + view.getUint32(20, true);
  if (end > bytes.length) throw new Error('the load commands lie outside of the file');
  const segments: Segment[] = [];
  let signature: Signature | null = null;
  let at = HEADER;
  for (let left = view.getUint32(16, true); left > 0; left--) {
    const size = at + 8 <= end ? view.getUint32(at + 4, true) : 0;
    if (size < 8 || at + size > end) throw new Error('a load command lies outside of its table');
    const kind = view.getUint32(at, true);
    if (kind === LC_SEGMENT_64) segments.push(segmentAt(view, at, size));
    if (kind === LC_CODE_SIGNATURE) {
      signature = { command: at, offset: view.getUint32(at + 8, true), size: view.getUint32(at + 12, true) };
    }
    at += size;
  }
  return { cpu, executable: view.getUint32(12, true) === EXECUTE, segments, signature };
}

function segmentAt(view: DataView, command: number, size: number): Segment {
  const count = size >= SEGMENT_COMMAND ? view.getUint32(command + 64, true) : 0;
  if (size < SEGMENT_COMMAND + count * SECTION) throw new Error('a segment has more sections than its command holds');
  const sections = Array.from({ length: count }, (_, index): Section => {
    const at = command + SEGMENT_COMMAND + index * SECTION;
    return { name: nameAt(view, at), fileOffset: view.getUint32(at + 48, true), size: sizeAt(view, at + 40) };
  });
  return {
    name: nameAt(view, command + 8),
    command,
    fileOffset: sizeAt(view, command + 40),
    fileSize: sizeAt(view, command + 48),
    sections,
  };
}

export function segmentNamed({ segments }: MachO, name: string): Segment {
  const found = segments.find((segment) => segment.name === name);
  if (found === undefined) throw new Error(`the Mach-O file has no ${name} segment`);
  return found;
}

function sizeAt(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('a size in the Mach-O header is absurd');
  return Number(value);
}

/** Sixteen bytes, padded with zeros. */
function nameAt(view: DataView, at: number): string {
  const raw = new Uint8Array(view.buffer, view.byteOffset + at, 16);
  return Buffer.from(raw).toString('latin1').replace(/\0.*$/s, '');
}
