import { describe, expect, test } from 'bun:test';
import { parseMachO, segmentNamed } from '../../scripts/macho';
import { signAdHoc, signatureProblems } from '../../scripts/macho-signature';
import { machO } from '../support/executables';

const NAME = 'ao-migrate';

/** Indices into a file: the ends, one byte of every page, and a spread over the signature. */
function places(length: number): number[] {
  const spread = Array.from({ length: Math.ceil(length / 97) }, (_, index) => index * 97);
  return [...new Set([0, 1, length - 1, ...spread])].filter((at) => at < length);
}

function flipped(bytes: Uint8Array, at: number, bit = 1): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ bit;
  return copy;
}

describe.each(['x64', 'arm64'] as const)('an ad-hoc signature of a %s file', (cpu) => {
  const signed = signAdHoc(machO({ cpu, code: 20_000 }), NAME);

  test('is right, and the file ends with it', () => {
    expect(signatureProblems(signed, NAME)).toEqual([]);
    const { signature, ...file } = parseMachO(signed);
    expect(file.cpu).toBe(cpu);
    expect((signature?.offset ?? 0) + (signature?.size ?? 0)).toBe(signed.length);
    const linkedit = segmentNamed(parseMachO(signed), '__LINKEDIT');
    expect(linkedit.fileOffset + linkedit.fileSize).toBe(signed.length);
  });
  test('is the same when made again, of the signed file too', () => {
    expect(Buffer.from(signAdHoc(machO({ cpu, code: 20_000 }), NAME)).equals(signed)).toBe(true);
    expect(Buffer.from(signAdHoc(signed, NAME)).equals(signed)).toBe(true);
  });
  test('does not hold after one flipped bit, wherever it is', () => {
    const unseen = places(signed.length).filter((at) => signatureProblems(flipped(signed, at), NAME).length === 0);
    expect(unseen).toEqual([]);
  });
  test('names the page of a flipped bit', () => {
    expect(signatureProblems(flipped(signed, 4096 * 2 + 7), NAME)).toEqual(['wrong hash of page 2 (1 in all)']);
  });
  test('does not hold for another identifier, a shorter or a longer file', () => {
    expect(signatureProblems(signed, 'bun')).toEqual(['the identifier is "ao-migrate"']);
    expect(signatureProblems(signed.subarray(0, -16), NAME)).not.toEqual([]);
    expect(signatureProblems(new Uint8Array([...signed, 0]), NAME)).not.toEqual([]);
  });
});

describe('the signature that Bun leaves in a cross-built file', () => {
  test('is named for what it is', () => {
    expect(
      signatureProblems(machO({ cpu: 'x64', code: 9000, flags: 0x10000, identifier: 'bun', parts: 5 }), NAME),
    ).toEqual([
      'the superblob has 5 parts instead of one',
      'the signature is not ad hoc',
      'the hardened runtime is demanded',
      'the identifier is "bun"',
      'wrong hash of page 0, 1, 2 (3 in all)',
    ]);
  });
  test.each([0, 1, 4095, 4096, 4097, 12_288])('with %i bytes of payload more it is replaced', (more) => {
    expect(signatureProblems(signAdHoc(machO({ cpu: 'x64', code: 9000 + more }), NAME), NAME)).toEqual([]);
  });
});

describe('what cannot be signed says so', () => {
  test.each([
    ['nothing', new Uint8Array(0), 'not a 64-bit Mach-O file'],
    ['text', new TextEncoder().encode('#!/bin/sh\nexit 0\n'.repeat(9)), 'not a 64-bit Mach-O file'],
    ['a file without a signature command', machO({ cpu: 'x64', code: 9000, command: false }), 'no signature command'],
    ['a cut file', machO({ cpu: 'x64', code: 9000 }).subarray(0, 9000), 'not the aligned end'],
    ['a cut header', machO({ cpu: 'x64', code: 9000 }).subarray(0, 100), 'outside of the file'],
  ])('%s', (_, bytes, message) => {
    expect(() => signAdHoc(bytes, NAME)).toThrow(message);
    expect(signatureProblems(bytes, NAME).join()).toContain(message);
  });
});
