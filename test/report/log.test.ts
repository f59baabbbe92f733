import { expect, test } from 'bun:test';
import { SILENT, verboseLog } from '../../src/report/log';

test('each message is one line through the one writer, repeated ones too', () => {
  const lines: string[] = [];
  const log = verboseLog({
    failure: null,
    write: async (text) => {
      lines.push(text);
    },
  });
  for (let i = 0; i < 20; i++) log.debug('read', 'same\u001b');
  log.debug('apply', 'other');
  expect(lines).toEqual([...Array.from({ length: 20 }, () => 'read: same\\x1b\n'), 'apply: other\n']);
});

test('without --verbose nothing is said', () => {
  expect(SILENT.debug('read', 'x')).toBeUndefined();
});
