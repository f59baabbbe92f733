import type { Machine } from '../contracts/machine';

// Nothing is imported here: `node:os` and `node:crypto` alone would cost `--version` as much as its whole start.

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
    get tempDir() {
      return system().tmpdir();
    },
    now: () => new Date(),
    randomHex: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)).toHex(),
  };
}

const system = (): typeof import('node:os') => require('node:os');

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
    return system().userInfo().homedir || null;
  } catch {
    return null;
  }
}
