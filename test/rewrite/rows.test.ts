import type { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Plan } from '../../src/contracts/plan';
import { closeDatabase, openDatabase } from '../../src/rewrite/connection';
import {
  describeDifference,
  type Inserted,
  insertRows,
  plannedRows,
  type RowSet,
  verifyRows,
} from '../../src/rewrite/rows';
import { emptyHome, type Home } from '../support/home';
import { synthDatabase } from '../support/synth-db';
import { orchestratorRows, projectRow, sessionRow } from '../support/target-rows';

let home: Home;
let db: Database;
beforeEach(() => {
  home = emptyHome();
  const file = join(home.path, 'ao.db');
  synthDatabase(file, 82);
  db = openDatabase(file);
});
afterEach(() => {
  closeDatabase(db);
  home.remove();
});

const all = (sql: string): unknown[] => db.query(sql).all();
const ids = ({ rows }: Inserted): string[][] => [
  rows.projects.map(({ id }) => id),
  rows.orchestrators.map(({ session }) => session.id),
];

function inserted(rows: Partial<RowSet>): Inserted {
  db.run('BEGIN');
  const result = insertRows(db, { projects: [], orchestrators: [], ...rows });
  db.run('COMMIT');
  return result;
}

const alpha = projectRow('alpha');
const beta = projectRow('beta');

describe('inserting', () => {
  test('rows arrive with every value and type, what is not ours has its default', () => {
    const orchestrator = orchestratorRows('alpha');
    const result = inserted({ projects: [alpha], orchestrators: [orchestrator] });
    expect(result.failures).toEqual([]);
    expect(all('SELECT * FROM projects')).toEqual([
      {
        ...alpha,
        archived_at: null,
        config: '{"sessionPrefix":"al","worker":{"agent":"codex"},"orchestrator":{"agent":"claude-code"}}',
      },
    ]);
    expect(all('SELECT * FROM sessions')).toEqual([
      expect.objectContaining({
        ...orchestrator.session,
        issue_id: '',
        session_mode: 'tui',
        is_pinned: 0,
        pinned_at: null,
      }),
    ]);
    expect(all('SELECT * FROM session_worktrees')).toEqual([{ ...orchestrator.marker }]);
  });

  test('the change_log rows of the triggers are told', () => {
    db.run("INSERT INTO projects (id, path, registered_at) VALUES ('old', '/old', '2026-01-01')");
    db.run(`INSERT INTO sessions (id, project_id, num, activity_last_at, created_at, updated_at)
            VALUES ('old-1', 'old', 1, '2026-01-01', '2026-01-01', '2026-01-01')`);
    const { changes } = inserted({
      projects: [alpha, beta],
      orchestrators: [orchestratorRows('alpha'), { session: sessionRow('beta'), marker: null }],
    });
    expect(changes).toEqual([
      { seq: 2, sessionId: 'al-orchestrator' },
      { seq: 3, sessionId: 'be-orchestrator' },
    ]);
    expect(all('SELECT created_at FROM change_log WHERE seq = 3')).toEqual([
      { created_at: sessionRow('beta').updated_at },
    ]);
  });

  test('a row that is there is never changed, and the others go in', () => {
    inserted({ projects: [alpha], orchestrators: [orchestratorRows('alpha')] });
    const before = [
      all('SELECT * FROM projects'),
      all('SELECT * FROM sessions'),
      all('SELECT * FROM session_worktrees'),
    ];
    const result = inserted({
      projects: [projectRow('alpha', { path: '/other' }), beta],
      orchestrators: [orchestratorRows('alpha', { branch: 'other' }), orchestratorRows('beta')],
    });
    expect(ids(result)).toEqual([['beta'], ['be-orchestrator']]);
    expect(result.failures).toEqual([
      { kind: 'project', id: 'alpha', reason: expect.stringContaining('UNIQUE constraint failed: projects.id') },
      {
        kind: 'orchestrator',
        id: 'al-orchestrator',
        reason: expect.stringContaining('UNIQUE constraint failed: sessions.'),
      },
    ]);
    expect([
      all("SELECT * FROM projects WHERE id = 'alpha'"),
      all("SELECT * FROM sessions WHERE project_id = 'alpha'"),
      all("SELECT * FROM session_worktrees WHERE session_id = 'al-orchestrator'"),
    ]).toEqual(before);
  });

  test('one prefix for two projects: the second id does not go in, its project does', () => {
    const same = { id: 'xx-orchestrator' };
    const result = inserted({
      projects: [alpha, beta],
      orchestrators: [orchestratorRows('alpha', same), orchestratorRows('beta', same)],
    });
    expect(ids(result)).toEqual([['alpha', 'beta'], ['xx-orchestrator']]);
    expect(all('SELECT project_id FROM sessions')).toEqual([{ project_id: 'alpha' }]);
  });

  test('number 0 taken under another id', () => {
    inserted({ projects: [alpha], orchestrators: [orchestratorRows('alpha', { id: 'older' })] });
    const { failures } = inserted({ orchestrators: [orchestratorRows('alpha')] });
    expect(failures.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('sessions.project_id, sessions.num'),
    ]);
  });

  test('a marker that does not go in takes its session back, with its change', () => {
    db.run("CREATE TRIGGER no_marker BEFORE INSERT ON session_worktrees BEGIN SELECT RAISE(ABORT, 'no marker'); END");
    const { failures, changes } = inserted({
      projects: [alpha, beta],
      orchestrators: [orchestratorRows('alpha'), { session: sessionRow('beta'), marker: null }],
    });
    expect(failures).toEqual([{ kind: 'orchestrator', id: 'al-orchestrator', reason: 'no marker' }]);
    expect(all('SELECT id FROM sessions')).toEqual([{ id: 'be-orchestrator' }]);
    expect(changes.map(({ sessionId }) => sessionId)).toEqual(['be-orchestrator']);
  });

  test('an orchestrator without its project does not go in', () => {
    const { failures } = inserted({ orchestrators: [orchestratorRows('alpha')] });
    expect(failures.map(({ reason }) => reason)).toEqual([expect.stringContaining('FOREIGN KEY')]);
  });

  test('a fault of the database itself is no fault of the row', () => {
    db.run('PRAGMA max_page_count = 1');
    db.run('BEGIN');
    const big = projectRow('big', { display_name: 'x'.repeat(2_000_000) });
    expect(() => insertRows(db, { projects: [big], orchestrators: [] })).toThrow('full');
    if (db.inTransaction) db.run('ROLLBACK');
    expect(all('SELECT id FROM projects')).toEqual([]);
  });

  test('text of every kind', () => {
    const odd = projectRow('odd', { display_name: 'a\u0000b\u2028é😀\ud800', path: '0123', repo_origin_url: '1e5' });
    const { rows, failures } = inserted({ projects: [odd] });
    expect(failures).toEqual([]);
    expect(all('SELECT display_name, typeof(path) AS t FROM projects')).toEqual([
      { display_name: 'a\u0000b\u2028é😀\ufffd', t: 'text' },
    ]);
    expect(verifyRows(db, rows)).toEqual([]);
  });
});

describe('comparing', () => {
  const rows: RowSet = {
    projects: [alpha, beta],
    orchestrators: [orchestratorRows('alpha'), { session: sessionRow('beta'), marker: null }],
  };

  test('what was written is found', () => {
    inserted(rows);
    expect(verifyRows(db, rows)).toEqual([]);
  });

  const SESSION_COLUMNS = Object.keys({ ...sessionRow('alpha'), issue_id: '' }).filter(
    (name) => !['id', 'project_id', 'kind', 'harness', 'activity_state'].includes(name),
  );
  test.each([
    ...['path', 'repo_origin_url', 'display_name', 'registered_at', 'archived_at', 'config'].map(
      (name) => ['projects', 'alpha', name] as const,
    ),
    ...SESSION_COLUMNS.map((name) => ['sessions', 'al-orchestrator', name] as const),
  ])('another value in %s, %s: %s', (table, id, column) => {
    inserted(rows);
    db.run(`UPDATE ${table} SET ${column} = 77 WHERE id = '${id}'`);
    expect(verifyRows(db, rows)).toEqual([{ table, id, columns: [column] }]);
  });

  test.each([
    ['projects', 'alpha', 'kind', "'workspace'"],
    ['sessions', 'al-orchestrator', 'kind', "'worker'"],
    ['sessions', 'al-orchestrator', 'harness', "'codex'"],
    ['sessions', 'al-orchestrator', 'activity_state', "'idle'"],
    ['sessions', 'al-orchestrator', 'project_id', "'beta'"],
    ['sessions', 'al-orchestrator', 'is_terminated', '0'],
    ['sessions', 'al-orchestrator', 'first_signal_at', 'NULL'],
    ['sessions', 'al-orchestrator', 'prompt', "x''"],
    ['sessions', 'al-orchestrator', 'is_terminated', '1.5'],
  ] as const)('%s, %s: %s = %s', (table, id, column, value) => {
    inserted({ ...rows, orchestrators: rows.orchestrators.slice(0, 1) });
    db.run(`UPDATE ${table} SET ${column} = ${value} WHERE id = '${id}'`);
    expect(verifyRows(db, { ...rows, orchestrators: rows.orchestrators.slice(0, 1) })).toEqual([
      { table, id, columns: [column] },
    ]);
  });

  test.each(['repo_name', 'branch', 'base_sha', 'worktree_path', 'preserved_ref'])(
    'another value in the marker: %s',
    (column) => {
      inserted(rows);
      db.run(`UPDATE session_worktrees SET ${column} = 'x'`);
      expect(verifyRows(db, rows)).toEqual([{ table: 'session_worktrees', id: 'al-orchestrator', columns: [column] }]);
    },
  );

  test('rows that are missing, and a marker too many', () => {
    inserted(rows);
    db.run("UPDATE session_worktrees SET session_id = 'be-orchestrator'");
    const differences = verifyRows(db, { ...rows, projects: [...rows.projects, projectRow('gamma')] });
    expect(differences).toEqual([
      { table: 'projects', id: 'gamma', columns: [] },
      { table: 'session_worktrees', id: 'al-orchestrator', columns: [] },
      { table: 'session_worktrees', id: 'be-orchestrator', columns: [] },
    ]);
  });

  test('in words, without a value', () => {
    expect(describeDifference({ table: 'projects', id: 'alpha', columns: ['config', 'path'] })).toBe(
      'projects alpha: config, path differ',
    );
    expect(describeDifference({ table: 'projects', id: 'alpha', columns: [] })).toBe(
      'projects alpha: not as many rows as written',
    );
  });
});

test('only what the plan creates is written', () => {
  const session = sessionRow('alpha');
  const other = sessionRow('beta');
  const plan: Pick<Plan, 'projects' | 'orchestrators'> = {
    projects: [
      { id: 'alpha', outcome: 'created', row: alpha, provenance: {} },
      { id: 'beta', outcome: 'differs', row: beta, provenance: {} },
      { id: 'gone', outcome: 'skipped', row: null, provenance: {} },
    ],
    orchestrators: [
      {
        id: session.id,
        projectId: 'alpha',
        outcome: 'created',
        row: session,
        marker: null,
        copy: null,
        record: '/r',
        provenance: {},
        later: false,
      },
      {
        id: other.id,
        projectId: 'beta',
        outcome: 'skipped',
        row: null,
        marker: null,
        copy: null,
        record: '/r',
        provenance: {},
        later: true,
      },
    ],
  };
  expect(plannedRows(plan)).toEqual({ projects: [alpha], orchestrators: [{ session, marker: null }] });
});
