import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EXECUTABLE, runJson } from '../support/executable';
import { type Home, realFixture } from '../support/home';
import { synthDatabase } from '../support/synth-db';
import { snapshot } from '../support/tree';

const PAGE = readFileSync(join(import.meta.dir, '..', '..', 'docs', 'restore.md'), 'utf8');
const TIME = '2026-10-01 10:00:00 +0000 UTC';

let home: Home;
let backup: string;
const data = (): string => join(home.path, '.ao', 'data');
const database = (): string => join(data(), 'ao.db');

/** The commands of the page, as they stand there. */
function step(name: string): string {
  const text = new RegExp(`\`\`\`sh ${name}\n([\\s\\S]*?)\`\`\``).exec(PAGE)?.[1];
  if (text === undefined) throw new Error(`the page has no commands called ${name}`);
  return text;
}

function follow(name: string): void {
  const bin = join(home.path, 'bin');
  if (!existsSync(bin)) {
    mkdirSync(bin);
    symlinkSync(EXECUTABLE, join(bin, 'ao-migrate'));
  }
  const done = Bun.spawnSync(['/bin/sh', '-e', '-c', step(name)], {
    cwd: home.path,
    env: {
      HOME: home.path,
      PATH: `${bin}:${process.env.PATH ?? ''}`,
      BACKUP: backup,
      DATA: data(),
      TMUX_TMPDIR: home.path,
    },
  });
  expect({ step: name, exitCode: done.exitCode, stderr: String(done.stderr) }).toEqual({
    step: name,
    exitCode: 0,
    stderr: '',
  });
}

const projects = (): unknown[] => {
  using db = new Database(database(), { readonly: true });
  expect(db.query('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  return db.query('SELECT id, display_name FROM projects ORDER BY id').all();
};

describe.skipIf(process.platform === 'win32')('a backup is restored by the commands of docs/restore.md', () => {
  beforeEach(async () => {
    home = realFixture('v2-stopped');
    mkdirSync(data(), { recursive: true });
    synthDatabase(database(), 82, {
      sql: `INSERT INTO projects (id, path, repo_origin_url, display_name, registered_at, kind)
        VALUES ('mine', '/somewhere', '', 'Old', '${TIME}', 'single_repo')`,
    });
    // Killed, so that the new name lies in the -wal alone.
    Bun.spawnSync([
      process.execPath,
      '-e',
      `const { Database } = require('bun:sqlite');
       const db = new Database(${JSON.stringify(database())});
       db.run('PRAGMA wal_autocheckpoint = 0');
       db.run("UPDATE projects SET display_name = 'In the wal' WHERE id = 'mine'");
       process.kill(process.pid, 'SIGKILL');`,
    ]);
    const { document } = await runJson(home, ['--yes']);
    expect(document).toMatchObject({ status: 'migrated', projects: { created: 3 } });
    backup = String(document.backup);
  });
  afterEach(() => home.remove());

  test('the database with what lay in its WAL, whatever has happened to the present one', async () => {
    follow('check');
    writeFileSync(database(), 'damaged beyond repair, and longer than a header');
    writeFileSync(`${database()}-wal`, 'of the damaged one');
    follow('database');
    expect(projects()).toEqual([{ id: 'mine', display_name: 'In the wal' }]);
    expect(statSync(database()).mode & 0o777).toBe(0o600);
    expect(existsSync(`${database()}-wal`)).toBe(false);
    follow('rollback');
    expect((await runJson(home, ['rollback', '--yes'])).document).toMatchObject({ status: 'nothing-to-undo' });
    expect((await runJson(home, ['--yes'])).document).toMatchObject({
      status: 'migrated',
      orchestrators: { created: 3 },
    });
    expect((await runJson(home, ['verify'])).exitCode).toBe(0);
  }, 180_000);

  test('a file that is not as it was backed up is noticed', () => {
    chmodSync(join(backup, 'ao.db'), 0o600);
    writeFileSync(join(backup, 'ao.db'), 'other');
    expect(() => follow('check')).toThrow();
  });

  test('the old store, file by file, and by the manifest with mode and time', () => {
    const root = join(home.path, '.agent-orchestrator');
    const before = snapshot(root);
    writeFileSync(join(root, 'config.yaml'), 'projects: [');
    follow('store');
    const manifest: { files: { file: string; path: string; sha256: string; mode: string; mtime: string }[] } =
      JSON.parse(readFileSync(join(backup, 'manifest.json'), 'utf8'));
    expect(manifest.files.length).toBeGreaterThan(4);
    for (const { file, path, sha256, mode, mtime } of manifest.files) {
      expect(
        createHash('sha256')
          .update(readFileSync(join(backup, file)))
          .digest('hex'),
      ).toBe(sha256);
      if (file.startsWith('outside/')) expect(file).toBe(`outside/${createHash('sha256').update(path).digest('hex')}`);
      if (!file.startsWith('root/')) continue;
      chmodSync(path, Number.parseInt(mode, 8));
      utimesSync(path, new Date(mtime), new Date(mtime));
    }
    // Folders have new times, because files in them were replaced.
    const files = (tree: Record<string, string>): [string, string][] =>
      Object.entries(tree)
        .filter(([, text]) => !text.startsWith('directory'))
        .map(([name, text]) => [name, text.replace(/(\d{13})\d{6}(?= )/, '$1')]);
    expect(files(snapshot(root))).toEqual(files(before));
  });

  test('a backup is private, lies outside of the old store, and names nothing partial', () => {
    expect(dirname(backup)).toBe(join(home.path, '.ao', 'backups'));
    for (const [name, text] of Object.entries(snapshot(backup))) {
      expect(text).toMatch(/^(?:directory 700|file 600) /);
      expect(name).not.toContain('partial');
    }
  });
});
