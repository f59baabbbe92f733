import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import type { ProjectConfig } from '../../src/contracts/plan';
import { decodeConfig, differingKeys, encodeConfig, HARNESSES } from '../../src/rewrite/config';
import { applyMigrations } from '../../src/rewrite/goose';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import { daemonPrefix } from '../../src/rewrite/prefix';

const zero = decodeConfig(null).config;

describe('what the daemon decodes', () => {
  test('every known key', () => {
    const { decodes, config } = decodeConfig(
      JSON.stringify({
        defaultBranch: 'develop',
        sessionPrefix: 'ha',
        env: { B: '2', A: '1' },
        symlinks: ['.env'],
        postCreate: ['npm ci'],
        agentRules: 'a',
        agentRulesFile: 'b.md',
        orchestratorRules: 'c',
        agentConfig: { model: 'm', mode: 'high', permissions: 'auto' },
        worker: { agent: 'codex', agentConfig: { model: 'w' } },
        orchestrator: { agent: 'claude-code' },
        reviewers: [{ harness: 'claude-code' }],
        trackerIntake: { enabled: true, provider: 'p', repo: 'r', assignee: 'x' },
        containerReap: { disabled: true },
        unknown: [1, { deep: null }],
      }),
    );
    expect(decodes).toBe(true);
    expect(config).toEqual({
      defaultBranch: 'develop',
      sessionPrefix: 'ha',
      env: new Map([
        ['A', '1'],
        ['B', '2'],
      ]),
      symlinks: ['.env'],
      postCreate: ['npm ci'],
      agentRules: 'a',
      agentRulesFile: 'b.md',
      orchestratorRules: 'c',
      agentConfig: { model: 'm', mode: 'high', permissions: 'auto' },
      worker: { agent: 'codex', agentConfig: { model: 'w', mode: '', permissions: '' } },
      orchestrator: { agent: 'claude-code', agentConfig: { model: '', mode: '', permissions: '' } },
      reviewers: [{ harness: 'claude-code' }],
      trackerIntake: { enabled: true, provider: 'p', repo: 'r', assignee: 'x' },
      containerReap: { disabled: true },
    });
  });

  test.each([
    ['keys in any case', '{"SESSIONPREFIX":"x"}', 'x'],
    ['letters that fold to ASCII ones', '{"\u017fessionPrefix":"x"}', 'x'],
    ['the last of a repeated key', '{"sessionPrefix":"a","SessionPrefix":"b"}', 'b'],
    ['null as nothing', '{"sessionPrefix":null}', ''],
    ['null after a value as nothing new', '{"sessionPrefix":"a","sessionPrefix":null}', 'a'],
    ['null at the top', 'null', ''],
    ['blanks around', ' \n\t{"sessionPrefix":"x"}\r\n', 'x'],
    ['half a surrogate pair as U+FFFD', '{"sessionPrefix":"\\ud800x"}', '\ufffdx'],
    ['escaped quotes and backslashes', '{"sessionPrefix":"\\"\\\\","agentRules":"\\\\\\""}', '"\\'],
  ])('%s', (_, column, prefix) => {
    expect(decodeConfig(column)).toMatchObject({ decodes: true, config: { sessionPrefix: prefix } });
  });

  test.each([
    ['a wrong type', '{"sessionPrefix":"x","defaultBranch":1}'],
    ['a wrong type in env', '{"sessionPrefix":"x","env":{"PORT":3000}}'],
    ['a wrong type in a list', '{"sessionPrefix":"x","symlinks":["a",1]}'],
    ['a text for a list', '{"sessionPrefix":"x","postCreate":"npm ci"}'],
    ['a wrong type deep down', '{"sessionPrefix":"x","worker":{"agentConfig":{"model":[]}}}'],
    ['a text for a boolean', '{"sessionPrefix":"x","trackerIntake":{"enabled":"true"}}'],
    ['a wrong type that a later key mends', '{"sessionPrefix":1,"sessionPrefix":"x"}'],
    ['a list at the top', '[{"sessionPrefix":"x"}]'],
    ['a text at the top', '"x"'],
    ['trailing text', '{"sessionPrefix":"x"} x'],
    ['two documents', '{"sessionPrefix":"x"}{"sessionPrefix":"x"}'],
    ['a byte order mark', '\ufeff{"sessionPrefix":"x"}'],
    ['an empty text', ''],
    ['text that is no JSON', '{sessionPrefix:"x"}'],
  ])('nothing at all of %s', (_, column) => {
    expect(decodeConfig(column)).toEqual({ decodes: false, config: zero });
  });

  test('a repeated object adds to the first one, null empties a map and a list', () => {
    const column =
      '{"env":{"A":"1","B":"2"},"ENV":{"B":"3"},"worker":{"agent":"codex"},"worker":{"agentConfig":{"model":"m"}},' +
      '"symlinks":["a"],"symlinks":null,"env":{"C":null}}';
    const { config } = decodeConfig(column);
    expect([...config.env]).toEqual([
      ['A', '1'],
      ['B', '3'],
      ['C', ''],
    ]);
    expect(config.worker).toEqual({ agent: 'codex', agentConfig: { model: 'm', mode: '', permissions: '' } });
    expect(config.symlinks).toEqual([]);
    expect(decodeConfig('{"env":{"A":"1"},"env":null}').config.env.size).toBe(0);
  });

  test('a text of megabytes, and values nested as deep as Go goes', () => {
    const long = 'line\n'.repeat(300_000);
    expect(decodeConfig(JSON.stringify({ agentRules: long })).config.agentRules).toBe(long);
    const nested = (depth: number): string => `{"x":${'['.repeat(depth)}${']'.repeat(depth)},"sessionPrefix":"p"}`;
    expect(decodeConfig(nested(9_999)).config.sessionPrefix).toBe('p');
    expect(decodeConfig(nested(10_000)).decodes).toBe(false);
  });

  test('env names are taken as they are, whatever they are', () => {
    const { config } = decodeConfig('{"env":{"__proto__":"1","constructor":"2","a":"3","A":"4"}}');
    expect(config.env.get('__proto__')).toBe('1');
    expect([...config.env.keys()]).toEqual(['A', '__proto__', 'a', 'constructor']);
  });
});

describe('comparing two columns', () => {
  test.each([
    [null, '{}'],
    [null, '{"agentConfig":{},"worker":{"agentConfig":{}},"env":{},"symlinks":[],"trackerIntake":{}}'],
    ['{"env":{"A":"1","B":"2"}}', '{ "ENV": {"B":"2", "A":"1"}, "other": 1 }'],
    ['{"agentRules":"<&>"}', '{"agentRules":"\\u003c\\u0026\\u003e"}'],
    ['{"symlinks":"x"}', '{"env":1}'],
  ])('%p means %p', (a, b) => {
    expect(differingKeys(a, b)).toEqual([]);
  });

  test.each([
    ['{"env":{"A":"1"}}', '{"env":{"A":"2"}}', ['env']],
    ['{"env":{"A":"1"}}', null, ['env']],
    ['{"symlinks":["a","b"]}', '{"symlinks":["b","a"]}', ['symlinks']],
    ['{"worker":{"agent":"codex"},"sessionPrefix":"a"}', '{"sessionPrefix":"b"}', ['sessionPrefix', 'worker']],
    ['{"sessionPrefix":"a"}', '{"sessionPrefix":"a","env":{"A":1}}', ['sessionPrefix']],
    [null, '{"reviewers":[{"harness":"codex"}]}', ['reviewers']],
  ] as const)('%p does not mean %p', (a, b, keys) => {
    expect<readonly string[]>(differingKeys(a, b)).toEqual(keys);
  });
});

describe('what is written', () => {
  const settings: ProjectConfig = {
    orchestrator: { agentConfig: { permissions: 'auto', model: 'big' }, agent: 'claude-code' },
    worker: { agent: 'codex' },
    agentConfig: { permissions: 'default' },
    orchestratorRules: 'o',
    agentRulesFile: 'r.md',
    agentRules: '<rules>\u2028',
    postCreate: ['npm ci'],
    symlinks: ['.env'],
    env: { b: '2', B: '1', ['__proto__']: 'x' },
    sessionPrefix: 'ha',
    defaultBranch: 'develop',
  };

  test('has the order of the daemon and only what is set', () => {
    expect(encodeConfig(settings)).toBe(
      '{"defaultBranch":"develop","sessionPrefix":"ha","env":{"B":"1","__proto__":"x","b":"2"},"symlinks":[".env"],' +
        '"postCreate":["npm ci"],"agentRules":"<rules>\u2028","agentRulesFile":"r.md","orchestratorRules":"o",' +
        '"agentConfig":{"permissions":"default"},"worker":{"agent":"codex"},' +
        '"orchestrator":{"agent":"claude-code","agentConfig":{"model":"big","permissions":"auto"}}}',
    );
    expect(encodeConfig({ sessionPrefix: 'x' })).toBe('{"sessionPrefix":"x"}');
  });

  test('is read back by the daemon as it was meant', () => {
    const { decodes, config } = decodeConfig(encodeConfig(settings));
    expect(decodes).toBe(true);
    expect(config.agentRules).toBe('<rules>\u2028');
    expect(config.orchestrator).toEqual({
      agent: 'claude-code',
      agentConfig: { model: 'big', mode: '', permissions: 'auto' },
    });
  });
});

describe('the prefix that the daemon computes', () => {
  test.each([
    ['{"sessionPrefix":" ha\\u0085 "}', 'alpha', 'ha'],
    ['{"sessionPrefix":"\\ufeffx"}', 'alpha', '\ufeffx'],
    ['{"sessionPrefix":"  "}', 'a-long-project-id', 'a-long-proje'],
    ['{"sessionPrefix":"ha","env":1}', 'a-long-project-id', 'a-long-proje'],
    [null, 'short', 'short'],
    [null, 'ééééééé', 'éééééé'],
  ])('%p of %p is %p', (config, id, prefix) => {
    expect(daemonPrefix(id, config)).toBe(prefix);
  });
});

test('the agents are those that the schema accepts', () => {
  const db = new Database(':memory:');
  applyMigrations(db, MIGRATIONS);
  const stored =
    db.query<{ sql: string }, []>("SELECT sql FROM sqlite_master WHERE name = 'sessions'").get()?.sql ?? '';
  db.close();
  const names = /harness IN \('', ([^)]*)\)/.exec(stored)?.[1];
  expect(names).toBe(HARNESSES.map((name) => `'${name}'`).join(', '));
});
