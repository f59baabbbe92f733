import { gzipSync } from 'node:zlib';

/** One text file of an archive. */
export interface TarEntry {
  /** Relative, with `/`, ASCII, at most 100 bytes. */
  readonly name: string;
  readonly text: string;
}

const BLOCK = 512;

/** A gzip-compressed POSIX (ustar) archive of text files, all 0600, owned by nobody in particular. */
export function tarGz(entries: readonly TarEntry[], time: Date): Uint8Array {
  const pieces = entries.flatMap(({ name, text }) => {
    const bytes = Buffer.from(text, 'utf8');
    return [header(name, bytes.length, time), bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)];
  });
  return gzipSync(Buffer.concat([...pieces, Buffer.alloc(2 * BLOCK)]));
}

function header(name: string, size: number, time: Date): Buffer {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new Error(`${name} cannot be the name of an archive's file`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  };
  block.write(name, 0, 'latin1');
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(Math.floor(time.getTime() / 1000), 136, 12);
  // The checksum counts its own field as blanks.
  block.write('        0', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
