import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXECUTABLE, run } from '../support/executable';
import { COMMON_FOLDER, emptyHome, type Home, realFixture } from '../support/home';
import { inTerminal, type Shown, type TerminalOptions, TMUX } from '../support/tmux';
import { snapshot } from '../support/tree';

let home: Home;
beforeEach(() => {
  home = realFixture('v2-stopped', COMMON_FOLDER);
});
afterEach(() => home.remove(), 180_000);

const QUESTION = 'Migrate 3 projects and 3 orchestrators?';
const show = (args: readonly string[], options: TerminalOptions = {}): Promise<Shown> =>
  inTerminal([EXECUTABLE, ...args], home, options);

/** What differs from run to run and from machine to machine. */
function steady({ screen, exitCode }: Shown): string {
  const text = screen
    .replace(/\d{8}-\d{6}-[0-9a-f]{6}/g, 'YYYYMMDD-HHMMSS-abcdef')
    .replace(/legacy-\d{8}-(?:\d(?:\n +)?){6}/g, 'legacy-YYYYMMDD-HHMMSS')
    .replace(/(Machine\s+)\S.*/, '$1…')
    .replace(/(ao-migrate\s+)\d+\.\d+.*(?:\n {4,}\S.*)*/, '$1…')
    .replace(/(SQLite\s+)[\d.]+/, '$1…')
    .replace(/pid \d+/g, 'pid 4711');
  return `${text}exit ${exitCode}\n`;
}

describe.skipIf(TMUX === null)('in a real terminal', () => {
  test.each([80, 40])('plan, question and result at %d columns', async (columns) => {
    const shown = await show([], { columns, answers: [{ when: '[Y/n]', keys: ['Enter'] }] });
    expect(steady(shown)).toMatchSnapshot();
    expect(existsSync(join(home.path, '.ao', 'data', 'ao.db'))).toBe(true);
    expect(steady(await show(['verify'], { columns }))).toMatchSnapshot();
    expect(steady(await show(['status'], { columns }))).toMatchSnapshot();
    expect(steady(await show([], { columns }))).toMatchSnapshot();
    const undone = await show(['rollback'], { columns, answers: [{ when: '[Y/n]', keys: ['y', 'Enter'] }] });
    expect(steady(undone)).toMatchSnapshot();
    expect(existsSync(join(home.path, '.ao', 'data'))).toBe(false);
  });

  test.each([
    ['n', ['n', 'Enter']],
    ['Ctrl-D', ['C-d']],
    ['three unclear answers', ['x', 'Enter', 'x', 'Enter', 'x', 'Enter']],
  ])('%s at the question is a decline: exit 2, nothing changed', async (_, keys) => {
    const before = snapshot(home.path);
    const shown = await show([], { answers: [{ when: QUESTION, keys }] });
    expect(shown.exitCode).toBe(2);
    expect(shown.screen).toContain('Declined; nothing was changed.');
    expect(snapshot(home.path)).toEqual(before);
  });

  test.each([
    ['Ctrl-C', { keys: ['C-c'] }, {}, 130],
    ['Ctrl-C where the terminal is dumb', { keys: ['C-c'] }, { TERM: 'dumb' }, 130],
    ['SIGINT', { signal: 'SIGINT' }, {}, 130],
    ['SIGTERM', { signal: 'SIGTERM' }, {}, 143],
    ['SIGHUP', { signal: 'SIGHUP' }, {}, 143],
  ] as const)('%s at a question interrupts: nothing is changed', async (_, answer, env, code) => {
    for (const args of [[], ['rollback']]) {
      const before = snapshot(home.path);
      const shown = await show(args, { env, answers: [{ when: '[Y/n]', ...answer }] });
      expect(shown.exitCode).toBe(code);
      expect(shown.screen).toMatch(/Interrupted; nothing .+\./);
      expect(shown.screen).not.toContain('Declined');
      expect(snapshot(home.path)).toEqual(before);
      await run(home, ['--yes']);
    }
  });

  test('a terminal that is closed at a question is no answer either', async () => {
    for (const args of [[], ['rollback']]) {
      const before = snapshot(home.path);
      expect((await show(args, { answers: [{ when: '[Y/n]', closes: true }] })).exitCode).toBe(143);
      expect(snapshot(home.path)).toEqual(before);
      await run(home, ['--yes']);
    }
  });

  test('colour on a terminal; none with NO_COLOR, TERM=dumb or --color=never', async () => {
    const styled = async (env: Record<string, string>, ...args: string[]): Promise<string> =>
      (await show(['--dry-run', ...args], { env, styled: true })).screen;
    expect(await styled({})).toContain('\u001b[32m');
    expect(await styled({ NO_COLOR: '1' })).not.toContain('\u001b[');
    expect(await styled({ TERM: 'dumb' })).not.toContain('\u001b[');
    expect(await styled({}, '--color=never')).not.toContain('\u001b[');
    expect(await styled({ NO_COLOR: '1' }, '--color=always')).toContain('\u001b[32m');
  });

  test('a terminal without UTF-8 gets ASCII', async () => {
    const shown = await show(['doctor'], { env: { LANG: 'C' } });
    expect(shown.screen).toMatch(/^[\x20-\x7e\n]*$/);
    expect(steady(shown)).toMatchSnapshot();
  });

  test.each([80, 40])('doctor at %d columns', async (columns) =>
    expect(steady(await show(['doctor'], { columns }))).toMatchSnapshot(),
  );

  test('a refusal: what, why, what to do', async () => {
    writeFileSync(join(home.path, '.agent-orchestrator', 'running.json'), JSON.stringify({ pid: process.pid }));
    expect(steady(await show([]))).toMatchSnapshot();
    expect(steady(await show(['doctor']))).toMatchSnapshot();
    writeFileSync(join(home.path, '.agent-orchestrator', 'config.yaml'), 'projects:\n  a: [\n');
    for (const args of [[], ['explain'], ['status'], ['doctor']]) expect(steady(await show(args))).toMatchSnapshot();
  });

  test('a command line that is wrong', async () => {
    for (const args of [['--dry-rum'], ['rolback'], ['--config', 'nothing.yaml'], ['completions']])
      expect(steady(await show(args))).toMatchSnapshot();
  });

  test.each([80, 40])('a part that waits for a later run, at %d columns', async (columns) => {
    const stray = join(home.path, '.agent-orchestrator', 'projects', 'nobody_0123456789', 'sessions');
    mkdirSync(stray, { recursive: true });
    writeFileSync(join(stray, 'nb-orchestrator.json'), JSON.stringify({ role: 'orchestrator', worktree: '/gone' }));
    const answers = [{ when: '[Y/n]', keys: ['Enter'] }];
    for (const args of [[], ['status'], ['doctor'], []])
      expect(steady(await show(args, { columns, ...(args.length === 0 ? { answers } : {}) }))).toMatchSnapshot();
  });

  test('damage since: what, and what to do', async () => {
    await run(home, ['--yes']);
    using database = new Database(join(home.path, '.ao', 'data', 'ao.db'));
    database.run("UPDATE projects SET path = '/elsewhere' WHERE id LIKE 'acme%'");
    for (const args of [['verify'], ['doctor']]) expect(steady(await show(args))).toMatchSnapshot();
  });

  test('no old store', async () => {
    home.remove();
    home = emptyHome();
    for (const args of [[], ['status'], ['doctor'], ['verify'], ['rollback']])
      expect(steady(await show(args))).toMatchSnapshot();
  });
});
