import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { codexId, derive, isUuid } from '../../src/sessions/ids';

const OLD = '019e0000-1234-7abc-8def-0123456789ab';
const DIRECTORY = '/home/dev/.ao/data/worktrees/shop/orchestrator/sh-orchestrator';

describe('isUuid', () => {
  test.each([OLD, OLD.toUpperCase(), 'ffffffff-ffff-ffff-ffff-ffffffffffff'])('%s', (id) => {
    expect(isUuid(id)).toBe(true);
  });

  test.each([
    '',
    '../../x',
    `../${OLD}`,
    `${OLD}/..`,
    `${OLD}\n`,
    `-${OLD}`,
    ` ${OLD}`,
    OLD.replaceAll('-', ''),
    `${OLD}.jsonl`,
    OLD.replace('9', 'g'),
    `${OLD}\0`,
  ])('not %j', (id) => {
    expect(isUuid(id)).toBe(false);
  });
});

describe('derive', () => {
  test('is the hash of id, NUL and directory', () => {
    const hash = createHash('sha256').update(Buffer.concat([Buffer.from(OLD), Buffer.of(0), Buffer.from('/é')]));
    expect(Buffer.from(derive(OLD, '/é')).toString('hex')).toBe(hash.digest('hex'));
  });
});

describe('codexId', () => {
  test('keeps the 48 bits of time and takes the rest from D, as version 7', () => {
    const d = Buffer.from(derive(OLD, DIRECTORY)).toString('hex');
    const id = codexId(OLD, DIRECTORY);
    expect(isUuid(id)).toBe(true);
    expect(id.slice(0, 14)).toBe('019e0000-1234-');
    expect(id.charAt(14)).toBe('7');
    expect('89ab').toContain(id.charAt(19));
    expect(id.replaceAll('-', '').slice(13, 16)).toBe(d.slice(13, 16));
    expect(id.replaceAll('-', '').slice(17)).toBe(d.slice(17, 32));
    expect(Number.parseInt(id.charAt(19), 16) & 3).toBe(Number.parseInt(d.charAt(16), 16) & 3);
  });

  test('is the same again, and another for another directory', () => {
    expect(codexId(OLD, DIRECTORY)).toBe(codexId(OLD, DIRECTORY));
    expect(codexId(OLD, DIRECTORY)).not.toBe(codexId(OLD, `${DIRECTORY}/`));
  });
});
