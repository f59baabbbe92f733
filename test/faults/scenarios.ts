import { Database } from 'bun:sqlite';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../src/contracts/outcome';
import { type Home, realFixture } from '../support/home';
import { synthDatabase } from '../support/synth-db';
import type { Call } from './strace';

/** One situation in which every accident is tried. */
export interface Scenario {
  readonly name: string;
  /** Lays the home out as it is before the command. */
  lay(): Home;
  /** Commands that run undisturbed before it. */
  readonly before: readonly (readonly string[])[];
  /** What somebody does after those. */
  readonly since?: (home: Home) => void;
  /** A command that is killed where this call begins, before the one that is tried. */
  readonly killed?: { readonly args: readonly string[]; readonly at: (call: Call) => boolean };
  /** The command that is tried. */
  readonly args: readonly string[];
  /** How it ends undisturbed; 0 where not named. */
  readonly exitCode?: number;
  /** As on a file system without hard links (FAT, folders shared with a virtual machine). */
  readonly noLinks?: boolean;
  /** In the system's temporary folder, which mostly is on a disk, and not in memory: other ways to sync are open there. */
  readonly onDisk?: boolean;
  /** Of calls on flat files of a backup, which are alike, each is killed once but only the first two and the last fail. */
  readonly alike?: boolean;
}

const MIGRATE = ['--yes', '--json'];
const ROLLBACK = ['rollback', '--yes', '--json'];
const database = (home: Home): string => join(home.path, '.ao', 'data', 'ao.db');

function withDatabase(version: 12 | 82): Home {
  const home = realFixture('v2-stopped');
  mkdirSync(join(home.path, '.ao', 'data'), { recursive: true, mode: 0o750 });
  synthDatabase(database(home), version, { sql: foreignRows(version) });
  return home;
}

/** A project and a session of somebody else, which must come through everything unchanged. */
function foreignRows(version: number): string {
  const time = '2026-10-01 10:00:00 +0000 UTC';
  return `INSERT INTO projects (id, path, repo_origin_url, display_name, registered_at, kind)
      VALUES ('mine-${version}', '/somewhere/mine', '', 'Mine', '${time}', 'single_repo');
    INSERT INTO sessions (id, project_id, num, kind, harness, activity_state, activity_last_at, is_terminated, branch,
      workspace_path, runtime_handle_id, agent_session_id, prompt, created_at, updated_at, display_name)
      VALUES ('mine-1', 'mine-${version}', 1, 'worker', 'codex', 'exited', '${time}', 1, 'b', '/w', '', '', 'p',
      '${time}', '${time}', 'd');`;
}

/** Many projects, each with an orchestrator and a conversation, from the first of the fixture. */
export function manyProjects(count: number): Home {
  const home = realFixture('v2-stopped');
  const root = join(home.path, '.agent-orchestrator');
  const config = join(root, 'config.yaml');
  const text = readFileSync(config, 'utf8');
  const known = 'acme_00f7f1a4ad';
  const entry = / {2}acme_00f7f1a4ad:\n(?: {4}.*\n| {6}.*\n)*/.exec(text)?.[0] ?? '';
  const uuid = 'bc6650a6-a81a-492c-9142-a294d19ddbf4';
  const sessions = join(root, 'projects', known, 'sessions');
  const record = readFileSync(join(sessions, 'acme-orchestrator.json'), 'utf8');
  const slug = (cwd: string): string => join(home.path, '.claude', 'projects', cwd.replace(/[^A-Za-z0-9]/g, '-'));
  const worktree = (id: string, prefix: string): string =>
    join(root, 'projects', id, 'worktrees', `${prefix}-orchestrator`);
  const entries: string[] = [];
  const conversation = readFileSync(join(slug(worktree(known, 'acme')), `${uuid}.jsonl`), 'utf8');
  for (let index = 0; index < count; index++) {
    const id = `extra${index}_00f7f1a4ad`;
    const prefix = `x${index}`;
    const own = uuid.replace(/^.{8}/, (index + 0x10000000).toString(16));
    const change = (old: string): string =>
      old
        .replaceAll(known, id)
        .replaceAll('acme-orchestrator', `${prefix}-orchestrator`)
        .replaceAll('sessionPrefix: acme', `sessionPrefix: ${prefix}`)
        .replaceAll('displayName: acme', `displayName: extra ${index}`)
        .replaceAll(join(home.path, 'code', 'acme'), join(home.path, 'code', `extra${index}`))
        .replaceAll(uuid, own);
    mkdirSync(join(home.path, 'code', `extra${index}`, '.git'), { recursive: true });
    writeFileSync(join(home.path, 'code', `extra${index}`, '.git', 'HEAD'), 'ref: refs/heads/main\n');
    entries.push(change(entry));
    const folder = join(root, 'projects', id, 'sessions');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${prefix}-orchestrator.json`), change(record));
    const place = slug(worktree(id, prefix));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `${own}.jsonl`), change(conversation));
  }
  writeFileSync(config, text.replace(entry, `${entry}${entries.join('')}`));
  return home;
}

/** One project with many workers, whose records are all backed up. */
function manyRecords(count: number): Home {
  const home = realFixture('v2-stopped');
  const sessions = join(home.path, '.agent-orchestrator', 'projects', 'acme_00f7f1a4ad', 'sessions');
  for (let index = 0; index < count; index++) {
    const record = { project: 'acme_00f7f1a4ad', branch: `feat/${index}`, role: 'worker', agent: 'claude-code' };
    writeFileSync(join(sessions, `acme-${index}.json`), `${JSON.stringify(record)}\n`);
  }
  return home;
}

function withStaleFiles(): Home {
  const home = realFixture('v2-stopped');
  mkdirSync(join(home.path, '.ao', 'data'), { recursive: true, mode: 0o750 });
  for (const part of ['-wal', '-shm', '-journal']) writeFileSync(database(home) + part, `left over${part}`);
  return home;
}

/** A database whose last writer was killed: part of it lies in its `-wal`. */
function withWal(): Home {
  const home = withDatabase(12);
  const child = Bun.spawnSync(
    [
      process.execPath,
      '-e',
      `const { Database } = require('bun:sqlite');
       const db = new Database(${JSON.stringify(database(home))});
       db.run('PRAGMA wal_autocheckpoint = 0');
       db.run("UPDATE projects SET display_name = 'In the wal'");
       process.kill(process.pid, 'SIGKILL');`,
    ],
    { env: { HOME: home.path, PATH: process.env.PATH ?? '' } },
  );
  if (child.signalCode !== 'SIGKILL') throw new Error(`the writer was to be killed: ${child.stderr}`);
  return home;
}

/** Somebody works on in the new app: one project and its orchestrator's conversation are no longer as they were written. */
function useProject(home: Home): void {
  {
    using db = new Database(database(home), { readwrite: true });
    db.run("UPDATE projects SET display_name = 'Renamed' WHERE id = 'acme_00f7f1a4ad'");
  }
  const folder = join(home.path, '.claude', 'projects');
  const [name] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (each) => /ao-data-worktrees-acme/.test(each) && each.endsWith('.jsonl'),
  );
  appendFileSync(join(folder, name ?? ''), '{"type":"user"}\n');
}

const namesDatabase = (call: Call): boolean => /^link/.test(call.name) && call.line.includes('/ao.db"');
const undoesName = (call: Call): boolean => call.name === 'unlink' && call.line.includes('.partial"');

export const SCENARIOS: readonly Scenario[] = [
  { name: 'new database', lay: () => realFixture('v2-stopped'), before: [], args: MIGRATE },
  { name: 'existing 12', lay: () => withDatabase(12), before: [], args: MIGRATE },
  { name: 'existing 82', lay: () => withDatabase(82), before: [], args: MIGRATE },
  { name: 'existing 12 with a WAL', lay: withWal, before: [], args: MIGRATE },
  { name: 'left-over WAL without a database', lay: withStaleFiles, before: [], args: MIGRATE },
  {
    name: 'new database without hard links',
    lay: () => realFixture('v2-stopped'),
    before: [],
    args: MIGRATE,
    noLinks: true,
  },
  { name: 'many files on a disk', lay: () => manyRecords(64), before: [], args: MIGRATE, onDisk: true, alike: true },
  { name: '20 projects', lay: () => manyProjects(17), before: [], args: MIGRATE },
  {
    name: 'recovery before the commit of a new database',
    lay: withStaleFiles,
    before: [],
    killed: { args: MIGRATE, at: namesDatabase },
    args: MIGRATE,
  },
  {
    name: 'recovery after the commit of a new database',
    lay: () => realFixture('v2-stopped'),
    before: [],
    killed: { args: MIGRATE, at: (call) => undoesName(call) && call.line.includes('.ao.db.') },
    args: MIGRATE,
  },
  {
    name: 'recovery before the commit to an existing database',
    lay: () => withDatabase(82),
    before: [],
    killed: { args: MIGRATE, at: (call) => call.name === 'pwrite64' && call.line.includes('ao.db-wal') },
    args: MIGRATE,
  },
  {
    name: 'recovery after the commit to an existing database',
    lay: () => withDatabase(12),
    before: [],
    killed: {
      args: MIGRATE,
      at: (call) => call.name === 'rename' && call.line.includes('.json.partial') && call.nth === LAST_RENAME,
    },
    args: MIGRATE,
  },
  { name: 'rollback of a new database', lay: () => realFixture('v2-stopped'), before: [MIGRATE], args: ROLLBACK },
  { name: 'rollback, left-over WAL', lay: withStaleFiles, before: [MIGRATE], args: ROLLBACK },
  { name: 'rollback in an existing 82', lay: () => withDatabase(82), before: [MIGRATE], args: ROLLBACK },
  {
    name: 'recovery of a rollback',
    lay: () => realFixture('v2-stopped'),
    before: [MIGRATE],
    killed: { args: ROLLBACK, at: (call) => call.name === 'unlink' && call.line.includes('.jsonl') },
    args: ROLLBACK,
  },
  {
    name: 'rollback in part',
    lay: () => withDatabase(82),
    before: [MIGRATE],
    since: useProject,
    args: ROLLBACK,
    exitCode: EXIT.failed,
  },
  {
    name: 'recovery of a rollback in part',
    lay: () => realFixture('v2-stopped'),
    before: [MIGRATE],
    since: useProject,
    killed: { args: ROLLBACK, at: (call) => call.name === 'unlink' && call.line.includes('.jsonl') },
    args: ROLLBACK,
    exitCode: EXIT.failed,
  },
];

/** Backup, receipt, receipt again: the last rename of a run on an existing database. */
const LAST_RENAME = 3;

export function scenario(name: string): Scenario {
  const found = SCENARIOS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no scenario is called ${name}`);
  return found;
}

/** Whether a database can be opened by somebody else now. */
export function canBeWritten(file: string): boolean {
  using db = new Database(file, { readwrite: true });
  db.run('BEGIN IMMEDIATE');
  db.run('ROLLBACK');
  return true;
}
