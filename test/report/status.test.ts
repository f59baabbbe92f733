import { describe, expect, test } from 'bun:test';
import type { Item } from '../../src/contracts/outcome';
import type { Outcome } from '../../src/contracts/plan';
import { exitCodeOf, type Judged, plannedItems, settledItems, statusOf } from '../../src/report/status';
import { orchestrator, plan, project, WITHOUT_ROW } from './samples';

const item = (kind: Item['kind'], outcome: Outcome): Item => ({ kind, id: kind, outcome });

function judged(difference: Partial<Judged>): Judged {
  return { ending: 'completed', dryRun: false, items: [], plan: null, ...difference };
}

const laterPlan = plan({
  orchestrators: [orchestrator('api', { ...WITHOUT_ROW, outcome: 'skipped', later: true })],
});

describe('statusOf: the first that applies', () => {
  test.each(['refused', 'usage', 'declined', 'interrupted', 'failed', 'put-back'] as const)(
    '%s before all',
    (ending) => {
      const everything = [item('project', 'created'), item('orchestrator', 'failed')];
      expect(statusOf(judged({ ending, items: everything, plan: laterPlan }))).toBe(ending);
      expect(statusOf(judged({ ending, items: everything, dryRun: true }))).toBe(ending);
    },
  );

  test('partial: something failed', () => {
    for (const kind of ['project', 'orchestrator', 'conversation'] as const) {
      expect(statusOf(judged({ items: [item('project', 'created'), item(kind, 'failed')] }))).toBe('partial');
    }
  });
  test('partial: an orchestrator whose conversation cannot be placed now, from the plan or found later', () => {
    expect(statusOf(judged({ items: [item('project', 'created')], plan: laterPlan }))).toBe('partial');
    expect(statusOf(judged({ items: [item('project', 'identical')], plan: laterPlan }))).toBe('partial');
    expect(statusOf(judged({ items: [item('project', 'created')], plan: plan(), postponed: ['api'] }))).toBe('partial');
  });
  test('partial: records of a project that nobody names, even if that is all there is', () => {
    const notes = [{ code: 'PROJECT_UNKNOWN', severity: 'warn', message: 'x' }] as const;
    expect(statusOf(judged({ plan: plan({ notes }) }))).toBe('partial');
  });
  test('an orchestrator that is skipped for another reason is not partial', () => {
    const items = [item('project', 'created'), item('orchestrator', 'skipped'), item('orchestrator', 'conflict')];
    expect(statusOf(judged({ items, plan: plan() }))).toBe('migrated');
  });

  test('migrated: a row was inserted, of either kind', () => {
    expect(statusOf(judged({ items: [item('project', 'created')] }))).toBe('migrated');
    expect(statusOf(judged({ items: [item('project', 'differs'), item('orchestrator', 'created')] }))).toBe('migrated');
  });
  test('nothing-to-migrate: no project', () => expect(statusOf(judged({}))).toBe('nothing-to-migrate'));
  test('already-migrated: projects, and nothing was inserted', () => {
    for (const outcome of ['identical', 'differs', 'conflict', 'skipped'] as const) {
      expect(statusOf(judged({ items: [item('project', outcome)] }))).toBe('already-migrated');
    }
  });

  test('planned: a dry run that would insert a row, whatever else is in it', () => {
    const items = [item('project', 'created'), item('orchestrator', 'skipped')];
    expect(statusOf(judged({ dryRun: true, items, plan: laterPlan }))).toBe('planned');
  });
  test('a dry run that would insert nothing has the status of the real run', () => {
    expect(statusOf(judged({ dryRun: true }))).toBe('nothing-to-migrate');
    expect(statusOf(judged({ dryRun: true, items: [item('project', 'identical')] }))).toBe('already-migrated');
    expect(statusOf(judged({ dryRun: true, items: [item('project', 'identical')], plan: laterPlan }))).toBe('partial');
  });
});

describe('exitCodeOf', () => {
  const failed = [item('orchestrator', 'failed')];
  test.each([
    ['migrated', 0],
    ['partial', 0],
    ['already-migrated', 0],
    ['nothing-to-migrate', 0],
    ['planned', 0],
    ['declined', 2],
    ['usage', 2],
    ['refused', 3],
    ['failed', 1],
    ['put-back', 5],
    ['interrupted', 130],
  ] as const)('%s is %d', (status, code) => expect(exitCodeOf(status, [])).toBe(code));
  test('only a failed item makes 1', () => {
    expect(exitCodeOf('partial', failed)).toBe(1);
    expect(exitCodeOf('partial', [item('orchestrator', 'skipped')])).toBe(0);
    expect(exitCodeOf('refused', failed)).toBe(3);
  });
  test('the signal decides on the code of an interrupt', () => expect(exitCodeOf('interrupted', [], 143)).toBe(143));
});

describe('settledItems', () => {
  const items = [item('project', 'created'), item('project', 'identical'), item('orchestrator', 'failed')];
  test.each(['declined', 'refused', 'interrupted', 'failed', 'put-back'] as const)('%s created nothing', (status) => {
    const settled = settledItems({ status, dryRun: false, items });
    expect(settled.map(({ outcome }) => outcome)).toEqual(['skipped', 'identical', 'failed']);
    expect(settled[0]?.reason).toBeString();
  });
  test('a refused dry run still shows its plan', () => {
    expect(settledItems({ status: 'refused', dryRun: true, items })).toEqual(items);
  });
  test.each(['migrated', 'partial', 'planned'] as const)('%s keeps its items', (status) => {
    expect(settledItems({ status, dryRun: false, items })).toEqual(items);
  });
});

test('plannedItems: projects, then orchestrators, with reason and fields only where there are any', () => {
  const planned = plan({
    projects: [project('b'), project('a', { outcome: 'differs', fields: ['config'] })],
    orchestrators: [orchestrator('b', { ...WITHOUT_ROW, outcome: 'skipped', reason: 'why' })],
  });
  expect(plannedItems(planned)).toEqual([
    { kind: 'project', id: 'b', outcome: 'created' },
    { kind: 'project', id: 'a', outcome: 'differs', fields: ['config'] },
    { kind: 'orchestrator', id: 'b-orchestrator', outcome: 'skipped', reason: 'why' },
  ]);
});
