import { afterEach, describe, expect, test } from 'bun:test';
import { codes, draftOf, type Files, orchestrator, planOf, registry, removeHomes } from '../support/store';

afterEach(removeHomes);

const HASH = '0123456789ab';
const OTHER = 'ba9876543210';
const kv = (fields: Record<string, string> = {}) =>
  Object.entries({ agent: 'claude-code', status: 'working', createdAt: '2026-03-01T00:00:00Z', ...fields })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');

/** One registered project `app` at /srv/app, and V1 files. */
const v1 = (files: Files, entry: Record<string, unknown> = {}) =>
  draftOf({ 'AO/config.yaml': registry({ app: { path: '/srv/app', ...entry } }), ...files });
const chosen = (files: Files, entry?: Record<string, unknown>) => {
  const { draft, notes } = v1(files, entry);
  return {
    file: draft.orchestrators[0]?.record.file.split('/.agent-orchestrator/')[1],
    unknown: draft.hasUnknown,
    codes: codes(notes()).filter((code) => code !== 'PATH_MISSING'),
  };
};

describe('records of the early generations', () => {
  test('E66 the first `=` splits, `#` begins a comment, line ends of Windows are no part of a value', () => {
    const text =
      '\uFEFF# comment=1\r\n\r\n agent = codex \r\ndisplayName=a=b # c\r\nbranch=\r\n=x\r\nnothing\r\nworktree=/one\r\nworktree=/two\r\nstatus=killed';
    const { record } = v1({ [`AO/${HASH}-app/sessions/app-orchestrator`]: text }).orchestrator('app-orchestrator');
    expect(record).toMatchObject({
      agent: 'codex',
      displayName: 'a=b # c',
      branch: null,
      worktree: '/two',
      generation: 'v1',
      lifecycle: { state: 'terminated' },
    });
  });

  test('3.2 the form is seen from the first character, whatever the name', () => {
    const state = (name: string, text: string) =>
      v1({ [`AO/${HASH}-app/sessions/${name}`]: text }).draft.orchestrators[0]?.record.lifecycle.state;
    expect(state('app-orchestrator', orchestrator({}, 'terminated'))).toBe('terminated');
    expect(state('app-orchestrator.json', orchestrator({}, 'terminated'))).toBe('terminated');
    expect(state('app-orchestrator.json', 'status=killed')).toBe('terminated');
    expect(state('app-orchestrator', '[1]')).toBeUndefined();
    expect(state('app-orchestrator', 'no pairs here')).toBeUndefined();
  });

  test('3.2 C3 one id with and without the ending: both are records, and the better one is taken', () => {
    const taken = (plain: Record<string, string>, ended: Record<string, string>) =>
      chosen({
        [`AO/${HASH}-app/sessions/app-orchestrator`]: kv({ role: 'orchestrator', ...plain }),
        [`AO/${HASH}-app/sessions/app-orchestrator.json`]: JSON.stringify({
          createdAt: '2026-03-01T00:00:00Z',
          ...ended,
        }),
      }).file;
    const plainName = `${HASH}-app/sessions/app-orchestrator`;
    expect(taken({ status: 'done' }, { status: 'working' })).toBe(`${plainName}.json`);
    expect(taken({ status: 'killed' }, { status: 'working' })).toBe(`${plainName}.json`);
    expect(taken({ status: 'working' }, { status: 'killed' })).toBe(plainName);
    expect(taken({}, { status: 'working', createdAt: '2026-03-02T00:00:00Z' })).toBe(`${plainName}.json`);
    expect(taken({ createdAt: '2026-03-02T00:00:00Z' }, { status: 'working' })).toBe(plainName);
    // Nothing tells them apart: the same one on every machine.
    expect(taken({}, { status: 'working' })).toBe(plainName);
  });

  test('3.2 R24 both records of one id name one conversation, which is nobody else’s', () => {
    const uuid = '11111111-2222-4333-8444-555555555555';
    const worktree = '{{HOME}}/trees/app-orchestrator';
    const fields = { role: 'orchestrator', claudeSessionUuid: uuid, worktree };
    const drafted = v1({
      [`AO/${HASH}-app/sessions/app-orchestrator`]: kv(fields),
      [`AO/${HASH}-app/sessions/app-orchestrator.json`]: JSON.stringify({ ...fields, status: 'killed' }),
    });
    const request = planOf(drafted).request('app-orchestrator');
    expect(request.mayRecover).toBe(true);
    expect(request.isTaken(uuid)).toBe(false);
  });

  test('E49 R20 nested values are JSON on one line', () => {
    const state = (text: string) =>
      v1({ [`AO/${HASH}-app/sessions/app-orchestrator`]: text }).draft.orchestrators[0]?.record.lifecycle.state;
    expect(state('stateVersion=2\nstatus=working\nstatePayload={"version":2,"session":{"state":"terminated"}}\n')).toBe(
      'terminated',
    );
    expect(state('status=working\nstatePayload={"version":2,"session":{"state":"terminated"}}\n')).toBe('working');
    expect(state('statePayload={"version":2,"session":{"state":"terminated"}}\n')).toBe('terminated');
  });

  test('E67 C1 names are compared whole: storageKey, id, folder name', () => {
    const record = { 'sessions/app-orchestrator': kv() };
    const at = (directory: string, entry?: Record<string, unknown>) =>
      chosen(
        Object.fromEntries(Object.entries(record).map(([name, text]) => [`AO/${directory}/${name}`, text])),
        entry,
      );
    expect(at(`${HASH}-app`).file).toBe(`${HASH}-app/sessions/app-orchestrator`);
    expect(at(`${HASH}-web-app`)).toEqual({ file: undefined, unknown: true, codes: ['PROJECT_UNKNOWN'] });
    expect(at(`${HASH}-app-2`).file).toBeUndefined();
    expect(at(`${HASH}-folder`, { path: '/srv/folder', sessionPrefix: 'app' }).file).toBeDefined();
    expect(at(HASH, { storageKey: HASH }).file).toBeDefined();
    expect(at('123456789012', { storageKey: 123456789012 }).file).toBeDefined();
    expect(at(`${HASH}-odd`, { storageKey: `${HASH}-odd` }).file).toBeDefined();
    expect(at(`${HASH}-odd`, { storageKey: HASH }).file).toBeUndefined();
    // Not a hash, and not V1 at all.
    expect(at('0123456789AB-app')).toMatchObject({ file: undefined, unknown: false });
    expect(at('0123456789a-app')).toMatchObject({ file: undefined, unknown: false });
  });

  test('1.4 observability is no project directory, one of a project with that ending is', () => {
    expect(
      chosen({ [`AO/${HASH}-observability/sessions/app-orchestrator`]: kv() }, { path: '/srv/observability' }),
    ).toMatchObject({ file: undefined, unknown: false });
    expect(
      chosen(
        { [`AO/${HASH}-my-observability/sessions/app-orchestrator`]: kv() },
        { path: '/srv/my-observability', sessionPrefix: 'app' },
      ).file,
    ).toBeDefined();
  });

  test('E68 a bare hash counts by the `project` of its records; without one it is reported', () => {
    expect(chosen({ [`AO/${HASH}/sessions/app-orchestrator`]: kv({ project: 'app' }) }).file).toBeDefined();
    expect(chosen({ [`AO/${HASH}/sessions/app-orchestrator`]: kv() })).toEqual({
      file: undefined,
      unknown: true,
      codes: ['PROJECT_UNKNOWN'],
    });
    expect(chosen({ [`AO/${HASH}/sessions/app-1`]: kv() })).toEqual({ file: undefined, unknown: false, codes: [] });
  });

  test('E68 in a bare hash each record speaks for itself: what its siblings name says nothing of it', () => {
    const bare = (records: Record<string, Record<string, string>>, origin: Files = {}) => {
      const files = Object.entries(records).map(([name, fields]) => [`AO/${HASH}/sessions/${name}`, kv(fields)]);
      const { draft } = draftOf({
        'AO/config.yaml': registry({ a: { path: '/srv/a' }, b: { path: '/srv/b' } }),
        ...origin,
        ...Object.fromEntries(files),
      });
      return [draft.orchestrators.map(({ project, record }) => [project.id, record.agent]), draft.hasUnknown];
    };
    const nameless = { orchestrator: { role: 'orchestrator', worktree: '/srv/b', agent: 'codex' } };
    const worker = { 'a-1': { project: 'a', role: 'worker' } };
    expect(bare({ ...nameless, ...worker })).toEqual([[], true]);
    expect(bare({ ...nameless, ...worker }, { [`AO/${HASH}/.origin`]: '/srv/b/agent-orchestrator.yaml' })).toEqual([
      [],
      true,
    ]);
    const named = { 'a-orchestrator-2': { project: 'a', role: 'orchestrator' } };
    const better = { 'a-orchestrator': { role: 'orchestrator', agent: 'aider' } };
    expect(bare({ ...named, ...better })).toEqual([[['a', 'claude-code']], true]);
  });

  test('E68 4.1 a bare hash shared by several projects: what no project owns is still reported', () => {
    const files = {
      [`AO/${HASH}/sessions/app-orchestrator`]: kv({ project: 'app' }),
      [`AO/${HASH}/sessions/gone-orchestrator`]: kv({ project: 'gone' }),
    };
    const { draft, notes } = v1(files);
    expect(draft.orchestrators.map(({ record }) => record.id)).toEqual(['app-orchestrator']);
    expect(draft.hasUnknown).toBe(true);
    const [note] = notes('PROJECT_UNKNOWN');
    expect(note?.message).toContain('gone-orchestrator');
    expect(note?.message).not.toContain('app-orchestrator,');
  });

  test('C1 R23 `.origin` inside another project rejects a match by name, never one by storageKey', () => {
    const two = (entry: Record<string, unknown>, origin: string, more: Files = {}) =>
      draftOf({
        'AO/config.yaml': registry({ app: { path: '/srv/app', ...entry }, other: '/srv/other', outer: '/srv' }),
        [`AO/${HASH}-app/sessions/app-orchestrator`]: kv(),
        [`AO/${HASH}-app/.origin`]: `${origin}\n`,
        ...more,
      }).draft.orchestrators.length;
    expect(two({}, '/srv/other/agent-orchestrator.yaml')).toBe(0);
    expect(two({ storageKey: `${HASH}-app` }, '/srv/other/agent-orchestrator.yaml')).toBe(1);
    expect(two({}, '/srv/app/agent-orchestrator.yaml')).toBe(1);
    expect(two({}, '/srv/app/sub/agent-orchestrator.yaml')).toBe(1);
    expect(two({}, '/elsewhere/agent-orchestrator.yaml')).toBe(1);
    expect(two({}, '/srv/otherwise/agent-orchestrator.yaml')).toBe(0);
    expect(two({}, '')).toBe(1);
  });

  test('C1 `.origin` is compared by where it lies: links to a home, to a project, and to folders that are gone', () => {
    const imported = (entries: Record<string, string>, origin: string, files: Files): string[] =>
      draftOf({
        'AO/config.yaml': registry(
          Object.fromEntries(Object.entries(entries).map(([id, path]) => [id, { path, sessionPrefix: `p${id}` }])),
        ),
        [`AO/${HASH}-app/sessions/x-orchestrator`]: kv({ role: 'orchestrator' }),
        [`AO/${HASH}-app/.origin`]: `${origin}\n`,
        ...files,
      }).draft.orchestrators.map(({ project }) => project.id);
    const origin = '{{HOME}}/real/other/agent-orchestrator.yaml';
    const link: Files = { lnk: { link: '{{HOME}}/real' } };
    const folders: Files = { 'real/app': null, 'real/other': null };
    for (const there of [folders, { real: null }]) {
      const files = { ...there, ...link };
      expect(imported({ app: '{{HOME}}/lnk/app', other: '{{HOME}}/lnk/other' }, origin, files)).toEqual([]);
      expect(imported({ app: '{{HOME}}/lnk/app' }, origin, files)).toEqual(['app']);
      // Of nested projects the innermost has it, however the outer one is written.
      const own = '{{HOME}}/real/app/agent-orchestrator.yaml';
      expect(imported({ mono: '{{HOME}}/real', app: '{{HOME}}/lnk/app' }, own, files)).toEqual(['app']);
      expect(imported({ mono: '{{HOME}}/lnk', app: '{{HOME}}/elsewhere/app' }, own, files)).toEqual([]);
      const linked = '{{HOME}}/lnk/other/agent-orchestrator.yaml';
      expect(imported({ app: '{{HOME}}/real/app', other: '{{HOME}}/real/other' }, linked, files)).toEqual([]);
    }
    // A config that is a link itself lies where the link is.
    expect(
      imported(
        { app: '{{HOME}}/real/app', other: '{{HOME}}/real/other' },
        '{{HOME}}/real/app/agent-orchestrator.yaml',
        {
          'real/other/shared.yaml': 'agent: codex',
          'real/app/agent-orchestrator.yaml': { link: '../other/shared.yaml' },
        },
      ),
    ).toEqual(['app']);
  });

  test('C1 a store without `.origin` asks the disk for no physical path', () => {
    const files = { 'AO/config.yaml': registry({ app: '/srv/app' }), [`AO/${HASH}-app/sessions/app-1`]: kv() };
    expect(draftOf(files).store.physical.size).toBe(0);
    expect(draftOf({ ...files, [`AO/${HASH}-app/.origin`]: '/srv/app/x.yaml' }).store.physical.size).toBe(2);
  });

  test('C1 a config that names several projects lies in one of them and says nothing against the others', () => {
    const { draft } = draftOf({
      'repos/app/agent-orchestrator.yaml':
        'projects:\n  app: {path: "{{HOME}}/repos/app", sessionPrefix: app}\n  api: {path: "{{HOME}}/repos/api", sessionPrefix: api}\n',
      'repos/api': null,
      [`AO/${HASH}-app/sessions/app-orchestrator`]: kv(),
      [`AO/${HASH}-app/.origin`]: '{{HOME}}/repos/app/agent-orchestrator.yaml',
      [`AO/${HASH}-api/sessions/api-orchestrator`]: kv(),
      [`AO/${HASH}-api/.origin`]: '{{HOME}}/repos/app/agent-orchestrator.yaml',
    });
    expect(draft.orchestrators.map(({ sessionId }) => sessionId)).toEqual(['app-orchestrator', 'api-orchestrator']);
    expect(draft.hasUnknown).toBe(false);
  });

  test('C1 two folders of one name: each gets the directory of its own config', () => {
    const { draft } = draftOf({
      'a/app/agent-orchestrator.yaml': 'projects: {one: {path: "{{HOME}}/a/app", sessionPrefix: one}}',
      'b/app/agent-orchestrator.yaml': 'projects: {two: {path: "{{HOME}}/b/app", sessionPrefix: two}}',
      [`AO/${HASH}-app/sessions/one-orchestrator`]: kv({ status: 'killed' }),
      [`AO/${HASH}-app/.origin`]: '{{HOME}}/a/app/agent-orchestrator.yaml',
      [`AO/${OTHER}-app/sessions/x-orchestrator`]: kv({ role: 'orchestrator' }),
      [`AO/${OTHER}-app/.origin`]: '{{HOME}}/b/app/agent-orchestrator.yaml',
    });
    expect(draft.orchestrators.map(({ project, record }) => [project.id, record.id])).toEqual([
      ['one', 'one-orchestrator'],
      ['two', 'x-orchestrator'],
    ]);
  });

  test('C1 a record that names another known project is not this one’s', () => {
    const { draft } = draftOf({
      'AO/config.yaml': registry({ app: '/srv/app', web: { path: '/other/app', sessionPrefix: 'app' } }),
      [`AO/${HASH}-app/sessions/app-orchestrator`]: kv({ project: 'web' }),
    });
    expect(draft.orchestrators.map(({ project }) => project.id)).toEqual(['web']);
  });

  test('an early record of a project that cannot be imported is found, and is that of another one where it can be', () => {
    const files = { [`AO/${HASH}-_a/sessions/p-orchestrator`]: kv({ role: 'orchestrator', project: '_a' }) };
    const reasons = (entries: Parameters<typeof registry>[0]) =>
      draftOf({ 'AO/config.yaml': registry(entries), ...files }).draft.orchestrators.map(({ project, reason }) => [
        project.id,
        reason === null,
      ]);
    const unusable = { path: '/srv/x/_a', sessionPrefix: 'p' };
    expect(reasons({ _a: unusable })).toEqual([['_a', false]]);
    const b = { path: '/srv/b', sessionPrefix: 'p', storageKey: `${HASH}-_a` };
    expect(reasons({ _a: unusable, b })).toEqual([['b', true]]);
  });

  test('C7 E19 two entries with one folder never share a V1 record', () => {
    const drafted = (records: Record<string, string>) =>
      draftOf({
        'AO/config.yaml': registry({
          one: { path: '/srv/app', sessionPrefix: 'p' },
          two: { path: '/srv/app', sessionPrefix: 'q' },
        }),
        ...Object.fromEntries(Object.entries(records).map(([id, text]) => [`AO/${HASH}-app/sessions/${id}`, text])),
      }).draft.orchestrators.map(({ project, record }) => `${project.id}: ${record.id}`);
    const marked = kv({ role: 'orchestrator' });
    expect(drafted({ 'p-orchestrator': marked })).toEqual(['one: p-orchestrator']);
    expect(drafted({ 'q-orchestrator-3': marked })).toEqual(['two: q-orchestrator-3']);
    expect(drafted({ 'p-orchestrator': marked, 'q-orchestrator': marked })).toEqual([
      'one: p-orchestrator',
      'two: q-orchestrator',
    ]);
    expect(drafted({ odd: marked })).toEqual(['one: odd']);
    expect(drafted({ 'p-orchestrator': kv({ role: 'orchestrator', project: 'two' }) })).toEqual([
      'two: p-orchestrator',
    ]);
  });

  test('C7 two entries with one storageKey: a record goes to the project that it names', () => {
    const { draft } = draftOf({
      'AO/config.yaml': registry({
        one: { path: '/srv/a', sessionPrefix: 'p', storageKey: HASH },
        two: { path: '/srv/b', sessionPrefix: 'q', storageKey: HASH },
      }),
      [`AO/${HASH}/sessions/p-orchestrator`]: kv({ role: 'orchestrator', project: 'two' }),
    });
    expect(draft.orchestrators.map(({ project }) => project.id)).toEqual(['two']);
  });

  test('E69 a converted directory is not read', () => {
    const files = {
      [`AO/${HASH}-app.migrated/sessions/app-orchestrator`]: kv(),
      [`AO/${OTHER}.migrated/sessions/app-orchestrator`]: kv({ project: 'app' }),
    };
    expect(chosen(files)).toEqual({ file: undefined, unknown: false, codes: [] });
    expect(chosen({ ...files, 'AO/projects/app/sessions/app-orchestrator.json': orchestrator() }).file).toBe(
      'projects/app/sessions/app-orchestrator.json',
    );
  });

  test('E70 an interrupted conversion: a warning, V2 before V1', () => {
    const files = { 'AO/.migration-in-progress': '', [`AO/${HASH}-app/sessions/app-orchestrator`]: kv() };
    expect(chosen(files)).toMatchObject({
      file: `${HASH}-app/sessions/app-orchestrator`,
      codes: ['MIGRATION_INTERRUPTED'],
    });
    expect(
      chosen({ ...files, 'AO/projects/app/sessions/app-orchestrator.json': orchestrator({}, 'terminated') }).file,
    ).toBe('projects/app/sessions/app-orchestrator.json');
    // Workers alone are no orchestrator.
    expect(chosen({ ...files, 'AO/projects/app/sessions/app-1.json': '{"status":"working"}' }).file).toBe(
      `${HASH}-app/sessions/app-orchestrator`,
    );
  });

  test('C1 R22 the latest archive counts where nothing else does, as terminated, whatever its state', () => {
    const archive = `AO/${HASH}-app/sessions/archive`;
    const files = {
      [`${archive}/app-orchestrator_2026-03-01T12-34-56-789Z`]: kv({ displayName: 'old' }),
      [`${archive}/app-orchestrator_20260420T143052Z.json`]: orchestrator({ displayName: 'compact' }, 'done'),
      [`${archive}/app-orchestrator_2026-04-20T14:30:51.999Z`]: kv({ displayName: 'raw' }),
      [`${archive}/app_2-9_20260520T143052Z`]: kv(),
      [`${archive}/app-orchestrator_nonsense`]: kv(),
      [`${archive}/app-orchestrator`]: kv(),
    };
    const { draft, notes } = v1(files);
    expect(draft.orchestrators[0]).toMatchObject({
      reason: null,
      choice: { live: false },
      record: { displayName: 'compact', id: 'app-orchestrator' },
    });
    expect(codes(notes())).toContain('ORCHESTRATOR_ARCHIVED');
    expect(draft.orchestrators[0]?.times.updatedAt).toBe('2026-05-11 09:30:00 +0000 UTC');
    expect(chosen({ ...files, [`AO/${HASH}-app/sessions/app-orchestrator-1`]: kv() }).file).toBe(
      `${HASH}-app/sessions/app-orchestrator-1`,
    );
    const { draft: live } = draftOf(
      { 'AO/config.yaml': registry({ app: '/srv/app' }), ...files },
      { draft: { onlyLive: true } },
    );
    expect(live.orchestrators[0]?.reason).not.toBeNull();
  });

  test('R22 the state of an archived record is the one from before it was killed', () => {
    const archive = `AO/${HASH}-app/sessions/archive/app-orchestrator_20260420T143052Z`;
    const drafted = (onlyLive: boolean, status: string) =>
      draftOf({ 'AO/config.yaml': registry({ app: '/srv/app' }), [archive]: kv({ status }) }, { draft: { onlyLive } })
        .draft.orchestrators[0];
    for (const status of ['working', 'done', 'killed']) {
      expect(drafted(false, status)).toMatchObject({ reason: null, choice: { live: false } });
      expect(drafted(true, status)?.reason).not.toBeNull();
    }
  });

  test('1.4 a storageKey that migrate-storage stripped is taken from its backup', () => {
    const files = {
      [`AO/${HASH}/sessions/app-orchestrator`]: kv(),
      'AO/config.yaml.pre-migration': `projects:\n  app: {path: /srv/app, storageKey: ${HASH}}\n`,
    };
    expect(chosen(files).file).toBe(`${HASH}/sessions/app-orchestrator`);
    expect(chosen(files, { storageKey: OTHER }).file).toBeUndefined();
    expect(chosen({ ...files, 'AO/config.yaml.pre-migration': 'a: [' }).file).toBeUndefined();
  });

  test('1.5 records of the very first releases are reported', () => {
    expect(codes(draftOf({ 'AO/app-1': kv(), 'AO/app-orchestrator': kv() }).notes())).toEqual(['STORE_V0']);
  });
});
