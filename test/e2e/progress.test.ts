import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { documentIn } from '../support/documents';
import { EXECUTABLE, run } from '../support/executable';
import { type Home, realFixture } from '../support/home';
import { enlarge, pause, whenCopying } from '../support/long-copy';
import { inTerminal, TMUX } from '../support/tmux';
import { snapshot } from '../support/tree';

const Event = v.variant('event', [
  v.strictObject({ event: v.literal('phase'), phase: v.string(), ms: v.number() }),
  v.strictObject({ event: v.literal('copy'), done: v.number(), total: v.number(), ms: v.number() }),
  v.strictObject({ event: v.literal('end'), status: v.string(), exitCode: v.number(), ms: v.number() }),
]);

let home: Home;
beforeEach(() => {
  home = realFixture('v2-stopped');
});
afterEach(() => home.remove(), 180_000);

const events = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => v.parse(Event, JSON.parse(line)));

const LARGE = 250_000_000;

describe('progress as NDJSON', () => {
  test('tells of a long copy while it lasts', async () => {
    enlarge(home, LARGE);
    const child = Bun.spawn([EXECUTABLE, '--yes', '--json', '--progress-file', 'p.ndjson'], {
      cwd: home.path,
      env: { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8' },
      stdout: 'ignore',
      stderr: 'ignore',
    });
    expect(await whenCopying(home, () => child.pid, pause)).toBe(true);
    expect(await child.exited).toBe(0);
    const told = events(readFileSync(join(home.path, 'p.ndjson'), 'utf8'));
    const done = told.flatMap((each) => (each.event === 'copy' ? [each.done] : []));
    // The first bytes, some after the pause, the last: more on a slow disk.
    expect(done.length).toBeGreaterThan(2);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.some((bytes) => bytes > 1_000_000 && bytes < LARGE)).toBe(true);
  });

  test('into a file: phases in order, bytes up to the total, the end as in the document', async () => {
    const file = join(home.path, 'progress.ndjson');
    writeFileSync(file, '');
    const done = await run(home, ['--yes', '--json', '--timing', '--progress-file', file]);
    const document = documentIn(done);
    const told = events(readFileSync(file, 'utf8'));
    const phases = told.flatMap((each) => (each.event === 'phase' ? [each.phase] : []));
    expect(phases).toEqual(['recover', 'plan', 'guard', 'lock', 'plan', 'backup', 'conversations', 'rows', 'commit']);
    const copies = told.flatMap((each) => (each.event === 'copy' ? [each] : []));
    expect(copies.at(-1)?.done).toBe(copies.at(-1)?.total ?? -1);
    expect(told.at(-1)).toMatchObject({ event: 'end', status: 'migrated', exitCode: 0 });
    const times = told.map(({ ms }) => ms);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Object.keys(document.timing ?? {})).toEqual([
      ...new Set(['recover', 'plan', 'guard', 'lock', 'backup', 'conversations', 'rows', 'commit', 'total']),
    ]);
    await run(home, ['--json', '--progress-file', file]);
    expect(events(readFileSync(file, 'utf8')).length).toBeGreaterThan(told.length);
  });

  test('onto a descriptor of its own; stdout holds the document alone', () => {
    const child = Bun.spawnSync(
      [
        'sh',
        '-c',
        'exec "$@" 3>fd.ndjson',
        'sh',
        EXECUTABLE,
        '--json',
        '--yes',
        '--progress',
        'ndjson',
        '--progress-fd',
        '3',
      ],
      {
        cwd: home.path,
        env: { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8' },
      },
    );
    expect(documentIn({ stdout: child.stdout.toString(), stderr: child.stderr.toString() })).toMatchObject({
      status: 'migrated',
    });
    expect(events(readFileSync(join(home.path, 'fd.ndjson'), 'utf8')).at(-1)).toMatchObject({ event: 'end' });
  });

  test('a pipe that is full and that nobody reads keeps nothing waiting', async () => {
    const fifo = join(home.path, 'fifo');
    Bun.spawnSync(['mkfifo', fifo]);
    const held = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const block = Buffer.alloc(4096, 'x');
    try {
      for (;;) writeSync(held, block);
    } catch {
      // It is full now.
    }
    const done = await run(home, ['--yes', '--json', '--progress-file', fifo]);
    expect(documentIn(done)).toMatchObject({ status: 'migrated' });
    expect(readSync(held, block)).toBe(4096);
    closeSync(held);
  });

  test('a place that cannot be written is a usage error before anything happens', async () => {
    Bun.spawnSync(['mkfifo', join(home.path, 'nobody')]);
    const before = snapshot(home.path);
    for (const args of [
      ['--progress-fd', '77'],
      ['--progress-file', 'no/such/folder/x'],
      ['--progress-file', '.'],
      ['--progress-file', 'nobody'],
      ['--progress-file', '.agent-orchestrator/x'],
      ['--progress', 'none', '--progress-file', 'x'],
      ['--progress', 'ndjson'],
    ]) {
      const done = await run(home, ['--yes', '--json', ...args]);
      expect({ args, exitCode: done.exitCode, ...documentIn(done) }).toMatchObject({
        args,
        exitCode: 2,
        status: 'usage',
      });
    }
    expect(snapshot(home.path)).toEqual(before);
    expect(existsSync(join(home.path, '.ao'))).toBe(false);
  });
});

test.skipIf(TMUX === null)('a copy that lasts longer than a second has a bar, which goes away', async () => {
  enlarge(home, LARGE);
  const pidFile = join(home.path, 'pid');
  // The screen is only looked at now and then; what was written to it is kept whole. A shell is in between, because
  // `script` stops with its own child.
  const kept = `'${EXECUTABLE}' --yes & echo $! > '${pidFile}'; wait $!`;
  const pid = () => (existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : null);
  const shown = inTerminal(['script', '-qfec', kept, join(home.path, 'typescript')], home);
  expect(await whenCopying(home, pid, pause)).toBe(true);
  const { screen, exitCode } = await shown;
  expect(exitCode).toBe(0);
  expect(screen).not.toContain('Copying');
  const written = Bun.stripANSI(readFileSync(join(home.path, 'typescript'), 'utf8'));
  expect(written).toMatch(/\rCopying █+░+ +\d+% of 250 MB/);
  expect(written).toContain('100% of 250 MB');
});
