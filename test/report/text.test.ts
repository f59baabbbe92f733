import { describe, expect, test } from 'bun:test';
import type { MigrateOutcome } from '../../src/contracts/outcome';
import { UsageError } from '../../src/contracts/refusals';
import { planText, questionText } from '../../src/report/plan-text';
import { resultText, unexpectedText, usageText } from '../../src/report/result-text';
import { plannedItems } from '../../src/report/status';
import { context, fullPlan, HOME, orchestrator, outcome, plan, project, terminal } from './samples';

const backup = `${HOME}/.ao/backups/legacy-20260501-100000`;
const refusal = {
  code: 'DAEMON_RUNNING',
  message: 'The new daemon is running (pid 4711).',
  hint: 'Quit the app and stop the daemon, then run again.',
} as const;

const CASES: Readonly<Record<string, Partial<MigrateOutcome>>> = {
  migrated: {},
  partial: { plan: fullPlan(), status: 'partial', exitCode: 1 },
  'partial, nothing inserted': { plan: plan({ projects: [], orchestrators: [] }), status: 'partial', backup: null },
  'already-migrated': {
    plan: plan({ projects: [project('api', { outcome: 'identical' })], orchestrators: [] }),
    status: 'already-migrated',
    backup: null,
    receipt: null,
  },
  'nothing-to-migrate': {
    plan: plan({ projects: [], orchestrators: [], schemaVersion: 0 }),
    status: 'nothing-to-migrate',
    backup: null,
    receipt: null,
  },
  planned: { plan: fullPlan(), status: 'planned', dryRun: true },
  'refused dry run': { status: 'refused', dryRun: true, exitCode: 3, refusal },
  declined: { status: 'declined', exitCode: 2 },
  refused: { status: 'refused', exitCode: 3, refusal, plan: null },
  failed: { status: 'failed', exitCode: 1, plan: null },
  'put-back': { status: 'put-back', exitCode: 5 },
  interrupted: { status: 'interrupted', exitCode: 130 },
  timing: { timing: { read: 12.345, apply: 3 } },
};

describe('the plan', () => {
  test.each([80, 40])('at %d columns', (columns) =>
    expect(planText(fullPlan(), context({ terminal: terminal(columns) }), { backup })).toMatchSnapshot(),
  );
  test('without UTF-8 and with colour', () => {
    expect(planText(fullPlan(), context({ terminal: terminal(80, { locale: 'C' }) }))).toMatchSnapshot();
    expect(planText(fullPlan(), context({ terminal: terminal(80, { color: 'always' }) }))).toMatchSnapshot();
  });
  test('verbose tells every note and every project', () => {
    const text = planText(fullPlan(), context({ verbose: true }));
    expect(text).toContain('g: branch g is gone');
    expect(text).toMatch(/= docs +already there/);
  });
  test('says whether there will be a backup, if it knows', () => {
    expect(planText(plan(), context())).not.toContain('Backup');
    expect(planText(plan(), context(), { backup: null })).toMatch(/Backup +none/);
    expect(planText(plan(), context(), { backup })).toMatch(/Backup +~\/\.ao\/backups\/legacy-20260501-100000/);
  });
  test('a conversation too large to count says so', () => {
    const large = plan({ orchestrators: [orchestrator('api', {}, { size: 2e9, messages: null })] });
    expect(planText(large, context())).toMatch(/messages not counted,\s+2\.0 GB/);
  });
  test('two projects with one id: the one that is created keeps its path', () => {
    const twice = plan({ projects: [project('a'), project('a', { outcome: 'conflict', row: null, reason: 'why' })] });
    expect(planText(twice, context())).toMatch(/\+ a +~\/src\/a\n +! a +conflict: why\n/);
  });
});

describe('the question', () => {
  test('counts what will be inserted', () => {
    expect(questionText(plannedItems(fullPlan()))).toBe('Migrate 2 projects and 3 orchestrators?');
    expect(questionText(plannedItems(plan({ projects: [project('a')] })))).toBe(
      'Migrate 1 project and 1 orchestrator?',
    );
    expect(questionText(plannedItems(plan({ orchestrators: [] })))).toBe('Migrate 2 projects and 0 orchestrators?');
  });
});

describe('the result', () => {
  test('says of copies what they hold and where their list is, if it made any', () => {
    const copies = (copy: Parameters<typeof orchestrator>[2], more: Partial<MigrateOutcome> = {}) => {
      const text = resultText(
        outcome({ plan: plan({ orchestrators: [orchestrator('api', {}, copy)] }), ...more }),
        context(),
      );
      return /^Copies +(.*?)\n\n/ms.exec(text)?.[1]?.replaceAll(/\s+/g, ' ') ?? null;
    };
    const list = 'hold what the conversations hold, secrets too; the receipt lists them.';
    expect(copies({ harness: 'codex' })).toBe(list);
    expect(copies({ harness: 'claude-code' })).toBe(
      `${list} From other folders \`claude --resume\` does not find their ids.`,
    );
    expect(copies({ destination: 'in-place' })).toBeNull();
    expect(copies({}, { status: 'put-back' })).toBeNull();
    expect(copies({}, { receipt: null })).toBeNull();
  });

  for (const [name, difference] of Object.entries(CASES)) {
    test(name, () => expect(resultText(outcome(difference), context())).toMatchSnapshot());
  }

  test('speaks of the same things in the words of the plan', () => {
    const before = planText(fullPlan(), context());
    const after = resultText(outcome({ plan: fullPlan(), status: 'partial' }), context());
    const lines = before.split('\n').filter((line) => /^ {2}\S/.test(line));
    expect(lines.length).toBeGreaterThan(12);
    for (const line of lines) expect(after).toContain(line);
  });

  test('does not repeat the notes of a plan that was shown, but tells new ones', () => {
    const planned = fullPlan();
    const fresh = { code: 'ROW_FAILED', severity: 'warn', id: 'web', message: 'disk full' } as const;
    const text = resultText(outcome({ plan: planned, notes: [...planned.notes, fresh] }), context(), {
      planShown: true,
    });
    expect(text).toContain('web: disk full');
    expect(text).not.toContain('no conversation was found');
  });

  test('says of a failure whether anything had begun', () => {
    const failed = (plan: null | undefined) =>
      resultText(outcome({ status: 'failed', exitCode: 1, ...(plan === null ? { plan } : {}) }), context());
    expect(failed(null)).toContain('before the first change');
    expect(failed(undefined)).toContain('not everything could be put back');
  });

  test('names the way back once there is one, and only if something was inserted', () => {
    const rollbackCommand = 'ao-migrate rollback';
    expect(resultText(outcome(), context())).not.toContain('rollback');
    expect(resultText(outcome(), context({ rollbackCommand }))).toMatch(
      /ao-migrate rollback undoes this\s+migration\./,
    );
    expect(resultText(outcome({ status: 'put-back' }), context({ rollbackCommand }))).not.toContain('rollback');
  });

  test('says that orchestrators are resumed only if one is', () => {
    expect(resultText(outcome(), context())).toContain('it resumes the orchestrators');
    const manual = plan({ orchestrators: [orchestrator('api', { marker: null })] });
    expect(resultText(outcome({ plan: manual }), context())).not.toContain('it resumes');
  });

  test('tells a missing store from one without projects', () => {
    const nothing = outcome(CASES['nothing-to-migrate']);
    expect(resultText(nothing, context(), { storeExists: false })).toContain('there is no old store at');
    expect(resultText(nothing, context(), { storeExists: true })).toContain('there is no project in');
  });
});

describe('in every case', () => {
  test('no line is wider than the terminal, none ends in a space', () => {
    for (const columns of [80, 40, 20]) {
      for (const difference of Object.values(CASES)) {
        const text = resultText(outcome(difference), context({ terminal: terminal(columns) }));
        for (const line of text.split('\n')) {
          expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
          expect(line).not.toEndWith(' ');
        }
        expect(text).toEndWith('\n');
      }
    }
  });

  test('no brace is needed to tell it, no prompt is in it', () => {
    for (const difference of Object.values(CASES)) {
      const text = resultText(outcome(difference), context({ verbose: true }));
      expect(text).not.toMatch(/[{}]/);
      expect(text).not.toContain('must not be shown');
    }
  });

  test('names from the store are never printed raw', () => {
    const evil = 'x\u001b[2J\u202e\ny';
    const row = project('a').row;
    const session = orchestrator('a');
    if (row === null || session.row === null) throw new Error('a sample has a row');
    const planned = plan({
      projects: [
        project(evil, { row: { ...row, id: evil, display_name: evil, path: `/srv/${evil}` } }),
        project('b', { outcome: 'skipped', row: null, reason: evil }),
        project('c', { outcome: 'differs', fields: [evil] }),
      ],
      orchestrators: [{ ...session, id: evil, row: { ...session.row, id: evil, project_id: evil, branch: evil } }],
      notes: [{ code: 'PATH_MISSING', severity: 'warn', id: evil, message: evil, file: `/srv/${evil}` }],
      legacyRoot: `/${evil}`,
      database: `/${evil}/ao.db`,
    });
    const all = [
      planText(planned, context(), { backup: `/${evil}` }),
      resultText(
        outcome({
          plan: planned,
          backup: `/${evil}`,
          receipt: evil,
          refusal: { ...refusal, message: evil, hint: evil },
        }),
        context(),
      ),
      usageText(new UsageError(evil, evil), terminal()),
      unexpectedText('cafe', `/tmp/${evil}`, context()),
    ];
    for (const text of all) {
      expect(text).toContain('x\\x1b[2J\\u202e\\ny');
      expect(text).not.toMatch(/[\u001b\u202e]/);
    }
  });

  test('a terminal without UTF-8 gets ASCII', () => {
    const row = project('a').row;
    if (row === null) throw new Error('a sample has a row');
    const planned = plan({ projects: [project('a', { row: { ...row, display_name: 'Ärger 日' } })] });
    const text = resultText(outcome({ plan: planned }), context({ terminal: terminal(80, { locale: 'C' }) }));
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  });
});
