import { hostname, release, userInfo } from 'node:os';
import type { Runtime } from '../doctor/machine-checks';
import type { Identity } from '../doctor/private';
import type { Tool } from '../report/document';

/** What `doctor` tells of this process and its system. */
export function thisRuntime({ version, sourceCommit, sqliteVersion }: Tool): Runtime {
  return { version, sourceCommit, sqliteVersion, bun: Bun.version, arch: process.arch, release: release() };
}

/** Names that a support archive must not hold. */
export function thisIdentity(): Identity {
  const isName = (name: string): boolean => name !== '' && name !== 'unknown';
  return { users: [userName()].filter(isName), hosts: [hostname()].filter(isName) };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}
