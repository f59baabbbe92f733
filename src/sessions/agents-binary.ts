import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { HarnessId } from '../contracts/facts';
import type { Machine } from '../contracts/machine';
import { bytesOf, withFile } from './source';

/** Largest `package.json` that is parsed. */
const PACKAGE_CAP = 1024 * 1024;
/** Folders above the binary that may hold its `package.json`: `<package>/bin/<name>`, `<package>/vendor/<target>/<name>`. */
const ABOVE = 4;

interface Agent {
  readonly command: string;
  /** The npm package, and those of the native builds that it installs beside itself. */
  readonly packages: RegExp;
  /** Folder of the package below `node_modules`. */
  readonly folder: readonly string[];
}

const AGENTS: Readonly<Record<HarnessId, Agent>> = {
  'claude-code': {
    command: 'claude',
    packages: /^@anthropic-ai\/claude-code(-(linux|darwin|win32)-[a-z0-9-]+)?$/,
    folder: ['@anthropic-ai', 'claude-code'],
  },
  codex: { command: 'codex', packages: /^@openai\/codex(-[a-z0-9-]+)?$/, folder: ['@openai', 'codex'] },
  opencode: {
    command: 'opencode',
    packages: /^opencode-(ai|(linux|darwin|windows)-[a-z0-9-]+)$/,
    folder: ['opencode-ai'],
  },
};

/**
 * The agent's command as PATH finds it: absolute, a file that may be run; null if there is none. Relative entries are not
 * searched.
 */
export async function findBinary(harness: HarnessId, machine: Machine): Promise<string | null> {
  const { command } = AGENTS[harness];
  const isWindows = machine.platform === 'win32';
  const path = (isWindows ? (machine.env.Path ?? machine.env.PATH) : machine.env.PATH) ?? '';
  const endings = isWindows ? (machine.env.PATHEXT ?? '.COM;.EXE;.BAT;.CMD').split(';') : [''];
  for (const directory of path.split(isWindows ? ';' : ':')) {
    if (!isAbsolute(directory)) continue;
    for (const ending of endings) {
      const file = join(directory, command + ending.toLowerCase());
      if (await isProgram(file)) return file;
    }
  }
  return null;
}

/**
 * The version that the package says it has (migration.md 6.5): of the package in which the binary really lies, or of the
 * one for which npm put a shim beside `node_modules` (Windows). Null where the binary belongs to no known package.
 */
export async function packageVersion(harness: HarnessId, binary: string): Promise<string | null> {
  const agent = AGENTS[harness];
  let folder = dirname(await realpath(binary));
  const folders: string[] = [];
  for (let above = 0; above < ABOVE; above += 1) {
    folders.push(folder);
    folder = dirname(folder);
  }
  folders.push(join(dirname(binary), 'node_modules', ...agent.folder));
  for (const each of folders) {
    const found = await packageIn(each);
    if (found !== null && agent.packages.test(found.name)) return found.version;
  }
  return null;
}

async function packageIn(folder: string): Promise<{ readonly name: string; readonly version: string } | null> {
  try {
    const content = await withFile(join(folder, 'package.json'), async (file) => {
      const pieces: Buffer[] = [];
      for await (const piece of bytesOf(file, 0, Math.min(file.size, PACKAGE_CAP))) pieces.push(Buffer.from(piece));
      return Buffer.concat(pieces).toString('utf8');
    });
    const value: unknown = JSON.parse(content);
    if (typeof value !== 'object' || value === null || !('name' in value) || !('version' in value)) return null;
    const { name, version } = value;
    return typeof name === 'string' && typeof version === 'string' ? { name, version } : null;
  } catch {
    // Missing, unreadable or no JSON: the binary itself is asked instead.
    return null;
  }
}

async function isProgram(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isFile()) return false;
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
