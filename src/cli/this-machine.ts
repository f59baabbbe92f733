import { randomBytes } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import type { Machine } from '../contracts/machine';

/** The machine that this process runs on: the one place that reaches for clock, environment, ids and home. */
export function thisMachine(): Machine {
  const platform = process.platform === 'win32' || process.platform === 'darwin' ? process.platform : 'linux';
  const home = (platform === 'win32' ? process.env.USERPROFILE : process.env.HOME) || null;
  return {
    platform,
    env: { ...process.env },
    cwd: workingDirectory(),
    home,
    legacyHome: home ?? passwdHome(),
    uid: process.geteuid?.() ?? null,
    pid: process.pid,
    tempDir: tmpdir(),
    now: () => new Date(),
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
  };
}

/** The working directory may have been deleted; nothing depends on it then but relative arguments. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

function passwdHome(): string | null {
  try {
    return userInfo().homedir || null;
  } catch {
    return null;
  }
}
