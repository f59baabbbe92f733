/**
 * Ad-hoc signatures of macOS executables, made and checked without macOS. The kernel of Apple silicon runs nothing
 * unsigned, and on every Mac a page whose hash is wrong kills the process. What Bun leaves in a cross-built darwin-x64
 * file is its own signature over bytes that have changed since (distribution.md 1).
 *
 * The signature is the one that Apple's and Go's linkers make: a superblob with nothing but a CodeDirectory.
 */
import { createHash } from 'node:crypto';
import { type MachO, parseMachO, segmentNamed } from './macho';

const SUPERBLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
/** The first version that has the limits of the executable segment. */
const VERSION = 0x20400;
const ADHOC = 0x2;
const LINKER_SIGNED = 0x20000;
/** Hardened runtime: without entitlements it forbids the JIT, so Bun would not start. */
const RUNTIME = 0x10000;
const FLAGS = ADHOC | LINKER_SIGNED;
const SHA256 = 2;
const HASH = 32;
const PAGE_SHIFT = 12;
const PAGE = 1 << PAGE_SHIFT;
const SUPERBLOB_HEADER = 12;
const BLOB_INDEX = 8;
const DIRECTORY_HEADER = 88;
const MAIN_BINARY = 1n;
/** Segments are mapped in pages of this size on Apple silicon; it is a multiple of the one of Intel. */
const MAPPED = 0x4000;

/**
 * The same program with an ad-hoc signature in place of the one it has. The result depends on nothing but the arguments.
 *
 * @throws Error where the file has no signature command at its end to be taken over
 */
export function signAdHoc(original: Uint8Array, identifier: string): Uint8Array {
  const { offset } = signatureAtEnd(parseMachO(original), original.length);
  const size = signatureSize(offset, identifier);
  const signed = new Uint8Array(offset + size);
  signed.set(original.subarray(0, offset));
  const view = new DataView(signed.buffer);
  const { signature } = parseMachO(signed);
  const linkedit = segmentNamed(parseMachO(signed), '__LINKEDIT');
  // Sizes first: they stand in the pages that are hashed.
  view.setUint32((signature?.command ?? 0) + 12, size, true);
  const fileSize = offset + size - linkedit.fileOffset;
  view.setBigUint64(linkedit.command + 48, BigInt(fileSize), true);
  view.setBigUint64(linkedit.command + 32, BigInt(Math.ceil(fileSize / MAPPED) * MAPPED), true);
  signed.set(signatureOf(signed.subarray(0, offset), identifier), offset);
  return signed;
}

/**
 * What is wrong with the signature of a file that `signAdHoc` made; empty if nothing is. Every page is hashed again, so
 * any changed byte of the program is found; the signature itself is compared with the only right one.
 */
export function signatureProblems(bytes: Uint8Array, identifier: string): readonly string[] {
  try {
    const file = parseMachO(bytes);
    const { offset, size } = signatureAtEnd(file, bytes.length);
    const linkedit = segmentNamed(file, '__LINKEDIT');
    const blob = bytes.subarray(offset, offset + size);
    const problems = [...headerProblems(blob, identifier), ...pageProblems(bytes.subarray(0, offset), blob)];
    if (linkedit.fileOffset + linkedit.fileSize !== bytes.length)
      problems.push('__LINKEDIT does not end with the file');
    const right = signatureOf(bytes.subarray(0, offset), identifier);
    if (problems.length === 0 && !Buffer.from(right).equals(blob)) problems.push('the signature has foreign bytes');
    return problems;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function signatureAtEnd({ signature }: MachO, length: number): { offset: number; size: number } {
  if (signature === null) throw new Error('the Mach-O file has no signature command');
  if (signature.offset + signature.size !== length || signature.offset % 16 !== 0) {
    throw new Error('the signature is not the aligned end of the file');
  }
  return signature;
}

const pagesOf = (length: number): number => Math.ceil(length / PAGE);
const identifierBytes = (identifier: string): Buffer => Buffer.from(`${identifier}\0`, 'utf8');

function directorySize(codeLength: number, identifier: string): number {
  return DIRECTORY_HEADER + identifierBytes(identifier).length + pagesOf(codeLength) * HASH;
}

function signatureSize(codeLength: number, identifier: string): number {
  const whole = SUPERBLOB_HEADER + BLOB_INDEX + directorySize(codeLength, identifier);
  return Math.ceil(whole / 16) * 16;
}

/** The superblob over `code`, the file up to the signature, padded to its size. Big-endian, as all of code signing. */
function signatureOf(code: Uint8Array, identifier: string): Uint8Array {
  const text = segmentNamed(parseMachO(code), '__TEXT');
  const name = identifierBytes(identifier);
  const length = directorySize(code.length, identifier);
  const out = Buffer.alloc(signatureSize(code.length, identifier));
  const at = SUPERBLOB_HEADER + BLOB_INDEX;
  out.writeUInt32BE(SUPERBLOB, 0);
  out.writeUInt32BE(at + length, 4);
  out.writeUInt32BE(1, 8);
  // Slot 0 is the CodeDirectory.
  out.writeUInt32BE(at, 16);
  const directory = out.subarray(at, at + length);
  const hashes = DIRECTORY_HEADER + name.length;
  const fields = [
    CODE_DIRECTORY,
    length,
    VERSION,
    FLAGS,
    hashes,
    DIRECTORY_HEADER,
    0,
    pagesOf(code.length),
    code.length,
  ];
  for (const [index, value] of fields.entries()) directory.writeUInt32BE(value, index * 4);
  directory.set([HASH, SHA256, 0, PAGE_SHIFT], 36);
  directory.writeBigUInt64BE(BigInt(text.fileOffset), 64);
  directory.writeBigUInt64BE(BigInt(text.fileSize), 72);
  directory.writeBigUInt64BE(MAIN_BINARY, 80);
  directory.set(name, DIRECTORY_HEADER);
  for (let page = 0; page < pagesOf(code.length); page++) directory.set(pageHash(code, page), hashes + page * HASH);
  return out;
}

function pageHash(code: Uint8Array, page: number): Buffer {
  return createHash('sha256')
    .update(code.subarray(page * PAGE, (page + 1) * PAGE))
    .digest();
}

/** The CodeDirectory of a superblob. @throws Error where there is none */
function directoryOf(blob: Uint8Array): Buffer {
  const all = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
  if (all.length < SUPERBLOB_HEADER + BLOB_INDEX || all.readUInt32BE(0) !== SUPERBLOB) throw new Error('no superblob');
  if (all.readUInt32BE(4) > all.length) throw new Error('the superblob is longer than its place');
  const at = all.readUInt32BE(16);
  if (all.readUInt32BE(12) !== 0 || at + DIRECTORY_HEADER > all.length || all.readUInt32BE(at) !== CODE_DIRECTORY) {
    throw new Error('the superblob does not begin with a CodeDirectory');
  }
  const length = all.readUInt32BE(at + 4);
  if (length < DIRECTORY_HEADER || at + length > all.length) throw new Error('the CodeDirectory is cut off');
  return all.subarray(at, at + length);
}

function headerProblems(blob: Uint8Array, identifier: string): string[] {
  const directory = directoryOf(blob);
  const flags = directory.readUInt32BE(12);
  const nameAt = directory.readUInt32BE(20);
  const name = directory.subarray(nameAt, directory.indexOf(0, nameAt)).toString('utf8');
  const blobs = Buffer.from(blob.buffer, blob.byteOffset, blob.length).readUInt32BE(8);
  const problems: string[] = [];
  if (blobs !== 1) problems.push(`the superblob has ${blobs} parts instead of one`);
  if ((flags & ADHOC) === 0) problems.push('the signature is not ad hoc');
  if ((flags & RUNTIME) !== 0) problems.push('the hardened runtime is demanded');
  if (name !== identifier) problems.push(`the identifier is ${JSON.stringify(name)}`);
  if (directory[36] !== HASH || directory[37] !== SHA256 || directory[39] !== PAGE_SHIFT) {
    problems.push('the hashes are not SHA-256 over pages of 4 KiB');
  }
  return problems;
}

function pageProblems(code: Uint8Array, blob: Uint8Array): string[] {
  const directory = directoryOf(blob);
  const hashes = directory.readUInt32BE(16);
  const slots = directory.readUInt32BE(28);
  const limit = directory.readUInt32BE(32);
  if (limit !== code.length) return [`the signature covers ${limit} bytes of ${code.length}`];
  if (slots !== pagesOf(limit) || hashes + slots * HASH > directory.length) {
    return [`the signature has ${slots} page hashes, not ${pagesOf(limit)}`];
  }
  const wrong: number[] = [];
  for (let page = 0; page < slots; page++) {
    const stored = directory.subarray(hashes + page * HASH, hashes + (page + 1) * HASH);
    if (!pageHash(code, page).equals(stored)) wrong.push(page);
  }
  return wrong.length === 0 ? [] : [`wrong hash of page ${wrong.slice(0, 5).join(', ')} (${wrong.length} in all)`];
}
