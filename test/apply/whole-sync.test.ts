import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { syncWhole, type WholeSyncTools } from '../../src/apply/whole-sync';
import type { Command } from '../../src/sessions/agents-command';

const EXT4 = 0xef53;
const NFS = 0x6969;

interface Fake {
  readonly asked: Command[];
  readonly tools: WholeSyncTools;
}

/** What was started, and how it is said to have ended. */
function tools(type: number, exitCode: number | null, version = 'sync (GNU coreutils) 9.1'): Fake {
  const asked: Command[] = [];
  const run: WholeSyncTools['run'] = async (command) => {
    asked.push(command);
    const isVersion = command.args[0] === '--version';
    return { exitCode: isVersion ? 0 : exitCode, timedOut: false, failure: null, stdout: isVersion ? version : '' };
  };
  return { asked, tools: { run, typeOf: () => type, kernel: '5.8.0-generic' } };
}

describe('syncing a whole file system', () => {
  test.skipIf(!existsSync('/usr/bin/sync') && !existsSync('/bin/sync'))(
    'is asked of the system’s own program, which inherits nothing',
    async () => {
      const { asked, tools: fake } = tools(EXT4, 0);
      expect(await syncWhole('/some folder', 'linux', fake)).toBe(true);
      expect(asked.map(({ args }) => args)).toEqual([['--version'], ['-f', '/some folder']]);
      expect(asked[1]).toMatchObject({ args: ['-f', '/some folder'], cwd: '/', env: {} });
      expect(asked[1]?.program).toMatch(/^(?:\/usr)?\/bin\/sync$/);
    },
  );

  test.each([1, null])('has not happened where the program ends with %s', async (exitCode) => {
    expect(await syncWhole('/x', 'linux', tools(EXT4, exitCode).tools)).toBe(false);
  });

  test('is not left to a program that may know no `-f`', async () => {
    const { asked, tools: fake } = tools(EXT4, 0, 'BusyBox v1.36.1');
    expect(await syncWhole('/x', 'linux', fake)).toBe(false);
    expect(asked.flatMap(({ args }) => args)).not.toContain('-f');
  });

  test.each([NFS, 0x65735546, 0])('is not relied on for a file system of type %s', async (type) => {
    const { asked, tools: fake } = tools(type, 0);
    expect({ done: await syncWhole('/x', 'linux', fake), asked }).toEqual({ done: false, asked: [] });
  });

  test('nor where the file system does not say what it is', async () => {
    const { asked, tools: fake } = tools(EXT4, 0);
    const typeOf = () => {
      throw new Error('ENOSYS');
    };
    expect({ done: await syncWhole('/x', 'linux', { ...fake, typeOf }), asked }).toEqual({ done: false, asked: [] });
  });

  test.each(['5.4.0-100-generic', '4.18.0', 'unknown'])(
    'nor on the kernel %s, which tells of no error',
    async (kernel) => {
      const { asked, tools: fake } = tools(EXT4, 0);
      expect({ done: await syncWhole('/x', 'linux', { ...fake, kernel }), asked }).toEqual({ done: false, asked: [] });
    },
  );

  test.each(['darwin', 'win32'] as const)('nor on %s', async (platform) => {
    const { asked, tools: fake } = tools(EXT4, 0);
    expect({ done: await syncWhole('/x', platform, fake), asked }).toEqual({ done: false, asked: [] });
  });
});
