import { sha256 } from './sha256';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The only form in which an id of Claude Code or Codex may reach a path or an argument list (harness-sessions.md 6). */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** D of migration.md 6.5: 32 bytes that depend on the old id and the new physical directory alone. */
export function derive(oldId: string, newDirectory: string): Uint8Array {
  return sha256().update(`${oldId}\0${newDirectory}`, 'utf8').digest();
}

/**
 * Id of the copy of a Codex thread (migration.md 6.5): the first 48 bits of the old id, the rest from the same places of
 * D, version 7, RFC variant. The old id must be a UUID. Lower case.
 */
export function codexId(oldId: string, newDirectory: string): string {
  const bytes = Buffer.from(derive(oldId, newDirectory).subarray(0, 16));
  bytes.write(oldId.replaceAll('-', '').slice(0, 12), 0, 'hex');
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
