import { readAt } from './descriptor';

const FRAME = 0xfd2fb528;
/** Frames that a decoder skips: sixteen magic numbers that differ in their last four bits. */
const SKIPPABLE = 0x184d2a50;

const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
/** A run of one byte takes one byte, whatever its length says. */
const RUN_BLOCK = 1;

/**
 * Whether a file consists of zstd frames that end where it does (RFC 8878, 3.1). The decoder of the runtime takes a cut
 * file for a shorter one (tried with Bun 1.4.5), and half a conversation must not pass for all of it.
 */
export async function hasWholeFrames(descriptor: number, size: number): Promise<boolean> {
  let at = 0;
  while (at < size) {
    const end = await endOfFrame(descriptor, at, size);
    if (end === null) return false;
    at = end;
  }
  return at === size;
}

async function endOfFrame(descriptor: number, start: number, size: number): Promise<number | null> {
  const header = await read(descriptor, start, 8);
  if (header === null) return null;
  const magic = header.readUInt32LE(0);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) return start + 8 + header.readUInt32LE(4);
  if (magic !== FRAME) return null;
  const flags = header.readUInt8(4);
  const isSingleSegment = (flags & 0x20) !== 0;
  const sizeFlag = flags >> 6;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  let at = start + 5 + (isSingleSegment ? 0 : 1) + (DICTIONARY_BYTES[flags & 3] ?? 0) + sizeBytes;
  for (let isLast = false; !isLast; ) {
    const block = at < size ? await read(descriptor, at, 3) : null;
    if (block === null) return null;
    const word = block.readUIntLE(0, 3);
    isLast = (word & 1) === 1;
    at += 3 + (((word >> 1) & 3) === RUN_BLOCK ? 1 : word >> 3);
  }
  return at + ((flags & 4) !== 0 ? 4 : 0);
}

/** Null where the file ends before. */
async function read(descriptor: number, at: number, length: number): Promise<Buffer | null> {
  const buffer = Buffer.alloc(length);
  const bytesRead = await readAt(descriptor, buffer, length, at);
  return bytesRead === length ? buffer : null;
}
