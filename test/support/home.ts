import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Machine } from '../../src/contracts/machine';

const FIXTURES = join(import.meta.dir, '..', 'fixtures');
const DEAD_PID = '999999999';

/** A throw-away home directory. Call `remove` when done; nothing outside of it is touched. */
export interface Home {
  readonly path: string;
  remove(): void;
}

/**
 * Everybody may enter it, and it has the same name on every machine, whatever TMPDIR says: for a home that another user
 * works in, and for one whose screens are recorded, because its path is in the conversations and seen in their sizes.
 */
export const COMMON_FOLDER = '/tmp';

/** Characters: longer paths make sockets impossible, and names that Claude Code cuts. */
const LONGEST = 60;
const usualFolder = (): string => (tmpdir().length > LONGEST ? COMMON_FOLDER : tmpdir());

export function emptyHome(below = usualFolder()): Home {
  const path = realpathSync(mkdtempSync(join(below, 'ao-migrate-home-')));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes files below a home; a value ending in nothing else than text. */
export function write(home: Home, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(home.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll('{{HOME}}', home.path));
  }
}

interface MadeUpFixture {
  readonly dirs?: readonly string[];
  readonly transcripts?: readonly { cwd: string; uuid: string; mtime?: string; lines?: readonly string[] }[];
  readonly mtimes?: Readonly<Record<string, string>>;
}

/** One of the made-up stores in fixtures/legacy, laid out below a new home. */
export function legacyFixture(name: string, pid = DEAD_PID): Home {
  const home = emptyHome();
  const base = join(FIXTURES, 'legacy', name);
  cpSync(join(base, 'home'), home.path, { recursive: true });
  const fill = (text: string): string => text.replaceAll('{{HOME}}', home.path).replaceAll('{{PID}}', pid);
  const spec: MadeUpFixture = JSON.parse(readFileSync(join(base, 'fixture.json'), 'utf8'));
  for (const file of walk(home.path)) {
    const text = readFileSync(file, 'utf8');
    if (text !== fill(text)) writeFileSync(file, fill(text));
  }
  for (const directory of spec.dirs ?? []) mkdirSync(join(home.path, directory), { recursive: true });
  for (const { cwd, uuid, lines, mtime } of spec.transcripts ?? []) {
    const file = join(home.path, '.claude', 'projects', fill(cwd).replace(/[^A-Za-z0-9]/g, '-'), `${uuid}.jsonl`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${(lines ?? ['{"type":"user"}']).join('\n')}\n`);
    if (mtime !== undefined) utimesSync(file, new Date(mtime), new Date(mtime));
  }
  for (const [file, time] of Object.entries(spec.mtimes ?? {}))
    utimesSync(join(home.path, file), new Date(time), new Date(time));
  return home;
}

interface PackedHome {
  readonly dirs: Readonly<Record<string, { mode: string }>>;
  readonly files: Readonly<Record<string, { text?: string; b64?: string; link?: string; mode: string; mtime: number }>>;
}

/** One of the homes in fixtures/real that real releases left behind, laid out below a new home. */
export function realFixture(name: string, below = usualFolder()): Home {
  const home = emptyHome(below);
  const packed: PackedHome = JSON.parse(readFileSync(join(FIXTURES, 'real', `${name}.json`), 'utf8'));
  const hash = (folder: string): string =>
    createHash('sha256').update(join(home.path, folder)).digest('hex').slice(0, 12);
  const fill = (text: string): string =>
    text
      .replaceAll('{{HOME}}', home.path)
      .replaceAll('{{SLUG}}', home.path.replace(/[^A-Za-z0-9]/g, '-'))
      .replaceAll('{{PID}}', DEAD_PID)
      .replace(/\{\{H12:([^}]*)\}\}/g, (_, folder: string) => hash(folder));
  for (const directory of Object.keys(packed.dirs)) mkdirSync(join(home.path, fill(directory)), { recursive: true });
  for (const [name, { text, b64, link, mode, mtime }] of Object.entries(packed.files)) {
    const file = join(home.path, fill(name));
    mkdirSync(dirname(file), { recursive: true });
    if (link !== undefined) {
      symlinkSync(fill(link), file);
      continue;
    }
    writeFileSync(file, b64 === undefined ? fill(text ?? '') : Buffer.from(b64, 'base64'));
    chmodSync(file, Number(mode));
    utimesSync(file, Math.floor(mtime), Math.floor(mtime));
  }
  for (const [directory, { mode }] of Object.entries(packed.dirs))
    chmodSync(join(home.path, fill(directory)), Number(mode));
  return home;
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
}

/** This machine with another home and a bare environment. */
export function machineAt(home: string, changes: Partial<Machine> = {}): Machine {
  return {
    platform: 'linux',
    env: {},
    cwd: home,
    home,
    legacyHome: home,
    uid: process.getuid?.() ?? null,
    pid: process.pid,
    tempDir: tmpdir(),
    now: () => new Date('2026-11-21T12:00:00.000Z'),
    randomHex: (bytes) =>
      createHash('sha256')
        .update(String(Math.random()))
        .digest('hex')
        .slice(0, bytes * 2),
    ...changes,
  };
}
