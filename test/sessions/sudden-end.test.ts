import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryDirectory } from '../../src/sessions/temporary';
import { machineAt } from '../support/home';
import { isAtWork, until } from '../support/waiting';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ao-migrate-sudden-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SOURCES = join(import.meta.dir, '..', '..', 'src', 'sessions');

/** A program that holds a private directory and runs another one in it, until it is told to end. */
async function holder(listens: string): Promise<{ child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>; inner: number }> {
  const script = `
    const { temporaryDirectory } = await import(${JSON.stringify(join(SOURCES, 'temporary.ts'))});
    const { commandRunner } = await import(${JSON.stringify(join(SOURCES, 'agents-command.ts'))});
    const { clearSuddenly } = await import(${JSON.stringify(join(SOURCES, 'sudden-end.ts'))});
    const machine = { tempDir: ${JSON.stringify(folder)}, pid: process.pid, uid: null, now: () => new Date() };
    const { path } = await temporaryDirectory('export', machine);
    require('node:fs').writeFileSync(path + '/private', 'x');
    ${listens}
    void commandRunner('linux')({ program: '/bin/sh', args: ['-c', 'echo $$ > pid; exec sleep 600'], cwd: path, env: {},
      stdoutFile: null, timeoutMs: 600000 });
    while (!require('node:fs').existsSync(path + '/pid') || require('node:fs').statSync(path + '/pid').size === 0)
      await Bun.sleep(5);
    console.log(require('node:fs').readFileSync(path + '/pid', 'utf8'));
    await Bun.sleep(600000);`;
  const child = Bun.spawn([process.execPath, '-e', script], {
    env: { PATH: process.env.PATH ?? '' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const reader = child.stdout.getReader();
  const inner = Number(new TextDecoder().decode((await reader.read()).value));
  reader.releaseLock();
  return { child, inner };
}

describe.skipIf(process.platform !== 'linux')('a process that must end at once', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)(
    'by %s ends with %p, and neither its private directory nor its program outlives it',
    async (signal, code) => {
      const { child, inner } = await holder('');
      expect(isAtWork(inner)).toBe(true);
      child.kill(signal);
      expect(await child.exited).toBe(code);
      expect(readdirSync(folder)).toEqual([]);
      await until(() => !isAtWork(inner));
    },
  );

  test('leaves the signal to a command that listens itself', async () => {
    const { child } = await holder("process.on('SIGINT', () => { clearSuddenly(); process.exit(7); });");
    child.kill('SIGINT');
    expect(await child.exited).toBe(7);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('by a signal is killed as ever where it holds nothing', async () => {
    const script = `
      const { temporaryDirectory } = await import(${JSON.stringify(join(SOURCES, 'temporary.ts'))});
      const machine = { tempDir: ${JSON.stringify(folder)}, pid: process.pid, uid: null, now: () => new Date() };
      await (await temporaryDirectory('copy', machine)).remove();
      process.kill(process.pid, 'SIGTERM');
      await Bun.sleep(600000);`;
    const child = Bun.spawn([process.execPath, '-e', script], { env: {}, stdin: 'ignore', stderr: 'inherit' });
    await child.exited;
    expect(child.signalCode).toBe('SIGTERM');
  });
});

test('what was killed long ago goes: copies after minutes, homes and exports of agents after hours', async () => {
  const machine = { ...machineAt(folder), tempDir: folder };
  const now = machine.now().getTime() / 1000;
  const left = (name: string, age: number): void => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'private'), 'x');
    utimesSync(join(folder, name), now - age, now - age);
  };
  left('ao-migrate-copy-999999999-a', 700);
  left('ao-migrate-empty-999999999-b', 8000);
  left('ao-migrate-export-999999999-c', 8000);
  const stays = ['ao-migrate-copy-999999999-d', 'ao-migrate-empty-999999999-e', 'ao-migrate-export-999999999-f'];
  left('ao-migrate-copy-999999999-d', 60);
  left('ao-migrate-empty-999999999-e', 700);
  left('ao-migrate-export-999999999-f', 700);
  stays.push(`ao-migrate-export-${process.pid}-g`);
  left(`ao-migrate-export-${process.pid}-g`, 8000);
  const made = await temporaryDirectory('empty', machine);
  await made.remove();
  expect(readdirSync(folder).sort()).toEqual(stays.sort());
});
