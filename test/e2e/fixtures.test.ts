import { Database } from 'bun:sqlite';
import { afterEach, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runJson } from '../support/executable';
import { claudeFile, expectedOf, isPrivateFile, restricted, rowsOf } from '../support/expected';
import { type Home, legacyFixture, realFixture } from '../support/home';
import { snapshot } from '../support/tree';

const MADE_UP = [
  '01-minimal',
  '02-typical-three',
  '03-after-ao-stop',
  '04-v1-hashed-keyvalue',
  '07-degraded-local',
  '09-unicode',
];
const REAL = ['v2-stopped', 'v2-crashed', 'v1a-upgraded-stopped', 'v1b-converted-stopped'];
const STORES = [...MADE_UP.map((name) => ['legacy', name] as const), ...REAL.map((name) => ['real', name] as const)];

let home: Home | null = null;
afterEach(() => home?.remove());

function lay(kind: 'legacy' | 'real', name: string): Home {
  home = kind === 'legacy' ? legacyFixture(name) : realFixture(name);
  return home;
}

describe('every store migrates to its expected rows', () => {
  test.each(STORES)('%s %s', async (kind, name) => {
    const place = lay(kind, name);
    const dataDir = join(place.path, '.ao', 'data');
    const before = snapshot(join(place.path, '.agent-orchestrator'));
    const done = await runJson(place, ['--yes']);
    expect(done.stderr).toBe('');
    expect(done.exitCode).toBe(0);
    const expected = expectedOf(kind, name, place, dataDir);
    const actual = rowsOf(join(dataDir, 'ao.db'));
    expect(restricted(actual.projects, expected.projects)).toEqual([...expected.projects]);
    expect(restricted(actual.sessions, expected.sessions)).toEqual([...expected.sessions]);
    expect(actual.session_worktrees).toEqual([...expected.session_worktrees]);
    expect(snapshot(join(place.path, '.agent-orchestrator'))).toEqual(before);
    const conversations =
      expected.conversations ?? (expected.transcripts ?? []).filter(({ source_exists }) => source_exists);
    for (const { uuid, dest_cwd } of conversations) {
      if (!expected.sessions.some((session) => session.agent_session_id === uuid)) continue;
      const copy = claudeFile(place, dest_cwd, uuid);
      expect(isPrivateFile(copy)).toBe(true);
      if (kind === 'real') expect(readFileSync(copy, 'utf8')).toContain('heron');
    }
    expect(done.document).toMatchObject({
      dbCreated: true,
      schemaVersion: 12,
      orchestrators: { created: expected.sessions.length, failed: 0 },
    });
  });

  test.each(STORES)('%s %s: --dry-run leaves the whole home as it is', async (kind, name) => {
    const place = lay(kind, name);
    const before = snapshot(place.path);
    const done = await run(place, ['--dry-run']);
    expect(done.exitCode).toBe(0);
    expect(snapshot(place.path)).toEqual(before);
  });

  test.each(STORES)('%s %s: a second run writes nothing', async (kind, name) => {
    const place = lay(kind, name);
    await run(place, ['--yes']);
    const before = snapshot(place.path);
    const again = await runJson(place, ['--yes']);
    expect(again.exitCode).toBe(0);
    expect(again.document).toMatchObject({
      status: 'already-migrated',
      dbCreated: false,
      projects: { created: 0 },
      orchestrators: { created: 0 },
    });
    expect(snapshot(place.path)).toEqual(before);
  });

  test.each(MADE_UP)('%s: --only-live keeps what is live', async (name) => {
    const place = lay('legacy', name);
    const done = await run(place, ['--yes', '--only-live']);
    expect(done.exitCode).toBe(0);
    const database = join(place.path, '.ao', 'data', 'ao.db');
    const expected = expectedOf('legacy', name, place, join(place.path, '.ao', 'data'));
    expect(rowsOf(database).sessions.map(({ id }) => String(id))).toEqual([...(expected.onlyLive?.sessions ?? [])]);
  });
});

test('--resume manual leaves the marker out and nothing else', async () => {
  const place = lay('real', 'v2-stopped');
  await run(place, ['--yes', '--resume', 'manual']);
  const rows = rowsOf(join(place.path, '.ao', 'data', 'ao.db'));
  expect(rows.session_worktrees).toEqual([]);
  expect(rows.sessions.map((row) => row.agent_session_id)).not.toContain('');
});

test('the new database is whole, in rollback mode, private, and has nothing beside it', async () => {
  const place = lay('real', 'v2-stopped');
  await run(place, ['--yes']);
  const dataDir = join(place.path, '.ao', 'data');
  expect(Object.keys(snapshot(dataDir))).toEqual(['', 'ao.db']);
  expect(isPrivateFile(join(dataDir, 'ao.db'))).toBe(true);
  using db = new Database(join(dataDir, 'ao.db'), { readonly: true });
  expect(db.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  expect(db.query('PRAGMA journal_mode').all()).toEqual([{ journal_mode: 'delete' }]);
});
