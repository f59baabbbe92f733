import { describe, expect, test } from 'bun:test';
import * as v from 'valibot';
import { COMMANDS, type CommandName } from '../../src/cli/arguments';
import { unexpectedFailure, usageFailure } from '../../src/cli/failure';
import { gate } from '../../src/cli/gate';
import { RollbackDocumentSchema } from '../../src/report/rollback-schema';
import { MigrateDocumentSchema, SchemaDocumentSchema } from '../../src/report/schema';
import { terminalOf } from '../../src/report/terminal';
import { documentIn } from '../support/documents';

const tool = { version: '1.2.3', sourceCommit: null, sqliteVersion: '3.46.0' };
const terminal = terminalOf({ env: {}, platform: 'linux', isTTY: false, columns: 80, color: 'never' });

function usage(argv: readonly string[]) {
  const request = gate(argv);
  if (request.kind !== 'usage') throw new Error('not a usage error');
  return usageFailure(request, terminal, tool);
}

describe('a usage error', () => {
  test('for a person: what is wrong and what was meant, on stderr only', () => {
    expect(usage(['--dry-rum'])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'Unknown flag "--dry-rum".\nDid you mean --dry-run?\n',
    });
  });

  test('with --json: the document of the command, counts and versions zero', () => {
    const document: unknown = JSON.parse(usage(['--json', '--dry-rum']).stdout);
    expect(v.parse(MigrateDocumentSchema, document)).toMatchObject({
      status: 'usage',
      schemaVersion: 0,
      dbCreated: false,
      projects: { created: 0, skipped: 0, failed: 0 },
      orchestrators: { created: 0, skipped: 0, failed: 0, relocatedTranscripts: 0 },
      refusal: { code: 'USAGE', message: 'Unknown flag "--dry-rum".', hint: 'Did you mean --dry-run?' },
      sqliteVersion: '3.46.0',
    });
    const schema: unknown = JSON.parse(usage(['schema', '--json', '--dry-run']).stdout);
    expect(v.parse(SchemaDocumentSchema, schema)).toMatchObject({ status: 'usage', refusal: { code: 'USAGE' } });
    const rollback: unknown = JSON.parse(usage(['rollback', '--json', '--only-live']).stdout);
    expect(v.parse(RollbackDocumentSchema, rollback)).toMatchObject({ status: 'usage', refusal: { code: 'USAGE' } });
  });
});

describe('an unexpected error', () => {
  const context = { terminal, home: '/home/jo', verbose: false, rollbackCommand: null };
  const crash = { reference: 'cafe', file: '/tmp/ao-migrate-cafe.txt', summary: 'TypeError: x' };

  test('is one line with a reference and the place of the details, exit code 1', () => {
    expect(unexpectedFailure(crash, 'migrate', false, context, tool)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'ao-migrate met an unexpected error, reference cafe; details: /tmp/ao-migrate-cafe.txt\n',
    });
    const lost = unexpectedFailure({ ...crash, file: null }, 'migrate', false, context, tool);
    expect(lost.stderr).toBe('ao-migrate met an unexpected error, reference cafe; the details could not be kept\n');
  });

  test("is the command's own document with --json, for every command", () => {
    for (const command of Object.keys(COMMANDS) as CommandName[]) {
      const { stdout } = unexpectedFailure(crash, command, true, context, tool);
      const document = documentIn({ stdout, stderr: '' });
      expect(document).toMatchObject({ command, status: 'failed', refusal: { code: 'UNEXPECTED' } });
    }
  });
});
