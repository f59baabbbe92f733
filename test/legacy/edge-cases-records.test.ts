import { afterEach, describe, expect, test } from 'bun:test';
import {
  codes,
  draftOf,
  type Files,
  NOW,
  oneProject,
  orchestrator,
  planOf,
  registry,
  removeHomes,
} from '../support/store';

afterEach(removeHomes);

const FILE = 'AO/projects/app/sessions/app-orchestrator.json';
const OLD = { mtimes: { [FILE]: NOW - 3_600_000 } };

/** What becomes of one file in the place of the canonical record. */
const canonical = (content: string | Uint8Array, more: Files = {}) =>
  draftOf({ ...oneProject(''), [FILE]: content, ...more });

/** State of the canonical record. */
const stateOf = (fields: Record<string, unknown>) => {
  const { draft } = canonical(JSON.stringify({ agent: 'codex', ...fields }));
  return draft.orchestrators[0]?.record.lifecycle.state;
};

describe('files of records', () => {
  test.each(['', '  \n', '\uFEFF'])('E37 an empty record %j is absent, with a warning', (content) => {
    const { draft, notes } = canonical(content);
    expect(draft.orchestrators).toEqual([]);
    expect(notes()).toMatchObject([{ code: 'RECORD_EMPTY', severity: 'warn', id: 'app-orchestrator' }]);
  });

  test.each([
    ['E38', '{"role": "orchestr'],
    ['E39', '[]'],
    ['E39', '[{"role": "orchestrator"}]'],
    ['E39', '5'],
    ['E39', '"text"'],
    ['E39', 'null'],
    ['E40', 'role=orchestrator\nagent=codex\n'],
  ])('%s the record %j is absent, with a warning', (_, content) => {
    const { draft, notes } = canonical(content);
    expect(draft.orchestrators).toEqual([]);
    expect(notes()).toMatchObject([{ code: 'RECORD_INVALID', severity: 'warn' }]);
  });

  test('E38 E75 a broken record is read again while it is young, for a quarter of a second at most', () => {
    const young = draftOf({ ...oneProject('{'), [FILE]: '{' }, { mtimes: { [FILE]: NOW - 1_000 } });
    expect(young.pauses.reduce((sum, each) => sum + each, 0)).toBe(250);
    expect(draftOf({ ...oneProject('{') }, OLD).pauses).toEqual([]);
  });

  test('E38 a store of broken records that were all copied just now does not wait for each', () => {
    const files: Record<string, string> = {};
    for (let index = 0; index < 200; index++) files[`AO/projects/app/sessions/app-${index}.json`] = '';
    const names = Object.keys(files);
    const { pauses } = draftOf(files, { mtimes: Object.fromEntries(names.map((name) => [name, NOW])) });
    expect(pauses.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(2_000);
  });

  test('E41 names that no record has, and directories, are no records and no remark', () => {
    const { store, notes } = draftOf({
      ...oneProject(orchestrator()),
      'AO/projects/app/sessions/x.json/y.json': orchestrator(),
      'AO/projects/app/sessions/x y.json': orchestrator(),
      'AO/projects/app/sessions/a.b.json': orchestrator(),
      'AO/projects/app/sessions/.x.json': orchestrator(),
      'AO/projects/app/sessions/.json': orchestrator(),
      'AO/projects/app/sessions/x.json.lock': '',
      'AO/projects/app/sessions/x.json.tmp.12.34': '{',
      'AO/projects/app/sessions/x': orchestrator(),
      'AO/projects/app/sessions/.ghcache/x/y.json': '{}',
    });
    expect(store.v2[0]?.records.map(({ id }) => id)).toEqual(['app-orchestrator']);
    expect(notes()).toEqual([]);
  });

  test('3.1 a record set aside as corrupt is reported', () => {
    const { notes } = draftOf(oneProject(orchestrator(), { 'AO/projects/app/sessions/x.json.corrupt-123': '{' }));
    expect(notes()).toMatchObject([{ code: 'RECORD_CORRUPT_COPY' }]);
  });

  test('E42 a byte order mark is no part of a record', () => {
    expect(canonical(`\uFEFF${orchestrator()}`).draft.orchestrators).toHaveLength(1);
    expect(canonical(`\n \uFEFF ${orchestrator()} \n`).draft.orchestrators).toHaveLength(1);
  });

  test('E82 a record that cannot be read is skipped and reported, a directory of them too', () => {
    const { store, notes } = draftOf({
      ...oneProject(orchestrator()),
      'AO/projects/app/sessions/linked.json': { link: 'app-orchestrator.json' },
      'AO/projects/looped/sessions': { link: 'sessions' },
    });
    expect(store.v2.find(({ id }) => id === 'app')?.records).toHaveLength(1);
    expect(
      notes('FILE_UNREADABLE')
        .map(({ file }) => file?.split('/').at(-1))
        .sort(),
    ).toEqual(['linked.json', 'sessions']);
  });

  test('E71 records below an id that no registry has are reported, not imported', () => {
    const { draft, notes } = draftOf({
      ...oneProject(orchestrator()),
      'AO/projects/gone/sessions/go-orchestrator.json': orchestrator(),
    });
    expect(draft.orchestrators.map(({ sessionId }) => sessionId)).toEqual(['app-orchestrator']);
    expect(draft.hasUnknown).toBe(true);
    expect(notes('PROJECT_UNKNOWN')).toMatchObject([{ id: 'gone', severity: 'warn' }]);
  });
});

describe('state of a record', () => {
  const session = (state: unknown, more = {}) => ({ version: 2, session: { kind: 'orchestrator', state, ...more } });

  test.each([
    ['E43 lifecycle as text', { lifecycle: JSON.stringify(session('terminated')) }, 'terminated'],
    [
      'E43 lifecycle as text of a text',
      { lifecycle: JSON.stringify(JSON.stringify(session('terminated'))) },
      'terminated',
    ],
    [
      'E44 session as text inside',
      { lifecycle: { version: 2, session: JSON.stringify({ state: 'terminated' }) } },
      'terminated',
    ],
    [
      'E44 session as text inside a text',
      { lifecycle: JSON.stringify({ session: JSON.stringify({ state: 'done' }) }) },
      'done',
    ],
    ['E45 no version', { lifecycle: { session: { state: 'terminated' } } }, 'terminated'],
    ['E45 version 1', { lifecycle: { version: 1, session: { state: 'terminated' } } }, 'terminated'],
    ['E46 no pr', { lifecycle: { session: { state: 'working' } }, status: 'killed' }, 'working'],
    ['E47 empty object', { lifecycle: {}, status: 'killed' }, 'terminated'],
    ['E47 null', { lifecycle: null, status: 'killed' }, 'terminated'],
    ['E47 null as text', { lifecycle: 'null', status: 'killed' }, 'terminated'],
    ['E47 a list', { lifecycle: [1], status: 'killed' }, 'terminated'],
    ['E47 text that is no JSON', { lifecycle: '{broken', status: 'killed' }, 'terminated'],
    [
      'E48 stateVersion as number',
      { stateVersion: 2, statePayload: session('terminated'), status: 'working' },
      'terminated',
    ],
    [
      'E48 stateVersion as text',
      { stateVersion: '2', statePayload: JSON.stringify(session('terminated')), status: 'working' },
      'terminated',
    ],
    [
      'E49 payload without version beside a status',
      { statePayload: session('terminated'), status: 'working' },
      'working',
    ],
    ['E49 payload without version alone', { statePayload: session('terminated') }, 'terminated'],
    [
      'E49 payload of version 1 beside a status',
      { stateVersion: '1', statePayload: session('terminated'), status: 'idle' },
      'idle',
    ],
    [
      'R20 payload beside an empty lifecycle',
      { lifecycle: {}, stateVersion: 2, statePayload: session('done') },
      'done',
    ],
    ['R20 payload beside an empty text', { lifecycle: ' ', stateVersion: 2, statePayload: session('done') }, 'done'],
    [
      'R20 payload beside the text of an empty object',
      { lifecycle: '{}', stateVersion: 2, statePayload: session('done') },
      'done',
    ],
    [
      'R20 payload beside the text of null',
      { lifecycle: 'null', stateVersion: 2, statePayload: session('done') },
      'done',
    ],
    [
      'E48 a stateVersion that is no text at all',
      { stateVersion: { toString: 1 }, statePayload: session('done'), status: 'idle' },
      'idle',
    ],
    [
      'R20 payload beside a lifecycle',
      { lifecycle: session('working'), stateVersion: 2, statePayload: session('done') },
      'working',
    ],
    [
      'R20 payload beside a broken lifecycle',
      { lifecycle: '{x', stateVersion: 2, statePayload: session('done'), status: 'idle' },
      'idle',
    ],
    ['E50 unknown state with status', { lifecycle: session('sleeping'), status: 'killed' }, 'terminated'],
    ['E50 unknown state without status', { lifecycle: session('sleeping') }, 'idle'],
    ['E50 unknown state and unknown status', { lifecycle: session('sleeping'), status: 'weird' }, 'idle'],
    ['E50 a state of a wrong type', { lifecycle: session(5) }, 'idle'],
    [
      'E51 working with terminatedAt',
      { lifecycle: session('working', { terminatedAt: '2026-05-01T00:00:00Z' }) },
      'working',
    ],
    ['E52 status killed alone', { status: 'killed' }, 'terminated'],
    ['3.8 status done alone', { status: 'done' }, 'done'],
    ['3.8 status merged alone', { status: 'merged' }, 'idle'],
    ['3.8 status cleanup alone', { status: 'cleanup' }, 'terminated'],
    ['3.8 status errored alone', { status: 'errored' }, 'terminated'],
    ['3.8 unknown status alone', { status: 'weird' }, 'not_started'],
    ['3.8 nothing at all', {}, 'not_started'],
    [
      '3.6 a reason outside the list',
      { lifecycle: session('terminated', { reason: 'migrated_from_archive' }) },
      'terminated',
    ],
  ])('%s', (_, fields, state) => {
    expect<string | undefined>(stateOf(fields)).toBe(state);
  });

  test.each(['terminated', 'working', 'not_started', 'needs_input', 'stuck', 'detecting', 'idle'])(
    'E52 C4 `%s` is migrated',
    (state) => {
      expect(draftOf(oneProject(orchestrator({}, state))).draft.orchestrators[0]?.reason).toBeNull();
    },
  );

  test('half of a pair of surrogates, which a database cannot keep, is replaced when it is read', () => {
    const { draft, project } = draftOf({
      ...oneProject(orchestrator({ displayName: 'cut \ud83d', userPrompt: '\udc00 x' })),
      'repos/app/agent-orchestrator.yaml': 'env: {"A\\ud800": "\\ud800 b"}',
      'AO/portfolio/preferences.json': '{"version": 1, "projects": {"app": {"displayName": "\\ud83d"}}}',
    });
    expect(draft.orchestrators[0]?.record).toMatchObject({ displayName: 'cut \ufffd', userPrompt: '\ufffd x' });
    expect(project('app').displayName).toBe('\ufffd');
    expect(project('app').built.config.env).toEqual({ 'A\ufffd': '\ufffd b' });
  });

  test('the runtime of an older payload counts beside an empty lifecycle', () => {
    const payload = { runtime: { tmuxName: 't', handle: { id: 'h', data: { workspacePath: '/w' } } } };
    const { record } = canonical(
      orchestrator({ lifecycle: {}, stateVersion: '2', statePayload: JSON.stringify(payload) }),
    ).orchestrator('app-orchestrator');
    expect(record).toMatchObject({ tmuxName: 't', runtimeId: 'h', workspacePaths: ['/w'] });
  });

  test('a field of a wrong type costs only itself', () => {
    const { record } = canonical(
      orchestrator({
        worktree: 5,
        branch: ['x'],
        displayName: {},
        userPrompt: 1,
        createdAt: 7,
        agent: null,
        runtimeHandle: 3,
        claudeSessionUuid: 9,
      }),
    ).orchestrator('app-orchestrator');
    expect(record).toMatchObject({
      worktree: null,
      branch: null,
      displayName: null,
      userPrompt: null,
      agent: null,
      runtimeId: null,
      claudeSessionUuid: null,
      role: 'orchestrator',
    });
  });
});

describe('which record', () => {
  const files = (records: Record<string, string>, prefix = 'app'): Files => ({
    'AO/config.yaml': registry({ app: { path: '{{HOME}}/repos/app', sessionPrefix: prefix } }),
    'repos/app': null,
    ...Object.fromEntries(
      Object.entries(records).map(([id, record]) => [`AO/projects/app/sessions/${id}.json`, record]),
    ),
  });
  const choice = (records: Record<string, string>, prefix?: string, onlyLive = false) => {
    const drafted = draftOf(files(records, prefix), { draft: { onlyLive } });
    const [only, ...others] = drafted.draft.orchestrators;
    expect(others).toEqual([]);
    return { id: only?.record.id, reason: only?.reason, codes: codes(drafted.notes()) };
  };
  const at = (time: string, state: string, more = {}) =>
    orchestrator({ lifecycle: { session: { state, lastTransitionAt: time } }, ...more });

  test('E53 a live older one goes before a terminated canonical one, with a note', () => {
    const { id, reason, codes } = choice({
      'app-orchestrator': orchestrator({}, 'terminated'),
      'app-orchestrator-2': orchestrator(),
    });
    expect([id, reason]).toEqual(['app-orchestrator-2', null]);
    expect(codes).toEqual(['ORCHESTRATOR_OLDER']);
  });

  test('E54 a live canonical one goes before all numbered ones, however young', () => {
    const records: Record<string, string> = { 'app-orchestrator': at('2026-01-01T00:00:00Z', 'idle') };
    for (let number = 1; number < 12; number++)
      records[`app-orchestrator-${number}`] = at('2026-06-01T00:00:00Z', 'working');
    expect(choice(records).id).toBe('app-orchestrator');
    expect(choice({ ...records, 'app-orchestrator': '' }).id).toBe('app-orchestrator-1');
  });

  test('C2 C3 equal in rank: the youngest by lastTransitionAt, restoredAt, createdAt, mtime; then by id', () => {
    const three = (a: string, b: string) =>
      choice({ 'app-orchestrator-1': a, 'app-orchestrator-10': b, 'app-orchestrator-2': a }).id;
    expect(three(at('2026-01-01T00:00:00Z', 'idle'), at('2026-01-02T00:00:00Z', 'idle'))).toBe('app-orchestrator-10');
    const restored = (restoredAt: string) => orchestrator({ lifecycle: { session: { state: 'idle' } }, restoredAt });
    expect(three(restored('2026-01-01T00:00:00Z'), restored('2026-01-02T00:00:00Z'))).toBe('app-orchestrator-10');
    const created = (createdAt: string) =>
      orchestrator({ lifecycle: { session: { state: 'idle' } }, createdAt, restoredAt: 'never' });
    expect(three(created('2026-01-01T00:00:00Z'), created('2026-01-02T00:00:00Z'))).toBe('app-orchestrator-10');
    expect(three(at('2026-01-01T00:00:00Z', 'idle'), at('2026-01-01T00:00:00Z', 'idle'))).toBe('app-orchestrator-1');
    const terminated = at('2026-01-01T00:00:00Z', 'terminated');
    expect(
      choice({ 'app-orchestrator': terminated, 'app-orchestrator-1': at('2026-06-01T00:00:00Z', 'terminated') }).id,
    ).toBe('app-orchestrator');
    expect(
      choice({ 'app-orchestrator': at('2026-06-01T00:00:00Z', 'done'), 'app-orchestrator-1': terminated }).id,
    ).toBe('app-orchestrator-1');
  });

  test('E55 only an alias of migrate-storage: imported, with a note', () => {
    const { id, reason, codes } = choice({ 'app-orchestrator__from-0123456789ab': orchestrator({}, 'terminated') });
    expect([id, reason, codes]).toEqual(['app-orchestrator__from-0123456789ab', null, ['ORCHESTRATOR_ALIAS']]);
    expect(
      choice({
        'app-orchestrator__from-0123456789ab': orchestrator(),
        'app-orchestrator-3': orchestrator({}, 'terminated'),
      }).id,
    ).toBe('app-orchestrator-3');
  });

  test('E56 C7 `<id>-orchestrator` without a role is a worker where the prefix is another', () => {
    const worker = JSON.stringify({ agent: 'codex', status: 'working' });
    expect(choice({ 'app-orchestrator': worker }, 'zz').id).toBeUndefined();
    expect(choice({ 'zz-orchestrator': worker }, 'zz').id).toBe('zz-orchestrator');
    expect(choice({ 'zz-orchestrator-7': worker }, 'zz').id).toBe('zz-orchestrator-7');
    expect(
      choice({ 'zz-orchestrator-x': worker, 'zz-1': worker, 'zz-orchestrator2': worker }, 'zz').id,
    ).toBeUndefined();
    expect(choice({ 'app-orchestrator': orchestrator() }, 'zz').id).toBe('app-orchestrator');
    expect(
      choice({ odd: JSON.stringify({ lifecycle: { session: { kind: 'orchestrator', state: 'idle' } } }) }, 'zz').id,
    ).toBe('odd');
  });

  test("E57 a numbered name is another project's worker where that has the prefix", () => {
    const worker = JSON.stringify({ agent: 'codex', status: 'working' });
    const two = (record: string) =>
      draftOf({
        'AO/config.yaml': registry({
          app: { path: '/a', sessionPrefix: 'app' },
          b: { path: '/b', sessionPrefix: 'app-orchestrator' },
        }),
        'AO/projects/app/sessions/app-orchestrator-1.json': record,
      }).draft.orchestrators.map(({ record }) => record.id);
    expect(two(worker)).toEqual([]);
    expect(two(orchestrator())).toEqual(['app-orchestrator-1']);
  });

  test('E58 a canonical `done` is skipped, with a note', () => {
    const { id, reason, codes } = choice({ 'app-orchestrator': orchestrator({}, 'done') });
    expect(id).toBe('app-orchestrator');
    expect(reason).not.toBeNull();
    expect(codes).toEqual(['ORCHESTRATOR_DONE']);
  });

  test('R3 a `done` beside an alias: nothing is imported', () => {
    const { reason, codes } = choice({
      'app-orchestrator': orchestrator({}, 'done'),
      'app-orchestrator__from-0123456789ab': orchestrator(),
    });
    expect(reason).not.toBeNull();
    expect(codes).toEqual(['ORCHESTRATOR_DONE']);
  });

  test.each(['aider', 'grok', 'cursor', 'kimicode', 'made-up'])(
    'E59 the agent `%s`: the session is skipped, the project is not',
    (agent) => {
      const { draft, project, notes } = draftOf(oneProject(orchestrator({ agent })));
      expect(draft.orchestrators[0]?.reason).not.toBeNull();
      expect(project('app').refusal).toBeNull();
      expect(notes()).toMatchObject([{ code: 'HARNESS_NOT_MIGRATED', severity: 'warn' }]);
    },
  );

  test('R25 the best record has a foreign harness: the next is not tried', () => {
    const { id, reason } = choice({
      'app-orchestrator': orchestrator({ agent: 'aider' }),
      'app-orchestrator-1': orchestrator(),
    });
    expect(id).toBe('app-orchestrator');
    expect(reason).not.toBeNull();
  });

  test('R31 --only-live filters after ranking', () => {
    const done = choice({ 'app-orchestrator': orchestrator({}, 'terminated') }, 'app', true);
    expect([done.reason !== null, done.codes]).toEqual([true, ['ORCHESTRATOR_NOT_LIVE']]);
    expect(
      choice({ 'app-orchestrator': orchestrator({}, 'terminated'), 'app-orchestrator-1': orchestrator() }, 'app', true),
    ).toMatchObject({ id: 'app-orchestrator-1', reason: null });
    expect(
      choice(
        { 'app-orchestrator-1': orchestrator({}, 'terminated'), 'app-orchestrator__from-0123456789ab': orchestrator() },
        'app',
        true,
      ).reason,
    ).not.toBeNull();
    expect(choice({ 'app-orchestrator__from-0123456789ab': orchestrator() }, 'app', true).reason).toBeNull();
  });

  test('R35 an orchestrator that --only-live drops does not keep a shared prefix', () => {
    const shared = {
      'AO/config.yaml': registry({ a: { path: '/a', sessionPrefix: 'x' }, b: { path: '/b', sessionPrefix: 'x' } }),
      'AO/projects/a/sessions/x-orchestrator.json': orchestrator({}, 'terminated'),
      'AO/projects/b/sessions/x-orchestrator.json': orchestrator(),
    };
    const owned = (onlyLive: boolean, exclude: string[] = []) =>
      draftOf(shared, { draft: { onlyLive, exclude } }).draft.orchestrators.map(({ project, reason, ownedBy }) => [
        project.id,
        reason === null,
        ownedBy,
      ]);
    expect(owned(true)).toEqual([
      ['a', false, null],
      ['b', true, null],
    ]);
    expect(owned(false)).toEqual([
      ['a', true, null],
      ['b', true, 'a'],
    ]);
    // Filters aside: the whole registry decides.
    expect(owned(false, ['a'])).toEqual([['b', true, 'a']]);
  });

  test('R26 the owner keeps the id though its conversation cannot be placed now', () => {
    const { draft, store } = draftOf({
      'AO/config.yaml': registry({ a: { path: '/a', sessionPrefix: 'x' }, b: { path: '/b', sessionPrefix: 'x' } }),
      'AO/projects/a/sessions/x-orchestrator.json': orchestrator(),
      'AO/projects/b/sessions/x-orchestrator.json': orchestrator(),
    });
    const blocked = {
      state: 'blocked',
      code: 'CONVERSATION_IN_USE',
      reason: 'busy',
      failed: false,
      notes: [],
    } as const;
    const planned = planOf({ draft, store }, { findings: { 'x-orchestrator': blocked } });
    expect([planned.orchestrator('a').outcome, planned.orchestrator('b').outcome]).toEqual(['skipped', 'conflict']);
    expect(planned.orchestrator('a').later).toBe(true);
  });

  test('C1 orchestrator.json counts where no record does, and takes the canonical id', () => {
    const standalone = { 'AO/projects/app/orchestrator.json': JSON.stringify({ agent: 'codex', codexThreadId: 't' }) };
    const alone = draftOf({ ...files({}), ...standalone }).orchestrator('app-orchestrator');
    expect(alone).toMatchObject({ harness: 'codex', reason: null, record: { id: 'app-orchestrator' } });
    const beside = draftOf({ ...files({ 'app-orchestrator-1': orchestrator({}, 'done') }), ...standalone });
    expect(beside.orchestrator('app-orchestrator').record.id).toBe('app-orchestrator-1');
  });

  test('4.3 a strategy that would have discarded the conversation is remarked', () => {
    const { notes } = draftOf({
      ...files({ 'app-orchestrator': orchestrator() }),
      'repos/app/agent-orchestrator.yaml': 'orchestratorSessionStrategy: kill-previous',
    });
    expect(codes(notes())).toContain('STRATEGY_DISCARDS');
  });

  test('3.5 a resume that failed is told, but nothing of what was said of it', () => {
    const failed = (record: Record<string, unknown>, state?: string) =>
      draftOf(oneProject(orchestrator(record, state))).notes('RESUME_FELL_BACK');
    expect(failed({})).toEqual([]);
    expect(failed({ restoreFallbackReason: '' })).toEqual([]);
    expect(failed({ restoreFallbackReason: 'why' }, 'done')).toEqual([]);
    const [note, ...more] = failed({ restoreFallbackReason: 'no answer to https://me:pw@example.test\u001b[31m' });
    expect(more).toEqual([]);
    expect(note).toMatchObject({ severity: 'info', id: 'app', file: expect.stringContaining('app-orchestrator.json') });
    expect(note?.message).not.toMatch(/answer|example|\u001b/);
  });
});

describe('what the conversation is asked', () => {
  test('E61 E62 E63 stored ids go to the search unchecked; the row names one only if that finds it', () => {
    const { draft, store } = draftOf(oneProject(orchestrator({ claudeSessionUuid: '../../x' })));
    const planned = planOf(
      { draft, store },
      { findings: { 'app-orchestrator': { state: 'missing', reason: 'none', notes: [] } } },
    );
    expect(planned.request('app-orchestrator').storedId).toBe('../../x');
    expect(planned.orchestrator('app')).toMatchObject({
      outcome: 'created',
      marker: null,
      copy: null,
      row: { agent_session_id: '' },
    });
    expect(codes(planned.plan.notes)).toContain('CONVERSATION_MISSING');
  });

  test.each([
    ['claude-code', 'claudeSessionUuid'],
    ['codex', 'codexThreadId'],
    ['opencode', 'opencodeSessionId'],
  ])('5.1 %s resumes by %s', (agent, key) => {
    const { draft, store } = draftOf(
      oneProject(
        orchestrator({ agent, claudeSessionUuid: 'no', codexThreadId: 'no', opencodeSessionId: 'no', [key]: 'yes' }),
      ),
    );
    expect(planOf({ draft, store }).request('app-orchestrator').storedId).toBe('yes');
  });

  test('6 a terminal of any project may be the one of the record', () => {
    const { isTerminalName } = planOf(draftOf(oneProject(orchestrator()))).request('app-orchestrator');
    expect(['app-orchestrator', 'app-3', '0123456789ab-x', 'mine'].map(isTerminalName)).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  test('R24 a workspace path of the record is another record’s worktree', () => {
    const handle = { id: 'x', runtimeName: 'tmux', data: { workspacePath: '/w/worker' } };
    const asked = (name: string, worktree: string) => {
      const others = { [`AO/projects/other/sessions/${name}.json`]: orchestrator({ worktree }) };
      const record = orchestrator({ worktree: '/w/o', runtimeHandle: handle });
      const { workspacePaths, isOthers } = planOf(draftOf(oneProject(record, others))).request('app-orchestrator');
      return workspacePaths.map(isOthers);
    };
    expect(asked('ot-1', '/w/worker')).toEqual([true]);
    expect(asked('ot-1', '/w/worker/')).toEqual([true]);
    expect(asked('ot-1', '/w/another')).toEqual([false]);
    expect(asked('app-orchestrator', '/w/worker')).toEqual([false]);
  });

  test('5.2 E64 recovery only in a worktree of its own', () => {
    const asked = (worktree: string | undefined, others: Files = {}) => {
      const { draft, store } = draftOf(oneProject(orchestrator({ worktree }), others));
      const { mayRecover, byTime, rivalsMs, worktree: path } = planOf({ draft, store }).request('app-orchestrator');
      return { mayRecover, byTime, rivalsMs, path };
    };
    expect(asked('/gone/wt')).toMatchObject({ mayRecover: true, byTime: false, path: '/gone/wt' });
    expect(asked(undefined)).toMatchObject({ mayRecover: false, byTime: false, path: null });
    expect(asked('{{HOME}}/repos/app')).toMatchObject({ mayRecover: false, byTime: true });
    expect(asked('{{HOME}}/repos/app/')).toMatchObject({ mayRecover: false, byTime: true });
    expect(asked('{{HOME}}/link', { link: { link: '{{HOME}}/repos/app' } })).toMatchObject({
      mayRecover: false,
      byTime: true,
    });
    const another = {
      'AO/projects/other/sessions/ot-orchestrator.json': orchestrator({
        worktree: '{{HOME}}/repos/app/',
        createdAt: '2026-05-10T08:00:05.000Z',
      }),
      'AO/projects/other/sessions/ot-2.json': orchestrator({ worktree: '{{HOME}}/repos/app', createdAt: 'soon' }),
      'AO/projects/other/sessions/app-orchestrator.json': orchestrator({ worktree: '{{HOME}}/repos/app' }),
      'AO/projects/other/sessions/ot-3.json': orchestrator({ worktree: '{{HOME}}/repos/app2' }),
    };
    expect(asked('{{HOME}}/repos/app', another).rivalsMs).toEqual([Date.parse('2026-05-10T08:00:05.000Z')]);
    // Whoever could not be given a conversation of the folder by its time is no rival for one.
    const rivals = (record: Record<string, unknown>, file = 'AO/projects/other/sessions/ot-1.json', more: Files = {}) =>
      asked('{{HOME}}/repos/app', {
        [file]: JSON.stringify({
          role: 'orchestrator',
          worktree: '{{HOME}}/repos/app',
          createdAt: '2026-05-10T08:00:05.000Z',
          ...record,
        }),
        ...more,
      }).rivalsMs.length;
    expect(rivals({})).toBe(1);
    expect(rivals({ role: 'worker' })).toBe(0);
    expect(rivals({ agent: 'codex' })).toBe(0);
    expect(rivals({ claudeSessionUuid: 'its-own' })).toBe(0);
    const sessions = 'AO/projects/app/sessions';
    expect(rivals({}, `${sessions}/app-orchestrator__from-0123456789ab.json`)).toBe(0);
    expect(rivals({}, `${sessions}/app-orchestrator-2__from-0123456789ab.json`)).toBe(1);
    const entries = { app: '{{HOME}}/repos/app', other: '/srv/o' };
    const project = { 'AO/config.yaml': registry(entries) };
    const agent = { 'AO/config.yaml': registry(entries, { defaults: { orchestrator: { agent: 'codex' } } }) };
    expect(rivals({}, undefined, project)).toBe(1);
    expect(rivals({}, undefined, agent)).toBe(0);
    expect(rivals({}, 'AO/projects/other/orchestrator.json', project)).toBe(1);
    expect(rivals({}, 'AO/projects/other/orchestrator.json', agent)).toBe(0);
    const worker = (worktree: string) => ({ 'AO/projects/other/sessions/ot-1.json': JSON.stringify({ worktree }) });
    expect(asked('/gone/wt', worker('/gone/wt')).mayRecover).toBe(false);
    expect(asked('/gone/wt', worker('/gone/wt/')).mayRecover).toBe(false);
    expect(asked('/gone/wt', worker('/gone/wt2')).mayRecover).toBe(true);
    // Even where both spellings are there: what was said in the one is found for the other.
    const accents = { ...worker('{{HOME}}/cafe\u0301'), 'caf\u00e9/file': '', 'cafe\u0301/file': '' };
    expect(asked('{{HOME}}/caf\u00e9', accents).mayRecover).toBe(false);
    expect(asked('{{HOME}}/caf\u00e9s', accents).mayRecover).toBe(true);
    const linked = { ...worker('{{HOME}}/link'), link: { link: '{{HOME}}/trees' }, 'trees/x/file': '' };
    expect(asked('{{HOME}}/trees', linked).mayRecover).toBe(false);
    expect(asked('{{HOME}}/trees/x', linked).mayRecover).toBe(true);
    expect(asked('{{HOME}}/link/gone', { ...linked, ...worker('{{HOME}}/trees/gone') }).mayRecover).toBe(false);
    // The same id elsewhere is not another record (R24).
    expect(
      asked('/gone/wt', {
        'AO/projects/other/sessions/app-orchestrator.json': JSON.stringify({ worktree: '/gone/wt' }),
      }).mayRecover,
    ).toBe(true);
  });

  test('R24 a conversation is taken where another id names it, among all V2 records and the chosen V1 candidates', () => {
    const taken = (others: Files, id = 'U1') => {
      const { draft, store } = draftOf(oneProject(orchestrator({ claudeSessionUuid: 'U1' }), others));
      return planOf({ draft, store }).request('app-orchestrator').isTaken(id);
    };
    expect(taken({})).toBe(false);
    expect(taken({ 'AO/projects/zz/sessions/zz-1.json': JSON.stringify({ codexThreadId: 'u1' }) })).toBe(true);
    expect(
      taken({ 'AO/projects/zz/sessions/app-orchestrator.json': JSON.stringify({ claudeSessionUuid: 'U1' }) }),
    ).toBe(false);
    const v1 = {
      'AO/config.yaml': registry({ app: '{{HOME}}/repos/app', v1: { path: '/v1', sessionPrefix: 'v' } }),
      'AO/0123456789ab-v1/sessions/v-orchestrator': 'claudeSessionUuid=U1\n',
      'AO/0123456789ab-v1/sessions/v-1': 'claudeSessionUuid=U2\n',
    };
    expect(taken(v1)).toBe(true);
    expect(taken(v1, 'U2')).toBe(false);
    const standalone = {
      'AO/config.yaml': registry({ app: '{{HOME}}/repos/app', s: { path: '/s', sessionPrefix: 's' } }),
      'AO/projects/s/orchestrator.json': JSON.stringify({ agent: 'claude-code', claudeSessionUuid: 'U1' }),
    };
    expect(taken(standalone)).toBe(true);
  });

  test('4.8 times: the first valid one of each list, else the mtime of the record', () => {
    const times = (fields: Record<string, unknown>, mtime = '2026-02-03T04:05:06Z') =>
      draftOf(oneProject(JSON.stringify({ agent: 'codex', ...fields })), {
        mtimes: { [FILE]: Date.parse(mtime) },
      }).orchestrator('app-orchestrator').times;
    expect(times({})).toMatchObject({
      createdAt: '2026-02-03 04:05:06 +0000 UTC',
      updatedAt: '2026-02-03 04:05:06 +0000 UTC',
      createdAtMs: null,
    });
    expect(times({ createdAt: 'x', lifecycle: { session: { startedAt: '2026-03-01T00:00:00Z' } } })).toMatchObject({
      createdAt: '2026-03-01 00:00:00 +0000 UTC',
      createdAtMs: null,
    });
    const all = times({
      createdAt: '2026-03-02T00:00:00',
      lifecycle: {
        session: { startedAt: '2026-03-01T00:00:00Z', lastTransitionAt: '+002026-03-03T00:00:00Z' },
        runtime: { lastObservedAt: '2026-03-04T01:00:00.120+01:00' },
      },
    });
    expect(all).toMatchObject({
      createdAt: '2026-03-02 00:00:00 +0000 UTC',
      updatedAt: '2026-03-02 00:00:00 +0000 UTC',
      activityAt: '2026-03-04 00:00:00.12 +0000 UTC',
      createdAtMs: Date.parse('2026-03-02T00:00:00Z'),
    });
  });
});
