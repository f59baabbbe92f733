import { gzipSync } from 'node:zlib';

/** One text file of an archive. */
export interface TarEntry {
  /** Relative, with `/`, ASCII without blanks, at most 100 bytes. */
  readonly name: string;
  readonly text: string;
}

/** One file of an archive as its header describes it, owned by nobody in particular. */
export interface TarFile {
  readonly name: string;
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly time: number;
}

const BLOCK = 512;
/** What stands behind the last file. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

/** A gzip-compressed POSIX (ustar) archive of text files, all 0600. */
export function tarGz(entries: readonly TarEntry[], time: Date): Uint8Array {
  const seconds = Math.floor(time.getTime() / 1000);
  const pieces = entries.flatMap(({ name, text }) => {
    const bytes = Buffer.from(text, 'utf8');
    return [tarHeader({ name, mode: 0o600, size: bytes.length, time: seconds }), bytes, tarPadding(bytes.length)];
  });
  return gzipSync(Buffer.concat([...pieces, TAR_END]));
}

/** The block before a file. @throws Error where the name does not fit into it */
export function tarHeader({ name, mode, size, time }: TarFile): Uint8Array {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new Error(`${name} cannot be the name of an archive's file`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  };
  block.write(name, 0, 'latin1');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(time, 136, 12);
  // The checksum counts its own field as blanks.
  block.fill(' ', 148, 156);
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** What fills the last block of a file. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}
