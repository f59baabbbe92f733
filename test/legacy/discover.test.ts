import { afterEach, describe, expect, test } from 'bun:test';
import { chownSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Note } from '../../src/contracts/notes';
import { UsageError } from '../../src/contracts/refusals';
import { folderHash } from '../../src/legacy/discover';
import { codes, draftAt, draftOf, type Files, layOut, orchestrator, registry, removeHomes } from '../support/store';

afterEach(removeHomes);

const wrapped = (key: string, path: string, more: Record<string, unknown> = {}) =>
  JSON.stringify({ projects: { [key]: { path, ...more } } });
const record = (worktree?: string) => orchestrator({ worktree });
const ids = (drafted: ReturnType<typeof draftOf>) =>
  drafted.draft.projects.map(({ id, refusal }) => (refusal === null ? id : `!${id}`));

/** A repository with a linked worktree, as git leaves it. */
function repository(main: string, worktree: string, alive = true): Files {
  return {
    [`${main}/.git/HEAD`]: 'ref: refs/heads/main\n',
    [`${main}/.git/config`]: '[core]\n\tbare = false\n',
    [`${main}/.git/objects`]: null,
    [`${main}/.git/refs`]: null,
    [`${main}/.git/worktrees/w/HEAD`]: 'ref: refs/heads/x\n',
    [`${main}/.git/worktrees/w/commondir`]: '../..\n',
    [`${main}/.git/worktrees/w/gitdir`]: `{{HOME}}/${worktree}/.git\n`,
    ...(alive ? { [`${worktree}/.git`]: `gitdir: {{HOME}}/${main}/.git/worktrees/w\n` } : {}),
  };
}

describe('4.1 how a wrapped config is found', () => {
  const app = { 'repos/app/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/repos/app') };
  const v2 = { 'AO/projects/app/sessions/app-orchestrator.json': record('{{HOME}}/wt') };

  test('by running.json, whole', () => {
    const running = { 'AO/running.json': '{"configPath": "{{HOME}}/repos/app/agent-orchestrator.yaml"}' };
    const two = JSON.stringify({ projects: { app: { path: '{{HOME}}/repos/app' }, far: { path: '/far' } } });
    expect(ids(draftOf({ ...running, 'repos/app/agent-orchestrator.yaml': two }))).toEqual(['app', 'far']);
    expect(ids(draftOf({ ...app, 'AO/running.json': '{"configPath": 5}' }))).toEqual([]);
    expect(ids(draftOf({ ...app, 'AO/running.json': 'broken' }))).toEqual([]);
  });

  test('by `.origin`, also of a converted directory, not of observability', () => {
    const origin = (directory: string) =>
      ids(draftOf({ ...app, [`AO/${directory}/.origin`]: ' {{HOME}}/repos/app/agent-orchestrator.yaml\n' }));
    expect(origin('0123456789ab')).toEqual(['app']);
    expect(origin('0123456789ab-app')).toEqual(['app']);
    expect(origin('0123456789ab-app.migrated')).toEqual(['app']);
    expect(origin('0123456789ab.migrated')).toEqual(['app']);
    expect(origin('0123456789ab-observability')).toEqual([]);
  });

  test.each(['', '-app', '-observability', '-app.migrated', '.migrated'])(
    'a folder whose hash begins `<hash>%s` counts whole',
    (ending) => {
      const home = layOut({
        'repos/app/agent-orchestrator.yaml': JSON.stringify({ projects: { far: { path: '/far' } } }),
        repos: null,
      });
      mkdirSync(join(home, '.agent-orchestrator', `${folderHash(realpathSync(join(home, 'repos/app')))}${ending}`), {
        recursive: true,
      });
      const cwd = { machine: { cwd: join(home, 'repos/app') } };
      expect(ids(draftAt(home, cwd))).toEqual(['far']);
      expect(ids(draftAt(home))).toEqual([]);
    },
  );

  test('by the worktree of a record: `.git` file, or the registration where the worktree is the checkout', () => {
    expect(ids(draftOf({ ...app, ...v2, ...repository('repos/app', 'wt') }))).toEqual(['app']);
    const v1 = {
      'AO/0123456789ab/sessions/app-orchestrator': 'project=app\nworktree={{HOME}}/repos/app\nstatus=killed\n',
    };
    const found = draftOf({ ...app, ...v1, ...repository('repos/app', 'wt'), 'AO/projects/app': null });
    expect(ids(found)).toEqual(['app']);
    expect(found.draft.orchestrators).toHaveLength(1);
  });

  test('by the working directory and its parents, home-level names, and the folders of Claude', () => {
    expect(ids(draftOf({ ...app, ...v2, 'repos/app/sub/deep': null }, { machine: { cwd: '/' } }))).toEqual([]);
    const home = layOut({ ...app, ...v2, 'repos/app/sub/deep': null });
    expect(ids(draftAt(home, { machine: { cwd: join(home, 'repos/app/sub/deep') } }))).toEqual(['app']);
    const named = (name: string) =>
      ids(draftOf({ ...v2, [name]: wrapped('app', '{{HOME}}') }, { machine: { cwd: '/' } }));
    expect(named('.agent-orchestrator.yaml')).toEqual(['app']);
    expect(named('.agent-orchestrator.yml')).toEqual(['app']);
    const deeper = { '.config/agent-orchestrator/config.yaml': wrapped('app', '~/.config/agent-orchestrator') };
    expect(ids(draftOf({ ...v2, ...deeper }, { machine: { cwd: '/' } }))).toEqual(['app']);
    const claude = { '.claude.json': '{"projects": {"{{HOME}}/repos/app": {}, "relative": {}, "constructor": {}}}' };
    const drafted = draftOf({ ...app, ...v2, ...claude });
    expect(ids(drafted)).toEqual(['app']);
    expect(drafted.store.files.map(({ path }) => path).filter((path) => path.endsWith('.claude.json'))).toEqual([]);
    const moved = { 'claude/.claude.json': claude['.claude.json'] };
    expect(
      ids(draftOf({ ...app, ...v2, ...moved }, { machine: { env: { CLAUDE_CONFIG_DIR: '{{HOME}}/claude' } } })),
    ).toEqual(['app']);
  });

  test('by --config, also beside a registry; a registry-like one replaces it', () => {
    const files = { ...app, 'AO/config.yaml': registry({ reg: '/srv/reg' }) };
    expect(ids(draftOf(files, { config: '{{HOME}}/repos/app/agent-orchestrator.yaml' }))).toEqual(['reg', 'app']);
    for (const more of [
      { projectId: 'x' },
      { registeredAt: 1 },
      { source: 'local' },
      { storageKey: 'k' },
      { repo: {} },
    ])
      expect(
        ids(draftOf({ ...files, 'c.yaml': wrapped('other', '/srv/other', more) }, { config: '{{HOME}}/c.yaml' })),
      ).toEqual(['other']);
    expect(
      ids(
        draftOf({ ...files, 'c.yaml': wrapped('other', '/srv/other', { repo: 'a/b' }) }, { config: '{{HOME}}/c.yaml' }),
      ),
    ).toEqual(['reg', 'other']);
    expect(() => draftOf(files, { config: '{{HOME}}/gone.yaml' })).toThrow(UsageError);
    expect(() => draftOf(files, { from: '{{HOME}}/gone' })).toThrow(UsageError);
    const empty = draftOf({ ...files, 'c.yaml': 'port: 1' }, { config: '{{HOME}}/c.yaml' });
    expect([ids(empty), codes(empty.notes('CONFIG_EMPTY'))]).toEqual([['reg'], ['CONFIG_EMPTY']]);
  });

  test('one of another user is ignored, with a note', () => {
    if (process.getuid?.() !== 0) return;
    const home = layOut({
      ...app,
      ...v2,
      'AO/running.json': '{"configPath": "{{HOME}}/repos/app/agent-orchestrator.yaml"}',
    });
    chownSync(join(home, 'repos/app/agent-orchestrator.yaml'), 12345, 12345);
    const drafted = draftAt(home);
    expect(ids(drafted)).toEqual([]);
    expect(codes(drafted.notes())).toEqual(['OWNED_BY_OTHER', 'PROJECT_UNKNOWN']);
  });

  test('of two documents the first counts, with a note where the file is used', () => {
    const file = '{{HOME}}/repos/app/agent-orchestrator.yaml';
    const two = `${wrapped('app', '{{HOME}}/repos/app')}\n---\n${wrapped('far', '/far')}\n`;
    const files = { ...v2, 'repos/app/agent-orchestrator.yaml': two };
    const running = { 'AO/running.json': `{"configPath": "${file}"}` };
    const claude = { '.claude.json': '{"projects": {"{{HOME}}/repos/app": {}}}' };
    for (const drafted of [
      draftOf(files, { config: file }),
      draftOf({ ...files, ...running }),
      draftOf({ ...files, 'AO/0123456789ab/.origin': file }),
      draftOf({ ...files, ...claude }),
    ]) {
      expect(ids(drafted)).toEqual(['app']);
      expect(drafted.notes('CONFIG_MULTI_DOCUMENT')).toMatchObject([
        { severity: 'warn', message: 'the file holds 2 YAML documents; the first is read' },
      ]);
      expect(drafted.notes('CONFIG_MULTI_DOCUMENT')[0]?.file).toEndWith('/repos/app/agent-orchestrator.yaml');
    }
    const behind = { 'repos/app/agent-orchestrator.yaml': `port: 1\n---\n${wrapped('app', '{{HOME}}/repos/app')}\n` };
    expect(codes(draftOf({ ...behind, ...running }).notes())).toEqual(['CONFIG_MULTI_DOCUMENT']);
    // Nothing of these is used.
    const stray = { 'AO/projects/other/sessions': null, 'repos/app/agent-orchestrator.yaml': two };
    expect(codes(draftOf({ ...stray, ...claude }).notes())).toEqual([]);
    expect(codes(draftOf({ ...behind, ...claude }).notes())).toEqual([]);
  });

  test('a malformed one that counts whole is a note, others are silent', () => {
    const bad = { 'repos/app/agent-orchestrator.yaml': 'a: [' };
    expect(
      codes(
        draftOf({ ...bad, 'AO/running.json': '{"configPath": "{{HOME}}/repos/app/agent-orchestrator.yaml"}' }).notes(),
      ),
    ).toEqual(['CONFIG_INVALID']);
    expect(codes(draftOf({ ...bad, '.claude.json': '{"projects": {"{{HOME}}/repos/app": {}}}' }).notes())).toEqual([]);
  });

  const WRONG: readonly (readonly [string, Files[string], Partial<Note>])[] = [
    ['bad syntax', 'projects:\n  app: {path: /srv\n', { code: 'CONFIG_INVALID', line: 3, column: 1 }],
    ['a list of projects', 'projects: [a]\n', { code: 'CONFIG_INVALID', line: 1, column: 11 }],
    ['a list', '- a\n', { code: 'CONFIG_INVALID', line: 1, column: 1 }],
    ['no text', Buffer.from([0x70, 0xff]), { code: 'FILE_UNREADABLE' }],
  ];
  test.each(WRONG)('%s is told with its place, where the file is named or records have no project', (_, text, note) => {
    const file = '{{HOME}}/repos/app/agent-orchestrator.yaml';
    const wrong = { 'repos/app/agent-orchestrator.yaml': text, 'repos/app/deep': null };
    const told = (home: string) => {
      const notes = draftAt(home, { machine: { cwd: join(home, 'repos/app/deep') } }).notes();
      return notes.filter(({ code }) => code !== 'PROJECT_UNKNOWN');
    };
    const hash = (home: string) => folderHash(join(home, 'repos/app'));
    const hashed = layOut(wrong);
    mkdirSync(join(hashed, '.agent-orchestrator', hash(realpathSync(hashed)), 'sessions'), { recursive: true });
    const homes = [
      layOut({ ...wrong, 'AO/running.json': `{"configPath": "${file}"}` }),
      layOut({ ...wrong, 'AO/0123456789ab/.origin': file }),
      hashed,
      layOut({ ...wrong, ...v2 }),
    ];
    for (const home of homes) {
      expect(told(home)).toMatchObject([{ severity: 'warn', ...note }]);
      expect(told(home)[0]?.file).toEndWith('/repos/app/agent-orchestrator.yaml');
    }
    // It could explain nothing that is not explained.
    expect(told(layOut(wrong))).toEqual([]);
    const registered = { 'AO/config.yaml': registry({ app: '{{HOME}}/srv' }), srv: null };
    expect(told(layOut({ ...wrong, ...v2, ...registered }))).toEqual([]);
  });

  test.each(['port: 1\n', 'projects:\n', '', '# nothing\n'])('a config without projects is none: %j', (text) => {
    const flat = { ...v2, 'repos/app/agent-orchestrator.yaml': text };
    const running = { 'AO/running.json': '{"configPath": "{{HOME}}/repos/app/agent-orchestrator.yaml"}' };
    expect(codes(draftOf({ ...flat, ...running }).notes())).toEqual(['PROJECT_UNKNOWN']);
    const home = layOut(flat);
    expect(codes(draftAt(home, { machine: { cwd: join(home, 'repos/app') } }).notes())).toEqual(['PROJECT_UNKNOWN']);
  });
});

describe('4.1 what of it counts', () => {
  test('one that matches only by a key needs the directory below projects/ and its own folder', () => {
    const by = (path: string, directory = 'AO/projects/app/sessions') => {
      const home = layOut({
        'repos/app/agent-orchestrator.yaml': wrapped('app', path, { env: { EVIL: 'x' } }),
        [directory]: null,
        elsewhere: null,
        link: { link: '{{HOME}}/repos/app' },
      });
      return ids(draftAt(home, { machine: { cwd: join(home, 'repos/app') } }));
    };
    expect(by('{{HOME}}/repos/app')).toEqual(['app']);
    expect(by('~/repos/app')).toEqual(['app']);
    expect(by('{{HOME}}/link')).toEqual(['app']);
    expect(by('{{HOME}}/elsewhere')).toEqual([]);
    expect(by('.')).toEqual([]);
    expect(by('{{HOME}}/repos/app', 'AO/projects/other')).toEqual([]);
  });

  test('R32 a second file that matches only by the same key is ignored, with a note', () => {
    const drafted = draftOf({
      'a/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/a'),
      'b/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/b'),
      'AO/projects/app': null,
      '.claude.json': '{"projects": {"{{HOME}}/b": {}, "{{HOME}}/a": {}}}',
    });
    expect(drafted.draft.projects.map(({ id, path }) => [id, path])).toEqual([['app', join(drafted.home, 'b')]]);
    expect(drafted.notes('CANDIDATE_IGNORED')).toHaveLength(1);
  });

  test('R32 a registry id explains its directory even if its entry is unusable', () => {
    const drafted = draftOf({
      'AO/config.yaml': registry({ app: { path: 'relative' } }),
      'a/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/a'),
      'AO/projects/app/sessions/a-orchestrator.json': orchestrator(),
      '.claude.json': '{"projects": {"{{HOME}}/a": {}}}',
    });
    expect(ids(drafted)).toEqual(['!app']);
    expect(drafted.draft.hasUnknown).toBe(false);
  });

  test('one key and one path is one project, first found; the order is that of the real files, then of the document', () => {
    const drafted = draftOf({
      'b/agent-orchestrator.yaml': `projects: {z: {path: "{{HOME}}/b"}, y: {path: /y}}`,
      'a/agent-orchestrator.yaml': wrapped('a', '{{HOME}}/a'),
      'clone/agent-orchestrator.yaml': `projects: {z: {path: "{{HOME}}/b"}}`,
      'AO/000000000001/.origin': '{{HOME}}/clone/agent-orchestrator.yaml',
      'AO/000000000002/.origin': '{{HOME}}/b/agent-orchestrator.yaml',
      'AO/000000000003/.origin': '{{HOME}}/a/agent-orchestrator.yaml',
    });
    expect(drafted.draft.projects.map(({ id, origin }) => [id, origin.file.split('/').at(-2)])).toEqual([
      ['a', 'a'],
      ['y', 'b'],
      ['z', 'clone'],
    ]);
  });

  test('R33 one key, two paths: the one that V2 records point to, else `.origin`, else the first; the other is a conflict', () => {
    const two = (more: Files) => {
      const drafted = draftOf({
        'a/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/a'),
        'b/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/b'),
        'AO/running.json': '{"configPath": "{{HOME}}/a/agent-orchestrator.yaml"}',
        'AO/000000000001/.origin': '{{HOME}}/b/agent-orchestrator.yaml',
        ...more,
      });
      expect(drafted.notes('SAME_KEY')).toHaveLength(1);
      return drafted.draft.projects.map(({ path, lost }) => `${lost ? '!' : ''}${path.at(-1)}`);
    };
    expect(two({})).toEqual(['b', '!a']);
    expect(two({ 'AO/projects/elsewhere/sessions/x-1.json': record('{{HOME}}/a') })).toEqual(['a', '!b']);
    expect(two({ 'AO/projects/elsewhere/orchestrator.json': record('{{HOME}}/a') })).toEqual(['a', '!b']);
    expect(two({ 'AO/projects/elsewhere/sessions/x-1.json': record('{{HOME}}/wt'), ...repository('a', 'wt') })).toEqual(
      ['a', '!b'],
    );
    expect(
      two({ 'AO/projects/elsewhere/sessions/x-1.json': record('{{HOME}}/wt'), ...repository('a', 'wt', false) }),
    ).toEqual(['a', '!b']);
    expect(
      two({
        'AO/projects/p/sessions/x-1.json': record('{{HOME}}/a'),
        'AO/projects/q/sessions/y-1.json': record('{{HOME}}/b'),
      }),
    ).toEqual(['b', '!a']);
    const firstHint = draftOf({
      'a/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/a'),
      'b/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/b'),
      'AO/000000000001/.origin': '{{HOME}}/b/agent-orchestrator.yaml',
      'AO/000000000002/.origin': '{{HOME}}/a/agent-orchestrator.yaml',
    });
    expect(firstHint.draft.projects.map(({ path, lost }) => `${lost ? '!' : ''}${path.at(-1)}`)).toEqual(['b', '!a']);
  });

  test('the registry wins on an equal id; its entry keeps its own path', () => {
    const drafted = draftOf({
      'AO/config.yaml': registry({ app: '{{HOME}}/reg' }),
      reg: null,
      'w/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/w', { env: { A: 'b' } }),
      'AO/running.json': '{"configPath": "{{HOME}}/w/agent-orchestrator.yaml"}',
    });
    expect(drafted.draft.projects.map(({ path }) => path)).toEqual([join(drafted.home, 'reg')]);
    expect(drafted.project('app').built.config.env).toBeUndefined();
    expect(codes(drafted.notes())).toContain('CANDIDATE_IGNORED');
  });

  test('the registry wins on an equal path; the entry supplies behaviour where the project has no local file', () => {
    const shared = (more: Files, leftover: Record<string, unknown> = { env: { LEFT: 'over' } }) => {
      const drafted = draftOf({
        'AO/config.yaml': registry({ app_0123456789: { path: '{{HOME}}/app', ...leftover } }),
        app: null,
        'w/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/app', { env: { W: 'w' }, sessionPrefix: 'zz' }),
        'AO/running.json': '{"configPath": "{{HOME}}/w/agent-orchestrator.yaml"}',
        ...more,
      });
      expect(ids(drafted)).toEqual(['app_0123456789']);
      return drafted.project('app_0123456789');
    };
    expect(shared({}).built.config).toMatchObject({ env: { W: 'w' }, sessionPrefix: 'app' });
    expect(shared({ 'app/agent-orchestrator.yaml': 'env: {L: l}' }).built.config.env).toEqual({ L: 'l' });
  });

  test('R5 of two entries with its path a registered project takes the one with its id; the first config comes first', () => {
    const entries = (...named: string[]) =>
      JSON.stringify({
        projects: Object.fromEntries(named.map((key) => [key, { path: '{{HOME}}/web', env: { A: key } }])),
      });
    const taken = (hub: string, more: Files = {}) =>
      draftOf({
        'AO/config.yaml': registry({ web: { path: '{{HOME}}/web' } }),
        web: null,
        'hub/agent-orchestrator.yaml': hub,
        'AO/running.json': '{"configPath": "{{HOME}}/hub/agent-orchestrator.yaml"}',
        ...more,
      }).project('web').built.config.env?.A;
    expect(taken(entries('alpha', 'web'))).toBe('web');
    expect(taken(entries('web', 'alpha'))).toBe('web');
    expect(taken(entries('alpha', 'beta'))).toBe('alpha');
    // Two hints: running.json comes before `.origin`, whatever keys the files have.
    const other = {
      'AO/0123456789ab-x/.origin': '{{HOME}}/other/agent-orchestrator.yaml',
      'other/agent-orchestrator.yaml': entries('web'),
    };
    expect(taken(entries('alpha'), other)).toBe('alpha');
    const hub = { alpha: { path: '{{HOME}}/far' }, web: { path: '{{HOME}}/web', env: { A: 'hub' } } };
    expect(
      taken(JSON.stringify({ projects: hub }), { ...other, 'other/agent-orchestrator.yaml': entries('alpha') }),
    ).toBe('hub');
  });

  test('V2 records below the wrapped key are a registered project’s own where it has none; the first of two entries gets them', () => {
    const files = (own: Files = {}) => ({
      'AO/config.yaml': registry({
        one: { path: '{{HOME}}/app', sessionPrefix: 'p' },
        two: { path: '{{HOME}}/app', sessionPrefix: 'q' },
      }),
      'app/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/app'),
      'AO/projects/app/sessions/p-orchestrator.json': orchestrator({ displayName: 'alias' }),
      'AO/0123456789ab-app/sessions/p-orchestrator': 'displayName=v1\n',
      ...own,
    });
    const names = (own?: Files) =>
      draftOf(files(own)).draft.orchestrators.map(({ project, record }) => [project.id, record.displayName]);
    expect(names()).toEqual([['one', 'alias']]);
    expect(names({ 'AO/projects/one/sessions/p-orchestrator.json': orchestrator({ displayName: 'own' }) })).toEqual([
      ['one', 'own'],
    ]);
    expect(draftOf(files()).draft.hasUnknown).toBe(false);
  });

  test('2.13 registered_at falls back to the mtime of its file; defaults come last', () => {
    const drafted = draftOf(
      {
        'w/agent-orchestrator.yaml': JSON.stringify({
          defaults: { agent: 'codex', worker: { agent: 'opencode' } },
          projects: {
            a: { path: '/a' },
            b: { path: '/b', agent: 'aider' },
            c: { path: '/c', worker: { agent: 'grok' } },
          },
        }),
        'AO/running.json': '{"configPath": "{{HOME}}/w/agent-orchestrator.yaml"}',
      },
      { mtimes: { 'w/agent-orchestrator.yaml': Date.parse('2026-02-02T02:02:02Z') } },
    );
    expect(drafted.project('a').registeredAt).toBe('2026-02-02 02:02:02 +0000 UTC');
    const agents = (id: string) => [
      drafted.project(id).built.config.worker?.agent,
      drafted.project(id).built.config.orchestrator?.agent,
    ];
    expect([agents('a'), agents('b'), agents('c')]).toEqual([
      ['opencode', 'codex'],
      ['aider', 'aider'],
      ['grok', 'codex'],
    ]);
  });

  test('orchestrators whose project stays unknown are named with their directory', () => {
    const drafted = draftOf({ 'AO/projects/app/sessions/app-orchestrator.json': orchestrator({ project: 'key' }) });
    expect(drafted.draft.hasUnknown).toBe(true);
    const [note] = drafted.notes('PROJECT_UNKNOWN');
    expect(note).toMatchObject({
      id: 'app',
      severity: 'warn',
      file: join(drafted.home, '.agent-orchestrator/projects/app'),
    });
    expect(note?.message).toContain('--config');
    expect(note?.message).toContain('`key`');
  });
});

describe('4.2 a store of another machine', () => {
  const copy = {
    'copy/config.yaml': registry({ app: { path: '/gone/app', sessionPrefix: 'app' }, home: '~/x' }),
    'copy/projects/app/sessions/app-orchestrator.json': orchestrator(),
  };

  test('DIR/config.yaml counts, the environment does not, `~` is this home', () => {
    const drafted = draftOf(
      { ...copy, 'other.yaml': registry({ other: '/o' }), 'AO/config.yaml': registry({ own: '/own' }) },
      {
        from: '{{HOME}}/copy',
        machine: { env: { AO_GLOBAL_CONFIG: '{{HOME}}/other.yaml', XDG_CONFIG_HOME: '{{HOME}}' } },
      },
    );
    expect(ids(drafted)).toEqual(['app', 'home']);
    expect(drafted.project('home').path).toBe(join(drafted.home, 'x'));
    expect(drafted.store.foreign).toBe(true);
    expect(codes(drafted.notes())).toEqual(['FOREIGN_STORE', 'PATH_MISSING']);
  });

  test('the own store under another name is not foreign', () => {
    const drafted = draftOf(
      { 'AO/config.yaml': registry({ own: '/own' }), link: { link: '{{HOME}}/.agent-orchestrator' } },
      { from: '{{HOME}}/link' },
    );
    expect(drafted.store.foreign).toBe(false);
  });

  test('4.1 never looks at the folders of the one who helps', () => {
    const files = {
      'copies/store/projects/app/sessions/app-orchestrator.json': orchestrator(),
      'repo/agent-orchestrator.yaml': wrapped('app', '{{HOME}}/repo'),
      '.claude.json': '{"projects": {"{{HOME}}/repo": {}}}',
    };
    const home = layOut(files);
    expect(ids(draftAt(home, { from: join(home, 'copies/store'), machine: { cwd: join(home, 'repo') } }))).toEqual([]);
    writeFileSync(join(home, 'copies/.claude.json'), JSON.stringify({ projects: { [join(home, 'repo')]: {} } }));
    expect(ids(draftAt(home, { from: join(home, 'copies/store'), machine: { cwd: '/' } }))).toEqual(['app']);
  });

  test('NOT_OWNER for the own root only', () => {
    if (process.getuid?.() !== 0) return;
    const home = layOut({ ...copy, 'AO/config.yaml': registry({ own: '/own' }) });
    expect(() => draftAt(home, { machine: { uid: 4242 } })).toThrow(expect.objectContaining({ code: 'NOT_OWNER' }));
    expect(ids(draftAt(home, { from: join(home, 'copy'), machine: { uid: 4242 } }))).toEqual(['app', 'home']);
  });
});
