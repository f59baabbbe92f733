import { describe, expect, test } from 'bun:test';
import type { Note } from '../../src/contracts/notes';
import { notesText } from '../../src/report/notes-text';
import { sentenceText } from '../../src/report/words';
import { context, HOME } from './samples';

const note = (severity: Note['severity'], id: string, message: string, more: Partial<Note> = {}): Note => ({
  code: 'SETTING_DROPPED',
  severity,
  id,
  message,
  ...more,
});
const told = (notes: readonly Note[], verbose = false): string => notesText(notes, context({ verbose })).join('\n');

describe('remarks', () => {
  test('the same sentence about several projects is said once, with their names', () => {
    const notes = ['a', 'b', 'c'].map((id) =>
      note('lossy', id, 'tracker has no counterpart', { file: `${HOME}/${id}` }),
    );
    expect(told(notes)).toContain('  a, b and c: tracker has no counterpart\n');
    expect(told(notes, true)).toContain('  b: tracker has no counterpart (~/b)\n');
    expect(told([...notes, note('lossy', 'd', 'another')])).toContain('  d: another\n');
  });

  test('one by itself keeps its place', () => {
    const place = { file: `${HOME}/x.yaml`, line: 3, column: 4 };
    expect(told([note('warn', 'a', 'odd', place)])).toContain('a: odd (~/x.yaml:3:4)');
  });

  test('what only explains is summed up where there are several; --verbose tells each', () => {
    const notes = [note('info', 'a', 'this'), note('info', 'b', 'that')];
    expect(told(notes)).toContain('a and b: A setting cannot be carried over');
    expect(told(notes)).toContain('More of each with --verbose.');
    expect(told(notes, true)).toContain('  b: that');
    expect(told(notes, true)).not.toContain('More of each');
    expect(told(notes.slice(0, 1))).toContain('a: this');
  });

  test('what is wrong is told one by one, and many names are counted', () => {
    expect(told([note('warn', 'a', 'this'), note('warn', 'b', 'that')])).toContain('  b: that');
    const many = Array.from({ length: 9 }, (_, index) => note('warn', `p${index}`, 'alike'));
    expect(told(many)).toContain('p0, p1, p2, p3 and 5 more: alike');
  });
});

test('the home in a sentence is shown as ~, wherever it is one', () => {
  const shown = (text: string): string => sentenceText(text, context());
  expect(shown(`the folder ${HOME}/a and ${HOME}.`)).toBe('the folder ~/a and ~.');
  expect(shown(`${HOME}: gone; "${HOME}/b"`)).toBe('~: gone; "~/b"');
  expect(shown(`${HOME}n/a /srv${HOME}/b ${HOME}.old`)).toBe(`${HOME}n/a /srv${HOME}/b ${HOME}.old`);
  expect(sentenceText('/a/b', context({ home: '/' }))).toBe('/a/b');
  expect(sentenceText('/a+b/c', context({ home: '/a+b' }))).toBe('~/c');
});
