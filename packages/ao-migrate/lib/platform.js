'use strict';
const { closeSync, openSync, readSync } = require('node:fs');

/** Enough of a file's head to hold its program headers and, in every known build of Node, the name of its loader. */
const HEAD = 4096;
const PT_INTERP = 3;

/**
 * Which C library this very process runs on: `musl`, `glibc`, or null where it does not tell. Its own loader says so; a
 * machine can have both, so neither the distribution nor files in /lib decide.
 */
function libc(execPath = process.execPath) {
  const loader = loaderOf(execPath);
  if (loader !== null) return /ld-musl-/.test(loader) ? 'musl' : 'glibc';
  return fromReport();
}

function loaderOf(file) {
  const head = Buffer.alloc(HEAD);
  try {
    const descriptor = openSync(file, 'r');
    try {
      readSync(descriptor, head, 0, HEAD, 0);
    } finally {
      closeSync(descriptor);
    }
    if (head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2) return null;
    const table = Number(head.readBigUInt64LE(32));
    const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
    for (let index = 0; index < count; index++) {
      const row = table + index * size;
      if (head.readUInt32LE(row) !== PT_INTERP) continue;
      const at = Number(head.readBigUInt64LE(row + 8));
      return head.toString('latin1', at, at + Number(head.readBigUInt64LE(row + 32)));
    }
  } catch {
    // Unreadable, or its tables lie elsewhere: the report knows.
  }
  return null;
}

/** Slower, so only for a Node without a loader (linked statically). */
function fromReport() {
  try {
    const { header, sharedObjects } = process.report.getReport();
    if (header.glibcVersionRuntime !== undefined) return 'glibc';
    if ((sharedObjects ?? []).some((name) => name.includes('ld-musl-'))) return 'musl';
  } catch {
    // No report in this runtime.
  }
  return null;
}

/** Name of the target of this machine, as in release.json; it may not be one of them. */
function targetName(platform = process.platform, arch = process.arch, execPath = process.execPath) {
  return `${platform}-${arch}${platform === 'linux' && libc(execPath) === 'musl' ? '-musl' : ''}`;
}

module.exports = { libc, targetName };
