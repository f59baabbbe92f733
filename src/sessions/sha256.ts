/**
 * A sha256 to be fed piece by piece. Bun's own: `node:crypto` would load streams with it, which costs a run of ten projects
 * more than the hashing.
 */
export function sha256(): Bun.CryptoHasher {
  return new Bun.CryptoHasher('sha256');
}

/** The sha256 of bytes, or of a text as UTF-8, in hex. */
export function sha256Hex(content: string | Uint8Array): string {
  return Bun.CryptoHasher.hash('sha256', content, 'hex');
}
