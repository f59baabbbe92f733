import { describe, expect, test } from 'bun:test';
import * as v from 'valibot';
import type { MigrateOutcome, MigrateStatus } from '../../src/contracts/outcome';
import { aboutDocument, jsonText, migrateDocument } from '../../src/report/document';
import { AboutDocumentSchema, DOCUMENT_SCHEMAS, MigrateDocumentSchema } from '../../src/report/schema';
import { fullPlan, outcome, plan } from './samples';

const tool = { version: '1.2.3', sourceCommit: 'abc', sqliteVersion: '3.46.0' };
const document = (difference: Partial<MigrateOutcome> = {}) => migrateDocument(outcome(difference), tool);

describe('the locked keys', () => {
  test.each(Object.entries(DOCUMENT_SCHEMAS))('are demanded of the document of %s', (_, schema) => {
    const { issues = [] } = v.safeParse(schema, {});
    const missing = issues.flatMap(({ path }) => path?.map(({ key }) => key) ?? []);
    expect(missing).toEqual(expect.arrayContaining(['dbCreated', 'schemaVersion', 'projects', 'orchestrators']));
  });

  test('are all there, with numbers', () => {
    expect(document({ plan: fullPlan(), status: 'partial', relocated: 2 })).toMatchObject({
      dbCreated: true,
      schemaVersion: 12,
      projects: { created: 2, skipped: 4, failed: 0 },
      orchestrators: { created: 3, skipped: 1, failed: 1, relocatedTranscripts: 2 },
    });
  });

  test('skipped counts every other project and every orchestrator found; conversations count nowhere', () => {
    const outcomes = ['created', 'identical', 'differs', 'conflict', 'skipped', 'failed'] as const;
    const items = (['project', 'orchestrator', 'conversation'] as const).flatMap((kind) =>
      outcomes.map((one) => ({ kind, id: one, outcome: one })),
    );
    expect(document({ items })).toMatchObject({
      projects: { created: 1, skipped: 4, failed: 1 },
      orchestrators: { created: 1, skipped: 4, failed: 1 },
    });
  });

  test('of a dry run: what would be inserted and made, and no conversation put in place', () => {
    expect(document({ dryRun: true, status: 'planned', relocated: 1 })).toMatchObject({
      dryRun: true,
      dbCreated: true,
      schemaVersion: 12,
      projects: { created: 2, skipped: 0 },
      orchestrators: { created: 1, relocatedTranscripts: 0 },
    });
  });

  test.each(['declined', 'interrupted', 'failed', 'put-back', 'refused'] as const)(
    '%s: nothing was created',
    (status) => {
      const found = document({ status });
      expect(found).toMatchObject({
        dbCreated: false,
        projects: { created: 0, skipped: 2, failed: 0 },
        orchestrators: { created: 0, skipped: 1, failed: 0, relocatedTranscripts: 0 },
      });
      expect(found.items.map((item) => item.outcome)).not.toContain('created');
    },
  );

  test('schemaVersion is 0 if refused or on a usage error, in a dry run too, and else what the outcome says', () => {
    expect(document({ status: 'refused', schemaVersion: 19 }).schemaVersion).toBe(0);
    expect(document({ status: 'refused', schemaVersion: 19, dryRun: true }).schemaVersion).toBe(0);
    expect(document({ status: 'usage', schemaVersion: 19 }).schemaVersion).toBe(0);
    expect(document({ status: 'declined', schemaVersion: 19 }).schemaVersion).toBe(19);
    expect(document({ status: 'nothing-to-migrate', schemaVersion: 0 }).schemaVersion).toBe(0);
  });

  test('a refused dry run shows the whole plan beside the refusal', () => {
    const refusal = { code: 'LEGACY_ACTIVE', message: 'm', hint: 'h' } as const;
    expect(document({ status: 'refused', dryRun: true, refusal })).toMatchObject({
      projects: { created: 2, skipped: 0 },
      refusal,
    });
  });
});

describe('the document', () => {
  test('has exactly these keys', () => {
    expect(Object.keys(document())).toEqual(
      [
        ['formatVersion', 'tool', 'version', 'command', 'status', 'dryRun', 'runId', 'planHash', 'dbCreated'],
        ['schemaVersion', 'projects', 'orchestrators', 'refusal', 'items', 'notes', 'backup', 'receipt', 'timing'],
        ['sqliteVersion'],
      ].flat(),
    );
    expect(Object.keys(document().projects)).toEqual(['created', 'skipped', 'failed']);
    expect(Object.keys(document().orchestrators)).toEqual(['created', 'skipped', 'failed', 'relocatedTranscripts']);
  });

  test('fits its schema in every status', () => {
    const statuses: readonly MigrateStatus[] = [
      ...(['migrated', 'partial', 'already-migrated', 'nothing-to-migrate', 'planned', 'declined'] as const),
      ...(['refused', 'usage', 'failed', 'put-back', 'interrupted'] as const),
    ];
    for (const status of statuses) {
      for (const planned of [null, plan(), fullPlan()]) {
        const timing = { read: 1.5, plan: 0 };
        const text = jsonText(document({ status, plan: planned, timing, runId: null, planHash: null, backup: null }));
        expect(v.safeParse(MigrateDocumentSchema, JSON.parse(text)).success).toBe(true);
      }
    }
  });

  test('carries items and notes with their own keys only', () => {
    const extra = { env: 'hunter2' };
    const found = document({
      items: [{ kind: 'project', id: 'a', outcome: 'differs', fields: ['config'], reason: 'r', ...extra }],
      notes: [
        { code: 'PATH_MISSING', severity: 'warn', message: 'm', file: 'f', line: 1, column: 2, id: 'a', ...extra },
      ],
    });
    expect(found.items).toEqual([{ kind: 'project', id: 'a', outcome: 'differs', reason: 'r', fields: ['config'] }]);
    expect(found.notes).toEqual([
      { code: 'PATH_MISSING', severity: 'warn', id: 'a', message: 'm', file: 'f', line: 1, column: 2 },
    ]);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  test('holds no prompt, rules or env of the plan', () => {
    expect(jsonText(document({ plan: fullPlan() }))).not.toContain('must not be shown');
  });

  test('of a postinstall names it', () => {
    expect(migrateDocument(outcome(), tool, 'postinstall').command).toBe('postinstall');
  });
});

describe('the schema', () => {
  const good = document({ plan: fullPlan() });
  test.each([
    { status: 'done' },
    { formatVersion: 2 },
    { schemaVersion: 1.5 },
    { schemaVersion: -1 },
    { dbCreated: 'yes' },
    { projects: { created: 1, skipped: 0 } },
    { refusal: { code: 'X' } },
    { items: [{ kind: 'thing', id: 'a', outcome: 'created' }] },
    { notes: [{ code: 'X', severity: 'bad', message: '' }] },
  ])('refuses %j', (difference) => {
    expect(v.safeParse(MigrateDocumentSchema, good).success).toBe(true);
    expect(v.safeParse(MigrateDocumentSchema, { ...good, ...difference }).success).toBe(false);
  });
  test('every key is needed, and more may come', () => {
    for (const key of Object.keys(good)) {
      const { [key as keyof typeof good]: _, ...rest } = good;
      expect(v.safeParse(MigrateDocumentSchema, rest).success).toBe(false);
    }
    expect(v.safeParse(MigrateDocumentSchema, { ...good, later: 1 }).success).toBe(true);
  });
});

test('help and version have a document of their own', () => {
  for (const one of [aboutDocument('version', null, tool), aboutDocument('help', 'text', tool)]) {
    expect(v.safeParse(AboutDocumentSchema, one).success).toBe(true);
  }
});

describe('jsonText', () => {
  test('is one object and a newline', () => {
    const text = jsonText({ a: [1], b: null });
    expect(text).toEndWith('}\n');
    expect(JSON.parse(text)).toEqual({ a: [1], b: null });
  });
  test('holds nothing that a terminal obeys, and the value stays the same', () => {
    const value = { name: 'a\u001b[2J\u009b\u007f\u202eb\u2028\ufeff\ud800é日🎉' };
    const text = jsonText(value);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\ufeff]/);
    expect(text).toContain('é日🎉');
    expect(JSON.parse(text)).toEqual(value);
  });
});
