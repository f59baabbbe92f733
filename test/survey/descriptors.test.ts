import { describe, expect, test } from 'bun:test';
import { requireDescriptors } from '../../src/survey/descriptors';

/** A process that may open so many more files. */
function processWith(left: number) {
  const open = new Set<number>();
  return {
    open,
    opener: {
      open: () => {
        if (open.size >= left) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
        open.add(open.size + 100);
        return open.size + 99;
      },
      close: (descriptor: number) => void open.delete(descriptor),
    },
  };
}

describe('the files that a look has open at a time', () => {
  test('can be opened: none of them stays open', () => {
    const { open, opener } = processWith(16);
    requireDescriptors(opener);
    expect(open.size).toBe(0);
  });

  test.each([0, 1, 8, 15])(
    'cannot be opened where %d are left: the error of the system, and none stays open',
    (left) => {
      const { open, opener } = processWith(left);
      expect(() => requireDescriptors(opener)).toThrow('EMFILE');
      expect(open.size).toBe(0);
    },
  );

  test('are there in a process as it is', () => {
    expect(() => requireDescriptors()).not.toThrow();
  });
});
