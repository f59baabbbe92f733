import { afterEach, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LeafEntry, Ledger } from '../../src/contracts/ledger';
import { emptyHome, type Home, legacyFixture, realFixture, write } from '../support/home';
import { surveyed } from '../support/surveyed';
import { countLeaves } from './count-leaves';
import { randomStore } from './random-store';

const FIXTURES = join(import.meta.dir, '..', 'fixtures');
const MADE_UP = readdirSync(join(FIXTURES, 'legacy')).filter((name) =>
  existsSync(join(FIXTURES, 'legacy', name, 'fixture.json')),
);
const REAL = readdirSync(join(FIXTURES, 'real'))
  .filter((name) => /^[^.]+\.json$/.test(name))
  .map((name) => name.slice(0, -5));

/** Milliseconds. */
const LONG = 600_000;
const COUNT = Number(process.env.AO_TEST_COUNT ?? '25');

const homes: Home[] = [];
afterEach(() => {
  for (const home of homes.splice(0)) home.remove();
});
const kept = (home: Home): Home => {
  homes.push(home);
  return home;
};

const entries = (ledger: Ledger): { file: string; leaf: LeafEntry }[] =>
  [...ledger.projects.flatMap(({ files }) => files), ...ledger.machine].flatMap(({ file, leaves }) =>
    leaves.map((leaf) => ({ file, leaf })),
  );

/** Every session record, registry, overlay and origin text on the disk, found without the reader. */
function recordsOnDisk(root: string): string[] {
  const below = (folder: string): string[] => {
    if (!existsSync(folder)) return [];
    return readdirSync(folder).map((name) => join(folder, name));
  };
  const files = (folder: string, name: RegExp): string[] =>
    below(folder).filter((path) => name.test(path) && statSync(path).isFile());
  const hashed = below(root).filter(
    (path) => /\/[0-9a-f]{12}(-[^/]*)?$/.test(path) && !/observability$|\.migrated$/.test(path),
  );
  return [
    ...below(join(root, 'projects')).flatMap((folder) => [
      ...files(join(folder, 'sessions'), /\/[A-Za-z0-9_-]+\.json$/),
      ...files(folder, /\/orchestrator\.json$/),
    ]),
    ...hashed.flatMap((folder) => [
      ...files(join(folder, 'sessions'), /\/[A-Za-z0-9_-]+(\.json)?$/),
      ...files(join(folder, 'sessions', 'archive'), /_(\d{8}T\d{6}|\d{4}-\d\d-\d\dT[\d:.-]+)Z(\.json)?$/),
      ...files(folder, /\/\.origin$/),
    ]),
    ...files(root, /\/config\.yaml(\.pre-migration)?$/),
    ...files(join(root, 'portfolio'), /\/(preferences|registered)\.json$/),
  ];
}

/** Leaves of every file that was read, against leaves accounted for, by file. */
async function balance(home: Home, options: Parameters<typeof surveyed>[1] = {}): Promise<void> {
  const { ledger, survey } = await surveyed(home.path, options);
  const accounted = new Map<string, Set<string>>();
  let unread = 0;
  const seenByProject = ledger.projects.map(({ files }) =>
    files.flatMap(({ file, leaves }) => leaves.map((leaf) => key(file, leaf))),
  );
  const machine = ledger.machine.flatMap(({ file, leaves }) => leaves.map((leaf) => key(file, leaf)));
  for (const seen of [...seenByProject, machine]) expect(new Set(seen).size).toBe(seen.length);
  const projects = new Set(seenByProject.flat());
  expect(machine.filter((each) => projects.has(each))).toEqual([]);
  for (const { file, leaf } of entries(ledger)) {
    const known = accounted.get(file) ?? new Set();
    accounted.set(file, known.add(key(file, leaf)));
  }
  const expected = survey.store.files.map(({ path }) => [path, countLeaves(path)]);
  expect(survey.store.files.map(({ path }) => [path, accounted.get(path)?.size ?? 0])).toEqual(expected);
  const read = new Set(survey.store.files.map(({ path }) => path));
  unread += recordsOnDisk(survey.store.root).filter((file) => !read.has(file)).length;
  expect(unread).toBe(0);
  for (const file of accounted.keys()) expect(read.has(file)).toBe(true);
}

function key(file: string, { keys, at }: LeafEntry): string {
  // Two lines of a key=value file may have one key, and texts that hold objects one place.
  return `${file}\0${keys.join('\0')}\0${at.line}`;
}

describe('leaves in equal leaves accounted for', () => {
  for (const name of MADE_UP) test(name, () => balance(kept(legacyFixture(name))));
  for (const name of REAL) test(`real ${name}`, () => balance(kept(realFixture(name))));

  test('a store with every kind of odd file', async () => {
    const home = kept(emptyHome());
    write(home, {
      '.agent-orchestrator/config.yaml':
        'port: 1\nunknown: {a: [], b: {}}\nprojects:\n  app: {path: "{{HOME}}/app", x: &a {y: 1}, z: *a}\n  bad: just text\n  other: {path: "{{HOME}}/none"}\n',
      '.agent-orchestrator/config.yaml.pre-migration': 'projects: {app: {storageKey: 0123456789ab, path: x}}\n',
      '.agent-orchestrator/portfolio/preferences.json': '{"version": 2, "projects": {"app": {"pinned": true}}}',
      '.agent-orchestrator/portfolio/registered.json': '{"version": 1, "extra": {}, "projects": []}',
      '.agent-orchestrator/running.json': '{"pid": 999999999, "configPath": "{{HOME}}/nowhere", "projects": ["app"]}',
      '.agent-orchestrator/projects/app/sessions/app-1.json': '',
      '.agent-orchestrator/projects/app/sessions/app-2.json': '{"broken": ',
      '.agent-orchestrator/projects/app/sessions/app-3.json': '[1, 2, {}]',
      '.agent-orchestrator/projects/app/sessions/app-4.json': 'worktree=/x\nbranch=y\n',
      '.agent-orchestrator/projects/app/sessions/app-orchestrator.json':
        '{"role": "orchestrator", "lifecycle": "{\\"session\\": \\"{\\\\\\"state\\\\\\": \\\\\\"idle\\\\\\"}\\", \\"version\\": 2}", "a": {"b": []}}',
      '.agent-orchestrator/projects/stranger/sessions/s-orchestrator.json': '{"role": "orchestrator"}',
      '.agent-orchestrator/0123456789ab/sessions/app-orchestrator-1':
        '# c\nrole=orchestrator\nrole=worker\n =nothing\nnosplit\nstatePayload={"session":{"state":"idle"}}\nstateVersion=2\n',
      '.agent-orchestrator/0123456789ab/.origin': '{{HOME}}/app/agent-orchestrator.yaml\n',
      'app/agent-orchestrator.yaml': 'agent: codex\nenv: {A: 1, B: null}\n---\nsecond: document\n',
    });
    await balance(home);
  });

  test('generated stores', () => onGenerated(COUNT, (home) => balance(home)), LONG);
});

async function onGenerated(count: number, check: (home: Home) => Promise<void>): Promise<void> {
  for (let seed = 1; seed <= count; seed++) {
    const home = emptyHome();
    try {
      randomStore(home, seed);
      await check(home);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    } finally {
      home.remove();
    }
  }
}

describe('what is lossy', () => {
  /** Notes that refuse under --strict, and leaves that are told as lost, name the same values. */
  async function agree(home: Home): Promise<void> {
    const { ledger, survey } = await surveyed(home.path);
    for (const project of ledger.projects) {
      const notes = survey.plan.notes.filter(({ id, severity }) => id === project.id && severity === 'lossy');
      const lost = project.files.flatMap(({ file, leaves }) =>
        leaves.filter(({ disposition: d }) => 'lossy' in d && d.lossy).map((leaf) => ({ file, leaf })),
      );
      for (const { file, line, message, code } of notes) {
        const named = lost.filter(
          (each) => each.file === file && (line === undefined || code === 'DEGRADED' || each.leaf.at.line >= line),
        );
        expect([message, named.length > 0]).toEqual([message, true]);
      }
      for (const { file, leaf } of lost) {
        const named = notes.some((each) => each.file === file && (each.line ?? 0) <= leaf.at.line);
        // A broken file is named once, at its first fault.
        const broken = notes.some((each) => each.file === file && each.code === 'DEGRADED');
        expect([file, leaf.keys.join('.'), named || broken]).toEqual([file, leaf.keys.join('.'), true]);
      }
    }
  }

  for (const name of MADE_UP) test(name, () => agree(kept(legacyFixture(name))));
  test('generated stores', () => onGenerated(COUNT, agree), LONG);
});

test('of several lines with one key the last one counts, and the others say so', async () => {
  const home = kept(emptyHome());
  write(home, {
    '.agent-orchestrator/config.yaml': 'projects: {app: {path: "{{HOME}}/app", sessionPrefix: ap}}\n',
    '.agent-orchestrator/0123456789ab-app/sessions/ap-orchestrator':
      'role=orchestrator\ncreatedAt=2026-01-01T00:00:00Z\ncreatedAt=2026-02-02T00:00:00Z\n',
  });
  const { ledger } = await surveyed(home.path);
  const leaves = entries(ledger).filter(({ leaf }) => leaf.keys[0] === 'createdAt');
  expect(leaves.map(({ leaf }) => [leaf.at.line, leaf.disposition.kind])).toEqual([
    [2, 'ignored'],
    [3, 'mapped'],
  ]);
  expect(leaves[0]?.leaf.disposition).toMatchObject({ why: 'a later line of the file has the same key' });
});

describe('dispositions agree with the rows', () => {
  const CONFIG = '.agent-orchestrator/config.yaml';
  const LOCAL = 'app/agent-orchestrator.yaml';
  const RECORD = '.agent-orchestrator/projects/app/sessions/ap-orchestrator.json';
  const store = (): Record<string, Record<string, unknown>> => ({
    [CONFIG]: {
      defaults: { agent: 'opencode', worker: { agent: 'codex' } },
      projects: {
        app: {
          path: '~/app',
          displayName: 'The app',
          defaultBranch: 'develop',
          sessionPrefix: 'ap',
          registeredAt: 1777000000,
          repo: { owner: 'acme', name: 'app', originUrl: 'https://github.com/acme/app' },
        },
      },
    },
    [LOCAL]: {
      agentConfig: { model: 'big', permissions: 'suggest', orchestratorModel: 'boss' },
      env: { ONE: '1', TWO: '2' },
      symlinks: ['.env', '/absolute'],
      postCreate: ['make'],
      agentRules: 'rules',
      agentRulesFile: 'RULES.md',
      orchestratorRules: 'lead',
      runtime: 'docker',
    },
    [RECORD]: {
      role: 'orchestrator',
      agent: 'claude-code',
      claudeSessionUuid: '0c9e3f10-51c2-4a77-8f6e-2b7d1e9a4c33',
      createdAt: '2026-05-10T08:00:00.000Z',
      displayName: 'Boss',
      userPrompt: 'prompt',
      lifecycle: { version: 2, session: { state: 'idle', lastTransitionAt: '2026-05-11T09:30:00.000Z' } },
      pr: 'none',
    },
  });

  async function explained(files: Record<string, Record<string, unknown>>): Promise<{ ledger: Ledger; rows: string }> {
    const home = kept(emptyHome());
    write(home, Object.fromEntries(Object.entries(files).map(([file, value]) => [file, JSON.stringify(value)])));
    const { ledger, survey } = await surveyed(home.path);
    const rows = JSON.stringify([survey.plan.projects.map((p) => p.row), survey.plan.orchestrators.map((o) => o.row)]);
    return {
      ledger,
      rows: rows.replaceAll(home.path, '{{HOME}}').replace(/"registered_at":"2026-1[^"]*"/, '"registered_at":"now"'),
    };
  }

  /** Another value in the place of a leaf. */
  function altered(files: Record<string, Record<string, unknown>>, file: string, keys: LeafEntry['keys']): void {
    let inner: unknown = files[file];
    for (const part of keys.slice(0, -1)) inner = Reflect.get(Object(inner), part);
    const last = keys.at(-1) ?? '';
    const old: unknown = Reflect.get(Object(inner), last);
    const other: Record<string, unknown> = {
      'claude-code': 'codex',
      opencode: 'codex',
      codex: 'claude-code',
      suggest: 'auto-edit',
      '~/app': '~/elsewhere',
      'https://github.com/acme/app': 'https://github.com/acme/other',
    };
    const text = String(old);
    const date = /^\d{4}-/.test(text) ? text.replace('2026', '2025') : undefined;
    Reflect.set(Object(inner), last, typeof old === 'number' ? old - 1e6 : (other[text] ?? date ?? `${text}x`));
  }

  test('whatever is carried, mapped or secretly carried changes a row when it changes, and nothing else does', async () => {
    const { ledger, rows } = await explained(store());
    const seen: Record<string, number> = {};
    for (const { file, leaves } of ledger.projects[0]?.files ?? []) {
      const name = Object.keys(store()).find((each) => file.endsWith(each)) ?? '';
      for (const { keys, disposition } of leaves) {
        const changed = store();
        altered(changed, name, keys);
        // A path takes the local file with it, a role the whole record.
        const goes =
          disposition.kind === 'carried' ||
          disposition.kind === 'mapped' ||
          (disposition.kind === 'secret' && disposition.to.length > 0);
        seen[disposition.kind] = (seen[disposition.kind] ?? 0) + 1;
        const other = await explained(changed);
        if (disposition.kind !== 'derived')
          expect([keys.join('.'), other.rows !== rows]).toEqual([keys.join('.'), goes]);
      }
    }
    expect(Object.keys(seen).sort()).toEqual(['carried', 'derived', 'ignored', 'mapped', 'secret']);
  }, 180_000);
});
