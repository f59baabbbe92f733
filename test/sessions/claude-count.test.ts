import { expect, test } from 'bun:test';
import { constant, assert as holds, integer, array as listOf, oneof, property } from 'fast-check';
import { MessageCounter } from '../../src/sessions/claude-count';
import { leadingText } from '../../src/sessions/members';
import { runs } from '../support/property';

const ROWS = [
  '{"type":"user","message":{"role":"user","content":"hi"}}',
  '{"uuid":"u","type":"assistant","message":{"type":"message"}}',
  '{"uuid":"u","message":{"type":"message","content":[{"type":"text","text":"{\\"type\\":\\"user\\"}"}]},"type":"assistant","uuid":"x"}',
  '{"message":{"type":"user"},"type":"system"}',
  '{"message":{"type":"user"},"type":"user","toolUseResult":{"type":"text"}}',
  '{"message":{"type":"user"}}',
  '{"type":"attachment","attachment":{"type":"user"}}',
  '{ "type" : "user" }',
  '{"ty\\u0070e":"user"}',
  '{"type":"users"}',
  '{"type":"user","torn":"',
  '{"summary":"\\"type\\":\\"user\\"","type":"summary"}',
  '{"type":"user"} ',
  '["type":"user"}',
  'x',
  '',
  `{"type":"user","message":{"content":"${'x'.repeat(2_000_000)}"}}`,
];

/** As the rows are read where a transcript is judged. */
function expected(text: string): number {
  const rows = text.split('\n').slice(0, -1);
  return rows.filter((row) => {
    const type = leadingText(Buffer.from(row), 'type');
    return (type === 'user' || type === 'assistant') && row.trimEnd().endsWith('}');
  }).length;
}

test('counts user and assistant rows, wherever the chunks end', () => {
  expect(expected(`${ROWS.join('\n')}\n`)).toBe(7);
  const row = oneof(
    { weight: 20, arbitrary: integer({ min: 0, max: ROWS.length - 2 }) },
    { weight: 1, arbitrary: constant(ROWS.length - 1) },
  );
  const sizes = listOf(oneof(integer({ min: 1, max: 40 }), integer({ min: 1, max: 700_000 })), {
    minLength: 1,
    maxLength: 8,
  });
  holds(
    property(listOf(row, { maxLength: 12 }), sizes, constant('{"type":"user"}'), (indexes, lengths, last) => {
      const text = `${indexes.map((index) => `${ROWS[index]}\n`).join('')}${last}`;
      const bytes = Buffer.from(text);
      const counter = new MessageCounter();
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = Math.max(lengths[turn % lengths.length] ?? 1, bytes.length > 100_000 ? 90_000 : 1);
        // A chunk is reused: nothing of it may be kept.
        const chunk = Buffer.from(bytes.subarray(at, at + size));
        counter.push(chunk);
        chunk.fill(0x20);
        at += size;
      }
      expect(counter.total).toBe(expected(text));
    }),
    runs(),
  );
});
