import { afterEach, describe, expect, test } from 'bun:test';
import { Refusal } from '../../src/contracts/refusals';
import { plain } from '../../src/legacy/tree';
import { codes, draftOf, oneProject, orchestrator, registry, removeHomes } from '../support/store';

afterEach(removeHomes);

/** The refusal that reading these files ends in. */
function refusal(run: () => unknown): Refusal {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const config = (text: string) => ({ 'AO/config.yaml': text });

/** A registry with one entry `app`, written as YAML lines below `projects:`. */
const entry = (lines: string) => draftOf({ 'AO/config.yaml': `projects:\n  app:\n    path: /srv/app\n${lines}` });

/** One project with a local file. */
const local = (text: string, more = {}) =>
  draftOf({
    'AO/config.yaml': registry({ app: '{{HOME}}/repos/app' }),
    'repos/app/agent-orchestrator.yaml': text,
    ...more,
  });

describe('the global config', () => {
  test('E1 neither a config nor records: nothing, and no remark', () => {
    const { store, draft, notes } = draftOf({});
    expect(store.exists).toBe(false);
    expect(draft.projects).toEqual([]);
    expect(notes()).toEqual([]);
  });

  test.each(['', '\n\n', '# only a comment\n', '---\n', '\uFEFF', 'null\n'])(
    'E2 an empty config %j is none, with a warning',
    (text) => {
      const { store, draft, notes } = draftOf(config(text));
      expect(store.registry).toBeNull();
      expect(draft.projects).toEqual([]);
      expect(notes()).toMatchObject([{ code: 'CONFIG_EMPTY', severity: 'warn' }]);
    },
  );

  test('E3 `projects:` null is empty', () => {
    const { draft, notes } = draftOf(config('projects:\n'));
    expect(draft.projects).toEqual([]);
    expect(notes()).toEqual([]);
  });

  test.each(['projects: []', 'projects: [a]', 'projects: 5', 'projects: text'])(
    'E3 `%s` is refused with its place',
    (text) => {
      const { code, message } = refusal(() => draftOf(config(`port: 1\n${text}\n`)));
      expect(code).toBe('LEGACY_UNREADABLE');
      expect(message).toContain('config.yaml:2:11');
    },
  );

  test('E4 no key `projects`: nothing, and no remark', () => {
    const { draft, store, notes } = draftOf(config('port: 3000\n'));
    expect(store.registry).not.toBeNull();
    expect(draft.projects).toEqual([]);
    expect(notes()).toEqual([]);
  });

  test('E5 of two documents the first counts, even if the second is broken', () => {
    const { draft, notes } = draftOf(config('projects:\n  app: {path: /srv/app}\n---\nprojects: {b: [\n'));
    expect(draft.projects.map(({ id }) => id)).toEqual(['app']);
    expect(notes('CONFIG_MULTI_DOCUMENT')).toMatchObject([{ severity: 'warn' }]);
  });

  test('E6 a key written twice is refused with its place', () => {
    const { code, message } = refusal(() =>
      draftOf(config('projects:\n  a: {path: /x}\n  b: {path: /y}\n  a: {path: /z}\n')),
    );
    expect(code).toBe('LEGACY_UNREADABLE');
    expect(message).toContain('config.yaml:4:3');
  });

  const ALIKE = [
    ['1', '"1"'],
    ['"true"', 'true'],
    ['~', '""'],
    ['"\\ud800"', '"\\udc00"'],
    ['&k a', '*k '],
  ] as const;

  test('E6 also deep inside, and in flow style; keys of different types that become one id too', () => {
    expect(refusal(() => draftOf(config('projects: {a: {path: /x, env: {A: 1, A: 2}}}'))).code).toBe(
      'LEGACY_UNREADABLE',
    );
    for (const [one, other] of [...ALIKE, ['0x10', '16']]) {
      const twice = `projects:\n  ${one}: {path: /x}\n  ${other}: {path: /y}\n`;
      expect(refusal(() => draftOf(config(twice))).message).toContain('config.yaml:3:3');
      expect(local(twice).project('app').settings.kind).toBe('degraded');
    }
    const hidden = [
      'all: &all {1: {path: /x}, "1": {path: /y}}\nprojects: *all\n',
      '&k projects: {a: {}}\n*k : {b: {}}\n',
    ];
    for (const text of hidden) expect(refusal(() => draftOf(config(text))).code).toBe('LEGACY_UNREADABLE');
  });

  test('E6 elsewhere the last of such keys wins, as the legacy tool has it', () => {
    for (const [one, other] of ALIKE) {
      const pair = `{${one} : x, ${other} : y}`;
      const { draft } = draftOf(config(`notifiers: ${pair}\nprojects:\n  app: {path: /x, projects: ${pair}}\n`));
      expect(draft.projects.map(({ id }) => id)).toEqual(['app']);
      const { kind } = local(`agent: codex\nenv: ${pair}\n`).project('app').settings;
      expect(kind).not.toBe('degraded');
    }
    const { own } = local('env: {A: z, 1: x, "1": y}\n').project('app').settings;
    expect(own === null ? null : plain(own.map)).toEqual({ env: { A: 'z', 1: 'y' } });
    expect(local('env: {0x10: x, 16: y}\n').project('app').settings.kind).toBe('degraded');
  });

  test('E76 a config that cannot be parsed is read again, then refused', () => {
    const { code, message } = refusal(() => draftOf(config('projects:\n  app:\n    path: "/srv/a\n')));
    expect(code).toBe('LEGACY_UNREADABLE');
    expect(message).toMatch(/config\.yaml:\d+:\d+/);
  });

  test('E76 what the parser quotes of the file is not repeated: it may be a secret', () => {
    const told = (text: string): string[] => [
      refusal(() => draftOf(config(text))).message,
      refusal(() => draftOf({ 'c.yaml': text }, { config: '{{HOME}}/c.yaml' })).message,
      ...local(text)
        .notes('DEGRADED')
        .map(({ message }) => message),
      ...draftOf({
        'AO/running.json': '{"configPath": "{{HOME}}/w/agent-orchestrator.yaml"}',
        'w/agent-orchestrator.yaml': text,
      })
        .notes('CONFIG_INVALID')
        .map(({ message }) => message),
    ];
    for (const text of [
      '{a: 1}} s3cret',
      'a: |s3cret\n  b',
      'a: ]s3cret',
      "a: 's3cret",
      'a: *s3cret',
      'env:\n  TOKEN: "C:\\Us3cret\\x"',
      'env:\n  TOKEN: "\\xs3cret"',
      'env: !<s3cret\n',
    ]) {
      const messages = told(text);
      expect(messages).toHaveLength(4);
      expect(messages.filter((message) => message.includes('3cr'))).toEqual([]);
    }
  });

  test('E81 a linked root and a linked config are followed', () => {
    const { store, project } = draftOf({
      'elsewhere/real.yaml': registry({ app: '/srv/app' }),
      'elsewhere/store/config.yaml': { link: '{{HOME}}/elsewhere/real.yaml' },
      'elsewhere/store/projects/app/sessions/app-orchestrator.json': orchestrator(),
      AO: { link: '{{HOME}}/elsewhere/store' },
    });
    expect(project('app').path).toBe('/srv/app');
    expect(store.v2).toHaveLength(1);
  });

  test('R10 a list or a scalar at the top is refused', () => {
    expect(refusal(() => draftOf(config('- a\n'))).code).toBe('LEGACY_UNREADABLE');
    expect(refusal(() => draftOf(config('text\n'))).code).toBe('LEGACY_UNREADABLE');
  });
});

describe('which config', () => {
  const app = registry({ app: '/srv/app' });
  const other = registry({ other: '/srv/other' });

  test('E77 XDG_CONFIG_HOME without a config: the one of the store, with a warning', () => {
    const { draft, notes } = draftOf(
      { 'AO/config.yaml': app },
      { machine: { env: { XDG_CONFIG_HOME: '{{HOME}}/xdg' } } },
    );
    expect(draft.projects.map(({ id }) => id)).toEqual(['app']);
    expect(notes('CONFIG_ELSEWHERE')).toHaveLength(1);
  });

  test('E77 XDG_CONFIG_HOME with a config: that one, with a warning where the store has one too', () => {
    const files = { 'AO/config.yaml': app, 'xdg/agent-orchestrator/config.yaml': other };
    const { draft, notes } = draftOf(files, { machine: { env: { XDG_CONFIG_HOME: '{{HOME}}/xdg' } } });
    expect(draft.projects.map(({ id }) => id)).toEqual(['other']);
    expect(notes('CONFIG_ELSEWHERE')).toHaveLength(1);
  });

  test('1.2 AO_GLOBAL_CONFIG wins, relative to the working directory; AO_CONFIG_PATH means nothing', () => {
    const files = { 'AO/config.yaml': app, 'own.yaml': other, 'xdg/agent-orchestrator/config.yaml': app };
    const env = {
      AO_GLOBAL_CONFIG: 'own.yaml',
      XDG_CONFIG_HOME: '{{HOME}}/xdg',
      AO_CONFIG_PATH: '{{HOME}}/AO/config.yaml',
    };
    expect(draftOf(files, { machine: { env } }).draft.projects.map(({ id }) => id)).toEqual(['other']);
  });

  test('R9 AO_GLOBAL_CONFIG names nothing: no registry, and what no registry names is still found', () => {
    const { draft, store, notes } = draftOf(
      {
        'AO/config.yaml': app,
        'repos/w/agent-orchestrator.yaml': 'projects: {w: {path: "{{HOME}}/repos/w"}}',
        'AO/running.json': '{"pid": 1, "configPath": "{{HOME}}/repos/w/agent-orchestrator.yaml"}',
      },
      { machine: { env: { AO_GLOBAL_CONFIG: '{{HOME}}/gone.yaml' } } },
    );
    expect(store.registry).toBeNull();
    expect(draft.projects.map(({ id }) => id)).toEqual(['w']);
    expect(notes('CONFIG_MISSING')).toHaveLength(1);
  });

  test('R34 an unparsable --config is refused, one of an impossible shape too', () => {
    for (const text of ['a: [', '- a', 'projects: []'])
      expect(refusal(() => draftOf({ 'c.yaml': text }, { config: '{{HOME}}/c.yaml' })).code).toBe('LEGACY_UNREADABLE');
  });
});

describe('entries of the registry', () => {
  test('E7 R13 `repo` as a mapping counts by its originUrl alone', () => {
    const url = (repo: string) => entry(`    repo: ${repo}\n`).project('app').registryUrl?.value;
    expect(url('{owner: a, name: b, platform: github, originUrl: "https://github.com/a/b"}')).toBe(
      'https://github.com/a/b',
    );
    expect(url('{originUrl: "https://git.example.org/a/b"}')).toBe('https://git.example.org/a/b');
    expect(url('{owner: a, name: b, platform: github}')).toBeUndefined();
  });

  test.each([
    ['acme/app', 'https://github.com/acme/app'],
    ['git@GitHub.com:acme/app.git', 'https://github.com/acme/app'],
    ['http://gitlab.com/g/sub/app.git/', 'https://gitlab.com/g/sub/app'],
    ['ssh://git@bitbucket.org:22/acme/app', 'https://bitbucket.org/acme/app'],
    ['git.gitlab.com/g/app', 'https://git.gitlab.com/g/app'],
    ['ftp://github.com/acme/app', 'https://github.com/acme/app'],
    ['https://git.example.org/a/b', undefined],
    ['foo', undefined],
    ['a/b/c', undefined],
    ['https://github.com/only-owner', undefined],
  ])('E8 `repo: %s` → %s', (repo, url) => {
    const { project } = entry(`    repo: ${JSON.stringify(repo)}\n`);
    expect(project('app').registryUrl?.value).toBe(url);
    expect(project('app').refusal).toBeNull();
  });

  test('E9 an entry without `projectId`, or with another one, is taken silently', () => {
    const { project, notes } = draftOf({
      'AO/config.yaml': 'projects:\n  app: {path: "{{HOME}}/a"}\n  b: {path: "{{HOME}}/b", projectId: x}\n',
      a: null,
      b: null,
    });
    expect([project('app').refusal, project('b').refusal]).toEqual([null, null]);
    expect(notes()).toEqual([]);
  });

  test('E10 an `originUrl` that is no URL is ignored with a note; a good one counts only without `repo`', () => {
    const bad = entry('    originUrl: "not a url"\n');
    expect(bad.project('app').refusal).toBeNull();
    expect(bad.project('app').registryUrl).toBeNull();
    expect(codes(bad.notes())).toContain('PROJECT_FIELD');
    expect(entry('    originUrl: git@github.com:a/b.git\n').project('app').registryUrl?.value).toBe(
      'https://github.com/a/b',
    );
    const both = entry('    originUrl: https://github.com/x/y\n    repo: a/b\n');
    expect(both.project('app').registryUrl?.value).toBe('https://github.com/a/b');
  });

  test('E11 an id with a dot is imported', () => {
    expect(draftOf({ 'AO/config.yaml': registry({ 'my.app': '/srv/x' }) }).project('my.app').refusal).toBeNull();
  });

  test.each(['_x', '-x', 'a/b', '..', 'a..b', '.a', 'a b', 'ä', '', 'a\\b'])(
    'E12 the id %j is skipped with its orchestrator',
    (id) => {
      const { project, draft, notes } = draftOf({
        'AO/config.yaml': registry({
          [id]: { path: '{{HOME}}/repos/x', sessionPrefix: 'x' },
          good: '{{HOME}}/repos/good',
        }),
        'AO/projects/_x/sessions/x-orchestrator.json': orchestrator(),
      });
      expect(project(id).refusal).not.toBeNull();
      expect(project('good').refusal).toBeNull();
      expect(draft.orchestrators.map(({ sessionId, reason }) => [sessionId, reason])).toEqual(
        id === '_x' ? [['x-orchestrator', expect.stringContaining('its project cannot be imported')]] : [],
      );
      expect(notes('PROJECT_ID_INVALID')).toHaveLength(1);
    },
  );

  test.each([
    ['no path', {}],
    ['an empty path', { path: '' }],
    ['a relative path', { path: 'foo' }],
  ])('R32 of an entry with %s the orchestrator is found, under whatever prefix, and not imported', (_, fields) => {
    const { draft } = draftOf({
      'AO/config.yaml': registry({ k: fields }),
      'AO/projects/k/sessions/wb-orchestrator.json': orchestrator(),
      'AO/projects/k/sessions/wb-1.json': '{"agent":"claude-code"}',
    });
    expect(draft.orchestrators).toMatchObject([
      { record: { id: 'wb-orchestrator' }, reason: expect.stringContaining('its project cannot be imported') },
    ]);
    expect(draft.hasUnknown).toBe(false);
  });

  test('an orchestrator that cannot be imported does not keep its session id from another project', () => {
    const { draft } = draftOf({
      'AO/config.yaml': registry({
        _a: { path: '{{HOME}}/repos/a', sessionPrefix: 'p' },
        b: { path: '{{HOME}}/repos/b', sessionPrefix: 'p' },
      }),
      'AO/projects/_a/sessions/p-orchestrator.json': orchestrator(),
      'AO/projects/b/sessions/p-orchestrator.json': orchestrator(),
    });
    expect(draft.orchestrators.map(({ project, reason, ownedBy }) => [project.id, reason === null, ownedBy])).toEqual([
      ['_a', false, null],
      ['b', true, null],
    ]);
  });

  test('of two configs for one id the records are counted once', () => {
    const { draft } = draftOf({
      'AO/config.yaml': 'projects: {}\n',
      'AO/running.json': '{"configPath":"{{HOME}}/a/agent-orchestrator.yaml"}',
      'a/agent-orchestrator.yaml': 'projects: {k: {path: "{{HOME}}/a"}}',
      'AO/0123456789ab/.origin': '{{HOME}}/b/agent-orchestrator.yaml',
      'b/agent-orchestrator.yaml': 'projects: {k: {path: "{{HOME}}/b"}}',
      'AO/projects/k/sessions/k-orchestrator.json': orchestrator(),
    });
    expect(draft.projects.map(({ id, lost }) => [id, lost])).toEqual([
      ['k', false],
      ['k', true],
    ]);
    expect(draft.orchestrators.map(({ project, reason }) => [project.lost, reason])).toEqual([[false, null]]);
  });

  test('E13 `__proto__` is rejected, `constructor` and `prototype` are names like others', () => {
    const { draft, project } = draftOf({
      'AO/config.yaml':
        'projects:\n  __proto__: {path: /srv/p}\n  constructor: {path: /srv/c}\n  prototype: {path: /srv/t}\n  toString: {path: /srv/s}\n',
      'AO/portfolio/preferences.json':
        '{"version": 1, "projects": {"__proto__": {"displayName": "P"}, "constructor": {"displayName": "C"}, "prototype": {"pinned": true}}}',
    });
    expect(draft.projects.map(({ id, refusal }) => [id, refusal === null])).toEqual([
      ['__proto__', false],
      ['constructor', true],
      ['prototype', true],
      ['toString', true],
    ]);
    expect(project('constructor').displayName).toBe('C');
    expect(project('toString').displayName).toBe('');
  });

  test('E14 a numeric key is its text, and document order is kept', () => {
    const { draft } = draftOf(config('projects:\n  z: {path: /srv/z}\n  123: {path: /srv/n}\n  a: {path: /srv/a}\n'));
    expect(draft.projects.map(({ id }) => id)).toEqual(['z', '123', 'a']);
  });

  test.each([
    ['E15', '{path: ""}'],
    ['E15', '{}'],
    ['E15', '{path: null}'],
    ['E15', '{path: "   "}'],
    ['E15', '{path: 5}'],
    ['E15', '{path: [/a]}'],
    ['E15', 'null'],
    ['E15', '/srv/app'],
    ['E17', '{path: "~/../x"}'],
    ['E17', '{path: "~/a/../../x"}'],
    ['E18', '{path: "~bob/x"}'],
    ['E18', '{path: foo/bar}'],
    ['E18', '{path: ./x}'],
    ['E18', '{path: "~\\\\x"}'],
    ['E15', '{path: "/a\\0b"}'],
  ])('%s the entry `%s` is skipped and reported, the next one is not', (_, text) => {
    const { project, notes } = draftOf(config(`projects:\n  app: ${text}\n  good: {path: /srv/good}\n`));
    expect(project('app').refusal).not.toBeNull();
    expect(project('good').refusal).toBeNull();
    expect(notes().filter(({ id, code }) => id === 'app' && /^PROJECT_(PATH|ENTRY)_INVALID$/.test(code))).toHaveLength(
      1,
    );
  });

  test.each([
    ['~', '{{HOME}}'],
    ['~/', '{{HOME}}'],
    ['~/r', '{{HOME}}/r'],
    ['~/a/../r/', '{{HOME}}/r'],
    ['  /srv//x/./y/../z/  ', '/srv/x/z'],
    ['/', '/'],
  ])('E16 2.8 the path %j becomes %s', (path, wanted) => {
    const { home, project } = draftOf(config(`projects: {app: {path: ${JSON.stringify(path)}}}`));
    expect(project('app').path).toBe(wanted.replace('{{HOME}}', home));
    expect(project('app').refusal).toBeNull();
  });

  test('E19 two entries with one path are both imported, with a note', () => {
    const { project, notes } = draftOf({ 'AO/config.yaml': registry({ a: '/srv/x', b: '/srv/x/' }) });
    expect([project('a').refusal, project('b').refusal]).toEqual([null, null]);
    expect(notes('SAME_PATH')).toMatchObject([{ id: 'b' }]);
  });

  test('E20 one prefix twice: both projects, one session id, and the clash is reported', () => {
    const { draft, notes } = draftOf({
      'AO/config.yaml': registry({
        a: { path: '/srv/a', sessionPrefix: 'x' },
        b: { path: '/srv/b', sessionPrefix: 'x' },
      }),
      'AO/projects/a/sessions/x-orchestrator.json': orchestrator(),
      'AO/projects/b/sessions/x-orchestrator.json': orchestrator(),
    });
    expect(draft.projects.map(({ refusal }) => refusal)).toEqual([null, null]);
    expect(draft.orchestrators.map(({ project, ownedBy }) => [project.id, ownedBy])).toEqual([
      ['a', null],
      ['b', 'a'],
    ]);
    expect(notes('PREFIX_CLASH')).toMatchObject([{ id: 'b', severity: 'warn' }]);
  });

  test.each([
    ['"a b"', 'ab'],
    ['5', 'myt'],
    ['null', 'myt'],
    ['""', 'myt'],
    ['"ü!"', 'app'],
    ['"../x"', 'x'],
    ['"x_1-y"', 'x_1-y'],
  ])('E21 R2 `sessionPrefix: %s` becomes %s', (written, prefix) => {
    const { project, notes } = draftOf(config(`projects: {app: {path: /srv/mytool, sessionPrefix: ${written}}}`));
    expect(project('app').prefix).toBe(prefix);
    expect(project('app').built.config.sessionPrefix).toBe(prefix);
    if (!['""', '"x_1-y"'].includes(written))
      expect(codes(notes()).some((code) => /PREFIX_CHANGED|PROJECT_FIELD/.test(code))).toBe(true);
  });

  test.each([
    ['my project', 'my'],
    ['プロジェクト', 'app_0123456'],
    ['a.b', 'ab'],
    ['ABC', 'abc'],
    ['agent-orchestrator', 'ao'],
    ['snake_case_name', 'scn'],
    ['MyCoolApp', 'mca'],
    ['My-app', 'ma'],
    ['a-b_c-d', 'abd'],
    ['tool', 'tool'],
    ['tools', 'too'],
    ['-x-yz', 'xy'],
  ])('E22 the folder %s gives the prefix %s', (folder, prefix) => {
    const { project } = draftOf({ 'AO/config.yaml': registry({ app_0123456789ab: `/srv/${folder}` }) });
    expect(project('app_0123456789ab').prefix).toBe(prefix === 'app_0123456' ? 'app_01234567' : prefix);
  });

  test('E23 R15 an empty display name is a name; one equal to the id is blank; a wrong type counts as absent', () => {
    const name = (fields: Record<string, unknown>) =>
      draftOf({ 'AO/config.yaml': registry({ app: { path: '/srv/app', ...fields } }) }).project('app').displayName;
    expect(name({ displayName: '', name: 'Old' })).toBe('');
    expect(name({ displayName: 5, name: 'Old' })).toBe('Old');
    expect(name({ name: 'Old' })).toBe('Old');
    expect(name({ displayName: 'app' })).toBe('');
    expect(name({ displayName: 'New', name: 'Old' })).toBe('New');
    expect(name({})).toBe('');
  });

  test.each([
    ['"2026-01-01"', '2026-01-01 00:00:00 +0000 UTC'],
    ['"2026-01-01T10:00:00+02:00"', '2026-01-01 08:00:00 +0000 UTC'],
    ['1777000000', '2026-04-24 03:06:40 +0000 UTC'],
    ['1777000000.5', '2026-04-24 03:06:40.5 +0000 UTC'],
    ['0', '1970-01-01 00:00:00 +0000 UTC'],
    ['1777000000000', '2026-03-04 05:06:07 +0000 UTC'],
    ['.nan', '2026-03-04 05:06:07 +0000 UTC'],
    ['"soon"', '2026-03-04 05:06:07 +0000 UTC'],
    ['[1]', '2026-03-04 05:06:07 +0000 UTC'],
    ['null', '2026-03-04 05:06:07 +0000 UTC'],
    ['"1777000000"', '2026-03-04 05:06:07 +0000 UTC'],
  ])('E24 `registeredAt: %s` is %s', (written, time) => {
    const { project, notes } = draftOf(config(`projects: {app: {path: /srv/app, registeredAt: ${written}}}`), {
      mtimes: { 'AO/config.yaml': Date.parse('2026-03-04T05:06:07Z') },
    });
    expect(project('app').registeredAt).toBe(time);
    if (!/^[\d.]+$/.test(written) || written.length > 12) expect(codes(notes())).toContain('TIMESTAMP_INVALID');
  });

  test('2.10 the date of registered.json comes first, the mtime of the config, then the time of the run', () => {
    const files = { 'AO/config.yaml': registry({ app: { path: '/srv/app', registeredAt: 1 } }) };
    const registered = (...projects: unknown[]) => ({
      ...files,
      'AO/portfolio/registered.json': JSON.stringify({ version: 1, projects }),
    });
    const date = (...projects: unknown[]) => draftOf(registered(...projects)).project('app').registeredAt;
    const march = '2026-03-01T00:00:00Z';
    const april = '2026-04-01T00:00:00Z';
    expect(date({ path: '/srv/app/', addedAt: march })).toStartWith('2026-03-01');
    expect(date({ path: '/srv/x/../app', addedAt: march })).toStartWith('2026-03-01');
    expect(date({ path: '/elsewhere', configProjectKey: 'app', addedAt: march })).toStartWith('2026-03-01');
    expect(date({ path: '/srv/app', configProjectKey: 'other', addedAt: march })).toStartWith('1970');
    expect(date({ path: '/srv/app', addedAt: 'never' })).toStartWith('1970');
    // A key before a path, whatever their order.
    expect(
      date({ path: '/srv/app', addedAt: march }, { path: '/x', configProjectKey: 'app', addedAt: april }),
    ).toStartWith('2026-04-01');
    const tilde = draftOf({
      'AO/config.yaml': registry({ app: '{{HOME}}/a' }),
      'AO/portfolio/registered.json': JSON.stringify({ version: 1, projects: [{ path: '~/a', addedAt: march }] }),
    });
    expect(tilde.project('app').registeredAt).toStartWith('2026-03-01');
  });

  test('E34 a missing folder: imported, with the origin of the registry', () => {
    const { project, notes } = draftOf({
      'AO/config.yaml': registry({ app: { path: '/gone/app', repo: 'acme/app' } }),
    });
    expect(project('app')).toMatchObject({ refusal: null, path: '/gone/app' });
    expect(project('app').registryUrl?.value).toBe('https://github.com/acme/app');
    expect(notes('PATH_MISSING')).toHaveLength(1);
  });

  test('E79 a path of Windows on another system is kept to the letter, with a warning', () => {
    for (const path of ['C:\\Users\\dev\\foo', 'D:/x/../y/', '\\\\srv\\share\\foo']) {
      const { project, notes } = draftOf({ 'AO/config.yaml': registry({ app: { path } }) });
      expect(project('app')).toMatchObject({ refusal: null, path, prefix: path.startsWith('D') ? 'y' : 'foo' });
      expect(notes('PATH_FOREIGN')).toMatchObject([{ severity: 'warn' }]);
    }
    const windows = { platform: 'win32', legacyHome: 'C:\\Users\\dev', home: 'C:\\Users\\dev' } as const;
    const { project } = draftOf(
      { 'AO/config.yaml': registry({ a: '/srv/a', b: 'C:/x/../y/', c: '~/z', d: 'C:\\' }) },
      { from: '{{HOME}}/.agent-orchestrator', machine: windows },
    );
    expect(['a', 'b', 'c', 'd'].map((id) => project(id).path)).toEqual([
      '/srv/a',
      'C:\\y',
      'C:\\Users\\dev\\z',
      'C:\\',
    ]);
  });

  test('E80 an id above 128 characters: imported, without a look at sessions, with a note', () => {
    const id = 'a'.repeat(129);
    const { draft, project, notes } = draftOf({
      'AO/config.yaml': registry({ [id]: { path: '/srv/app', sessionPrefix: 'x' } }),
      [`AO/projects/${id}/sessions/x-orchestrator.json`]: orchestrator(),
    });
    expect(project(id).refusal).toBeNull();
    expect(draft.orchestrators).toEqual([]);
    expect(draft.hasUnknown).toBe(false);
    expect(notes('ID_TOO_LONG')).toHaveLength(1);
  });

  test('E16 no known home: a path below it is skipped, never looked for below the working directory', () => {
    const machine = { home: null, legacyHome: null };
    const { project } = draftOf(
      { 'AO/config.yaml': registry({ a: '~/a', b: '~', c: '/srv/c' }) },
      { from: '{{HOME}}/.agent-orchestrator', machine },
    );
    expect([project('a').refusal === null, project('b').refusal === null, project('c').refusal]).toEqual([
      false,
      false,
      null,
    ]);
  });
});

describe('the local config', () => {
  test.each([
    ['E25', 'a: [1\n'],
    ['E27', ''],
    ['E27', '# nothing\n'],
    ['E27', 'text\n'],
    ['E27', '- a\n'],
    ['E31', 'agentConfig: {permissions: yolo}\nenv: {A: b}\n'],
    ['E31', 'symlinks: .env\n'],
    ['E31', 'worker: codex\n'],
    ['E31', 'agent: ""\n'],
    ['E31', 'agent: 5\n'],
    ['E31', 'tracker: {}\n'],
    ['E31', 'resolveError: x\n'],
    ['E31', 'orchestratorSessionStrategy: never\n'],
    ['E31', 'reactions: []\n'],
    ['E31', 'agentConfig: []\n'],
    ['E31', 'repo: {owner: a}\n'],
    ['R11', 'env: {A: b}\n---\nenv: {}\n'],
    ['E25', 'env: {A: b}\nenv: {}\n'],
  ])('%s %j: identity only, with its orchestrator; lossy if the file says anything', (_, text) => {
    const { project, draft, notes } = local(text, { 'AO/projects/app/sessions/app-orchestrator.json': orchestrator() });
    expect(project('app').built.config).toEqual({
      sessionPrefix: 'app',
      worker: { agent: 'claude-code' },
      orchestrator: { agent: 'claude-code' },
    });
    expect(project('app').settings.kind).toBe('degraded');
    expect(draft.orchestrators).toHaveLength(1);
    expect(notes('DEGRADED')).toMatchObject([{ severity: /^(?:#|$)/.test(text) ? 'warn' : 'lossy', id: 'app' }]);
  });

  test('E25 bytes that are no UTF-8 degrade too, also where the replacement has the same length', () => {
    for (const bytes of [[0xff], [0xf0, 0x9f, 0x98]]) {
      const { project } = local('', {
        'repos/app/agent-orchestrator.yaml': new Uint8Array([0x61, 0x3a, 0x20, ...bytes, 0x0a]),
      });
      expect(project('app').settings.kind).toBe('degraded');
    }
    expect(local('env: {A: "\uFFFD"}').project('app').built.config.env).toEqual({ A: '\uFFFD' });
  });

  test('R17 a degraded project gets no permissions, neither shared nor of the orchestrator', () => {
    const { config: built } = local('a: [').project('app').built;
    expect(built.agentConfig).toBeUndefined();
    expect(built.orchestrator).toEqual({ agent: 'claude-code' });
  });

  test('E28 a broken .yaml hides a good .yml, a directory too', () => {
    const yml = { 'repos/app/agent-orchestrator.yml': 'env: {A: b}' };
    expect(local('a: [', yml).project('app').settings.kind).toBe('degraded');
    const directory = draftOf({
      'AO/config.yaml': registry({ app: '{{HOME}}/repos/app' }),
      'repos/app/agent-orchestrator.yaml': null,
      ...yml,
    });
    expect(directory.project('app').settings.kind).toBe('degraded');
    const alone = draftOf({ 'AO/config.yaml': registry({ app: '{{HOME}}/repos/app' }), ...yml });
    expect(alone.project('app').built.config.env).toEqual({ A: 'b' });
    const dangling = draftOf({
      'AO/config.yaml': registry({ app: '{{HOME}}/repos/app' }),
      'repos/app/agent-orchestrator.yaml': { link: '{{HOME}}/gone' },
      ...yml,
    });
    expect(dangling.project('app').built.config.env).toEqual({ A: 'b' });
  });

  test('E29 a number in env becomes its text, as it stands in the file', () => {
    const { project } = local(
      'env:\n  A: 3000\n  B: 0x1F\n  C: true\n  D: 1e3\n  E: 007\n  F: "9"\n  G: 1.50\n  H: yes\n  I: ""\n  J: .inf\n  K: 12345678901234567890\n',
    );
    expect(project('app').built.config.env).toEqual({
      A: '3000',
      B: '0x1F',
      C: 'true',
      D: '1e3',
      E: '007',
      F: '9',
      G: '1.50',
      H: 'yes',
      I: '',
      J: '.inf',
      K: '12345678901234567890',
    });
  });

  test('E30 null, lists and mappings in env are dropped with a note, the rest stays', () => {
    const { project, notes } = local('env: {A: null, B: ~, C: , D: [1], E: {x: 1}, F: kept}');
    expect(project('app').built.config.env).toEqual({ F: 'kept' });
    expect(notes('SETTING_DROPPED')).toHaveLength(5);
    expect(
      notes('SETTING_DROPPED').every(({ severity, file }) => severity === 'lossy' && file?.endsWith('.yaml')),
    ).toBe(true);
    expect(local('env: {A: null}').project('app').built.config.env).toBeUndefined();
    expect(local('env: null').project('app')).toMatchObject({ settings: { kind: 'local' } });
    expect(local('env: [A]').project('app').built.config.env).toBeUndefined();
    for (const [text, severity] of [
      ['env:', 'info'],
      ['env: null', 'info'],
      ['env: ""', 'lossy'],
      ['env: [A]', 'lossy'],
      ['env: 5', 'lossy'],
    ])
      expect(local(`${text}\nagent: codex\n`).notes('SETTING_DROPPED')).toMatchObject([{ severity, line: 1 }]);
    expect(local('env: {}').notes('SETTING_DROPPED')).toEqual([]);
  });

  test('E13 a variable named __proto__ is carried like any other', () => {
    const { config: built } = local('env: {__proto__: a, constructor: b}').project('app').built;
    expect(Object.entries(built.env ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  test('E32 R16 a role permission outside the list is dropped with a note, for both roles', () => {
    const { project, notes } = local(
      'worker: {agentConfig: {permissions: yolo, model: m}}\norchestrator: {agentConfig: {permissions: 7}}',
    );
    expect(project('app').built.config.worker).toEqual({ agent: 'claude-code', agentConfig: { model: 'm' } });
    // That of the orchestrator decided nothing.
    expect(notes().map(({ severity, line }) => [severity, line])).toEqual([
      ['lossy', 1],
      ['info', 2],
    ]);
    const leftover = draftOf({
      'AO/config.yaml': registry({ app: { path: '/srv/x', worker: { agentConfig: { permissions: 'yolo' } } } }),
    });
    expect(leftover.project('app').built.config.worker).toEqual({ agent: 'claude-code' });
    expect(leftover.notes('SETTING_DROPPED')).toMatchObject([{ severity: 'lossy' }]);
  });

  test('E33 `<<` is an ordinary key, with a note; nothing is merged', () => {
    const { project, notes } = local(
      'x: &x {model: m, permissions: default}\nagentConfig: {<<: *x}\nenv: &e {A: b}\nworker: {<<: {model: w}}\n',
    );
    expect(project('app').built.config.agentConfig).toEqual({ permissions: 'bypass-permissions' });
    expect(notes('YAML_MERGE_KEY')).toHaveLength(2);
    const entries = draftOf({ 'AO/config.yaml': 'projects:\n  b: &b {path: /srv/b}\n  app: {<<: *b}\n' });
    expect(entries.project('app').refusal).not.toBeNull();
    expect(entries.notes('YAML_MERGE_KEY')).toMatchObject([{ id: 'app' }]);
  });

  test('E26 R5 a wrapped file: its entry of the id, else of the path, else the only one, else degraded', () => {
    const model = (text: string) => local(text).project('app').built.config.agentConfig?.model;
    const one = (key: string, path: string, name: string) => `${key}: {path: "${path}", agentConfig: {model: ${name}}}`;
    const here = '{{HOME}}/repos/app';
    expect(model(`projects: {${one('x', here, 'path')}, ${one('app', '/else', 'id')}}`)).toBe('id');
    expect(model(`projects: {${one('x', here, 'path')}, ${one('y', '/else', 'other')}}`)).toBe('path');
    expect(model(`projects: {${one('x', '/else', 'only')}}`)).toBe('only');
    expect(model('projects: {x: {agentConfig: {model: bare}}}')).toBe('bare');
    for (const text of [
      `projects: {${one('x', '/a', 'm')}, ${one('y', '/b', 'n')}}`,
      'projects: []',
      'projects:',
      'projects: {}',
      'projects: {app: }',
    ]) {
      const { project, notes } = local(text);
      expect(project('app').settings.kind).toBe('degraded');
      expect(notes('DEGRADED')).toHaveLength(1);
    }
  });

  test('E35 preferences of another version or with a wrong type are ignored as a whole, with a note', () => {
    const name = (preferences: string) => {
      const { project, notes } = draftOf({
        'AO/config.yaml': registry({ app: '/srv/app' }),
        'AO/portfolio/preferences.json': preferences,
      });
      return [project('app').displayName, notes('PREFERENCES_IGNORED').length];
    };
    const good = { version: 1, projects: { app: { displayName: 'Shown' } } };
    expect(name(JSON.stringify(good))).toEqual(['Shown', 0]);
    const bad = [
      { ...good, version: 2 },
      { ...good, version: '1' },
      { ...good, projectOrder: 'app' },
      { ...good, projects: [] },
    ];
    for (const preferences of [
      ...bad,
      { ...good, projects: { ...good.projects, b: { pinned: 'yes' } } },
      { ...good, projects: { ...good.projects, b: null } },
      [],
    ])
      expect(name(JSON.stringify(preferences))).toEqual(['', 1]);
    for (const preferences of ['', '{', 'null']) expect(name(preferences)).toEqual(['', 1]);
    expect(name(JSON.stringify({ version: 1, projects: { app: { displayName: '' } } }))).toEqual(['', 0]);
  });

  test('2.10 the order of the lists is noted, with or without a registry, and is no loss of a project', () => {
    const noted = (preferences: object, registered = true) => {
      const { notes } = draftOf({
        ...(registered ? { 'AO/config.yaml': registry({ app: '/srv/app' }) } : {}),
        'AO/portfolio/preferences.json': JSON.stringify({ version: 1, ...preferences }),
      });
      return notes('SETTING_NO_COUNTERPART').map(({ message, severity, id, file }) => [
        message.split(' ')[0],
        severity,
        id,
        file?.split('/').at(-1),
      ]);
    };
    const order = [['`projectOrder`', 'info', undefined, 'preferences.json']];
    expect(noted({ projectOrder: ['app'] })).toEqual(order);
    expect(noted({ projectOrder: ['gone'] }, false)).toEqual(order);
    expect(noted({ projectOrder: [] })).toEqual([]);
    expect(noted({})).toEqual([]);
    expect(noted({ version: 2, projectOrder: ['app'] })).toEqual([]);
  });

  test('E36 one bad element of registered.json voids it, with a note', () => {
    const date = (registered: unknown) => {
      const { project, notes } = draftOf({
        'AO/config.yaml': registry({ app: { path: '/srv/app', registeredAt: 1 } }),
        'AO/portfolio/registered.json': JSON.stringify(registered),
      });
      return [project('app').registeredAt.slice(0, 4), notes('REGISTERED_IGNORED').length];
    };
    const good = { path: '/srv/app', addedAt: '2026-03-01T00:00:00Z' };
    expect(date({ version: 1, projects: [good] })).toEqual(['2026', 0]);
    expect(date({ version: 1, projects: [good, { path: '/x' }] })).toEqual(['1970', 1]);
    expect(date({ version: 2, projects: [good] })).toEqual(['1970', 1]);
    expect(date({ version: 1 })).toEqual(['1970', 1]);
    expect(date({ version: 1, projects: [{ ...good, configProjectKey: null }] })).toEqual(['1970', 1]);
  });

  test('E60 C5 2.6 the agent of a record without one is that of its project', () => {
    const files = oneProject(orchestrator({ agent: undefined }), {
      'repos/app/agent-orchestrator.yaml': 'orchestrator: {agent: codex}',
    });
    expect(draftOf(files).orchestrator('app-orchestrator').harness).toBe('codex');
    expect(draftOf(oneProject(orchestrator({ agent: undefined }))).orchestrator('app-orchestrator').harness).toBe(
      'claude-code',
    );
  });
});
