import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { schema } from '../../src/cli/schema';
import { SchemaDocumentSchema } from '../../src/report/schema';
import { terminalOf } from '../../src/report/terminal';

const folder = join(import.meta.dir, '../../migrations');
const files = readdirSync(folder).sort();
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const tool = { version: '1.2.3', sourceCommit: null, sqliteVersion: '3.46.0' };
const terminal = terminalOf({ env: {}, platform: 'linux', isTTY: false, columns: 80, color: 'never' });
const answer = (flags: { json: boolean; sql: boolean }) => schema(flags, tool, terminal);

describe('schema', () => {
  test('lists version, name and sha256 of every file', () => {
    const { exitCode, stdout, stderr } = answer({ json: false, sql: false });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const file of files) {
      expect(stdout).toContain(file);
      expect(stdout).toContain(sha(readFileSync(join(folder, file), 'utf8')));
    }
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('--sql prints the files as they are', () => {
    const { stdout } = answer({ json: false, sql: true });
    const texts = files.map((file) => `-- ${file}\n${readFileSync(join(folder, file), 'utf8')}`);
    expect(stdout).toBe(texts.join('\n'));
  });

  test('--json is a document; the text is in it only with --sql', () => {
    const plain = v.parse(SchemaDocumentSchema, JSON.parse(answer({ json: true, sql: false }).stdout));
    expect(plain).toMatchObject({ status: 'ok', embeddedVersion: 12, sqliteVersion: '3.46.0', refusal: null });
    expect(plain.migrations.map(({ name }) => name)).toEqual(files);
    expect(plain.migrations.map(({ version }) => version)).toEqual(files.map((_, index) => index + 1));
    expect(plain.migrations[0]).not.toHaveProperty('sql');
    const full = v.parse(SchemaDocumentSchema, JSON.parse(answer({ json: true, sql: true }).stdout));
    expect(full.migrations.map(({ sql, sha256 }) => sha(sql ?? '') === sha256)).not.toContain(false);
  });
});
