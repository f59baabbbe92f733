import { afterEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Interrupted } from '../../src/apply/interruption';
import type { Machine } from '../../src/contracts/machine';
import type { MigrateFlags } from '../../src/migrate/migrate';
import { LIMITS, postinstall } from '../../src/migrate/postinstall';
import { emptyHome, type Home, machineAt, realFixture } from '../support/home';
import { snapshot } from '../support/tree';

const FLAGS: MigrateFlags = {
  projects: [],
  exclude: [],
  onlyLive: false,
  resume: 'auto',
  dryRun: false,
  from: null,
  config: null,
  dataDir: null,
  forceMigrate: false,
  strict: false,
  backup: true,
  stripRoleSnapshot: false,
};

let home: Home | null = null;
afterEach(() => home?.remove());

function lay(name = 'v2-crashed'): Home {
  home = name === '' ? emptyHome() : realFixture(name);
  mkdirSync(join(home.path, 'tmux'), { recursive: true });
  return home;
}

/** A machine whose clock goes on by itself after `steps` looks at it, if given. */
function machine(place: Home, env: Record<string, string> = {}, steps = Number.POSITIVE_INFINITY): Machine {
  let looks = 0;
  const now = () => new Date(Date.parse('2026-11-21T12:00:00.000Z') + (looks++ < steps ? 0 : 61_000));
  return machineAt(place.path, { env: { TMUX_TMPDIR: join(place.path, 'tmux'), PATH: process.env.PATH, ...env }, now });
}

const setting = (on: Machine, interrupted: () => void = () => {}) => ({
  machine: on,
  version: '1.2.3',
  interrupted,
  debug: () => {},
});

const noteOf = (place: Home): string => join(place.path, '.ao', 'migrations', 'postinstall.json');

function written(place: Home): unknown {
  expect(statSync(noteOf(place)).mode & 0o777).toBe(0o600);
  return JSON.parse(readFileSync(noteOf(place), 'utf8'));
}

describe('a skip', () => {
  test('leaves only its note', async () => {
    const place = lay();
    const before = snapshot(place.path);
    const end = await postinstall(FLAGS, setting(machine(place, { CI: '1' })));
    expect(end).toMatchObject({ code: 'CI', hasProjects: true, outcome: null });
    expect(written(place)).toEqual({ time: '2026-11-21T12:00:00.000Z', version: '1.2.3', code: 'CI' });
    const added = Object.keys(snapshot(place.path)).filter((name) => !(name in before));
    expect(added).toEqual(['.ao', '.ao/migrations', '.ao/migrations/postinstall.json']);
  });

  test('without a legacy store leaves nothing', async () => {
    const place = lay('');
    const before = snapshot(place.path);
    expect(await postinstall(FLAGS, setting(machine(place, { CI: '1' })))).toMatchObject({ hasProjects: false });
    expect(snapshot(place.path)).toEqual(before);
  });

  test('with a legacy store that holds no project leaves nothing', async () => {
    const place = lay('');
    mkdirSync(join(place.path, '.agent-orchestrator'));
    writeFileSync(join(place.path, '.agent-orchestrator', 'config.yaml'), 'port: 3000\nprojects: {}\n');
    await postinstall(FLAGS, setting(machine(place, { AO_MIGRATE: 'off' })));
    expect(existsSync(join(place.path, '.ao'))).toBe(false);
  });

  test.each(['SUDO', 'FOREIGN_HOME'])('%s leaves nothing, not even its note', async (code) => {
    const place = lay();
    const before = snapshot(place.path);
    const on = machine(place, code === 'SUDO' ? { SUDO_USER: 'mara' } : {});
    const end = await postinstall(FLAGS, setting(code === 'SUDO' ? on : { ...on, uid: (on.uid ?? 0) + 1 }));
    expect(end.code).toBe(code as 'SUDO');
    expect(snapshot(place.path)).toEqual(before);
  });

  test('a home that cannot be written is no error', async () => {
    const place = lay();
    writeFileSync(join(place.path, '.ao'), 'a file where a directory should be');
    expect((await postinstall(FLAGS, setting(machine(place, { CI: '1' })))).code).toBe('CI');
  });
});

describe('a run', () => {
  test('migrates, takes an outdated note away, and the second one has nothing to do', async () => {
    const place = lay();
    await postinstall(FLAGS, setting(machine(place, { CI: '1' })));
    const end = await postinstall(FLAGS, setting(machine(place)));
    expect(end.code).toBeNull();
    expect(end.outcome?.status).toBe('migrated');
    expect(existsSync(noteOf(place))).toBe(false);
    const again = await postinstall(FLAGS, setting(machine(place)));
    expect(again.outcome?.status).toBe('already-migrated');
    expect(again.code).toBeNull();
  });

  test('AO_MIGRATE=plan writes the note only', async () => {
    const place = lay();
    const end = await postinstall(FLAGS, setting(machine(place, { AO_MIGRATE: 'plan' })));
    expect(end).toMatchObject({ code: 'PLANNED', outcome: { status: 'planned', dryRun: true } });
    expect(readdirSync(join(place.path, '.ao'))).toEqual(['migrations']);
    expect(readdirSync(join(place.path, '.ao', 'migrations'))).toEqual(['postinstall.json']);
  });

  test('a refusal leaves its code', async () => {
    const place = lay();
    writeFileSync(join(place.path, '.agent-orchestrator', 'config.yaml'), 'projects: [unclosed\n');
    expect((await postinstall(FLAGS, setting(machine(place)))).code).toBe('LEGACY_UNREADABLE');
    expect(written(place)).toMatchObject({ code: 'LEGACY_UNREADABLE' });
  });

  test('without an old store a database that cannot be used is no reason to say anything', async () => {
    const place = lay('');
    mkdirSync(join(place.path, '.ao', 'data'), { recursive: true });
    writeFileSync(join(place.path, '.ao', 'data', 'ao.db'), '');
    const end = await postinstall(FLAGS, setting(machine(place)));
    expect(end).toMatchObject({ code: null, outcome: { status: 'nothing-to-migrate' } });
    expect(existsSync(noteOf(place))).toBe(false);
  });

  test('a flag that names nothing is an end, and leaves nothing', async () => {
    const place = lay();
    const end = await postinstall({ ...FLAGS, from: '/nowhere' }, setting(machine(place)));
    expect(end.code).toBe('USAGE');
    expect(existsSync(join(place.path, '.ao'))).toBe(false);
  });
});

describe('the limits', () => {
  test('more conversations than the limit are left to the user from the start', async () => {
    const place = lay();
    const before = snapshot(place.path);
    const end = await postinstall(FLAGS, setting(machine(place)), { ...LIMITS, bytes: 10 });
    expect(end.code).toBe('TOO_LARGE');
    expect(written(place)).toMatchObject({ code: 'TOO_LARGE' });
    const added = Object.keys(snapshot(place.path)).filter((name) => !(name in before));
    expect(added).toEqual(['.ao', '.ao/migrations', '.ao/migrations/postinstall.json']);
    expect(LIMITS).toEqual({ milliseconds: 60_000, bytes: 1e9 });
  });

  test('the time limit, wherever it is reached before the commit point, puts everything back', async () => {
    // The clock is looked at from the first check to the last: each run lets it jump one look later.
    const ends = new Map<string, number>();
    for (let steps = 1; steps < 60; steps++) {
      const place = realFixture('v2-crashed');
      mkdirSync(join(place.path, 'tmux'));
      const before = snapshot(place.path);
      const end = await postinstall(FLAGS, setting(machine(place, {}, steps)));
      const name = end.code ?? end.outcome?.status ?? '';
      ends.set(name, (ends.get(name) ?? 0) + 1);
      if (end.code !== null) {
        const isNote = (path: string) => /^(\.ao(\/migrations(\/postinstall\.json)?)?)?$/.test(path);
        const kept = Object.entries(snapshot(place.path)).filter(([path]) => !isNote(path));
        const had = Object.entries(before).filter(([path]) => !isNote(path));
        // Times of directories change when something is put in and taken out again.
        const still = (entries: [string, string][]) =>
          entries.map(([path, entry]) => [path, entry.replace(/^(directory \d+) \d+$/, '$1')]);
        expect(still(kept)).toEqual(still(had));
      }
      place.remove();
      if (end.code === null) break;
    }
    expect([...ends.keys()]).toEqual(['TIME_LIMIT', 'migrated']);
    expect(ends.get('TIME_LIMIT')).toBeGreaterThan(4);
  }, 60_000);

  test('a signal puts everything back as well', async () => {
    const place = lay();
    let checks = 0;
    const end = await postinstall(
      FLAGS,
      setting(machine(place), () => {
        if (++checks > 3) throw new Interrupted('SIGTERM');
      }),
    );
    expect(end.code).toBe('INTERRUPTED');
    expect(readdirSync(join(place.path, '.ao', 'migrations'))).toEqual(['postinstall.json']);
    expect(existsSync(join(place.path, '.ao', 'data'))).toBe(false);
  });
});

test('one gigabyte that is sparse is found without being read', async () => {
  const place = lay();
  const folder = join(place.path, '.claude', 'projects');
  const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  for (const file of files.filter((name) => name.endsWith('.jsonl'))) {
    chmodSync(file, 0o600);
    truncateSync(file, 1_100_000_000);
  }
  const end = await postinstall(FLAGS, setting(machine(place)));
  expect(end.code).toBe('TOO_LARGE');
}, 20_000);
