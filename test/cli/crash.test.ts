import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';
import { recordCrash } from '../../src/cli/crash';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'crash-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let serial = 0;
function record(error: unknown, tempDir = folder, id?: string) {
  serial++;
  const reference = id ?? serial.toString(16).padStart(8, '0');
  return recordCrash(error, {
    machine: {
      home: '/home/jo',
      tempDir,
      platform: 'linux',
      now: () => new Date('2026-01-02T03:04:05Z'),
      randomHex: () => reference,
    },
    command: 'migrate',
    version: '1.2.3',
    sourceCommit: 'abcdef',
  });
}

function thrown(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('recordCrash', () => {
  test('writes a private file with reference, version and frames', () => {
    const { reference, file } = record(new TypeError('x is not a function'));
    const text = readFileSync(file ?? '', 'utf8');
    expect(text).toContain(`reference ${reference}\ntime 2026-01-02T03:04:05.000Z\nao-migrate 1.2.3, commit abcdef`);
    expect(text).toContain('TypeError: x is not a function');
    expect(text).toMatch(/\n\s+at .*crash\.test\.ts/);
    expect(statSync(file ?? '').mode & 0o777).toBe(0o600);
  });

  test('never overwrites, and says so when it cannot write', () => {
    const first = record(new Error('one'), folder, 'cafecafe');
    expect(record(new Error('two'), folder, 'cafecafe').file).toBeNull();
    expect(readFileSync(first.file ?? '', 'utf8')).toContain('one');
    expect(record(new Error('three'), join(folder, 'absent')).file).toBeNull();
    expect(existsSync(join(folder, 'absent'))).toBe(false);
  });

  test('shortens the home', () => {
    const error = Object.assign(new Error("ENOENT: no such file, open '/home/jo/.x'"), { code: 'ENOENT' });
    expect(record(error).summary).toBe("Error ENOENT: ENOENT: no such file, open '~/.x'");
  });

  test('keeps the message of system and SQLite errors, and no quotation of any other', () => {
    const sqlite = Object.assign(new Error('UNIQUE constraint failed: projects.id'), { code: 'SQLITE_CONSTRAINT' });
    expect(record(sqlite).summary).toContain('UNIQUE constraint failed: projects.id');
    expect(record(new Error('no row "hunter2" or \'hunter3\' here')).summary).toBe(
      'Error: no row "..." or \'...\' here',
    );
    expect(record('hunter2').summary).toBe('a value that is no error was thrown');
  });

  test('whatever a parser quotes, no secret reaches the summary or the file', () => {
    const schema = v.object({ env: v.object({ TOKEN: v.number() }) });
    const errors = [
      thrown(() => JSON.parse('{"a": hunter2}')),
      thrown(() => JSON.parse('hunter2')),
      thrown(() => parse('env:\n  TOKEN: [hunter2\nb: }')),
      thrown(() => v.parse(schema, { env: { TOKEN: 'hunter2' } })),
      new Error('outer', { cause: thrown(() => JSON.parse('hunter2')) }),
      new SyntaxError('hunter2'),
      new Error('first line\n    at hunter2 (second line)'),
    ];
    for (const error of errors) {
      const { file, summary } = record(error);
      expect(summary).not.toContain('hunter2');
      expect(readFileSync(file ?? '', 'utf8')).not.toContain('hunter2');
    }
    expect(readdirSync(folder).length).toBeGreaterThan(errors.length);
  });
});
